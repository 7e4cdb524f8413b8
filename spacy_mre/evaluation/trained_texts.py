"""Texts on which a pipeline is both trained and scored: what it scores there says nothing about new texts."""

import warnings
from collections.abc import Iterable
from pathlib import Path

from spacy.tokens import Doc

from ..errors import Warnings


def warn_of_trained_texts(train: Iterable[Doc], train_path: Path, test: Iterable[Doc], test_path: Path) -> None:
    """Warn if texts to score on are among those to train on. White space does not distinguish texts.

    train (Iterable[Doc]): The documents to train on.
    train_path (Path): Their file.
    test (Iterable[Doc]): The documents to score on.
    test_path (Path): Their file.
    """
    known, texts = {_words(doc) for doc in train}, [_words(doc) for doc in test]
    shared = sum(text in known for text in texts)
    if shared:
        about = {"count": shared, "total": len(texts), "test": test_path, "train": train_path}
        warnings.warn(Warnings.W511.format(**about), stacklevel=3)


def _words(doc: Doc) -> str:
    return " ".join(doc.text.split())
