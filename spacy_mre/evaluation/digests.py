"""Hashes of documents, to know runs on other data."""

from collections.abc import Iterable
from hashlib import sha256

from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations


def digest(docs: Iterable[Doc]) -> str:
    """Compute a hash of texts and annotations.

    docs (Iterable[Doc]): The documents.
    RETURNS (str): Twelve hexadecimal digits.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> digest([nlp("Old Lima")]) == digest([nlp("Old Lima")]), digest([nlp("Old Lima")]) == digest([nlp("Lima")])
    (True, False)
    """
    found = sha256()
    for doc in docs:
        tokens = [token.text for token in doc]
        groups = [(key, get_entities(doc, key)) for key in sorted({DEFAULT_KEY, *doc.spans})]
        content = (doc.text, tokens, groups, get_relations(doc), sorted(doc.cats.items()))
        found.update(repr(content).encode("utf8"))
    return found.hexdigest()[:12]
