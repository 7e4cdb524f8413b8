import json
from itertools import pairwise

import pytest
import spacy
import srsly
from rich.console import Console
from spacy.cli import app as spacy_app
from spacy.cli.find_threshold import find_threshold
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from typer.testing import CliRunner

from spacy_mre import make_relation, merge_docs, save_docs
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import set_relations
from spacy_mre.cli import app
from spacy_mre.evaluation import scorers
from spacy_mre.evaluation.documents import evaluate_documents
from spacy_mre.evaluation.evaluate import evaluate
from spacy_mre.evaluation.given_entities import evaluate_given
from spacy_mre.evaluation.report import other_table, per_type_tables, results_table


@Language.factory(
    "capital_letters",
    default_config={
        "entities": "predict",
        "threshold": 0.5,
        "spans_key": "entities",
        "scorer": {"@scorers": "spacy_mre.joint_scorer.v1"},
    },
)
class CapitalLetters(Pipe):
    """Words with a capital letter are things, shorter ones with higher scores. Each thing is near the next one."""

    def __init__(self, nlp, name, entities, threshold, spans_key, scorer):
        self.name = name
        self.entities = entities
        self.threshold = threshold
        self.spans_key = spans_key
        self.scorer = scorer

    def __call__(self, doc):
        if self.entities == "predict":
            words = [(token.i, token.i + 1, "thing", 1 - len(token) / 10) for token in doc if token.is_title]
            things = [word for word in words if word[3] >= self.threshold]
            set_entities(doc, things, key=self.spans_key, source=self.name)
        things = get_entities(doc, self.spans_key) or []
        near = pairwise(things)
        set_relations(
            doc, [make_relation(a[:2], b[:2], "near", head_label=a.label, tail_label=b.label) for a, b in near]
        )
        return doc


def gold_doc(nlp, words, entities, relations, cats=None, spaces=None):
    doc = Doc(nlp.vocab, words=words, spaces=spaces)
    if entities is not None:
        set_entities(doc, [(*entity, "thing", 1.0) for entity in entities])
    if relations is not None:
        set_relations(
            doc, [make_relation(head, tail, "near", head_label="thing", tail_label="thing") for head, tail in relations]
        )
    doc.cats = dict(cats or {})
    return doc


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("capital_letters")
    return nlp


@pytest.fixture
def gold(nlp):
    return [
        gold_doc(
            nlp, ["Ada", "met", "Bo", "in", "Cairo"], [(0, 1), (2, 3), (4, 5)], [((0, 1), (2, 3)), ((2, 3), (4, 5))]
        ),
        gold_doc(
            nlp,
            ["Bo", "saw", "a", "lake", "in", "Norway"],
            [(0, 1), (3, 4), (5, 6)],
            [((0, 1), (3, 4)), ((3, 4), (5, 6))],
        ),
    ]


def examples_of(nlp, gold):
    return [Example(nlp.make_doc(doc.text), doc) for doc in gold]


def test_nlp_evaluate_has_flat_keys(nlp, gold):
    scores = nlp.evaluate(examples_of(nlp, gold))
    # Predicted: Ada, Bo and Cairo (0.5) of the first; Bo of the second, where Norway has 0.4.
    # p = 4/4, r = 4/6, f = 4/5.
    assert scores["spans_entities_f"] == scores["ents_f"] == pytest.approx(4 / 5)
    # Relations: both of the first, none of the second.
    assert (scores["rel_p"], scores["rel_r"]) == (1.0, 0.5)


def test_find_threshold(nlp, gold, tmp_path):
    nlp.to_disk(tmp_path / "model")
    save_docs(gold, tmp_path / "dev.spacy")
    best, score, scores = find_threshold(
        tmp_path / "model",
        tmp_path / "dev.spacy",
        "capital_letters",
        "threshold",
        "spans_entities_f",
        n_trials=6,
        silent=True,
    )
    # At 0.4 and below, Norway (0.4) is predicted too: p = 5/5, r = 5/6, f = 10/11. At 1.0 nothing is predicted.
    assert score == pytest.approx(10 / 11)
    assert best <= 0.4
    assert scores[1.0] == 0.0


