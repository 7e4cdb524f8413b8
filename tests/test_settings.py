"""Settings have ranges and choices, in a config and in Python."""

import inspect
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy
import pytest
import spacy
import srsly
from annotated_types import Interval
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import Config

from spacy_mre.pipeline.multi_ner.component import MultiNER
from spacy_mre.pipeline.spert_mt.component import SpertMT
from spacy_mre.pipeline.textcat.component import MRETextCat
from spacy_mre.settings import (
    NotNegative,
    NotNegativeFloat,
    Positive,
    Probability,
    Rate,
    check_setting,
    check_storable,
    checked,
)

OUT_OF_RANGE = [
    ("spert_mt", "entity_threshold", 1.5),
    ("spert_mt", "entity_threshold", -0.1),
    ("spert_mt", "relation_threshold", 7.0),
    ("spert_mt", "max_distance", -1),
    ("spert_mt", "pairs_per_token", 0),
    ("spert_mt", "negatives", -2),
    ("spert_mt", "seed", -1),
    ("mre_textcat", "threshold", 2.0),
    ("mre_textcat", "loss_weight", -1.0),
    ("multi_ner", "boundary_threshold", 1.01),
    ("multi_ner", "span_threshold", -1.0),
    ("multi_ner", "ends_per_start", 0),
    ("slg", "num_beams", 0),
    ("slg", "batch_tokens", 0),
    ("slg", "max_new_tokens", 0),
]
# Accepted by spaCy's check of a config, or not checked there because they are set in Python.
OF_ANOTHER_TYPE = [
    ("spert_mt", "entity_threshold", "0.5"),
    ("spert_mt", "max_distance", 2.5),
    ("spert_mt", "pairs_per_token", "5"),
    ("spert_mt", "set_ents", "yes"),
    ("spert_mt", "symmetric", "friend"),
    ("mre_textcat", "threshold", None),
    ("mre_textcat", "multi_label", 1),
    ("multi_ner", "questions", ["person", "Find people."]),
    ("multi_ner", "init_from", True),
    ("slg", "tasks", "SCNM"),
    ("oiellm", "num_beams", 2.0),
]
OF_NUMPY = [
    ("spert_mt", "entity_threshold", numpy.float32(0.25), 0.25),
    ("spert_mt", "relation_threshold", numpy.float64(0.25), 0.25),
    ("spert_mt", "seed", numpy.int64(3), 3),
    ("spert_mt", "symmetric", [numpy.str_("friend")], ["friend"]),
    ("spert_mt", "constraints", {numpy.str_("at"): [[numpy.str_("a"), "b"]]}, {"at": [["a", "b"]]}),
    ("mre_textcat", "multi_label", numpy.bool_(True), True),
    ("multi_ner", "boundary_threshold", numpy.float16(0.5), 0.5),
    ("slg", "num_beams", numpy.int32(2), 2),
]


@pytest.mark.parametrize(("annotation", "allowed", "refused"), [
    (Probability, [0, 0.0, 0.5, 1, numpy.float32(0.5)], [-1e-9, 1.0001, math.nan, "0.5", True, None, numpy.float32(2)]),
    (Probability | None, [None, 0.5], [2, -1, "0.5", "", [0.5]]),
    (Rate, [0, 0.99], [1, 1.0, -0.1]),
    (Positive, [1, 10**9, numpy.int64(3)], [0, -1, 2.5, 2.0, "2", numpy.int64(0), numpy.array([1, 2]), True]),
    (NotNegativeFloat, [0, 10**400], [math.inf, -math.inf, math.nan]),
    (NotNegative | Literal["learned"], ["learned", 0, 3], [-1, "learnt", "3", 0.5, None, numpy.array(["learned"])]),
    (Literal["a", "b"] | None, ["a", None], ["c", "", 1, ["a"]]),
    (Annotated[int, Interval(ge=-1)], [-1, 0], [-2]),
    (bool, [True, False, numpy.bool_(True)], ["yes", 1, 0, None]),
    (str, ["anything", numpy.str_("anything")], [1, None, b"a", ["a"]]),
    (list[str], [[], ["a"], ("a", "b")], ["a", [1], {"a"}, {"a": 1}, None]),
    (Sequence[str], [["a"]], ["a", [None]]),
    (str | dict[str, str], ["a", {"a": "b"}], [{"a": 1}, {1: "a"}, 5]),
    (dict[str, list[list[str]]] | list[list[Any]], [{"a": [["b", "c"]]}, [["a", 1]]], [{"a": ["b"]}, 5, None]),
    (Path | None, [Path("a"), "anything that is not in a config file"], []),
])  # fmt: skip
def test_ranges_and_choices(annotation, allowed, refused):
    for value in allowed:
        check_setting("x", value, annotation)
    for value in refused:
        with pytest.raises(ValueError, match=r"(?s)\[M00[12]\] Invalid value .* for 'x'\. Expected "):
            check_setting("x", value, annotation)


