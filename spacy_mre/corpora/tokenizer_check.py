"""Warning of a tokenizer that does not suit the script of the texts."""

import warnings
from collections.abc import Sequence

from spacy.language import Language
from spacy.tokenizer import Tokenizer

from ..annotations.scripts import language_of
from ..errors import Warnings
from .record import Record
from .spool import Spool
from .to_docs import TokenPolicy

LANGUAGES = {"ja": "Japanese", "zh": "Chinese"}
# Of the texts. Fewer are quotations in a corpus of another language.
MIN_SHARE = 0.1


def check_tokenizer(records: Sequence[Record] | Spool, nlp: Language, *, tokens: TokenPolicy = "fitted") -> None:
    """Warn if Japanese or Chinese texts are split by a tokenizer that cannot find their words: spaCy's general one,
    which needs blanks, or the Japanese one for Chinese. The Chinese one splits Japanese into characters, which is fine.

    records (Sequence[Record] | Spool): The records.
    nlp (Language): The pipeline with the tokenizer.
    tokens (TokenPolicy): As for `make_docs`. Texts whose tokens come from the source are not checked.
    """
    is_general = isinstance(nlp.tokenizer, Tokenizer)  # those of Japanese, Chinese, Korean and Thai are not
    if not is_general and nlp.lang != "ja":
        return
    total = sum(_is_tokenized(record, tokens) for record in records)
    lang, count = language_of(record.text for record in records if _is_tokenized(record, tokens))
    if count and count >= MIN_SHARE * total and (is_general or lang == "zh"):
        language = LANGUAGES[lang]
        warnings.warn(
            Warnings.W210.format(count=count, total=total, language=language, lang=lang, used=nlp.lang),
            stacklevel=2,
        )


def _is_tokenized(record: Record, tokens: TokenPolicy) -> bool:
    return record.tokens is None or tokens == "tokenizer"