def test_given_entities_measure_the_relations_alone(nlp, gold):
    examples = examples_of(nlp, gold)
    scores = evaluate(nlp, examples, gold_entities=True)
    assert scores["rel_r"] == 0.5
    assert scores["given_rel_f"] == 1.0 and "given_spans_entities_f" not in scores
    assert scores["speed"] > 0 and "given_speed" not in scores
    assert nlp.get_pipe("capital_letters").entities == "predict"
    assert all("entities" not in eg.predicted.spans for eg in examples)


def test_given_entities_off_the_tokens_are_reported(nlp):
    doc = gold_doc(
        nlp, ["North", "port", "saw", "Bo"], [(0, 1), (3, 4)], [((0, 1), (3, 4))], spaces=[False, True, True, False]
    )
    with pytest.warns(UserWarning, match="W501.*1 x entity off the token grid.*North"):
        scores = evaluate_given(nlp, [Example(nlp.make_doc(doc.text), doc)])
    assert scores["spans_entities_r"] == 0.5
    assert scores["rel_r"] == 0.0


def test_documents_without_gold_entities_are_left_out_and_reported(nlp, gold):
    absent = gold_doc(nlp, ["Ada", "sang"], None, [])
    with pytest.warns(UserWarning, match=r"W502.* 1 of 3 documents"):
        scores = evaluate_given(nlp, examples_of(nlp, [*gold, absent]))
    assert scores["rel_f"] == 1.0


def test_given_entities_need_a_component_that_takes_them(gold):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=r"M502.*sentencizer"):
        evaluate(nlp, examples_of(nlp, gold), gold_entities=True)


def test_the_setting_is_restored_after_an_error(nlp, gold):
    nlp.get_pipe("capital_letters").scorer = lambda examples, **cfg: 1 / 0
    with pytest.raises(ZeroDivisionError):
        evaluate_given(nlp, examples_of(nlp, gold))
    assert nlp.get_pipe("capital_letters").entities == "predict"


def test_overlap_matching_is_scored_too(nlp):
    # "Norge" is matched to "old Norge", so the relation to Bo is also correct.
    doc = gold_doc(nlp, ["Bo", "saw", "old", "Norge"], [(0, 1), (2, 4)], [((0, 1), (2, 4))])
    scores = evaluate(nlp, examples_of(nlp, [doc]), overlap_matching=True)
    assert (scores["spans_entities_f"], scores["rel_f"]) == (0.5, 0.0)
    assert (scores["overlap_spans_entities_f"], scores["overlap_rel_strict_f"]) == (1.0, 1.0)
    text = text_of(results_table(scores))
    assert "overlap F" in text and cells(text, "All entities")[-1] == "100.00"
    assert "overlap" not in text_of(other_table(scores))


def test_overlap_matching_does_not_score_what_is_not_predicted(gold):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    scores = evaluate(nlp, examples_of(nlp, gold), overlap_matching=True)
    assert not any(key.startswith("overlap_") for key in scores)


def test_mistakes_are_counted_on_the_scored_predictions(nlp, gold):
    scores = evaluate(nlp, examples_of(nlp, gold), mistakes=True)
    assert scores["mistakes"]["entities"]["right"] == 4
    assert scores["mistakes"]["entities"]["missed"]["no overlap"] == 2
    assert "mistakes" not in evaluate(nlp, examples_of(nlp, gold))


def test_the_baseline_is_scored_too(nlp, gold):
    examples = examples_of(nlp, gold)
    scores = evaluate(nlp, examples, train_docs=gold[:1])
    # The gazetteer contains Ada, Bo and Cairo: p = 4/4, r = 4/6. Only 2 of 6 training pairs are related: rel_f = 0.
    assert scores["baseline_spans_entities_f"] == pytest.approx(4 / 5)
    assert scores["baseline_rel_f"] == 0.0
    assert all("entities" not in eg.predicted.spans for eg in examples)


def test_the_baseline_reports_matches_inside_tokens(nlp, gold):
    test = gold_doc(nlp, ["Adam", "sang"], [(0, 1)], [])
    with pytest.warns(UserWarning, match="W503.*1 x match inside of a token.*'Ada'"):
        evaluate(nlp, examples_of(nlp, [test]), train_docs=gold)


def text_of(table):
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def cells(text, title):
    (line,) = [line for line in text.splitlines() if line.strip("│┃ ").startswith(title)]
    return [cell.strip() for cell in line.strip("│ ").split("│")]


