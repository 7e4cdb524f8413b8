"""Pipelines that the tests of annotation share."""

import pytest

from spacy_mre.scale.inputs import open_input
from spacy_mre.scale.options import Options
from spacy_mre.scale.run import annotate_folder
from tests.scale.components import make_pipeline


@pytest.fixture(scope="session")
def nlp():
    """A pipeline in memory. Tests must not change it."""
    return make_pipeline("fail")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A pipeline on the disk that fails, dies or sleeps if it is asked to."""
    path = tmp_path_factory.mktemp("models") / "model"
    make_pipeline("fail", "die", "sleep").to_disk(path)
    return str(path)


@pytest.fixture
def annotate(model):
    """Annotates a file into a folder."""

    def run(source, folder, *, rows=3, name=model, form="jsonl", text="text", options=(), **settings):
        asked = Options(form=form, text=text, rows=rows, **dict(options))
        return annotate_folder(name, open_input(source, text=text, size=rows), folder, asked, **settings)

    return run
