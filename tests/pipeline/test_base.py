"""What all components have in common."""

import inspect
from typing import get_type_hints

import pytest

from spacy_mre.pipeline.generative.component import OIELLM, SLG
from spacy_mre.pipeline.multi_ner.component import MultiNER
from spacy_mre.pipeline.spert_mt.component import SpertMT
from spacy_mre.pipeline.textcat.component import MRETextCat


@pytest.mark.parametrize("component", [SpertMT, MultiNER, MRETextCat, SLG, OIELLM])
def test_annotations_of_classes_are_those_of_settings(component):
    """The config is checked by `get_type_hints` of the class, so a wider annotation there would let more pass."""
    settings = inspect.signature(component).parameters
    hints = get_type_hints(component, include_extras=True)
    assert {name: hint for name, hint in hints.items() if name in settings and hint != settings[name].annotation} == {}
