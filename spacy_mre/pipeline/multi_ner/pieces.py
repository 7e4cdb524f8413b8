"""Texts and questions as wordpieces. Each is tokenized once, before they are joined to pairs."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy
from spacy.tokens import Doc

from ...encoders.encoder import is_seen
from ...encoders.threads import encode
from ...errors import Errors


@dataclass
class TextPieces:
    """The pieces of a batch of texts, one text after the other. All arrays are in host memory.

    ids (numpy.ndarray): Vocabulary ids, shape (pieces,).
    counts (numpy.ndarray): Pieces per text, shape (texts,).
    firsts, lasts (numpy.ndarray): The first and the last piece of each token, -1 for a token without pieces; shape
        (tokens,).
    """

    ids: numpy.ndarray
    counts: numpy.ndarray
    firsts: numpy.ndarray
    lasts: numpy.ndarray

    def boundary_positions(self) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """Number the pieces that begin or end a token.

        RETURNS (tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]): These pieces; and for each token the indices of
            its first and last piece among them, -1 for a token without pieces.
        """
        has_pieces = self.firsts >= 0
        pieces = numpy.unique(numpy.concatenate([self.firsts[has_pieces], self.lasts[has_pieces]]))
        firsts, lasts = numpy.full((2, len(has_pieces)), -1, dtype=numpy.int64)
        firsts[has_pieces] = numpy.searchsorted(pieces, self.firsts[has_pieces])
        lasts[has_pieces] = numpy.searchsorted(pieces, self.lasts[has_pieces])
        return pieces, firsts, lasts


def cut_texts(docs: list[Doc], tokenizer: Any) -> TextPieces:
    """Tokenize texts into pieces.

    A fast tokenizer gets the whole text, and a token has the pieces that share a character with it. A slow one, which
    has no offsets, gets each token by itself.

    docs (list[Doc]): The texts.
    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    RETURNS (TextPieces): The pieces.
    """
    if not docs:
        none = to_integers([])
        return TextPieces(none, none, none, none)
    if not tokenizer.is_fast:
        return _cut_tokens(docs, tokenizer)
    texts = [doc.text for doc in docs]
    encoding = encode(
        tokenizer, texts, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False
    )
    counts = to_integers([len(ids) for ids in encoding["input_ids"]])
    # The characters of all texts are numbered consecutively, so that one search is enough for the batch.
    sizes = to_integers([len(text) + 1 for text in texts])
    bases = numpy.cumsum(sizes) - sizes
    offsets = numpy.array(list(chain.from_iterable(encoding["offset_mapping"])), dtype=numpy.int64).reshape(-1, 2)
    begins, ends = (offsets + numpy.repeat(bases, counts)[:, None]).T
    # A piece without characters gets the offsets of its neighbour.
    begins, ends = numpy.maximum.accumulate(begins), numpy.maximum.accumulate(ends)
    token_begins = numpy.concatenate([to_integers(doc.to_array("IDX")) + base for doc, base in zip(docs, bases)])
    token_lengths = numpy.concatenate([to_integers(doc.to_array("LENGTH")) for doc in docs])
    firsts = numpy.searchsorted(ends, token_begins, side="right")
    lasts = numpy.searchsorted(begins, token_begins + token_lengths, side="left") - 1
    found = firsts <= lasts
    ids = to_integers(list(chain.from_iterable(encoding["input_ids"])))
    return TextPieces(ids, counts, numpy.where(found, firsts, -1), numpy.where(found, lasts, -1))


def cut_questions(questions: list[str], tokenizer: Any, longest: int) -> list[numpy.ndarray]:
    """Tokenize questions into pieces.

    questions (list[str]): The questions.
    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    longest (int): The most pieces that a question may have.
    RETURNS (list[numpy.ndarray]): The vocabulary ids of each.
    RAISES (ValueError): If a question is longer.
    """
    pieces = [to_integers(_ids(question, tokenizer)) for question in questions]
    for question, ids in zip(questions, pieces):
        if len(ids) > longest:
            raise ValueError(Errors.M833.format(question=question[:60], pieces=len(ids), longest=longest))
    return pieces


def count_cut(docs: list[Doc], firsts: numpy.ndarray) -> numpy.ndarray:
    """Count the tokens without pieces, not counting white space and other characters that are not seen.

    docs (list[Doc]): The texts.
    firsts (numpy.ndarray): The first piece of each token, -1 for a token without pieces.
    RETURNS (numpy.ndarray): Their number in each text.
    """
    cut = numpy.zeros(len(docs), dtype=numpy.int64)
    ends = numpy.cumsum([len(doc) for doc in docs])
    missing = numpy.flatnonzero(firsts < 0)
    texts = numpy.searchsorted(ends, missing, side="right")
    for text, token in zip(texts.tolist(), missing.tolist()):
        cut[text] += is_seen(docs[text][token - int(ends[text])].text)
    return cut


def to_integers(values: list | numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The values, as whole numbers."""
    return numpy.asarray(values, dtype=numpy.int64)


def _cut_tokens(docs: list[Doc], tokenizer: Any) -> TextPieces:
    words = {token.text for doc in docs for token in doc}
    known = {word: _ids(word, tokenizer) if word.strip() else [] for word in words}
    of_tokens = [[known[token.text] for token in doc] for doc in docs]
    sizes = to_integers([len(ids) for ids in chain.from_iterable(of_tokens)])
    ends = numpy.cumsum(sizes)
    return TextPieces(
        to_integers(list(chain.from_iterable(chain.from_iterable(of_tokens)))),
        to_integers([sum(map(len, of_text)) for of_text in of_tokens]),
        numpy.where(sizes > 0, ends - sizes, -1),
        numpy.where(sizes > 0, ends - 1, -1),
    )


def _ids(text: str, tokenizer: Any) -> list[int]:
    return encode(tokenizer, text, add_special_tokens=False)["input_ids"]
