"""Japanese tokenizer: spaCy's Sudachi tokenizer, without its limit on the length of a text, and for several threads."""

import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from threading import local
from typing import Any

import numpy
from spacy.lang.ja import DetailedToken, JapaneseTokenizer, get_dtokens_and_spaces, resolve_pos
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab

from ..requirements import SUDACHI, record_requirements

# Sudachi accepts at most 49,149 bytes.
MAX_BYTES = 48000
# UTF-8 uses at most four bytes for a character.
MAX_CHARACTERS = MAX_BYTES // 4
# What the tokenizer sets. With the default attributes, Doc.from_docs would also make each part a sentence.
ATTRS: list[int | str] = ["TAG", "POS", "MORPH", "LEMMA", "NORM"]
# spaCy's tag of spaces.
GAP = "空白"
SENTENCE_END = re.compile(r"(?<=[。．！？!?\n])")


@registry.tokenizers("spacy_mre.JapaneseTokenizer.v1")
def make_japanese_tokenizer(
    split_mode: str | None = "C", sub_tokens: bool = False, readings: bool = True
) -> Callable[[Language], "LongJapaneseTokenizer"]:
    """Make a function that creates the tokenizer of a pipeline.

    split_mode (str | None): Sudachi's split mode: "A" for short units, "B" for middle ones, "C" for units such as named
        entities, as in ja_ginza. None is spaCy's default, "A". Default: "C".
    sub_tokens (bool): Store Sudachi's shorter units in `doc.user_data`, where GiNZA's compound splitter reads them.
        They cannot be saved. Default: False.
    readings (bool): Set the readings and inflections of words, see `LongJapaneseTokenizer`. Default: True.
    RETURNS (Callable[[Language], LongJapaneseTokenizer]): Creates the tokenizer.

    >>> import spacy
    >>> config = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"}}}
    >>> [token.text for token in spacy.blank("ja", config=config)("選挙管理委員会")]
    ['選挙管理委員会']
    """
    return partial(_create, split_mode=split_mode, sub_tokens=sub_tokens, readings=readings)


def _create(nlp: Language, split_mode: str | None, sub_tokens: bool, readings: bool) -> "LongJapaneseTokenizer":
    tokenizer = LongJapaneseTokenizer(nlp.vocab, split_mode, sub_tokens, readings)
    record_requirements(nlp, tokenizer)
    return tokenizer


