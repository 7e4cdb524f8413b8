"""Question and text as wordpieces: each is cut into pieces once, and joined as the tokenizer joins a pair: [CLS] question [SEP] text [SEP]."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc

from ...arrays import expand_ranges
from ...errors import Errors

# Pieces of the two halves of the pair from which the order of special pieces is read.
PROBE = (2, 3)


@dataclass
class TextPieces:
    """The pieces of a batch of texts, one text after the other. All arrays are in host memory.

    ids (numpy.ndarray): Vocabulary ids, shape (pieces,).
    counts (numpy.ndarray): Pieces per text, shape (texts,).
    firsts, lasts (numpy.ndarray): The first and the last piece of each token, -1 for a token without pieces; shape (tokens,).
    """

    ids: numpy.ndarray
    counts: numpy.ndarray
    firsts: numpy.ndarray
    lasts: numpy.ndarray


@dataclass
class Windows:
    """Overlapping parts of texts, each short enough for the encoder; places are among the pieces of the batch.

    starts, ends (numpy.ndarray): First piece, and the piece after the last; shape (windows,).
    owners (numpy.ndarray): The window that each piece is read from: that in which it stands farthest from a border; shape (pieces,).
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    owners: numpy.ndarray


@dataclass
class Template:
    """How a tokenizer joins a pair: the special pieces before, between and behind the two, and the token types of the five parts."""

    before: numpy.ndarray
    between: numpy.ndarray
    behind: numpy.ndarray
    types: tuple[int, int, int, int, int]

    @property
    def specials(self) -> int:
        return len(self.before) + len(self.between) + len(self.behind)


def cut_texts(docs: list[Doc], tokenizer: Any) -> TextPieces:
    """Cut texts into pieces.

    A fast tokenizer cuts the whole text, and a token has the pieces that share a character with it; a slow one, which tells no offsets, cuts
    token by token.

    docs (List[Doc]): The texts.
    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    RETURNS (TextPieces): The pieces.
    """
    if not docs:
        none = _integers([])
        return TextPieces(none, none, none, none)
    if not tokenizer.is_fast:
        return _cut_tokens(docs, tokenizer)
    texts = [doc.text for doc in docs]
    encoding = tokenizer(
        texts, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False, verbose=False
    )
    counts = _integers([len(ids) for ids in encoding["input_ids"]])
    # The characters of all texts are numbered through, so that one search serves the batch.
    sizes = _integers([len(text) + 1 for text in texts])
    bases = numpy.cumsum(sizes) - sizes
    offsets = numpy.array(list(chain.from_iterable(encoding["offset_mapping"])), dtype=numpy.int64).reshape(-1, 2)
    begins, ends = (offsets + numpy.repeat(bases, counts)[:, None]).T
    # A piece that stands for no character of its own takes the place of its neighbour.
    begins, ends = numpy.maximum.accumulate(begins), numpy.maximum.accumulate(ends)
    places = [
        doc.to_array([IDX, LENGTH]).astype(numpy.int64).reshape(-1, 2) + [base, 0] for doc, base in zip(docs, bases)
    ]
    token_begins, token_lengths = numpy.concatenate(places).T
    firsts = numpy.searchsorted(ends, token_begins, side="right")
    lasts = numpy.searchsorted(begins, token_begins + token_lengths, side="left") - 1
    found = firsts <= lasts
    return TextPieces(
        _integers(list(chain.from_iterable(encoding["input_ids"]))),
        counts,
        numpy.where(found, firsts, -1),
        numpy.where(found, lasts, -1),
    )


def _cut_tokens(docs: list[Doc], tokenizer: Any) -> TextPieces:
    known = {}
    for word in {token.text for doc in docs for token in doc}:
        known[word] = tokenizer(word, add_special_tokens=False, verbose=False)["input_ids"] if word.strip() else []
    of_tokens = [[known[token.text] for token in doc] for doc in docs]
    sizes = _integers([len(ids) for ids in chain.from_iterable(of_tokens)])
    ends = numpy.cumsum(sizes)
    return TextPieces(
        _integers(list(chain.from_iterable(chain.from_iterable(of_tokens)))),
        _integers([sum(map(len, of_text)) for of_text in of_tokens]),
        numpy.where(sizes > 0, ends - sizes, -1),
        numpy.where(sizes > 0, ends - 1, -1),
    )


