"""The tokens that our constraint allows are those that llguidance allows with the exported grammar, with one exception:
where only one string can follow, llguidance takes the tokens that the tokenizer writes it with, ours any.
"""

import numpy
import pytest

from spacy_mre.pipeline.generative.constraint.processors import Constraint
from spacy_mre.pipeline.generative.constraint.token_table import TokenTable
from spacy_mre.pipeline.generative.formats import Analysis, EntityText, OIELLMFormat, RelationText, SLGFormat, Task
from spacy_mre.pipeline.generative.tokenizer import train_tokenizer

llguidance = pytest.importorskip("llguidance")
hf = pytest.importorskip("llguidance.hf")

TEXTS = ["play AC/DC by Ida in Lima: Lima", "大阪の大学と「AC/DC」\u3000の:人", "the  same; the  same 😀"]
ENTITIES = Task.of_labels("SCNM", "ja", ["旅行", "音楽"], ["人名", "place", "place of birth"])
RELATIONS = Task.of_labels("TCREE:RE", "en", ["travel"], ["located in", "kin of"])


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def tokenizer(request):
    """With tokens for parts of characters, and with tokens across a delimiter and the text around it."""
    formats = [SLGFormat(ENTITIES), OIELLMFormat(RELATIONS)]
    strings = [*TEXTS, *(format.source(text) for format in formats for text in TEXTS)] * 3
    return train_tokenizer(strings, request.param, vocab_size=420)


def boundaries_of(text):
    """Between words, and between a word and a sign."""
    return {i for i in range(len(text) + 1) if not text[max(i - 1, 0) : i + 1].isalnum() or i in (0, len(text))}


def allowed_by_llguidance(matcher, size):
    bits = numpy.frombuffer(matcher.compute_bitmask(), dtype=numpy.uint8)
    return set(numpy.flatnonzero(numpy.unpackbits(bits, bitorder="little")[:size]).tolist())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("by_words", [False, True])
@pytest.mark.parametrize("format", [SLGFormat(ENTITIES), OIELLMFormat(RELATIONS)], ids=["slg", "oiellm"])
def test_the_same_tokens(tokenizer, format, text, by_words):
    size, end = len(tokenizer), tokenizer.eos_token_id
    allowed = boundaries_of(text) if by_words else None
    constraint = Constraint(format.grammar(), TokenTable.of(tokenizer), end)
    automata = constraint.begin([text], 4096, [allowed] if by_words else None)
    grammar = llguidance.LLMatcher.grammar_from_lark(format.to_lark(text, allowed))
    matcher = llguidance.LLMatcher(hf.from_tokenizer(tokenizer, n_vocab=size, eos_token=end), grammar)
    label, *others = format.task.labels
    word = text.split()[0]
    if format.task.word_level == "relations":
        items = (RelationText(word, label, text), RelationText(text, others[-1], word))
    else:
        items = (EntityText(label, word), EntityText(others[-1], text), EntityText(others[0], word))
    string = format.target(Analysis(next(iter(format.task.classes)), items))
    assert format.grammar().accepts(string, text)
    tokens = [*tokenizer(string, add_special_tokens=False)["input_ids"], end]
    state = automata.start(0)
    forced = free = 0
    for written, token in enumerate(tokens):
        ours = set(automata.allowed(state, written).tolist())
        theirs = allowed_by_llguidance(matcher, size)
        assert token in theirs and theirs <= ours
        if matcher.compute_ff_bytes():
            forced += 1
        else:
            free += 1
            assert ours == theirs, (string, tokenizer.decode(tokens[:written]), ours ^ theirs)
        state = automata.step(state, token)
        assert matcher.consume_token(token)
    assert matcher.is_stopped() and free > 10 and forced > 3
