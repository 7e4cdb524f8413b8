"""What is a token in Japanese? spaCy's Sudachi tokenizer, for texts of any length."""

import re
from collections.abc import Callable

from spacy.lang.ja import JapaneseTokenizer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab

# Sudachi refuses more than 49,149 bytes; a character of Japanese takes three or four.
MAX_BYTES = 48000
# What the tokenizer sets. With more, spaCy would take each part for a sentence.
ATTRS = ["TAG", "POS", "MORPH", "LEMMA", "NORM"]
SENTENCE_END = re.compile(r"(?<=[。．！？!?\n])")


@registry.tokenizers("spacy_mre.JapaneseTokenizer.v1")
def make_japanese_tokenizer(
    split_mode: str | None = "C", sub_tokens: bool = False
) -> Callable[[Language], "LongJapaneseTokenizer"]:
    """Make the tokenizer.

    split_mode (Optional[str]): Sudachi's mode: "A" short, "B" middle, "C" named-entity-like units (as in ja_ginza). Default: "C".
    sub_tokens (bool): Keep Sudachi's finer splits in `doc.user_data`, which GiNZA's compound splitter reads; they do not survive being saved.
    RETURNS (Callable[[Language], LongJapaneseTokenizer]): Makes the tokenizer of a pipeline.
    """
    return lambda nlp: LongJapaneseTokenizer(nlp.vocab, split_mode, sub_tokens)


class LongJapaneseTokenizer(JapaneseTokenizer):
    """spaCy's Japanese tokenizer that cuts texts beyond Sudachi's limit at the end of a sentence, and joins what it made of the parts."""

    def __init__(self, vocab: Vocab, split_mode: str | None = "C", sub_tokens: bool = False) -> None:
        super().__init__(vocab, split_mode)
        self.need_subtokens = self.need_subtokens and sub_tokens
        self.sub_tokens = sub_tokens

    def __reduce__(self):
        return LongJapaneseTokenizer, (self.vocab, self.split_mode, self.sub_tokens)

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        text (str): Of any length.
        RETURNS (Doc): With tags, lemmas, readings and norms, as spaCy's tokenizer gives them.
        """
        parts = _cut(text)
        if len(parts) == 1:
            return super().__call__(text)
        docs = [JapaneseTokenizer.__call__(self, part) for part in parts]
        sub_tokens = [doc.user_data.pop("sub_tokens", []) for doc in docs]
        whole = Doc.from_docs(docs, ensure_whitespace=False, attrs=ATTRS)
        if self.need_subtokens:
            whole.user_data["sub_tokens"] = [sub for of_part in sub_tokens for sub in of_part]
        return whole


def _cut(text: str) -> list[str]:
    """The text in parts below the limit: whole sentences, as many as fit; a sentence beyond the limit is cut anywhere."""
    if len(text.encode("utf8", "replace")) <= MAX_BYTES:
        return [text]
    longest = MAX_BYTES // 4
    parts: list[str] = []
    for sentence in SENTENCE_END.split(text):
        for start in range(0, len(sentence), longest):
            piece = sentence[start : start + longest]
            if parts and len(parts[-1]) + len(piece) <= longest:
                parts[-1] += piece
            else:
                parts.append(piece)
    return parts