def test_results_table(nlp, gold):
    scores = evaluate(nlp, examples_of(nlp, gold), gold_entities=True, train_docs=gold[:1])
    text = text_of(results_table(scores))
    assert [name for name in ("macro F", "given F", "baseline F") if name in text] == [
        "macro F",
        "given F",
        "baseline F",
    ]
    assert cells(text, "All entities") == ["All entities", "100.00", "66.67", "80.00", "80.00", "-", "80.00"]
    assert cells(text, "Strict relations") == [
        "Strict relations",
        "100.00",
        "50.00",
        "66.67",
        "66.67",
        "100.00",
        "0.00",
    ]
    assert max(map(len, text.splitlines())) <= 80
    assert "Text labels" not in text
    plain = text_of(results_table(nlp.evaluate(examples_of(nlp, gold))))
    assert "given" not in plain and "baseline" not in plain


def test_missing_scores_are_shown_as_a_dash(nlp):
    scores = evaluate(nlp, examples_of(nlp, [gold_doc(nlp, ["Ada", "sang"], None, None)]))
    assert cells(text_of(results_table(scores)), "Flat entities") == ["Flat entities", "-", "-", "-", "-"]


def test_the_other_table_has_the_other_scores(nlp, gold):
    scores = evaluate(nlp, examples_of(nlp, gold), gold_entities=True)
    text = text_of(other_table({**scores, "tag_acc": 0.875, "sents_f": None}))
    assert cells(text, "tag_acc") == ["tag_acc", "87.50"]
    assert cells(text, "speed (words per second)")[1].replace(",", "").isdigit()
    assert len(text.splitlines()) == 7  # title, three lines of header, two scores, last line


def test_per_type_tables_have_support(nlp, gold):
    examples = examples_of(nlp, gold)
    for eg, cats in zip(examples, ({"x": 1.0, "[y]": 0.0}, {"x": 0.0, "[y]": 1.0})):
        eg.reference.cats = cats
        eg.predicted.cats = {"x": 0.9, "[y]": 0.1}
    scores = {**evaluate(nlp, examples), **scorers.score_cats(examples)}
    text = "".join(text_of(table) for table in per_type_tables(scores, examples, multi_label=False))
    assert [
        title for title in ("spans_entities", "ents", "rel", "rel_strict", "cats_f") if f"{title}_per_type" in text
    ] == [
        "spans_entities",
        "ents",
        "rel",
        "rel_strict",
        "cats_f",
    ]
    # x: once correct, once predicted instead of [y]: p = 1/2, r = 1, f = 2/3.
    assert cells(text, "x") == ["x", "50.00", "100.00", "66.67", "1"]
    assert cells(text, "[y]") == ["[y]", "0.00", "0.00", "0.00", "1"]
    assert text.count("thing") == 2
    entities = text_of(per_type_tables(scores, examples, multi_label=False)[0])
    assert cells(entities, "thing") == ["thing", "100.00", "66.67", "80.00", "6"]
    assert "auc" not in text


# The command


@pytest.fixture
def files(nlp, gold, tmp_path):
    nlp.to_disk(tmp_path / "model")
    save_docs(gold, tmp_path / "dev.spacy")
    save_docs(gold[:1], tmp_path / "train.spacy")
    return tmp_path


def run(*args):
    return CliRunner().invoke(app, ["evaluate", *map(str, args)], terminal_width=160)


def test_the_command_prints_and_saves(files, nlp, gold):
    options = [
        "--gold-entities",
        "--per-type",
        "--baseline",
        files / "train.spacy",
        "--output",
        files / "new" / "metrics.json",
    ]
    result = run(files / "model", files / "dev.spacy", *options)
    assert result.exit_code == 0, result.output
    assert "Results" in result.output and "rel_strict_per_type" in result.output
    saved = json.loads((files / "new" / "metrics.json").read_text())
    expected = evaluate(nlp, examples_of(nlp, gold), gold_entities=True, train_docs=gold[:1])
    assert saved.pop("speed") > 0
    del expected["speed"]
    assert [row["data"] for row in saved.pop("mmm")] == ["dev.spacy"] * 2  # of entities, and of relations
    assert saved == json.loads(srsly.json_dumps(expected))  # srsly rounds to ten digits
    assert "per_type" not in run(files / "model", files / "dev.spacy").output


