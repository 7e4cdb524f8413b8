"""Sentences from components, and by the rule of spaCy's sentencizer; opening brackets begin the next one."""

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_mre.annotations.sentences import sentence_numbers

BLANK = {lang: spacy.blank(lang) for lang in ("en", "zh", "xx")}
TOKENS = st.sampled_from(["a", "1", ".", "?", "。", "！", "」", '"', ",", "\n", " "])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(TOKENS, max_size=12), st.sampled_from(["en", "zh"]))
def test_the_rule_is_that_of_the_sentencizer(words, lang):
    doc = Doc(BLANK[lang].vocab, words=words)
    (starts,) = BLANK["xx"].create_pipe("sentencizer").predict([doc])
    expected = numpy.cumsum([0, *starts[1:]]) if words else []
    assert sentence_numbers(doc).tolist() == list(expected)


@pytest.mark.parametrize(("lang", "text", "sentences"), [
    ("en", 'He said "Stop." Dr. Lee left!? Yes', ['He said "Stop."', "Dr. Lee left!?", "Yes"]),
    ("ja", "「行きます。」東京です！？はい", ["「行きます。」", "東京です！？", "はい"]),
    ("ja", "雨です。「行きます。」（東京で。）", ["雨です。", "「行きます。」", "（東京で。）"]),
    ("en", "It rained. (Ida sang.) “Tom left.” Yes", ["It rained.", "(Ida sang.)", "“Tom left.”", "Yes"]),
    ("zh", "他走了。《青叶》很好。", ["他走了。", "《青叶》很好。"]),
    ("zh", "他走了。她说：“好！”然后", ["他走了。", "她说：“好！”", "然后"]),
])  # fmt: skip
def test_sentences_of_texts(lang, text, sentences):
    doc = spacy.blank(lang)(text)
    numbers = sentence_numbers(doc)
    words = [[token.text_with_ws for token in doc if numbers[token.i] == i] for i in range(numbers[-1] + 1)]
    assert ["".join(part).strip() for part in words] == sentences


def test_sentences_of_a_component_come_first():
    doc = Doc(spacy.blank("en").vocab, words=["a", ".", "b", "c"], sent_starts=[True, False, False, True])
    assert sentence_numbers(doc).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("sent_starts", [None, [True, False, False, True]])
def test_sentences_of_a_hook_come_before_all(sent_starts):
    """As in `doc.sents`."""
    doc = Doc(spacy.blank("en").vocab, words=["a", ".", "b", "c"], sent_starts=sent_starts)
    doc.user_hooks["sents"] = lambda doc: (doc[0:1], doc[1:3], doc[3:4])
    assert sentence_numbers(doc).tolist() == [0, 1, 1, 2]
    doc.user_hooks["sents"] = lambda doc: iter(())
    assert sentence_numbers(doc).tolist() == [0, 0, 0, 0]
