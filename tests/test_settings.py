"""Settings have ranges and choices, in a config and in Python."""

import inspect
import math
from typing import Annotated, Literal

import pytest
import spacy
from annotated_types import Interval
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import Config

from spacy_mre.pipeline.multi_ner.component import MultiNER
from spacy_mre.pipeline.spert_mt.component import SpertMT
from spacy_mre.pipeline.textcat.component import MRETextCat
from spacy_mre.settings import NotNegative, Positive, Probability, Rate, check_setting, check_storable, checked

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


@pytest.mark.parametrize(("annotation", "allowed", "refused"), [
    (Probability, [0, 0.0, 0.5, 1], [-1e-9, 1.0001, math.nan, math.inf]),
    (Probability | None, [None, 0.5], [2, -1]),
    (Rate, [0, 0.99], [1, 1.0, -0.1]),
    (Positive, [1, 10**9], [0, -1]),
    (NotNegative | Literal["learned"], ["learned", 0, 3], [-1, "learnt"]),
    (Literal["a", "b"] | None, ["a", None], ["c", ""]),
    (Annotated[int, Interval(ge=-1)], [-1, 0], [-2]),
    (str, ["anything"], []),
])  # fmt: skip
def test_ranges_and_choices(annotation, allowed, refused):
    for value in allowed:
        check_setting("x", value, annotation)
    for value in refused:
        with pytest.raises(ValueError, match=r"\[M00[12]\] Invalid value .* for 'x'"):
            check_setting("x", value, annotation)


def test_the_message_states_the_range():
    with pytest.raises(ValueError) as caught:
        check_setting("entity_threshold", 1.5, Probability | None)
    assert str(caught.value) == ("[M002] Invalid value 1.5 for 'entity_threshold'. Expected a number from 0 to 1.")


def test_a_checked_function_keeps_its_signature_and_checks_its_arguments():
    def area(width: Positive, height: Positive = 2) -> int:
        return width * height

    assert inspect.signature(checked(area)) == inspect.signature(area)
    assert checked(area)(3) == 6
    with pytest.raises(ValueError, match=r"\[M002\] Invalid value 0 for 'height'\. Expected 1 or more"):
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
