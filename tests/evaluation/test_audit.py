"""Annotations with which pipelines disagree."""

import json
from collections import Counter
from itertools import islice

import pytest
import spacy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config
from typer.testing import CliRunner

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.corpora.folds import make_folds
from spacy_mre.evaluation.audit import audit, only_confident
from spacy_mre.evaluation.run_config import set_values
from spacy_mre.evaluation.text_mistakes import Mistake, TextMistakes
from spacy_mre.visual import write_mistakes_page


@pytest.fixture
def corpus(assets, tmp_path):
    """40 texts of the hand-written corpus. In one, a label is wrong."""
    docs = list(load_docs(assets / "train.spacy"))[:40]
    wrong = next(doc for doc in docs if get_entities(doc, "entities"))
    first, *others = get_entities(wrong, "entities")
    set_entities(wrong, [first._replace(label="event" if first.label != "event" else "place"), *others])
    save_docs(docs, tmp_path / "corpus.spacy")
    return tmp_path / "corpus.spacy", wrong


@pytest.mark.filterwarnings("ignore")
def test_every_text_is_predicted_once(small_config, corpus):
    path, _ = corpus
    lines = []
    docs = list(load_docs(path))
    parts = make_folds(docs, 2)
    # Texts that are read whole, whatever the config says: each is compared with its own prediction.
    config = set_values(small_config, {"corpora.dev.max_length": 5, "corpora.dev.swap_mentions": 1.0})
    texts, *settings = audit(config, docs, parts, updates=2, log=lines.append)
    assert settings == ["entities", small_config["components"]["spert_mt"].get("symmetric", [])]
    assert [text.example.reference.text for text in texts] == [doc.text for doc in docs]
    assert [text.id for text in texts] == [doc.user_data["id"] for doc in docs]
    assert (
        len(lines) == 2 and lines[0] == f"Part 1 of 2: training on {parts.count(1)} texts, predicting {parts.count(0)}"
    )
    # Two updates teach nothing: all entities are disagreed with.
    found = Counter(mistake.what for text in texts for mistake in text.mistakes if mistake.level == "entities")
    assert found["missed"] == sum(len(get_entities(doc, "entities")) for doc in docs)


@registry.readers("test.every_second_text.v1")
def every_second_text(path):
    return lambda nlp: islice(spacy.training.Corpus(path)(nlp), 0, None, 2)


@pytest.mark.filterwarnings("ignore")
def test_texts_that_a_reader_leaves_out(small_config, corpus):
    """spaCy's own leaves out those without tokens."""
    path, _ = corpus
    docs = list(load_docs(path))[:10]
    docs.insert(3, Doc(docs[0].vocab))
    parts = [number % 2 for number in range(len(docs))]
    reader = {"@readers": "spacy.Corpus.v1", "path": None, "gold_preproc": False, "max_length": 0, "limit": 0}
    corpora = {part: {**reader, "augmenter": None} for part in ("train", "dev")}
    config = Config({**small_config, "corpora": corpora})
    texts, *_ = audit(config, docs, parts, updates=2, log=lambda line: None)
    assert [text.example.reference.text for text in texts] == [doc.text for doc in docs]
    assert texts[3].mistakes == []
    config["corpora"]["dev"] = {"@readers": "test.every_second_text.v1", "path": None}
    with pytest.raises(ValueError, match=r"M531.*3 of the 6 texts.*corpora\.dev"):
        audit(config, docs, parts, updates=2, log=lambda line: None)


def test_only_confident_predictions_and_what_they_contradict_are_left():
    mistakes = [
        Mistake("entities", "missed", "type", (0, 2, "place"), None),
        Mistake("entities", "wrong", "type", (0, 2, "person"), 0.95),
        Mistake("entities", "wrong", "no overlap", (4, 6, "person"), 0.5),
        Mistake("cats", "missed", "label", ("news",), None),
        Mistake("cats", "wrong", "label", ("diary",), 0.6),
    ]
    text = TextMistakes("1", None, {"cats": 1}, mistakes)
    (found,) = only_confident([text], 0.9)
    assert (found.mistakes, found.right) == (mistakes[:2], {"cats": 1})
    assert only_confident([text], 0.0)[0].mistakes == text.mistakes == mistakes
    assert only_confident([text], 0.99)[0].mistakes == []


@pytest.mark.filterwarnings("ignore")
def test_the_command_writes_a_page(small_config, corpus, tmp_path, monkeypatch):
    path, wrong = corpus
    # The page is drawn with the settings of the pipelines.
    drawn = {}
    monkeypatch.setattr(
        "spacy_mre.cli.audit.write_mistakes_page",
        lambda *args, **options: drawn.update(options) or write_mistakes_page(*args, **options),
    )
    config = set_values(small_config, {"components.spert_mt.symmetric": ["works_with"]})
    (tmp_path / "small.cfg").write_text(config.to_str(), encoding="utf8")
    arguments = ["audit", path, tmp_path / "out", "--config", tmp_path / "small.cfg", "--folds", "2", "--updates", "2"]
    arguments += ["--least-score", "0"]
    result = CliRunner().invoke(app, [*map(str, arguments), "--lang", "zh"])
    assert result.exit_code == 0, result.output
    assert (drawn["symmetric"], drawn["spans_key"]) == (["works_with"], "entities")
    assert "Disagreements" in result.output and "of 40 to read in" in result.output
    lines = [json.loads(line) for line in (tmp_path / "out" / "audit.jsonl").read_text(encoding="utf8").splitlines()]
    (found,) = [line for line in lines if line["text"] == wrong.text]
    first = get_entities(wrong, "entities")[0]
    shown = [d for d in found["disagreements"] if d["level"] == "entity" and d["what"] == "only annotated"]
    assert first.label in {d["label"] for d in shown}
    assert "<svg" in (tmp_path / "out" / "audit.html").read_text(encoding="utf8")
