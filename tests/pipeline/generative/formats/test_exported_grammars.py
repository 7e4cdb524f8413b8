"""Exported grammars have exactly the strings of the grammar. The Lark dialect is read by llguidance, GBNF by a small
interpreter and by llguidance."""

import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.generative.formats import (
    Analysis,
    ArgumentText,
    EntityText,
    EventText,
    OIELLMFormat,
    RelationText,
    SLGFormat,
    Task,
)
from spacy_mre.pipeline.generative.formats.copies import CopyAutomaton, copy_chunks
from spacy_mre.pipeline.generative.formats.escaping import escape
from spacy_mre.pipeline.generative.formats.export_gbnf import to_gbnf
from spacy_mre.pipeline.generative.formats.export_lark import to_lark
from spacy_mre.pipeline.generative.formats.grammar import Grammar
from spacy_mre.pipeline.generative.formats.parts import Choice, Copy, Either, Literal, Repeat
from tests.pipeline.generative.formats.gbnf_reader import GbnfReader

llguidance = pytest.importorskip("llguidance")
# The converter of llguidance writes these wrong, and so the characters that no free word has.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
BYTES = llguidance.LLTokenizer("byte")

ENTITIES = Task.of_labels("SCNM", "ja", ["旅行", "音楽"], ["人名", "場所", "a:b/c"])
ONLY_ENTITIES = Task.of_labels("SCNM", "en", [], ["person", "perfume"])
ONLY_CLASSES = Task.of_labels("SCNM", "en", ["travel", "tra\\vel"])
RELATIONS = Task.of_labels("TCREE:RE", "en", ["travel"], ["located in", "kin of"])
EVENTS = Task.of_labels("TCREE:EE", "en", [], ["win", "loss"], ["by", "at"])
OPEN = Task.of_labels("TCONER", "en", ["travel"], ["ship", "naval base"])
FORMATS = [
    *(SLGFormat(task) for task in (ENTITIES, ONLY_CLASSES, RELATIONS)),
    *(OIELLMFormat(task) for task in (ENTITIES, ONLY_ENTITIES, RELATIONS, EVENTS, OPEN)),
]
TEXTS = [
    "Ada: met Bo/Cy",
    "  the same, the same;  the  same\t\n",
    "大阪と大阪の大学、「AC/DC」\u3000の\\n",
    'quote " and \\ and # and // and ::= and | < >',
    "\x00\x01\x7f\x85\u2028\ud800\ufeff\U0001f600 é e\u0301",
    "aaaaaaaaaaaaaaaa",
    "x",
]


def reader_of(lark: str, form: str = "lark"):
    grammar = llguidance.grammar_from(form, lark)
    problems = llguidance.LLMatcher.validate_grammar(grammar, BYTES)
    assert not problems, problems

    matcher = llguidance.LLMatcher(BYTES, grammar, log_level=0)

    def accepts(string: str) -> bool:
        matcher.reset()
        tokens = list(string.encode())
        return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()

    return accepts


def draw_analysis(task: Task, text: str, draw) -> Analysis:
    def copy() -> str:
        start = draw(st.integers(0, max(len(text) - 1, 0)))
        return text[start : start + draw(st.integers(1, 12))].strip() or "x"

    items = []
    for _ in range(draw(st.integers(0, 3)) if task.labels else 0):
        label = draw(st.sampled_from(sorted(task.labels)))
        items.append(item_of(task, label, copy))
    return Analysis(draw(st.sampled_from(sorted(task.classes))) if task.classes else None, tuple(items))


def item_of(task: Task, label: str, copy):
    if task.word_level == "relations":
        return RelationText(copy(), label, copy())
    if task.word_level == "events":
        return EventText(label, copy(), tuple(ArgumentText(role, copy()) for role in task.roles))
    return EntityText(label, copy())


def mutated(string: str, text: str, draw) -> str:
    """A string with a few characters changed."""
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(string)))
        removed = draw(st.integers(0, 2))
        added = draw(st.sampled_from(["", *":;<>/\\ \n", *sorted(set(text))]))
        string = string[:place] + added + string[place + removed :]
    return string


def encodable(string: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in string)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.data())
def test_the_same_strings(data):
    format = data.draw(st.sampled_from(FORMATS))
    text = data.draw(
        st.one_of(st.sampled_from(TEXTS), st.text(alphabet='ab:;/\\ \n<あ"', max_size=14), st.text(max_size=9))
    )
    grammar = format.grammar()
    lark, gbnf = reader_of(format.to_lark(text)), GbnfReader(format.to_gbnf(text))
    converted = None if CONTROL.search(text) or format.task.open_labels else reader_of(format.to_gbnf(text), "gbnf")
    for _ in range(6):
        string = mutated(format.target(draw_analysis(format.task, text, data.draw)), text, data.draw)
        if not encodable(string):
            continue
        expected = grammar.accepts(string, text, counted=False)
        assert lark(string) == expected, string
        assert gbnf.accepts(string) == expected, string
        assert converted is None or converted(string) == expected, string


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_the_same_strings_between_boundaries(data):
    format = data.draw(st.sampled_from(FORMATS))
    text = data.draw(st.one_of(st.sampled_from(TEXTS), st.text(alphabet="ab:/\\ \n", max_size=14)))
    boundaries = data.draw(st.sets(st.integers(0, len(text)), min_size=min(2, len(text))))
    assert_the_same_between(format, text, boundaries, data.draw)


