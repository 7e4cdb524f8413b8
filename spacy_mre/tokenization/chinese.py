"""Chinese tokenizer: a token is one character, or a run of letters or digits. Words come from jieba, as lemmas and
tags.
"""

from collections.abc import Callable
from functools import cache, partial
from itertools import accumulate
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, registry
from spacy.vocab import Vocab

from ..errors import Errors
from ..requirements import JIEBA, record_requirements
from .characters import split_characters

UNKNOWN = "unknown"


@registry.tokenizers("spacy_mre.ChineseTokenizer.v1")
def make_chinese_tokenizer(tags: bool = True) -> Callable[[Language], "ChineseCharacterTokenizer"]:
    """Make a function that creates the tokenizer of a pipeline.

    tags (bool): Set `token.lemma_` to jieba's word that contains the token, and `token.tag_` to the position of the
        token in the word (B, I, E, or S for a word of one token) and the word's part of speech: "B-nr" for the
        beginning of a person's name, "E-unknown" for the end of a word that is not in jieba's dictionary. Needs jieba.
        Default: True.
    RETURNS (Callable[[Language], ChineseCharacterTokenizer]): Creates the tokenizer.
    RAISES (ImportError): If tags are set and jieba is not installed.

    >>> import spacy
    >>> config = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.ChineseTokenizer.v1", "tags": False}}}
    >>> [token.text for token in spacy.blank("zh", config=config)("北京 2024")]
    ['北', '京', '2024']
    """
    return partial(_create, tags=tags)


def _create(nlp: Language, tags: bool) -> "ChineseCharacterTokenizer":
    tokenizer = ChineseCharacterTokenizer(nlp.vocab, tags)
    record_requirements(nlp, tokenizer)
    return tokenizer


class ChineseCharacterTokenizer(DummyTokenizer):
    """Splits a text into characters, so that almost every entity begins and ends at a token boundary.

    vocab (Vocab): The vocabulary of the pipeline.
    tags (bool): Set lemmas and tags, see `make_chinese_tokenizer`.
    """

    def __init__(self, vocab: Vocab, tags: bool = True) -> None:
        self.vocab = vocab
        self.tags = tags
        if tags:
            _load_jieba()

    @property
    def requires(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The packages that it needs."""
        return JIEBA if self.tags else ()

    def __reduce__(self) -> tuple[type["ChineseCharacterTokenizer"], tuple[Vocab, bool]]:
        return ChineseCharacterTokenizer, (self.vocab, self.tags)

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        text (str): A text of any length.
        RETURNS (Doc): The tokens, with lemmas and tags if these are set.
        """
        tokens, spaces = split_characters(text)
        if not self.tags:
            return Doc(self.vocab, words=tokens, spaces=spaces)
        lemmas, tags = _lemmas_and_tags(tokens, spaces, text)
        return Doc(self.vocab, words=tokens, spaces=spaces, tags=tags, lemmas=lemmas)


def _lemmas_and_tags(tokens: list[str], spaces: list[bool], text: str) -> tuple[list[str], list[str]]:
    """The word and the tag of each token. If jieba ends a word inside a token, the words on both sides are joined."""
    word_starts = set(accumulate(map(len, _load_jieba().cut(text)), initial=0))
    words: list[list[str]] = []
    start, is_after_space = 0, True
    for token, space in zip(tokens, spaces):
        if start in word_starts or is_after_space:
            words.append([])
        words[-1].append(token)
        start, is_after_space = start + len(token) + space, space
    parts_of_speech = _parts_of_speech()
    lemmas, tags = [], []
    for word_tokens in words:
        word = "".join(word_tokens)
        positions = "S" if len(word_tokens) == 1 else f"B{'I' * (len(word_tokens) - 2)}E"
        lemmas += [word] * len(word_tokens)
        tags += [f"{position}-{parts_of_speech.get(word, UNKNOWN)}" for position in positions]
    return lemmas, tags


@cache
def _load_jieba() -> Any:
    """Import jieba and load its dictionary."""
    try:
        import jieba
    except ImportError as error:
        raise ImportError(Errors.M251) from error
    jieba.setLogLevel("ERROR")
    jieba.initialize()
    return jieba


@cache
def _parts_of_speech() -> dict[str, str]:
    """The part of speech of each word in jieba's dictionary. Its lines are: word, frequency, part of speech."""
    with _load_jieba().get_dict_file() as file:
        rows = (line.decode("utf8").split() for line in file)
        return {word: part_of_speech for word, _, part_of_speech in rows}
