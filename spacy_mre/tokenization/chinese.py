"""What is a token in Chinese? A character, or a run of letters or digits. What jieba makes of the words is its lemma and its tag."""

import re
from collections.abc import Callable
from functools import cache
from itertools import accumulate

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, get_words_and_spaces, registry
from spacy.vocab import Vocab

from ..errors import Errors

# Latin (with its accents), Greek and Cyrillic letters, or digits, stay together.
TOKEN = re.compile(r"[A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u0370-\u04FF]+|[0-9]+|\s+|.", re.DOTALL)
UNKNOWN = "unknown"


@registry.tokenizers("spacy_mre.ChineseTokenizer.v1")
def make_chinese_tokenizer(tags: bool = True) -> Callable[[Language], "ChineseCharacterTokenizer"]:
    """Make the tokenizer.

    tags (bool): Say what jieba makes of the words: `token.lemma_` is the word in which the token stands, `token.tag_` where it stands there (B, I, E,
        or S alone) and the word's part of speech, as "B-nr" at the beginning of a person's name, "E-unknown" at the end of a word that jieba's
        dictionary does not have. Needs jieba. Default: True.
    RETURNS (Callable[[Language], ChineseCharacterTokenizer]): Makes the tokenizer of a pipeline.
    RAISES (ImportError): Tags, and jieba is not installed.
    """
    return lambda nlp: ChineseCharacterTokenizer(nlp.vocab, tags)


class ChineseCharacterTokenizer(DummyTokenizer):
    """Characters as tokens, so that hardly any entity begins or ends inside one, and jieba's words beside them."""

    def __init__(self, vocab: Vocab, tags: bool = True) -> None:
        self.vocab = vocab
        self.tags = tags
        if tags:
            _jieba()

    def __reduce__(self):
        return ChineseCharacterTokenizer, (self.vocab, self.tags)

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        text (str): Of any length.
        RETURNS (Doc): With lemmas and tags, where these are wanted.
        """
        words, spaces = get_words_and_spaces(TOKEN.findall(text), text)
        if not self.tags:
            return Doc(self.vocab, words=words, spaces=spaces)
        lemmas, tags = _around(words, spaces, text)
        return Doc(self.vocab, words=words, spaces=spaces, tags=tags, lemmas=lemmas)


def _around(tokens: list[str], spaces: list[bool], text: str) -> tuple[list[str], list[str]]:
    """For each token the word of jieba in which it stands, and its tag. Words of jieba that part inside a token are one word."""
    starts = set(accumulate(map(len, _jieba().cut(text)), initial=0))
    groups: list[list[str]] = []
    begin, is_behind_space = 0, True
    for token, space in zip(tokens, spaces):
        if begin in starts or is_behind_space:
            groups.append([])
        groups[-1].append(token)
        begin, is_behind_space = begin + len(token) + space, space
    known = _parts_of_speech()
    words, tags = [], []
    for group in groups:
        word = "".join(group)
        places = "S" if len(group) == 1 else f"B{'I' * (len(group) - 2)}E"
        words += [word] * len(group)
        tags += [f"{place}-{known.get(word, UNKNOWN)}" for place in places]
    return words, tags


@cache
def _jieba():
    """jieba's segmenter, its dictionary loaded."""
    try:
        import jieba
    except ImportError as error:
        raise ImportError(Errors.M251) from error
    jieba.setLogLevel("ERROR")
    jieba.initialize()
    return jieba


@cache
def _parts_of_speech() -> dict[str, str]:
    """The part of speech of each word of jieba's dictionary, whose lines are: word, frequency, part of speech."""
    with _jieba().get_dict_file() as file:
        rows = (line.decode("utf8").split() for line in file)
        return {word: part for word, _, part in rows}