def cut_questions(questions: list[str], tokenizer: Any, longest: int) -> list[numpy.ndarray]:
    """Cut questions into pieces.

    questions (List[str]): The questions.
    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    longest (int): The most pieces that a question may have.
    RETURNS (List[numpy.ndarray]): The vocabulary ids of each.
    RAISES (ValueError): A longer question.
    """
    cut = [
        _integers(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"]) for question in questions
    ]
    for question, ids in zip(questions, cut):
        if len(ids) > longest:
            raise ValueError(Errors.M833.format(question=question[:60], pieces=len(ids), longest=longest))
    return cut


def read_template(tokenizer: Any) -> Template:
    """Read from a tokenizer how it joins a pair.

    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    RETURNS (Template): The special pieces and token types.
    """
    if tokenizer.is_fast:
        # What it does to words, not what its class says: a tokenizer of no class of its own knows the order only here.
        encoding = tokenizer(["a"] * PROBE[0], ["a"] * PROBE[1], is_split_into_words=True)
        parts = encoding.sequence_ids(0)
        ids = encoding["input_ids"]
        types = encoding.get("token_type_ids") or [0] * len(ids)
    else:
        one, other = [tokenizer.unk_token_id] * PROBE[0], [tokenizer.unk_token_id] * PROBE[1]
        ids = tokenizer.build_inputs_with_special_tokens(one, other)
        types = tokenizer.create_token_type_ids_from_sequences(one, other)
        special = tokenizer.get_special_tokens_mask(one, other)
        first = special.index(0)
        parts = [None if flag else 0 for flag in special]
        second = first + PROBE[0] + special[first + PROBE[0] :].index(0)
        parts[second : second + PROBE[1]] = [1] * PROBE[1]
    question, text = parts.index(0), parts.index(1)
    question_end, text_end = len(parts) - parts[::-1].index(0), len(parts) - parts[::-1].index(1)
    before, between, behind = _integers(ids[:question]), _integers(ids[question_end:text]), _integers(ids[text_end:])
    places = (0, question, question_end, text, min(text_end, len(parts) - 1))
    return Template(before, between, behind, tuple(types[place] for place in places))


def cut_windows(counts: numpy.ndarray, room: int, overlap: int) -> Windows:
    """Cut texts into windows.

    counts (numpy.ndarray): Pieces per text, shape (texts,).
    room (int): The most pieces in a window.
    overlap (int): The least that two neighbours share, less than `room`.
    RETURNS (Windows): A text without pieces has none; the last of several windows is full, too.
    """
    step = room - overlap
    per_text = numpy.where(counts > room, 1 + -(-(counts - room) // step), (counts > 0).astype(numpy.int64))
    texts = numpy.repeat(numpy.arange(len(counts)), per_text)
    first = (numpy.cumsum(counts) - counts)[texts]
    order = expand_ranges(numpy.zeros_like(per_text), per_text)
    sizes = numpy.minimum(counts[texts], room)
    starts = first + numpy.minimum(order * step, counts[texts] - sizes)
    ends = starts + sizes
    # Two neighbours part in the middle of what they share (the "max context" of BERT's reading of long texts).
    borders = starts.copy()
    inner = numpy.flatnonzero(order > 0)
    borders[inner] = (starts[inner] + ends[inner - 1] + 1) // 2
    owners = numpy.searchsorted(borders, numpy.arange(int(counts.sum())), side="right") - 1
    return Windows(starts, ends, owners)


def _integers(values) -> numpy.ndarray:
    return numpy.asarray(values, dtype=numpy.int64)