class LongJapaneseTokenizer(JapaneseTokenizer):
    """spaCy's Japanese tokenizer for texts of any length: a text beyond Sudachi's limit is split at sentence ends, and
    the parts are merged after tokenization.

    Several threads may call it at the same time: each gets its own Sudachi tokenizer.

    Readings and inflections are in `token.morph`, and spaCy keeps every new one as long as the pipeline lives, even
    within `nlp.memory_zone()`: about 1 kB for each new name. No component of this package reads them; GiNZA's functions
    for readings and inflections do. `tokenizer.readings = False` leaves them out from the next text on.

    vocab (Vocab): The vocabulary of the pipeline.
    split_mode (str | None): Sudachi's split mode, see `make_japanese_tokenizer`.
    sub_tokens (bool): Store Sudachi's shorter units in `doc.user_data`.
    readings (bool): Set `Reading` and `Inflection` in `token.morph`. If not, it stays unset, and shorter units have
        neither. The attribute can be changed; it is not saved. Default: True.
    requires (tuple[str, ...]): The packages that it needs.
    """

    requires = SUDACHI

    def __init__(
        self, vocab: Vocab, split_mode: str | None = "C", sub_tokens: bool = False, readings: bool = True
    ) -> None:
        super().__init__(vocab, split_mode)
        self.tokenizer = SudachiPerThread(split_mode)
        self.need_subtokens = self.need_subtokens and sub_tokens
        self.sub_tokens = sub_tokens
        self.readings = readings
        self._tags: dict[int, str] = {}  # by Sudachi's number

    def __reduce__(self) -> tuple[type["LongJapaneseTokenizer"], tuple[Vocab, str | None, bool, bool]]:
        return LongJapaneseTokenizer, (self.vocab, self.split_mode, self.sub_tokens, self.readings)

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        text (str): A text of any length.
        RETURNS (Doc): The tokens, with the tags, lemmas, readings and norms of spaCy's tokenizer.
        """
        parts = _split_text(text)
        if len(parts) == 1:
            return self._tokenize(text)
        docs = [self._tokenize(part) for part in parts]
        sub_tokens = [doc.user_data.pop("sub_tokens", []) for doc in docs]
        merged = Doc.from_docs(docs, ensure_whitespace=False, attrs=ATTRS)
        if self.need_subtokens:
            merged.user_data["sub_tokens"] = [sub_token for of_part in sub_tokens for sub_token in of_part]
        return merged

    def from_bytes(self, data: bytes, **kwargs: Any) -> "LongJapaneseTokenizer":
        """Load the tokenizer from bytes.

        data (bytes): What `to_bytes` returned.
        RETURNS (LongJapaneseTokenizer): The tokenizer itself.
        """
        super().from_bytes(data, **kwargs)
        self.tokenizer = SudachiPerThread(self.split_mode)
        return self

    def from_disk(self, path: str | Path, **kwargs: Any) -> "LongJapaneseTokenizer":
        """Load the tokenizer.

        path (str | Path): The file.
        RETURNS (LongJapaneseTokenizer): The tokenizer itself.
        """
        super().from_disk(path, **kwargs)
        self.tokenizer = SudachiPerThread(self.split_mode)
        return self

    def _tokenize(self, text: str) -> Doc:
        if self.readings:
            return super().__call__(text)
        words, spaces = get_dtokens_and_spaces(self._get_dtokens(self.tokenizer.tokenize(text)), text)
        doc = Doc(self.vocab, words=[word.surface for word in words], spaces=spaces)
        doc.from_array(["TAG", "POS", "LEMMA", "NORM"], self._attributes(words))
        if self.need_subtokens:
            doc.user_data["sub_tokens"] = [word.sub_tokens for word in words]
        return doc

    def _attributes(self, words: list[DetailedToken]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What spaCy's tokenizer sets attribute by attribute, which takes longer."""
        add, next_pos = self.vocab.strings.add, None
        values = numpy.empty((len(words), 4), dtype="uint64")
        following = [word.tag for word in words[1:]] + [None]
        for row, word, next_tag in zip(values, words, following):
            pos = next_pos
            if pos:
                next_pos = None
            else:
                pos, next_pos = resolve_pos(word.surface, word.tag, next_tag)
            row[:] = add(word.tag), pos, add(word.lemma or word.surface), add(word.norm)
        return values

    def _get_dtokens(self, sudachipy_tokens: Any, need_sub_tokens: bool = True) -> list[DetailedToken]:
        if self.readings:
            return super()._get_dtokens(sudachipy_tokens, need_sub_tokens)
        shorter = self._get_sub_tokens(sudachipy_tokens) if need_sub_tokens else None
        found: list[DetailedToken] = []
        for number, word in enumerate(sudachipy_tokens):
            surface, tag = word.surface(), self._tag(word)
            if not surface:  # of characters such as …
                continue
            is_gap = tag == GAP and surface.isspace()
            if is_gap and found and found[-1].tag == GAP and found[-1].surface.isspace():
                continue  # Sudachi has a word for each space
            units = shorter[number] if shorter else None
            found.append(DetailedToken(surface, tag, "", word.dictionary_form(), word.normalized_form(), "", units))
        return found

    def _tag(self, word: Any) -> str:
        number = word.part_of_speech_id()
        if number not in self._tags:
            self._tags[number] = "-".join(part for part in word.part_of_speech()[:4] if part != "*")
        return self._tags[number]


class SudachiPerThread:
    """Sudachi's tokenizer for spaCy's, one for each thread.

    A tokenizer of Sudachi changes its own buffers while it reads a text, and lets other threads run meanwhile: a second
    thread that calls it gets "Already borrowed". The dictionary, which all of them share, never changes. (A lock gives
    the same results; threads then wait for each other, and a process that is forked meanwhile would wait forever.)

    split_mode (str | None): Sudachi's split mode; None is "A".
    """

    def __init__(self, split_mode: str | None) -> None:
        self.split_mode = split_mode or "A"
        self._of_thread = local()

    @property
    def SplitMode(self) -> Any:
        """RETURNS (type): Sudachi's split modes, which spaCy's tokenizer reads."""
        return self._tokenizer.SplitMode

    def tokenize(self, text: str) -> Any:
        """Split a text.

        text (str): A text below Sudachi's limit.
        RETURNS (sudachipy.MorphemeList): The words.
        """
        return self._tokenizer.tokenize(text)

    @property
    def _tokenizer(self) -> Any:
        if not hasattr(self._of_thread, "tokenizer"):
            self._of_thread.tokenizer = _dictionary().create(mode=self.split_mode)
        return self._of_thread.tokenizer


@cache
def _dictionary() -> Any:
    """Sudachi's dictionary, mapped into memory."""
    from sudachipy import Dictionary

    return Dictionary()


def _split_text(text: str) -> list[str]:
    """Split a text into parts below Sudachi's limit, at sentence ends where possible."""
    if len(text.encode("utf8", "replace")) <= MAX_BYTES:
        return [text]
    parts: list[str] = []
    for sentence in SENTENCE_END.split(text):
        for start in range(0, len(sentence), MAX_CHARACTERS):
            piece = sentence[start : start + MAX_CHARACTERS]
            if parts and len(parts[-1]) + len(piece) <= MAX_CHARACTERS:
                parts[-1] += piece
            else:
                parts.append(piece)
    return parts
