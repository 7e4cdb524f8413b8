"""The commands convert, export, stats and compile-assets."""

import json
from pathlib import Path

import pytest
import spacy
from typer.testing import CliRunner

from spacy_mre import load_docs, save_docs
from spacy_mre.annotations.entities import get_entities
from spacy_mre.cli import app
from tests.robustness.strategies import SAMPLES

ITEMS = [
    {
        "id": f"a-{number:02}",
        "text": "Ada met Bo.",
        "entities": [{"start": 0, "end": 3, "label": "person"}, {"start": 8, "end": 10, "label": "person"}],
        "relations": [{"head": 0, "tail": 1, "label": "met"}],
        "cats": "diary" if number % 2 else "news",
    }
    for number in range(5, 11)
]


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(
            app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"}
        )
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return invoke


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in ITEMS), encoding="utf8")
    return path


def test_convert_and_export(run, source, tmp_path):
    output = run("convert", "jsonl", source, tmp_path / "a.spacy")
    assert "6 documents in" in output
    docs = list(load_docs(tmp_path / "a.spacy"))
    assert [doc._.triples[0].label for doc in docs] == ["met"] * 6
    assert docs[0].cats == {"diary": 1.0, "news": 0.0}
    run("export", "jsonl", tmp_path / "a.spacy", tmp_path / "b.jsonl")
    run("convert", "jsonl", tmp_path / "b.jsonl", tmp_path / "b.spacy")
    assert [doc.to_json() for doc in load_docs(tmp_path / "b.spacy")] == [doc.to_json() for doc in docs]
    output = run("export", "brat", tmp_path / "a.spacy", tmp_path / "brat")
    assert "text labels (not supported by brat)" in output
    assert len(list((tmp_path / "brat").iterdir())) == 12


def test_webanno_and_back(run, source, tmp_path):
    run("convert", "jsonl", source, tmp_path / "a.spacy")
    output = run("export", "webanno", tmp_path / "a.spacy", tmp_path / "folder")
    assert "text labels (not supported by WebAnno TSV)" in output
    options = ("--layer", "Span", "--feature", "label", "--relation-feature", "label")
    run("convert", "webanno", tmp_path / "folder", tmp_path / "b.spacy", *options)
    assert [doc._.triples[0].label for doc in load_docs(tmp_path / "b.spacy")] == ["met"] * 6
    output = run("convert", "webanno", tmp_path / "folder", tmp_path / "c.spacy", "--pairs", "all", code=2)
    assert "no option --pairs" in output


def test_cas_and_back(run, source, tmp_path):
    pytest.importorskip("cassis")
    run("convert", "jsonl", source, tmp_path / "a.spacy")
    run("export", "cas", tmp_path / "a.spacy", tmp_path / "folder")
    options = ("--layer", "Span", "--feature", "label", "--relation-feature", "label")
    options += ("--document-layer", "custom.DocumentLabel")
    run("convert", "cas", tmp_path / "folder", tmp_path / "b.spacy", *options)
    for doc, other in zip(load_docs(tmp_path / "a.spacy"), load_docs(tmp_path / "b.spacy"), strict=True):
        assert (doc.user_data["id"], doc.cats) == (other.user_data["id"], other.cats)
        assert [str(triple) for triple in doc._.triples] == [str(triple) for triple in other._.triples]
    one = (tmp_path / "folder" / "a-07.json", tmp_path / "c.spacy")
    assert "Format: cas, because" in run("convert", "auto", *one)
    run("export", "cas", tmp_path / "c.spacy", tmp_path / "c.xmi")
    assert (tmp_path / "TypeSystem.xml").exists()
    assert run("convert", "cas", tmp_path / "c.xmi", tmp_path / "d.spacy").count("1 document in") == 1
    # A file contains one text, and a folder is no file.
    assert "M242" in run("export", "cas", tmp_path / "a.spacy", tmp_path / "all.json", code=1)
    assert not (tmp_path / "all.json").exists()
    assert "M611" in run("export", "cas", tmp_path / "a.spacy", source, code=1)


@pytest.mark.parametrize("format", ["docred", "pubtator"])
def test_all_pairs_of_mentions(run, format, tmp_path):
    (name, content), *_ = SAMPLES[format].items()
    (tmp_path / name).write_text(content, encoding="utf8")
    counts = []
    for options in ((), ("--pairs", "all")):
        run("convert", format, tmp_path / name, tmp_path / "a.spacy", *options)
        counts.append(sum(len(doc._.relations) for doc in load_docs(tmp_path / "a.spacy")))
    assert counts[0] < counts[1]
    run("export", format, tmp_path / "a.spacy", tmp_path / "out")
    run("convert", format, tmp_path / "out", tmp_path / "b.spacy")
    assert sum(len(doc._.relations) for doc in load_docs(tmp_path / "b.spacy")) == counts[1]


