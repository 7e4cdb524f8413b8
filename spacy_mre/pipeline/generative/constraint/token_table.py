"""What does each token write? And how does a text look when a tokenizer writes it?

Byte-level tokenizers (GPT, LLaMA 3) write bytes, sentencepiece ones (T5, LLaMA 2) a sign for a space, WordPiece
(BERT) whole words between which a space is put on decoding. Here all of them are strings of bytes that depend on
nothing but what was written just before (`BEGIN`, `WORD`, `OTHER`), so that a string of tokens has one reading,
`TokenTable.decode`, and a text has one form in which it can be copied, `TokenTable.surface`.

WordPiece does not store whether there was a space next to a punctuation mark or an ideograph. Our choice: there is
none, neither in decoded strings nor in the form of the text; `<weather>NER:city;new york` comes back as it was.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import BertJapaneseTokenizer, PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import SLOW_TO_FAST_CONVERTERS, convert_slow_tokenizer

from ....errors import Errors
from .decoder import Decoder
from .token_trie import TokenTrie

# What was written just before a token: nothing; a letter or digit of a script with spaces; anything else.
BEGIN, WORD, OTHER = CONTEXTS = range(3)

EVERY_CHARACTER = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
SURROGATE = re.compile(r"[\ud800-\udfff]")
IDEOGRAPHS_AND_KANA = (
    *((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF)),
    *((0x20000, 0x2A6DF), (0x2A700, 0x2CEAF), (0x2F800, 0x2FA1F)),
)


class Surface(NamedTuple):
    """A text as a tokenizer writes it.

    string (str): The string.
    starts (list[int]): For every character of the string, the first character of the text that it represents.
    ends (list[int]): And the end of those characters, exclusive. A space that the tokenizer puts in may share them
        with its neighbour.
    """

    string: str
    starts: list[int]
    ends: list[int]


class TokenTable:
    """What every token of a tokenizer writes. Get one with `TokenTable.of`.

    tokenizer (PreTrainedTokenizerBase): The tokenizer.
    RAISES (ValueError): A kind of tokenizer that is not understood.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        name = type(tokenizer).__name__
        self._backend = _backend(tokenizer)
        self._decoder = Decoder(self._backend, name)
        added = tokenizer.added_tokens_decoder
        special = {*tokenizer.all_special_ids, *(token for token, content in added.items() if content.special)}
        self.size = len(tokenizer)
        self._words: dict[int, bytes] = {}
        self._goes_on = set()
        for string, token in tokenizer.get_vocab().items():
            if token in special:
                continue
            word = (
                self._decoder.with_spaces(string).encode("utf8") if token in added else self._decoder.bytes_of(string)
            )
            if token not in added and self._decoder.prefix and string.startswith(self._decoder.prefix):
                self._goes_on.add(token)
                word = word[len(self._decoder.prefix.encode("utf8")) :]
            if word:
                self._words[token] = word
        contexts = [BEGIN] * self._decoder.strips + [WORD] * bool(self._decoder.prefix) + [OTHER]
        self.trie = TokenTrie([{token: self.writes(token, context) for token in self._words} for context in contexts])
        roots = dict(zip(contexts, range(len(contexts))))
        self.roots = [roots.get(context, roots[OTHER]) for context in CONTEXTS]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "TokenTable":
        """The table of a tokenizer, made once as long as no tokens are added.

        tokenizer (PreTrainedTokenizerBase): The tokenizer.
        RETURNS (TokenTable): The table.
        RAISES (ValueError): A kind of tokenizer that is not understood.
        """
        table = _tables.get(tokenizer)
        if table is None or table.size != len(tokenizer):
            table = _tables[tokenizer] = cls(tokenizer)
        return table

    def writes(self, token: int, context: int) -> bytes:
        """What a token writes.

        token (int): The token.
        context (int): BEGIN, WORD or OTHER.
        RETURNS (bytes): UTF-8; of a byte-level token perhaps a part of a character. Nothing for special tokens.
        """
        word = self._words.get(token, b"")
        if context == BEGIN and self._decoder.strips:
            return word.removeprefix(b" ")
        if (
            word
            and context == WORD
            and self._decoder.prefix
            and token not in self._goes_on
            and not stands_alone(word.decode("utf8")[0])
        ):
            return b" " + word
        return word

    def context_after(self, char: str) -> int:
        """RETURNS (int): The context behind a character."""
        return WORD if self._decoder.prefix and not stands_alone(char) else OTHER

    def can_write(self, char: str) -> bool:
        """RETURNS (bool): Whether there are tokens that together write a character."""
        encoded, words = char.encode("utf8"), set(self._words.values())
        reached = {0}
        for end in range(1, len(encoded) + 1):
            if any(encoded[start:end] in words for start in reached):
                reached.add(end)
        return len(encoded) in reached

    def decode(self, tokens: Iterable[int]) -> str:
        """The string that some tokens write, special ones left out.

        tokens (Iterable[int]): The tokens.
        RETURNS (str): What `tokenizer.decode` gives, apart from the spaces of WordPiece.
        """
        written = bytearray()
        context = BEGIN
        for token in tokens:
            if token in self._words:
                written += self.writes(token, context)
                context = self.context_after(written.decode("utf8")[-1]) if self._decoder.prefix else OTHER
        return written.decode("utf8", "replace")

    def surface(self, text: str) -> Surface:
        """The form in which a text can be copied.

        text (str): Any text.
        RETURNS (Surface): What the tokenizer makes of the text, unknown characters included: for all others, decoding
            the tokens of the text gives the same string.
        """
        string, starts, ends = self._normalised(SURROGATE.sub("\ufffd", text))
        pre_tokenizer = self._backend.pre_tokenizer
        if self._decoder.prefix:
            words = (
                pre_tokenizer.pre_tokenize_str(string) if pre_tokenizer is not None else [(string, (0, len(string)))]
            )
            return self._spaced(words, starts, ends)
        if pre_tokenizer is not None and not self._decoder.byte_level:
            pieces = pre_tokenizers.Sequence([pre_tokenizer, EVERY_CHARACTER]).pre_tokenize_str(string)
            string = "".join(char for char, _ in pieces)
            starts, ends = ([boundaries[place] for _, (place, _) in pieces] for boundaries in (starts, ends))
        string = self._decoder.with_spaces(string)
        if self._decoder.strips and string.startswith(" ") and not self._decoder.byte_level:
            return Surface(string[1:], starts[1:], ends[1:])
        return Surface(string, starts, ends)

    def normalize(self, text: str) -> tuple[str, list[int]]:
        """The form in which a text can be copied, as `spacy_mre.pipeline.generative.formats.anchoring.anchor` takes it.

        text (str): Any text.
        RETURNS (tuple[str, list[int]]): The string, and the offset in the text of each of its characters.
        """
        string, starts, _ = self.surface(text)
        return string, starts

    def _normalised(self, text: str) -> tuple[str, list[int], list[int]]:
        normalizer = self._backend.normalizer
        string = text if normalizer is None else normalizer.normalize_str(text)
        if string == text:
            return text, list(range(len(text))), list(range(1, len(text) + 1))
        # A tokenizer of single characters tells where each of them comes from.
        characters = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
        characters.normalizer, characters.pre_tokenizer = normalizer, EVERY_CHARACTER
        starts, ends = map(list, zip(*characters.encode(text).offsets)) if string else ([], [])
        following = [*starts[1:], len(text)]
        for i, (end, after) in enumerate(zip(ends, following)):
            # An accent that was composed with its letter, or stripped from it, belongs to it.
            if end < after and all(unicodedata.category(char) == "Mn" for char in text[end:after]):
                ends[i] = after
        return string, starts, ends

    def _spaced(self, words: Sequence[tuple[str, tuple[int, int]]], starts: list[int], ends: list[int]) -> Surface:
        """Words with spaces where decoding puts them."""
        surface = Surface("", [], [])
        chars: list[str] = []
        for word, (start, end) in words:
            if chars and self.context_after(chars[-1]) == WORD and not stands_alone(word[0]):
                chars.append(" ")
                surface.starts.append(surface.ends[-1])
                surface.ends.append(surface.ends[-1])
            chars += word
            surface.starts.extend(starts[start:end])
            surface.ends.extend(ends[start:end])
        return surface._replace(string="".join(chars))