@pytest.mark.parametrize(("annotation", "value", "expected"), [
    (Probability | None, 1.5, "1.5 for 'x'. Expected a number from 0 to 1."),
    (Probability | None, "0.5", "'0.5' for 'x'. Expected a number from 0 to 1."),
    (Rate, 1, "1 for 'x'. Expected a number from 0 to less than 1."),
    (Positive, 2.5, "2.5 for 'x'. Expected a whole number of 1 or more."),
    (Literal["learned"] | NotNegative | None, 0.5, "0.5 for 'x'. Expected 'learned' or a whole number of 0 or more."),
    (str | dict[str, str] | list[list[str]], 5, "5 for 'x'. Expected a string or a table or a list."),
    (bool, "yes", "'yes' for 'x'. Expected True or False."),
])  # fmt: skip
def test_the_message_states_what_is_allowed(annotation, value, expected):
    with pytest.raises(ValueError) as caught:
        check_setting("x", value, annotation)
    assert str(caught.value) == f"[M002] Invalid value {expected}"


def test_a_checked_function_keeps_its_signature_and_checks_its_arguments():
    def area(width: Positive, height: Positive = 2) -> int:
        return width * height

    assert inspect.signature(checked(area)) == inspect.signature(area)
    assert checked(area)(3) == 6
    with pytest.raises(
        ValueError, match=r"\[M002\] Invalid value 0 for 'height'\. Expected a whole number of 1 or more"
    ):
        checked(area)(3, height=0)


@pytest.mark.parametrize(("factory", "setting", "value"), OUT_OF_RANGE)
def test_values_out_of_range_in_a_config_are_m002(factory, setting, value):
    with pytest.raises(ValueError, match=rf"\[M002\] .*'{setting}'"):
        spacy.blank("en").add_pipe(factory, config={setting: value})


@pytest.mark.parametrize(("factory", "setting", "value"), OUT_OF_RANGE)
def test_values_out_of_range_set_in_python_are_m002_and_change_nothing(factory, setting, value):
    pipe = spacy.blank("en").add_pipe(factory)
    before = getattr(pipe, setting)
    with pytest.raises(ValueError, match=rf"\[M002\] .*'{setting}'"):
        setattr(pipe, setting, value)
    assert getattr(pipe, setting) == before


@pytest.mark.parametrize(("factory", "setting", "value"), OF_ANOTHER_TYPE)
def test_values_of_another_type_are_refused_at_once(factory, setting, value):
    """A threshold that is a string was an error of the first evaluation."""
    with pytest.raises(ValueError, match=setting):
        spacy.blank("en").add_pipe(factory, config={setting: value})
    pipe = spacy.blank("en").add_pipe(factory)
    before = getattr(pipe, setting)
    with pytest.raises(ValueError, match=rf"\[M00[25]\] .*'{setting}'"):
        setattr(pipe, setting, value)
    assert getattr(pipe, setting) == before