@pytest.fixture
def joint(tmp_path):
    """A saved pipeline of `spert_mt`, and gold."""
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config={"relation_threshold": 0.0, "constraints": "any"})
    texts = [
        gold_doc(nlp, ["Ada", "met", "Bo"], [(0, 1), (2, 3)], [((0, 1), (2, 3))]),
        gold_doc(nlp, ["Cairo", "is", "hot"], [(0, 1)], []),
    ]
    nlp.initialize(lambda: examples_of(nlp, texts))
    nlp.to_disk(tmp_path / "model")
    save_docs(texts, tmp_path / "dev.spacy")
    return tmp_path


def run_spacy(*args):
    return CliRunner().invoke(spacy_app, ["evaluate", *map(str, args)], terminal_width=160)


def test_spacy_evaluate_saves_the_scores_of_relations(joint):
    result = run_spacy(joint / "model", joint / "dev.spacy", "--output", joint / "metrics.json")
    assert result.exit_code == 0, result.output
    saved = json.loads((joint / "metrics.json").read_text())
    nlp = spacy.load(joint / "model")
    expected = evaluate(nlp, list(Corpus(joint / "dev.spacy")(nlp)))
    for scores in (saved, expected):
        del scores["speed"]
    assert saved == json.loads(srsly.json_dumps(expected))
    assert saved["rel_strict_per_type"]["near"]["support"] == 1 and isinstance(saved["rel_strict_f"], float)


def test_spacy_evaluate_saves_the_scores_of_each_component(joint):
    run_spacy(joint / "model", joint / "dev.spacy", "--per-component", "--output", joint / "metrics.json")
    saved = json.loads((joint / "metrics.json").read_text())
    assert {"rel_f", "rel_strict_f", "spans_entities_f", "ents_f"} <= set(saved["spert_mt"])


def test_what_spacy_evaluate_prints(joint):
    """The table of spaCy is fixed: entities and, with their key, spans. Relations are in ours."""
    printed = run_spacy(joint / "model", joint / "dev.spacy", "--spans-key", "entities").output
    for row in ("NER F", "SPAN F", "NER (per type)", "SPANS (per type)"):
        assert row in printed
    assert "SPAN F" not in run_spacy(joint / "model", joint / "dev.spacy").output
    assert "near" not in printed and "near" in run(joint / "model", joint / "dev.spacy", "--per-type").output


def test_the_command_prints_mistakes(files):
    result = run(files / "model", files / "dev.spacy", "--mistakes", "--output", files / "metrics.json")
    assert result.exit_code == 0, result.output
    assert "Mistakes: entities" in result.output and "argument offsets" in result.output
    saved = json.loads((files / "metrics.json").read_text())
    entities = saved["mistakes"]["entities"]
    assert entities["right"] / (entities["right"] + sum(entities["missed"].values())) == pytest.approx(
        saved["spans_entities_r"]
    )
    assert "Mistakes" not in run(files / "model", files / "dev.spacy").output


def test_the_command_writes_mistakes(files):
    (files / "labels.json").write_text(json.dumps({"entities": {"thing": {"ja": "物"}}}), encoding="utf8")
    folder = files / "new" / "mistakes"
    options = ["--mistakes-to", folder, "--labels", files / "labels.json", "--lang", "ja"]
    result = run(files / "model", files / "dev.spacy", *options, "--output", files / "metrics.json")
    assert result.exit_code == 0, result.output
    assert "Mistakes: entities" in result.output and "1 text with mistakes in" in result.output
    (line,) = [json.loads(line) for line in (folder / "mistakes.jsonl").read_text(encoding="utf8").splitlines()]
    assert line["id"] == "2" and line["text"].strip() == "Bo saw a lake in Norway"
    counted = json.loads((files / "metrics.json").read_text())["mistakes"]
    assert len(line["mistakes"]) == sum(sum(each["missed"].values()) for each in counted.values()) == 4
    html = (folder / "mistakes.html").read_text(encoding="utf8")
    assert ">∅ 物</text>" in html and str(files / "dev.spacy") in html and '<html lang="ja">' in html
    assert sorted(path.name for path in folder.iterdir()) == ["mistakes.html", "mistakes.jsonl"]


def test_the_command_scores_with_overlap_matching(files):
    result = run(files / "model", files / "dev.spacy", "--overlap-matching")
    assert result.exit_code == 0, result.output
    assert "overlap F" in result.output
    assert "overlap F" not in run(files / "model", files / "dev.spacy").output