_tables: "WeakKeyDictionary[PreTrainedTokenizerBase, TokenTable]" = WeakKeyDictionary()


@lru_cache(maxsize=65536)
def stands_alone(char: str) -> bool:
    """RETURNS (bool): Whether WordPiece writes a character without spaces around it: punctuation as BERT defines
    it, ideographs, kana."""
    code = ord(char)
    if code < 128:
        return not char.isalnum()
    return unicodedata.category(char).startswith("P") or any(
        first <= code <= last for first, last in IDEOGRAPHS_AND_KANA
    )


def add_characters(tokenizer: PreTrainedTokenizerBase, characters: Iterable[str]) -> int:
    """Make a tokenizer know more characters, such as `<` for the first T5. Unlike added tokens they are ordinary
    pieces of text, so that nothing changes around them. The model needs `resize_token_embeddings(len(tokenizer))` if
    it has fewer embeddings, and both are to be saved and trained.

    tokenizer (PreTrainedTokenizerBase): The tokenizer, changed in place.
    characters (Iterable[str]): The characters; those that it can write already are left out.
    RETURNS (int): How many were new.
    RAISES (ValueError): A slow tokenizer, or one that is not understood.
    """
    table = TokenTable.of(tokenizer)
    new = [char for char in dict.fromkeys(characters) if not table.can_write(char)]
    if not new:
        return 0
    if not tokenizer.is_fast:
        raise ValueError(
            Errors.M920.format(name=type(tokenizer).__name__, reason="characters can be added only to its fast version")
        )
    settings = json.loads(tokenizer.backend_tokenizer.to_str())
    model, size = settings["model"], len(tokenizer)
    if model["type"] == "Unigram":
        # Pieces are numbered by their positions; added tokens may follow them.
        least = min(score for _, score in model["vocab"])
        model["vocab"] += [
            [tokenizer.convert_ids_to_tokens(token), least] for token in range(len(model["vocab"]), size)
        ]
        model["vocab"] += [[char, least] for char in new]
    else:
        prefix = model.get("continuing_subword_prefix")
        pieces = [piece for char in new for piece in ([char, prefix + char] if prefix else [char])]
        model["vocab"].update({piece: size + i for i, piece in enumerate(pieces)})
    tokenizer._tokenizer = Tokenizer.from_str(json.dumps(settings))
    return len(new)