@pytest.mark.parametrize(("factory", "setting", "value", "plain"), OF_NUMPY)
def test_values_of_numpy_are_stored_as_those_of_python(factory, setting, value, plain, tmp_path):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(factory)
    setattr(pipe, setting, value)
    nlp.config.to_disk(tmp_path / "config.cfg")
    read = Config().from_disk(tmp_path / "config.cfg")["components"][factory][setting]
    for stored in (getattr(pipe, setting), nlp.get_pipe_config(factory)[setting], read):
        assert stored == plain and type(stored) is type(plain)
    assert srsly.json_loads(srsly.json_dumps(getattr(pipe, setting))) == plain


@pytest.mark.parametrize(("factory", "setting", "value", "plain"), [row for row in OF_NUMPY if row[1] != "symmetric"])
def test_ranges_hold_for_values_of_numpy_in_a_config(factory, setting, value, plain):
    """spaCy refuses those that JSON does not know (E961); a float64 and a str_ are Python's own too."""
    nlp = spacy.blank("en")
    try:
        pipe = nlp.add_pipe(factory, config={setting: value})
    except ValueError as error:
        assert "E961" in str(error)
    else:
        assert getattr(pipe, setting) == plain and type(getattr(pipe, setting)) is type(plain)
        assert srsly.is_json_serializable(nlp.config)


def test_an_architecture_gets_values_of_python():
    @checked
    def size_of(width: Positive, scale: NotNegativeFloat = 1.0) -> tuple:
        return width, scale

    assert list(map(type, size_of(numpy.int64(3), scale=numpy.float32(0.5)))) == [int, float]


@pytest.mark.parametrize(("setting", "value", "code"), [
    ("seed", 2**70, "M006"),
    ("spans_key", "\ud800", "M006"),
    ("constraints", [["at", {"a"}]], "M006"),
    ("spans_key", "${mine}", "M004"),
    ("spans_key", "in$", "M004"),
    ("symmetric", ["$"], "M004"),
])  # fmt: skip
def test_values_that_a_config_file_would_lose_are_refused(setting, value, code):
    with pytest.raises(ValueError, match=rf"\[{code}\] .*'{setting}'"):
        setattr(spacy.blank("en").add_pipe("spert_mt"), setting, value)


@pytest.mark.parametrize(("factory", "setting", "value"), [
    ("spert_mt", "max_width", 0),
    ("spert_mt", "dropout", 1.0),
    ("mre_textcat", "hidden_size", -1),
    ("mre_textcat", "dropout", -0.5),
    ("multi_ner", "hidden_size", 0),
])  # fmt: skip
def test_settings_of_models_have_ranges(factory, setting, value):
    with pytest.raises(ValueError, match=rf"\[M002\] .*'{setting}'"):
        spacy.blank("en").add_pipe(factory, config={"model": {setting: value}})


@pytest.mark.parametrize("component", [SpertMT, MRETextCat, MultiNER])
def test_every_number_among_the_settings_has_a_range(component):
    for name, annotation in component._settings().items():
        assert annotation not in (int, float), name


LABELS = st.text(st.sampled_from("ab:=#;[]. \t\n\u3000\u2028%@*{}\\\"'/日"), max_size=4)


@given(label=LABELS, types=st.lists(st.lists(LABELS, min_size=2, max_size=2), max_size=2))
def test_tables_and_lists_survive_a_config_file_or_are_refused(label, types):
    """A table with such labels made the pipeline unloadable, or was silently lost."""
    for value in ({"fine": types, label: types}, [["fine", types], [label, types]]):
        config = Config({"components": {"spert_mt": {"constraints": value, "seed": 0}}})
        try:
            check_storable("constraints", value)
        except ValueError as error:
            assert isinstance(value, dict) and repr(label) in str(error) and not label.isalpha()
        else:
            read = Config().from_str(config.to_str(), interpolate=False)
            assert read["components"]["spert_mt"] == {"constraints": value, "seed": 0}
            assert Config().from_str(read.to_str(interpolate=False), interpolate=False) == read
