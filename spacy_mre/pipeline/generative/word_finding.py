"""Test whether the tokenizer of a pipeline finds the words of Japanese and Chinese texts."""

import re
from collections.abc import Iterable

from spacy.tokens import Doc

from ...annotations.scripts import WITHOUT_BLANKS, language_of

# A token of so many characters without blanks is a clause, not a word, except names in katakana.
CLAUSE = 8
KATAKANA = re.compile("[゠-ヿ]+")
# Of the texts. Fewer are quotations in a corpus of another language.
MIN_SHARE = 0.1


def has_clauses_as_tokens(doc: Doc) -> bool:
    """Whether most of a Japanese or Chinese text is in tokens that are whole clauses.

    doc (Doc): The document.
    RETURNS (bool): True if entities cannot be written to most places of the text.

    >>> import spacy
    >>> has_clauses_as_tokens(spacy.blank("en")("私は昨日東京の美術館に行った。"))
    True
    >>> has_clauses_as_tokens(spacy.blank("zh")("我昨天去了东京的美术馆。"))
    False
    """
    text = doc.text
    if len(text) < CLAUSE or not language_of([text])[0]:
        return False
    clauses = [token.text for token in doc if len(WITHOUT_BLANKS.findall(token.text)) >= CLAUSE]
    return sum(len(clause) for clause in clauses if not KATAKANA.fullmatch(clause)) > len(text) / 2


def texts_with_clauses(docs: Iterable[Doc]) -> tuple[str, int, int]:
    """Count the texts of a corpus whose words were not found.

    docs (Iterable[Doc]): The documents.
    RETURNS (tuple[str, int, int]): The language of these texts, "ja" or "zh", their number, and that of all texts; an
        empty language if they are so few that they may be quotations or names.
    """
    clauses: list[str] = []
    total = long = 0
    for doc in docs:
        total += 1
        long += len(doc.text) >= CLAUSE and bool(language_of([doc.text])[0])
        if has_clauses_as_tokens(doc):
            clauses.append(doc.text)
    if len(clauses) < max(MIN_SHARE * total, long / 2):
        return "", len(clauses), total
    return language_of(clauses)[0], len(clauses), total