def test_doccano_and_back(run, tmp_path):
    source = tmp_path / "admin.jsonl"
    source.write_text('{"id": 4, "text": "🙂 Ada", "label": [[2, 5, "person"]], "page": 3}\n', encoding="utf8")
    assert "key 'page' read as metadata" in run("convert", "doccano", source, tmp_path / "a.spacy")
    run("export", "doccano", tmp_path / "a.spacy", tmp_path / "out.jsonl")
    item = {"id": "4", "text": "🙂 Ada", "page": 3, "label": [[2, 5, "person"]]}
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf8")) == item
    run("convert", "doccano", source, tmp_path / "b.spacy", "--offsets", "characters")
    (doc,) = load_docs(tmp_path / "b.spacy")
    assert doc.ents[0].text == "Ada"


@pytest.mark.parametrize(
    "tool, options",
    [("labelstudio", ["--annotations", "predictions"]), ("prodigy", []), ("table", []), ("doccano", [])],
)
def test_tools_and_back(run, source, tmp_path, tool, options):
    run("convert", "jsonl", source, tmp_path / "a.spacy")
    run("export", tool, tmp_path / "a.spacy", tmp_path / "out")
    run("convert", tool, tmp_path / "out", tmp_path / "b.spacy", *options)
    for doc, other in zip(load_docs(tmp_path / "a.spacy"), load_docs(tmp_path / "b.spacy"), strict=True):
        assert doc.user_data["id"] == other.user_data["id"]
        assert doc.cats == other.cats
        assert [str(triple) for triple in doc._.triples] == [str(triple) for triple in other._.triples]


def test_options_of_tables(run, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("body,stars\nAda,5\n", encoding="utf8")
    run("convert", "table", source, tmp_path / "a.spacy", "--text-column", "body", "--label-column", "stars")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert (doc.text, doc.cats) == ("Ada", {"5": 1.0})
    assert "has no option --text-column" in run(
        "convert", "jsonl", source, tmp_path / "a.spacy", "--text-column", "body", code=2
    )


def test_convert_with_a_split_rule(run, source, tmp_path):
    run("convert", "jsonl", source, tmp_path / "out", "--split-rule", "number")
    sizes = {path.stem: len(list(load_docs(path))) for path in (tmp_path / "out").iterdir()}
    assert sizes == {"train": 4, "dev": 1, "test": 1}
    assert next(load_docs(tmp_path / "out" / "dev.spacy")).cats == {"diary": 1.0, "news": 0.0}


def test_convert_with_strict(run, source, tmp_path):
    with source.open("a", encoding="utf8") as file:
        file.write("\n" + json.dumps({"text": "Ada", "entities": [{"start": 0, "end": 2, "label": "person"}]}))
    assert "tokens split to fit an entity" in run("convert", "jsonl", source, tmp_path / "a.spacy", "--strict")
    unfitted = ("convert", "jsonl", source, tmp_path / "b.spacy", "--tokens", "tokenizer")
    assert "entity off the token grid" in run(*unfitted)
    (tmp_path / "b.spacy").unlink()
    output = run(*unfitted, "--strict", code=1)
    assert "[M203]" in output and "a.jsonl, line 7" in output
    assert not (tmp_path / "b.spacy").exists()


def test_convert_with_the_tokenizer_of_a_config(run, tmp_path):
    config = tmp_path / "character.cfg"
    config.write_text(
        '[nlp]\nlang = "zh"\npipeline = ["ner"]\n\n[components]\n\n[components.ner]\nfactory = "ner"\n', encoding="utf8"
    )
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "青山来了", "entities": [{"start": 0, "end": 1, "label": "x"}]}', encoding="utf8")
    run("convert", "jsonl", source, tmp_path / "a.spacy", "--nlp", config)
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert len(doc) == 4 and len(get_entities(doc)) == 1


def test_convert_reports_errors_without_a_traceback(run, source, tmp_path):
    source.write_text("{}", encoding="utf8")
    assert "line 1: the key 'text' is missing" in run("convert", "jsonl", source, tmp_path / "a.spacy", code=1)
    assert "has no option --part" in run("convert", "jsonl", source, tmp_path / "a.spacy", "--part", "dev", code=2)
    assert "must end with .spacy" in run("convert", "jsonl", source, tmp_path / "a", code=2)
    assert "'xml' is not one of: " in run("convert", "xml", source, tmp_path / "a.spacy", code=2)
    assert "'odd' is not one of: " in run("convert", "jsonl", source, tmp_path / "a", "--split-rule", "odd", code=2)


