"""The finite-state description, by itself."""

import pytest

from spacy_mre.pipeline.generative.formats.grammar import Grammar
from spacy_mre.pipeline.generative.formats.oiellm import OIELLMFormat
from spacy_mre.pipeline.generative.formats.parts import Choice, Copy, Either, Literal, Repeat
from spacy_mre.pipeline.generative.formats.task import Task

ITEM = [Literal(":"), Choice(["person", "perfume", "place"]), Literal(";"), Copy()]
GRAMMAR = Grammar.compile(
    [Literal("<"), Choice(["a", "ab"]), Literal(">"), Either([[Repeat(ITEM)], [Literal(":none;")]])]
)
TEXT = "Ada: met Bo/Cy"


@pytest.mark.parametrize(
    "string",
    [
        "<a>:none;",
        "<ab>:person;Ada",
        "<a>:place;Ada\\: met:perfume;Bo\\/Cy",
        "<a>:person;A:place;A:perfume;A",  # once for each label
        "<a>:person;d:person;t:person;A:person;Ad",
        "<a>:person;t B",
    ],
)
def test_accepted(string):
    assert GRAMMAR.accepts(string, TEXT)


@pytest.mark.parametrize(
    "string",
    [
        "",
        "<a>",  # no items
        "<abc>:none;",
        "<a>:none;Ada",
        "<a>:person;",  # nothing copied
        "<a>:person;:none;",
        "<a>:person;Eve",  # not in the text
        "<a>:person;met ",  # white space at an end
        "<a>:person; met",
        "<a>:person;Ada: met",  # not escaped
        "<a>:person;Bo/Cy",
        "<a>:person;A\\da",  # nothing to escape
        "<a>:person;Ada\\",
        "<a>:per;Ada",
        "<a>:person;Ada:none;",
        "<a>:person;Ada>",
        "<a>:person;Ada:person;Ada",  # once in the text
        "<a>:person;A:place;A:person;A",
    ],
)
def test_refused(string):
    assert not GRAMMAR.accepts(string, TEXT)


def test_one_edge_for_each_character():
    state = GRAMMAR.start
    for char in "<a":
        assert set(GRAMMAR.edges(state)) == {char}
        state = GRAMMAR.step(state, char)
    assert set(GRAMMAR.edges(state)) == {">", "b"}
    state = GRAMMAR.step(GRAMMAR.step(state, ">"), ":")
    assert set(GRAMMAR.edges(state)) == {"n", "p"}  # the words share their beginnings
    for char in "per":
        state = GRAMMAR.step(state, char)
    assert set(GRAMMAR.edges(state)) == {"f", "s"}
    for char in "son;":
        state = GRAMMAR.step(state, char)
    assert GRAMMAR.copies(state) and GRAMMAR.accepting(state)
    assert set(GRAMMAR.edges(state)) == {":"}
    assert GRAMMAR.step(state, "<") is None


def test_the_states_are_those_that_the_start_reaches():
    reached, waiting = {GRAMMAR.start}, [GRAMMAR.start]
    while waiting:
        new = set(GRAMMAR.edges(waiting.pop()).values()) - reached
        reached |= new
        waiting += new
    assert reached == set(range(len(GRAMMAR)))
    # Every string can be finished: the shortest one below is reached by following edges alone.
    assert any(GRAMMAR.accepting(state) and not GRAMMAR.copies(state) for state in reached)


def test_a_copy_at_the_start_and_at_the_end():
    relations = Grammar.compile([Copy(), Literal(";"), Choice(["r"]), Literal(";"), Copy()])
    assert relations.copies(relations.start) and not relations.accepting(relations.start)
    assert relations.accepts("Ada;r;Bo", TEXT)
    assert (
        not relations.accepts("", TEXT) and not relations.accepts("Ada", TEXT) and not relations.accepts(";r;Bo", TEXT)
    )
    only = Grammar.compile([Literal("/"), Copy()])
    assert only.accepts("/met", TEXT) and not only.accepts("/", TEXT)


@pytest.mark.parametrize(
    "parts",
    [
        [Either([[Copy()], [Literal("none")]])],  # copy the n, or write it?
        [Copy(), Literal("x")],
        [Copy(), Copy()],
        [Repeat([Copy()])],
        [Literal(":"), Either([[], [Copy()]])],
    ],
)
def test_what_one_character_cannot_decide_is_refused(parts):
    with pytest.raises(ValueError, match="M902"):
        Grammar.compile(parts)


def test_the_same_way_for_two_copies():
    both = Grammar.compile([Either([[Literal(":"), Copy(), Literal(";")], [Literal(":"), Copy(), Literal("/")]])])
    assert both.accepts(":met;", TEXT) and both.accepts(":met/", TEXT) and not both.accepts(":met", TEXT)


@pytest.mark.parametrize("string, accepted", [
    ("/E/:win;won;by;Ida;at;Lima", True),
    ("/E/:win;won;by;Ida:loss;lost;by;Ida", True),  # an argument of two events
    ("/E/:win;won;by;Ida;by;Ida", False),
    ("/E/:win;won;by;Ida:win;won", False),
    ("/E/:win;won:loss;won", True),
    ("/E/:win;lost;by;Ida;by;Tom:win;won;by;Tom;by;Ida", True),
])  # fmt: skip
def test_arguments_are_counted_in_each_event(string, accepted):
    labels, roles = {"win": "win", "loss": "loss"}, {"by": "by", "at": "at"}
    format = OIELLMFormat(Task("events", "en", "events", "E", "E", "none", {}, labels, roles))
    text = "Ida won in Lima; Tom lost"
    format.parse(string)
    assert format.grammar().accepts(string, text) is accepted
