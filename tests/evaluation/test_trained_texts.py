"""The warning of texts that a pipeline is trained and scored on."""

import warnings

import pytest
import spacy

from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.evaluation import learning_curve as curves
from spacy_mre.evaluation import reinforce as reinforcement
from spacy_mre.evaluation.run_files import write_run
from spacy_mre.evaluation.trained_texts import warn_of_trained_texts

NLP = spacy.blank("en")


def test_texts_of_both_files_are_counted(tmp_path):
    train = [NLP("Ada met Bo."), NLP("Rain")]
    with pytest.warns(UserWarning, match=r"W511.* 2 of the 3 texts of .*test\.spacy are also in .*train\.spacy"):
        warn_of_trained_texts(
            train,
            tmp_path / "train.spacy",
            [NLP("Ada  met Bo.\n"), NLP("rain"), NLP("Rain")],
            tmp_path / "test.spacy",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_trained_texts(train, tmp_path / "train.spacy", [NLP("rain")], tmp_path / "test.spacy")
        warn_of_trained_texts([], tmp_path / "train.spacy", [NLP("rain")], tmp_path / "test.spacy")


@pytest.fixture
def mixed(assets, tmp_path):
    """A file in which two texts are those of the training corpus."""
    docs = [*load_docs(assets / "dev.spacy"), *list(load_docs(assets / "train.spacy"))[:2]]
    save_docs(docs, tmp_path / "mixed.spacy")
    return tmp_path / "mixed.spacy"


def told_of(made):
    """RETURNS (list[str]): The files that W511 names."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made()
    messages = [str(one.message) for one in told if "W511" in str(one.message)]
    assert all("] 2 of the " in message for message in messages)
    return [message.partition(" texts of ")[2].partition(" are also in ")[0] for message in messages]


def test_a_learning_curve_tells(small_config, assets, mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "_make_run", lambda *arguments, **options: None)
    monkeypatch.setattr(curves, "load_run", lambda path: {})

    def make(dev):
        return lambda: curves.learning_curve(small_config, assets / "train.spacy", dev, tmp_path, sizes=[10])

    assert told_of(make(mixed)) == [str(mixed)]
    assert told_of(make(assets / "dev.spacy")) == []


def test_reinforce_tells_of_what_is_scored_or_chooses(small_config, assets, mixed, tmp_path, monkeypatch):
    def write(path, config, test, dev, folder, about, **options):
        on_dev = {} if dev is None else {"dev": {"text": 0.5, "word": 0.5, "whole": 0.5, "relations": 0.5}}
        counts = {"texts": [[1], [1]], "entities": [[1], [1], [0]]}
        write_run(path, {**about, **on_dev, "documents": "same", "counts": counts})

    monkeypatch.setattr(reinforcement, "_make_run", write)

    def make(dev, test, **options):
        files = (assets / "train.spacy", dev, test, tmp_path)
        return lambda: reinforcement.reinforce(
            small_config, *files, seeds=(0,), updates=1, log=lambda line: None, **options
        )

    own = assets / "dev.spacy"
    assert told_of(make(own, mixed)) == [str(mixed)]
    assert told_of(make(mixed, own)) == []  # it only logs
    assert told_of(make(mixed, own, weights=(0.1, 0.3))) == [str(mixed)]
