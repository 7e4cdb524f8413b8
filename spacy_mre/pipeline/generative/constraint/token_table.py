"""The string of each token of a tokenizer, and the form in which a tokenizer can write a text.

Tokens are bytes in byte-level tokenizers (GPT, LLaMA 3), contain a sign for a space in sentencepiece (T5, LLaMA 2), and
are whole words in WordPiece (BERT), between which decoding inserts spaces. Here the string of a token is a sequence of
bytes that depends only on what is just before it (`BEGIN`, `WORD`, `OTHER`). So a sequence of tokens has one string,
`TokenTable.decode`, and a text has one form in which it can be copied, `TokenTable.surface`.

WordPiece does not store whether there was a space next to a punctuation mark or an ideograph. Our choice: there is
none, neither in decoded strings nor in the form of the text, so `<weather>NER:city;new york` is decoded unchanged.
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

# What is just before a token: nothing; a letter or digit of a script with spaces; anything else.
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
    starts (list[int]): For each character of the string, the start of the characters of the text that it represents.
    ends (list[int]): The end of these characters, exclusive.
    """

    string: str
    starts: list[int]
    ends: list[int]


class TokenTable:
    """The string of each token of a tokenizer. Use `TokenTable.of` to get one.

    tokenizer (PreTrainedTokenizerBase): The tokenizer.
    RAISES (ValueError): If this kind of tokenizer is not supported.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        name = type(tokenizer).__name__
        self._backend = _backend(tokenizer)
        self._decoder = Decoder(self._backend, name)
        added = tokenizer.added_tokens_decoder
        special = {*tokenizer.all_special_ids, *(token for token, content in added.items() if content.special)}
        self.size = len(tokenizer)
        self._words: dict[int, bytes] = {}
        self._continuations = set()
        for string, token in tokenizer.get_vocab().items():
            if token in special:
                continue
            word = (
                self._decoder.with_spaces(string).encode("utf8") if token in added else self._decoder.bytes_of(string)
            )
            if token not in added and self._decoder.prefix and string.startswith(self._decoder.prefix):
                self._continuations.add(token)
                word = word[len(self._decoder.prefix.encode("utf8")) :]
            if word:
                self._words[token] = word
        contexts = [BEGIN] * self._decoder.strips + [WORD] * bool(self._decoder.prefix) + [OTHER]
        self.trie = TokenTrie([{token: self.writes(token, context) for token in self._words} for context in contexts])
        roots = dict(zip(contexts, range(len(contexts))))
        self.roots = [roots.get(context, roots[OTHER]) for context in CONTEXTS]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "TokenTable":
        """The table of a tokenizer, which is made again only if tokens were added.

        tokenizer (PreTrainedTokenizerBase): The tokenizer.
        RETURNS (TokenTable): The table.
        RAISES (ValueError): If this kind of tokenizer is not supported.
        """
        table = _tables.get(tokenizer)
        if table is None or table.size != len(tokenizer):
            table = _tables[tokenizer] = cls(tokenizer)
        return table

    def writes(self, token: int, context: int) -> bytes:
        """The string of a token.

        token (int): The token.
        context (int): BEGIN, WORD or OTHER.
        RETURNS (bytes): UTF-8, in byte-level tokenizers possibly a part of a character; empty for special tokens.
        """
        word = self._words.get(token, b"")
        if context == BEGIN and self._decoder.strips:
            return word.removeprefix(b" ")
        starts_word = self._decoder.prefix and token not in self._continuations
        if word and context == WORD and starts_word and not is_separate(word.decode("utf8")[0]):
            return b" " + word
        return word

    def context_after(self, char: str) -> int:
        """RETURNS (int): The context after a character."""
        return WORD if self._decoder.prefix and not is_separate(char) else OTHER

    def characters_of_words(self) -> set[str]:
        """RETURNS (set[str]): The characters after which the context is `WORD`."""
        if not self._decoder.prefix:
            return set()
        return {char for word in self._words.values() for char in word.decode("utf8") if not is_separate(char)}

    def can_write(self, char: str) -> bool:
        """RETURNS (bool): Whether tokens can write a character."""
        encoded, words = char.encode("utf8"), set(self._words.values())
        reached = {0}
        for end in range(1, len(encoded) + 1):
            if any(encoded[start:end] in words for start in reached):
                reached.add(end)
        return len(encoded) in reached

    def decode(self, tokens: Iterable[int]) -> str:
        """The string of a sequence of tokens, without special tokens.

        tokens (Iterable[int]): The tokens.
        RETURNS (str): The result of `tokenizer.decode`, apart from spaces in WordPiece.
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
        RETURNS (Surface): The string to which the tokens of the text are decoded, with unknown characters left
            unchanged.
        """
        string, starts, ends = self._normalized(SURROGATE.sub("\ufffd", text))
        pre_tokenizer = self._backend.pre_tokenizer
        if self._decoder.prefix:
            words = [(string, (0, len(string)))]
            if pre_tokenizer is not None:
                words = pre_tokenizer.pre_tokenize_str(string)
            return self._with_spaces(words, starts, ends)
        if pre_tokenizer is not None and not self._decoder.byte_level:
            characters = pre_tokenizers.Sequence([pre_tokenizer, EVERY_CHARACTER]).pre_tokenize_str(string)
            string = "".join(char for char, _ in characters)
            starts = [starts[position] for _, (position, _) in characters]
            ends = [ends[position] for _, (position, _) in characters]
        string = self._decoder.with_spaces(string)
        if self._decoder.strips and string.startswith(" ") and not self._decoder.byte_level:
            return Surface(string[1:], starts[1:], ends[1:])
        return Surface(string, starts, ends)

    def normalize(self, text: str) -> tuple[str, list[int]]:
        """The form in which a text can be copied, as an argument of
        `spacy_mre.pipeline.generative.formats.anchoring.anchor`.

        text (str): Any text.
        RETURNS (tuple[str, list[int]]): The string, and for each of its characters the offset in the text.
        """
        string, starts, _ = self.surface(text)
        return string, starts

    def _normalized(self, text: str) -> tuple[str, list[int], list[int]]:
        normalizer = self._backend.normalizer
        string = text if normalizer is None else normalizer.normalize_str(text)
        if string == text:
            return text, list(range(len(text))), list(range(1, len(text) + 1))
        # A tokenizer of single characters returns the offset of each of them.
        characters = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
        characters.normalizer, characters.pre_tokenizer = normalizer, EVERY_CHARACTER
        starts, ends = map(list, zip(*characters.encode(text).offsets)) if string else ([], [])
        following = [*starts[1:], len(text)]
        for i, (end, after) in enumerate(zip(ends, following)):
            # An accent that was merged with its letter, or removed, belongs to the letter.
            if end < after and all(unicodedata.category(char) == "Mn" for char in text[end:after]):
                ends[i] = after
        return string, starts, ends

    def _with_spaces(self, words: Sequence[tuple[str, tuple[int, int]]], starts: list[int], ends: list[int]) -> Surface:
        """Join words, with spaces where decoding inserts them."""
        surface = Surface("", [], [])
        chars: list[str] = []
        for word, (start, end) in words:
            if chars and self.context_after(chars[-1]) == WORD and not is_separate(word[0]):
                chars.append(" ")
                surface.starts.append(surface.ends[-1])
                surface.ends.append(surface.ends[-1])
            chars += word
            surface.starts.extend(starts[start:end])
            surface.ends.extend(ends[start:end])
        return surface._replace(string="".join(chars))


_tables: "WeakKeyDictionary[PreTrainedTokenizerBase, TokenTable]" = WeakKeyDictionary()


@lru_cache(maxsize=65536)
def is_separate(char: str) -> bool:
    """RETURNS (bool): Whether WordPiece writes a character without spaces around it: punctuation as BERT defines
    it, ideographs, kana."""
    code = ord(char)
    if code < 128:
        return not char.isalnum()
    return unicodedata.category(char).startswith("P") or any(
        first <= code <= last for first, last in IDEOGRAPHS_AND_KANA
    )


def add_characters(tokenizer: PreTrainedTokenizerBase, characters: Iterable[str]) -> int:
    """Add characters to the vocabulary of a tokenizer, such as `<` for the first T5. Unlike added tokens, they do not
    change the tokens around them. If the model has fewer embeddings, call `resize_token_embeddings(len(tokenizer))`,
    and train the model.

    tokenizer (PreTrainedTokenizerBase): The tokenizer, changed in place.
    characters (Iterable[str]): The characters. Those that the tokenizer can write are skipped.
    RETURNS (int): The number of new characters.
    RAISES (ValueError): If the tokenizer is slow, or not supported.
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
        # A token is the index of its entry. Added tokens may follow the entries.
        least = min(score for _, score in model["vocab"])
        model["vocab"] += [
            [tokenizer.convert_ids_to_tokens(token), least] for token in range(len(model["vocab"]), size)
        ]
        model["vocab"] += [[char, least] for char in new]
    else:
        prefix = model.get("continuing_subword_prefix")
        entries = [entry for char in new for entry in ([char, prefix + char] if prefix else [char])]
        model["vocab"].update({entry: size + i for i, entry in enumerate(entries)})
    tokenizer._tokenizer = Tokenizer.from_str(json.dumps(settings))
    return len(new)


def _backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """The tokenizer as an object of the `tokenizers` library; for a slow one, its fast version."""
    if tokenizer.is_fast:
        return tokenizer.backend_tokenizer
    name = type(tokenizer).__name__
    if isinstance(tokenizer, BertJapaneseTokenizer):
        return _japanese_wordpiece(tokenizer)
    if name not in SLOW_TO_FAST_CONVERTERS:
        raise ValueError(Errors.M920.format(name=name, reason="there is no fast version of it"))
    return convert_slow_tokenizer(tokenizer)


def _japanese_wordpiece(tokenizer: BertJapaneseTokenizer) -> Tokenizer:
    """The parts that a table needs. The word analyser has no fast version, but tokens do not contain its word
    boundaries."""
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