def _backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """What the `tokenizers` library makes of a tokenizer; for a slow one, of its fast version."""
    if tokenizer.is_fast:
        return tokenizer.backend_tokenizer
    name = type(tokenizer).__name__
    if isinstance(tokenizer, BertJapaneseTokenizer):
        return _japanese_wordpiece(tokenizer)
    if name not in SLOW_TO_FAST_CONVERTERS:
        raise ValueError(Errors.M920.format(name=name, reason="there is no fast version of it"))
    return convert_slow_tokenizer(tokenizer)


def _japanese_wordpiece(tokenizer: BertJapaneseTokenizer) -> Tokenizer:
    """Only what a table needs: words are found by an analyser that has no fast version, but where they end is not
    written anyway."""
    kind = tokenizer.subword_tokenizer_type
    if kind != "wordpiece":
        raise ValueError(
            Errors.M920.format(
                name=type(tokenizer).__name__, reason=f"subword_tokenizer_type is '{kind}', not 'wordpiece'"
            )
        )
    backend = Tokenizer(models.WordPiece(tokenizer.get_vocab(), unk_token=tokenizer.unk_token))
    parts = [normalizers.NFC() if tokenizer.word_tokenizer_type == "basic" else normalizers.NFKC()]
    parts += [normalizers.Lowercase()] * tokenizer.do_lower_case
    backend.normalizer = normalizers.Sequence(parts)
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.WhitespaceSplit(), decoders.WordPiece()
    return backend