def test_the_command_predicts_on_the_chosen_tokens(files, nlp):
    split = gold_doc(nlp, ["Ada", "Bo"], [(0, 1), (1, 2)], [((0, 1), (1, 2))], spaces=[False, False])
    save_docs([split], files / "split.spacy")
    for tokens, recall in (("gold", 1.0), ("tokenizer", 0.0)):
        result = run(files / "model", files / "split.spacy", "--tokens", tokens, "--output", files / "metrics.json")
        assert result.exit_code == 0, result.output
        assert json.loads((files / "metrics.json").read_text())["spans_entities_r"] == recall


def test_the_command_prints_numbered_errors(files):
    plain = spacy.blank("en")
    plain.add_pipe("sentencizer")
    plain.to_disk(files / "plain")
    result = run(files / "plain", files / "dev.spacy", "--gold-entities")
    assert result.exit_code == 1
    assert "[M502]" in result.output


def test_documents_are_joined_texts(nlp, gold):
    """The pipeline takes words with a capital letter for entities, and relates neighbouring ones."""
    examples = examples_of(nlp, gold)
    scores = evaluate(nlp, examples, documents=len(examples))
    assert {"documents_spans_entities_f", "documents_rel_f"} <= set(scores) and "documents_cats_f" not in scores
    joined = merge_docs([eg.reference for eg in examples])
    expected = nlp.evaluate([Example(nlp.make_doc(joined.text), joined)])
    assert scores["documents_rel_f"] == expected["rel_f"]
    assert evaluate(nlp, examples, documents=1)["documents_rel_f"] == scores["rel_f"]
    assert "documents F" in text_of(results_table(scores))


def test_documents_keep_the_tokens_of_their_texts(nlp):
    """With `--tokens gold` too, where those are not what the tokenizer makes of the text."""
    golds = [gold_doc(nlp, ["Ida", word], [(0, 1)], [], spaces=[False] * 2) for word in ("tall", "small")]
    examples = [Example(Doc(nlp.vocab, words=[t.text for t in gold], spaces=[False] * 2), gold) for gold in golds]
    assert len(nlp.make_doc(golds[0].text)) == 1
    scores = evaluate(nlp, examples, documents=2)
    assert scores["spans_entities_f"] == scores["documents_spans_entities_f"] == 1.0


def test_documents_do_not_give_the_sentences_away(nlp):
    seen = []
    Language.component("sentences_were_set", func=lambda doc: seen.append(doc) or doc)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentences_were_set")
    gold = gold_doc(nlp, ["Ida", "sings", "."], [(0, 1)], [])
    evaluate(nlp, [Example(nlp.make_doc(gold.text), gold)] * 2, documents=2)
    assert {len(doc) for doc in seen} == {3, 6}
    assert not any(doc.has_annotation("SENT_START") for doc in seen)


def test_documents_keep_the_tags_of_their_texts():
    """Those of the Japanese tokenizer, which encoders read."""
    pytest.importorskip("sudachipy")
    seen = []
    Language.component("look_at_tags", func=lambda doc: seen.append([token.tag_ for token in doc]) or doc)
    nlp = spacy.blank("ja", config={"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"}}})
    nlp.add_pipe("look_at_tags")
    gold = nlp.make_doc("東京です。")
    evaluate(nlp, [Example(nlp.make_doc(gold.text), gold)] * 2, documents=2)
    assert {tuple(tags) for tags in seen} == {tuple(token.tag_ for token in gold) * times for times in (1, 2)}


def test_documents_lose_no_gold(nlp, gold):
    """Texts with gold of other levels are joined apart, and texts without tokens are left out."""
    others = [gold_doc(nlp, ["Ada", "sang"], None, None), gold_doc(nlp, ["Bo", "sang"], [(0, 1)], None)]
    mixed = [gold[0], *others, Doc(nlp.vocab), gold[1]]
    alone = evaluate_documents(nlp, examples_of(nlp, gold), 2)
    found = evaluate_documents(nlp, examples_of(nlp, mixed), 5)
    assert found["rel_per_type"] == alone["rel_per_type"]
    assert found["ents_per_type"]["thing"]["support"] == alone["ents_per_type"]["thing"]["support"] + 1
