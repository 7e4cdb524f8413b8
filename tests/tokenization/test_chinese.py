import pickle
import re
import sys

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.tokenization import chinese
from spacy_mre.tokenization.chinese import ChineseCharacterTokenizer, make_chinese_tokenizer

pytest.importorskip("jieba")

TEXT = "北京大学的王小明在 Google 研究 GPT4，1998年。"


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("zh")


@pytest.fixture(scope="module")
def tokenizer(nlp):
    return make_chinese_tokenizer()(nlp)


def test_characters_and_runs_of_letters_and_digits_are_tokens(tokenizer):
    words = [token.text for token in tokenizer(TEXT)]
    assert words == [*"北京大学的王小明在", "Google", *"研究", "GPT", "4", "，", "1998", "年", "。"]


@pytest.mark.parametrize("word", ["Dvořák", "Ελλάδα", "Москва"])
def test_letters_with_accents_and_of_other_alphabets_are_not_split(tokenizer, word):
    assert [token.text for token in tokenizer(f"在{word}里")] == ["在", word, "里"]


@pytest.mark.parametrize(
    "text", ["", " ", "  ", "\n", "北京\n\n上海", " 北京 ", "a  b", "😀𠮷野家", "１２３ＡＢＣ", "北\r\n京\t\x00"]
)
def test_text_is_unchanged(tokenizer, text):
    assert tokenizer(text).text == text


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("北京大学在王 \n\tab1．。"), st.characters(exclude_categories=["Cs"])),
        max_size=30,
    )
)
def test_any_text_is_tokenized_and_tagged(tokenizer, text):
    doc = tokenizer(text)
    assert doc.text == text
    for token in doc:
        assert token.text in token.lemma_
        assert len(token) == 1 or re.fullmatch(r"\s+|\d+|[^\W\d_]+", token.text), token.text
    places = "".join(token.tag_[0] for token in doc)
    assert re.fullmatch(r"(S|BI*E)*", places), places


def test_tags_are_position_in_the_word_and_part_of_speech(tokenizer):
    tags = [token.tag_ for token in tokenizer("北京大学在上海")]
    assert tags == ["B-nt", "I-nt", "I-nt", "E-nt", "S-p", "B-ns", "E-ns"]
    assert [token.lemma_ for token in tokenizer("在上海")] == ["在", "上海", "上海"]


def test_words_with_a_boundary_inside_a_token_are_joined(tokenizer):
    doc = tokenizer("ÀA0")  # jieba splits it into À and A0
    assert [(token.text, token.lemma_, token.tag_) for token in doc] == [
        ("ÀA", "ÀA0", "B-unknown"),
        ("0", "ÀA0", "E-unknown"),
    ]


def test_word_that_is_not_in_the_dictionary_is_unknown(tokenizer):
    (token,) = tokenizer("Google")
    assert token.tag_ == "S-unknown"


def test_without_tags_jieba_is_not_needed(nlp, monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    chinese._load_jieba.cache_clear()
    try:
        plain = make_chinese_tokenizer(tags=False)(nlp)
        assert [token.text for token in plain("北京 AB")] == ["北", "京", "AB"]
        assert not plain("北京").has_annotation("TAG")
        with pytest.raises(ImportError, match="M251"):
            make_chinese_tokenizer()(nlp)
    finally:
        chinese._load_jieba.cache_clear()


def test_long_text(tokenizer):
    text = TEXT * 1000
    doc = tokenizer(text)
    assert doc.text == text
    assert [token.tag_ for token in doc[:10]] == [token.tag_ for token in tokenizer(TEXT)[:10]]


@pytest.mark.parametrize("tags", [False, True])
def test_pickling_keeps_the_settings(nlp, tags):
    loaded = pickle.loads(pickle.dumps(make_chinese_tokenizer(tags=tags)(nlp)))
    assert type(loaded) is ChineseCharacterTokenizer and loaded.tags is tags
    assert loaded(TEXT).has_annotation("TAG") is tags


def test_config_and_saving(tmp_path):
    made = spacy.blank("zh", config={"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.ChineseTokenizer.v1"}}})
    made.to_disk(tmp_path)
    for nlp in (made, spacy.load(tmp_path)):
        assert type(nlp.tokenizer) is ChineseCharacterTokenizer
        assert [token.tag_ for token in nlp("上海")] == ["B-ns", "E-ns"]
