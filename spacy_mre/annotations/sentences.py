"""The sentence of each token, also where no component has set sentences."""

from unicodedata import category

import numpy
from spacy.attrs import IS_PUNCT, ORTH, SENT_START
from spacy.pipeline import Sentencizer
from spacy.strings import StringStore
from spacy.tokens import Doc

SENTENCE_ENDS = numpy.array([StringStore()[mark] for mark in Sentencizer.default_punct_chars], dtype=numpy.uint64)


def sentence_numbers(doc: Doc) -> numpy.ndarray:
    """Number the sentences of a document.

    doc (Doc): The document. Its sentences are used if a component has set them (a parser, senter or sentencizer), or
        `doc.user_hooks` has them. Otherwise a sentence ends after ".", "?", "。" and the like, and the punctuation that
        follows, as in spaCy's `sentencizer`; but brackets and quotes that open begin the next one.
    RETURNS (numpy.ndarray): The number of the sentence of each token, from 0; shape (tokens,).

    >>> import spacy
    >>> sentence_numbers(spacy.blank("ja")("東京です。大阪です。")).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    if doc.has_annotation("SENT_START"):
        starts = sentence_starts(doc) == 1
        starts[:1] = False
        return numpy.cumsum(starts)
    words, is_punctuation = doc.to_array([ORTH, IS_PUNCT]).T
    is_end = numpy.isin(words, SENTENCE_ENDS)
    if not is_end[:-1].any():
        return numpy.zeros(len(doc), dtype=numpy.int64)
    ends_before = numpy.cumsum(is_end)
    # A sentence begins with the first word or opening bracket after an end: closing quotes belong to the one before.
    word_indices = numpy.flatnonzero(~is_end & ((is_punctuation == 0) | _is_opening(words, is_punctuation, doc)))
    begins = word_indices[numpy.diff(ends_before[word_indices], prepend=0) > 0]
    starts = numpy.zeros(len(doc), dtype=bool)
    starts[begins] = True
    return numpy.cumsum(starts)


def sentence_starts(doc: Doc) -> numpy.ndarray:
    """Read where the sentences of `doc.sents` begin.

    doc (Doc): The document.
    RETURNS (numpy.ndarray): As `doc.to_array("SENT_START")`: 1 for the first token of a sentence, -1 for one inside of
        a sentence, 0 where nothing is known. Those of `doc.user_hooks["sents"]`, if there is one, as in `doc.sents`.
    """
    if "sents" not in doc.user_hooks:
        return doc.to_array(SENT_START).astype(numpy.int64)
    starts = numpy.full(len(doc), -1, dtype=numpy.int64)
    starts[[sent.start for sent in doc.sents]] = 1
    return starts


def _is_opening(words: numpy.ndarray, is_punctuation: numpy.ndarray, doc: Doc) -> numpy.ndarray:
    """Which tokens are brackets or quotation marks that open, such as "「", "(" and "“"."""
    marks = numpy.unique(words[is_punctuation != 0])
    opening = [mark for mark in marks if category(doc.vocab.strings[mark][0]) in ("Ps", "Pi")]
    return numpy.isin(words, numpy.array(opening, dtype=words.dtype))
