"""The model card of a pipeline."""

import srsly

from spacy_mre.evaluation.card import describe, write_card

META = {"lang": "ja", "name": "mre", "version": "1.2.0", "spacy_version": ">=3.8", "pipeline": ["tok2vec", "spert_mt"]}
PER_TYPE = {"place": {"p": 0.5, "r": 1.0, "f": 0.6667, "support": 3}}
SCORES = {
    "spans_entities_f": 0.6667,
    "spans_entities_per_type": PER_TYPE,
    "rel_strict_f": 0.25,
    "cats_macro_f": None,
    "baseline_rel_f": 0.1,
}
ABOUT = {"description": "Places.", "license": "MIT", "sources": [{"name": "a corpus", "license": "CC0"}]}


def test_metadata():
    meta = describe(META, {**ABOUT, "use": "Reading."}, SCORES)
    assert meta == {
        **META,
        **ABOUT,
        "performance": {key: value for key, value in SCORES.items() if key != "baseline_rel_f"},
    }
    assert "performance" not in META


def test_card():
    table = {"title": "By language", "columns": ["", "F1"], "rows": [["Japanese", "66.7"]]}
    about = {**ABOUT, "use": "Reading.", "tables": [table], "example": "京都", "languages": ["ja", "zh"]}
    card = write_card(describe(META, about, SCORES), about)
    _, front, text = card.split("---\n", 2)
    header = srsly.yaml_loads(front)
    assert header["license"] == "mit" and header["language"] == ["ja", "zh"]
    (model,) = header["model-index"]
    assert model["name"] == "ja_mre" and [result["metrics"][0]["value"] for result in model["results"]] == [0.6667]
    assert "# ja_mre 1.2.0\n\nPlaces.\n" in text and 'nlp("京都")' in text
    assert "| entities | 66.7 |\n| relations, strict | 25.0 |\n\n" in text and "text label, macro" not in text
    assert "| place | 50.0 | 100.0 | 66.7 |" in text
    assert "## Intended use\n\nReading.\n" in text and "| a corpus | CC0 |  |" in text
    assert "### By language\n\n|  | F1 |\n|---|---:|\n| Japanese | 66.7 |\n" in text
    assert "## Limits" not in text and "## Speed" not in text


def test_a_pipeline_without_scores_or_author():
    card = write_card(describe(META, {}, {}), {})
    assert "license: other" in card and "| Licence | not stated |" in card and "### " not in card
