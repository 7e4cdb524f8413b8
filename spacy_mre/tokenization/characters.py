"""The tokenizer for texts of several languages: a token is one character of a script without blanks, or a run of
letters or digits.
"""

import re
from collections.abc import Callable

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import DummyTokenizer, registry
from spacy.vocab import Vocab

# Latin (with accents), Greek and Cyrillic letters are not split, nor are digits.
TOKEN = re.compile(r"[A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u0370-\u04FF]+|[0-9]+|\s+|.", re.DOTALL)


@registry.tokenizers("spacy_mre.CharacterTokenizer.v1")
def make_character_tokenizer() -> Callable[[Language], "CharacterTokenizer"]:
    """Make a function that creates the tokenizer of a pipeline for several languages.

    RETURNS (Callable[[Language], CharacterTokenizer]): Creates the tokenizer.

    >>> import spacy
    >>> config = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.CharacterTokenizer.v1"}}}
    >>> [token.text for token in spacy.blank("xx", config=config)("東京 and 北京, 2024")]
    ['東', '京', 'and', '北', '京', ',', '2024']
    """
    return _create


def _create(nlp: Language) -> "CharacterTokenizer":
    return CharacterTokenizer(nlp.vocab)


class CharacterTokenizer(DummyTokenizer):
    """Splits a text so that almost every entity of any language begins and ends at a token boundary.

    vocab (Vocab): The vocabulary of the pipeline.
    """

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __reduce__(self) -> tuple[type["CharacterTokenizer"], tuple[Vocab]]:
        return CharacterTokenizer, (self.vocab,)

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        text (str): A text of any length.
        RETURNS (Doc): The tokens.
        """
        tokens, spaces = split_characters(text)
        return Doc(self.vocab, words=tokens, spaces=spaces)


def split_characters(text: str) -> tuple[list[str], list[bool]]:
    """Split a text into characters and runs of letters or digits.

    text (str): The text.
    RETURNS (tuple[list[str], list[bool]]): The tokens, and whether a blank follows each.
    """
    # Not spaCy's get_words_and_spaces, which copies the rest of the text for each token.
    tokens: list[str] = []
    spaces: list[bool] = []
    for token in TOKEN.findall(text):
        if token.startswith(" ") and tokens:
            spaces[-1] = True
            token = token[1:]
        if token:
            tokens.append(token)
            spaces.append(False)
    return tokens, spaces