def assert_the_same_between(format, text, boundaries, draw):
    grammar = format.grammar()
    copies = {text[start:end] for start in boundaries for end in boundaries}
    try:
        lark = reader_of(format.to_lark(text, boundaries))
    except ValueError as error:
        assert "M960" in str(error) and not any(copy.strip() for copy in copies)
        return
    gbnf = GbnfReader(format.to_gbnf(text, boundaries))
    for _ in range(6):
        analysis = draw_analysis(format.task, text, draw)
        string = mutated(format.target(analysis), text, draw)
        if encodable(string):
            expected = grammar.accepts(string, text, boundaries, counted=False)
            assert lark(string) == gbnf.accepts(string) == expected, string


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: f"{format.name}-{format.task.name}")
@pytest.mark.parametrize("text", TEXTS)
def test_gold_strings_are_accepted(format, text):
    clean = text.replace("\ud800", "\ufffd").strip()
    items = [item_of(format.task, label, lambda: clean) for label in format.task.labels]
    label = next(iter(format.task.classes), None)
    lark, gbnf = reader_of(format.to_lark(text)), GbnfReader(format.to_gbnf(text))
    for analysis in (Analysis(label, tuple(items)), Analysis(label, ())):
        string = format.target(analysis)
        assert lark(string) and gbnf.accepts(string)
        assert not lark(f"{string}:") and not gbnf.accepts(f"{string}:")


def test_a_word_inside_of_another_is_not_copied_between_boundaries():
    format = OIELLMFormat(ONLY_ENTITIES)
    text, boundaries = "Anna saw Ann", {0, 4, 5, 8, 9, 12}
    for accepts in (
        reader_of(format.to_lark(text, boundaries)),
        GbnfReader(format.to_gbnf(text, boundaries)).accepts,
    ):
        assert accepts("/NER/:Person;Ann") and accepts("/NER/:Person;Anna saw") and accepts("/NER/:None;")
        assert not accepts("/NER/:Person;Anna s") and not accepts("/NER/:Person;nn")


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_to_copy(text):
    format = OIELLMFormat(ONLY_ENTITIES)
    for accepts in (reader_of(format.to_lark(text)), GbnfReader(format.to_gbnf(text)).accepts):
        assert accepts("/NER/:None;") and not accepts("/NER/:Person;") and not accepts("/NER/:Person; ")
    copies_always = Grammar.compile([Literal(":"), Choice(["a", "b"]), Literal(";"), Copy()])
    for export in (to_lark, to_gbnf):
        with pytest.raises(ValueError, match="M960"):
            export(copies_always, text)


def test_grammars_of_other_shapes():
    """Two copies that are left by different delimiters, and repetition without a copy."""
    both = Grammar.compile([Either([[Literal(":"), Copy(), Literal(";")], [Literal(":"), Copy(), Literal("/")]])])
    repeated = Grammar.compile([Repeat([Literal("<"), Choice(["a", "ab"]), Literal(">")])])
    for grammar, right, wrong in (
        (both, [":met;", ":m/"], [":met", ":met:", ":;", "met;"]),
        (repeated, ["<a>", "<ab><a><ab>"], ["", "<a", "<b>", "<a><"]),
    ):
        for accepts in (reader_of(to_lark(grammar, "met")), GbnfReader(to_gbnf(grammar, "met")).accepts):
            assert all(map(accepts, right)) and not any(map(accepts, wrong))


def words_of(automaton: CopyAutomaton) -> set[str]:
    words, waiting = set(), [(0, "")]
    while waiting:
        state, word = waiting.pop()
        words |= {word} if automaton.accepting[state] else set()
        waiting += [(after, word + chunk) for chunk, after in automaton.edges[state].items()]
    return words


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(alphabet="ab: ", max_size=12))
def test_the_copies_of_a_text(text):
    chunks = copy_chunks(text)
    automaton = CopyAutomaton(chunks)
    parts = {text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)}
    assert words_of(automaton) == {escape(part) for part in parts if part == part.strip()}
    assert len(list(automaton.reached())) <= max(2 * len(chunks), 1)


def test_the_size_is_linear_in_the_text():
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefghij", k=5)) for _ in range(300)]
    format = OIELLMFormat(ONLY_ENTITIES)
    sizes = []
    for count in (250, 500, 1000):
        text = " ".join(generator.choices(words, k=count))
        sizes.append((len(text), len(format.to_lark(text)), len(format.to_gbnf(text))))
    for (short, lark, gbnf), (long, more_lark, more_gbnf) in pairwise(sizes):
        assert more_lark / lark < 1.1 * long / short and more_gbnf / gbnf < 1.1 * long / short
    length, lark, gbnf = sizes[-1]
    assert lark < 5 * length and gbnf < 60 * length
    whole = f"/NER/:Person;{escape(text)}"
    assert reader_of(format.to_lark(text))(whole) and GbnfReader(format.to_gbnf(text)).accepts(whole)