def test_stats(run, source, tmp_path):
    run("convert", "jsonl", source, tmp_path / "out", "--split-rule", "number")
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "Ada", "entities": [], "cats": "diary"}', encoding="utf8")
    run("convert", "jsonl", other, tmp_path / "other.spacy")
    lines = run(
        "stats", tmp_path / "out" / "train.spacy", "--width-limit", "1", "--against", tmp_path / "other.spacy"
    ).splitlines()
    shown = {" ".join(line.replace("│", " ").split()) for line in lines}
    assert {
        "documents 4",
        "of at most 1 tokens 8 100.0%",
        "distance in tokens that covers 100% 2",
        "person 8 100.0%",
    } <= shown
    assert any(line.startswith("entities not in ") and line.endswith("other.spacy: person") for line in shown)
    assert any(line.startswith("cats not in ") and line.endswith("other.spacy: news") for line in shown)


def test_stats_names_what_may_not_fit(run, tmp_path):
    source = tmp_path / "a.jsonl"
    entities = [{"start": 0, "end": 12, "label": "[person]"}, {"start": 18, "end": 22, "label": "person"}]
    relations = [{"head": 0, "tail": 1, "label": "met"}, {"head": 1, "tail": 1, "label": "is"}]
    item = {"id": "a-7", "text": "Ada Lovelace met [Bo].", "entities": entities, "relations": relations}
    source.write_text(json.dumps(item), encoding="utf8")
    run("convert", "jsonl", source, tmp_path / "a.spacy", "--lang", "xx")
    config = tmp_path / "spaces.cfg"
    config.write_text('[nlp]\nlang = "xx"\n\n[nlp.tokenizer]\n@tokenizers = "spacy.Tokenizer.v1"\n', encoding="utf8")
    lines = run("stats", tmp_path / "a.spacy", "--width-limit", "1", "--nlp", config).splitlines()
    shown = [" ".join(line.replace("│", " ").split()) for line in lines]
    start = next(number for number, line in enumerate(shown) if "what may not fit" in line) + 2
    assert shown[start : start + 6] == [
        "entities of more than 1 tokens 2",
        "a-7: [person] 'Ada Lovelace'",
        "a-7: person 'Bo].'",
        "relations of an entity with itself 1",
        "a-7: 'Bo].' is 'Bo].'",
        shown[start + 5],
    ]


def test_compile_assets(run, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "nature.mre").write_text("## nature-01\nen: [person:a|Ada] looked up.\n", encoding="utf8")
    labels = {"entities": {"person": {}}, "relations": {}, "cats": {"nature": {}}}
    (corpus / "labels.json").write_text(json.dumps(labels), encoding="utf8")
    run("compile-assets", corpus, tmp_path / "out")
    assert Path(tmp_path / "out" / "en" / "train.jsonl").read_text(encoding="utf8").count("\n") == 1
    (corpus / "nature.mre").write_text("## nature-01\nen: [person:a|Ada looked up.\n", encoding="utf8")
    assert "not closed" in run("compile-assets", corpus, tmp_path / "out", code=1)


def test_a_corpus_without_documents_is_an_error(run, tmp_path):
    for format, name, content in (
        ("spert", "a.json", "[]"),
        ("conll", "a.conll", "-DOCSTART- O\n"),
        ("stockmark", "a.json", "[]"),
    ):
        (tmp_path / name).write_text(content)
        output = run("convert", format, tmp_path / name, tmp_path / "out.spacy", code=1)
        assert "M208" in output and name in output and format in output
    assert not (tmp_path / "out.spacy").exists()


def test_a_split_rule_that_leaves_a_part_empty_is_warned_of(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in ITEMS[:2]))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "test.spacy").write_bytes(b"of an earlier conversion")
    with pytest.warns(UserWarning, match=r"W201.*'number'.*dev, test: 2 train, 0 dev, 0 test"):
        output = run("convert", "jsonl", path, tmp_path / "out", "--split-rule", "number")
    assert "test.spacy of an earlier conversion was removed" in output
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["train.spacy"]


