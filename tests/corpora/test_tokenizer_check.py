import warnings

import pytest
import spacy

from spacy_mre.corpora import Record
from spacy_mre.corpora.tokenizer_check import check_tokenizer

JA, ZH, EN = "木村さんは青葉市に住んでいる。", "王明住在青叶市。", "Ida lives in Lima."


def messages(texts, nlp, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_tokenizer([Record(text) for text in texts], nlp, **options)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("lang", ["en", "xx", "de"])
@pytest.mark.parametrize("text, remedy", [(JA, "--lang ja"), (ZH, "--lang zh")])
def test_texts_without_blanks_need_another_tokenizer(lang, text, remedy):
    (message,) = messages([text, EN, text], spacy.blank(lang))
    assert message.startswith("[W210] 2 of 3 texts are ")
    assert f"'{lang}'" in message and remedy in message


@pytest.mark.parametrize(
    "lang, texts",
    [
        ("ja", [JA, EN, JA]),
        ("ja", [EN]),
        ("zh", [ZH, EN]),
        ("zh", [JA]),
        ("en", [EN, "The word こころ means heart."]),
        ("en", [EN] * 20 + [JA]),
        ("en", []),
        ("en", ["", "42"]),
    ],
)
def test_texts_that_suit_the_tokenizer(lang, texts):
    assert not messages(texts, spacy.blank(lang))


def test_chinese_is_not_for_the_japanese_tokenizer():
    (message,) = messages([ZH], spacy.blank("ja"))
    assert "1 of 1 texts are Chinese" in message and "--lang zh" in message


def test_tokens_of_the_source_need_no_tokenizer():
    nlp = spacy.blank("en")
    record = Record("雨だ", tokens=[(0, 1), (1, 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_tokenizer([record], nlp)
        check_tokenizer([record], nlp, tokens="source")
    with pytest.warns(UserWarning, match="W210"):
        check_tokenizer([record], nlp, tokens="tokenizer")
