"""The tokenizer for texts of several languages."""

import pickle

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.util import get_words_and_spaces

from spacy_mre.tokenization.characters import TOKEN, CharacterTokenizer, split_characters

CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.CharacterTokenizer.v1"}}}


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx", config=CONFIG)


@pytest.mark.parametrize(
    "text, words",
    [
        ("三浦美咲は京都へ", [*"三浦美咲は京都へ"]),
        ("アンナはGPT4を", ["ア", "ン", "ナ", "は", "GPT", "4", "を"]),
        ("在北京, Dvořák said: don't", ["在", "北", "京", ",", "Dvořák", "said", ":", "don", "'", "t"]),
        ("Москва 1998年", ["Москва", "1998", "年"]),
    ],
)
def test_a_token_is_a_character_or_a_run_of_letters_or_digits(nlp, text, words):
    assert [token.text for token in nlp(text)] == words


TEXTS = st.text(
    st.one_of(st.sampled_from("北京は \n\t\u3000ab1．。"), st.characters(exclude_categories=["Cs"])), max_size=30
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_blanks_are_divided_as_by_spacy(text):
    assert split_characters(text) == get_words_and_spaces(TOKEN.findall(text), text)


def test_a_text_is_not_copied_again_for_each_token():
    class Text(str):
        copied = 0

        def __getitem__(self, key):
            part = super().__getitem__(key)
            Text.copied += len(part)
            return part

    text = Text("北京 and Lima, " * 500)
    tokens, _ = split_characters(text)
    assert len(tokens) == 2500 and Text.copied <= len(text)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_any_text_is_unchanged(text):
    assert CharacterTokenizer(spacy.blank("xx").vocab)(text).text == text


def test_it_is_saved_with_the_pipeline(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert isinstance(loaded.tokenizer, CharacterTokenizer)
    assert [token.text for token in loaded("東京 Lima")] == ["東", "京", "Lima"]
    assert isinstance(pickle.loads(pickle.dumps(nlp.tokenizer)), CharacterTokenizer)