def test_unknown_keys_are_a_loss(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Ada", "cats": ["x"], "entitys": []}\n')
    output = run("convert", "jsonl", path, tmp_path / "a.spacy")
    assert "unknown key 'entitys'" in output and "did you mean 'entities'" in output
    assert "M203" in run("convert", "jsonl", path, tmp_path / "b.spacy", "--strict", code=1)


def test_a_tokenizer_that_does_not_suit_is_warned_of_once(run, tmp_path):
    items = [{"id": f"a-{number}", "text": f"木村さんは青葉市に{number}年いた。"} for number in range(1, 13)]
    source = tmp_path / "ja.jsonl"
    source.write_text("\n".join(map(json.dumps, items)), encoding="utf8")
    with pytest.warns(UserWarning) as caught:
        run("convert", "jsonl", source, tmp_path / "out", "--split-rule", "number", "--allow-empty")
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("[W210] 12 of 12 texts are Japanese") and "--lang ja" in message


@pytest.mark.parametrize("format, name", [("spert", "a.json"), ("genia", "a.jsonl")])
def test_japanese_tokens_are_joined_without_blanks(run, tmp_path, format, name):
    item = {"tokens": ["東京", "Tower", "View", "は", "高い", "。"]}
    (tmp_path / name).write_text(json.dumps([item] if format == "spert" else item), encoding="utf8")
    run("convert", format, tmp_path / name, tmp_path / "a.spacy", "--allow-empty")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert doc.text == "東京Tower Viewは高い。"
    assert [token.text for token in doc] == item["tokens"]


def test_labels_and_texts_that_look_like_mark_up(run, tmp_path):
    doc = spacy.blank("en")("[b]Rain[/b] in Oslo, [/x] and [red]more[/red].")
    doc.spans["entities"] = [doc.char_span(15, 19, label="[/PLACE]")]
    doc.cats = {"[/news]": 1.0}
    save_docs([doc], tmp_path / "a.spacy")
    assert "[/PLACE]" in run("stats", tmp_path / "a.spacy")
    output = run("few-shot", tmp_path / "a.spacy", tmp_path, "--size", 2)
    assert "[/news]: 1 of 2" in output
    run("export", "brat", tmp_path / "a.spacy", tmp_path / "brat")
    (tmp_path / "b.jsonl").write_text('{"text": "x", "[/key]": 1}', encoding="utf8")
    assert "[/key]" in run("convert", "jsonl", tmp_path / "b.jsonl", tmp_path / "b.spacy", "--allow-empty")


def test_inputs_are_not_replaced(run, source, tmp_path):
    run("convert", "jsonl", source, tmp_path / "5.spacy")
    content = (tmp_path / "5.spacy").read_bytes()
    for arguments in (
        ["few-shot", tmp_path / "5.spacy", tmp_path, "--size", 5],
        ["evaluate", tmp_path / "5.spacy", tmp_path / "5.spacy", "--output", tmp_path / "5.spacy"],
        ["page", tmp_path, tmp_path / "5.spacy", tmp_path / "5.spacy"],
        ["strings", tmp_path / "5.spacy", tmp_path / "5.spacy", "--read"],
    ):
        assert "M611" in run(*arguments, code=1)
    assert (tmp_path / "5.spacy").read_bytes() == content


def test_few_shot_without_text_labels_is_an_error(run, tmp_path):
    save_docs([spacy.blank("en")("Rain.")], tmp_path / "a.spacy")
    assert "M610" in run("few-shot", tmp_path / "a.spacy", tmp_path / "few", code=1)
    assert not (tmp_path / "few").exists()


def test_other_span_groups_are_noted(run, tmp_path):
    doc = spacy.blank("en")("Rain in Oslo.")
    doc.spans["sc"] = [doc[2:3]]
    save_docs([doc], tmp_path / "a.spacy")
    assert "span group 'sc', not read" in run("export", "jsonl", tmp_path / "a.spacy", tmp_path / "a.jsonl")
    assert "not read" not in run("export", "jsonl", tmp_path / "a.spacy", tmp_path / "a.jsonl", "--spans-key", "sc")


def test_brat_files_that_are_removed_are_noted(run, tmp_path):
    save_docs([spacy.blank("en")("Rain in Oslo.")], tmp_path / "a.spacy")
    run("export", "brat", tmp_path / "a.spacy", tmp_path / "brat")
    (file,) = (tmp_path / "brat").glob("*.txt")
    file.with_suffix(".ann").write_text("T1\tplace 8 12\tOslo\n", encoding="utf8")
    assert file.with_suffix(".ann").name in run("export", "brat", tmp_path / "a.spacy", tmp_path / "brat")
