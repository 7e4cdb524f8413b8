"""A pipeline of a studio, and what it says about itself."""

from typing import Any

from spacy.language import Language

from ...evaluation.pipeline_settings import get_cats_settings
from ...scale.pipelines import load_pipeline
from ..names import read_about
from .comparing import Cats


class Model:
    """A pipeline.

    path (str): A package or a folder.
    RAISES (ValueError): If there is no pipeline.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        about = read_about(path)
        self.name = f"{about['lang']}_{about['name']}"
        self.lang, self.version = about["lang"], about["version"]
        self.cats = Cats()

    def load(self) -> Language:
        """Load the pipeline. From then on, `cats` is what it says.

        RETURNS (Language): The pipeline.
        """
        nlp = load_pipeline(self.path)
        self.cats = Cats(**get_cats_settings(nlp))
        return nlp

    def as_json(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): Its name, language and version."""
        return {"name": self.name, "lang": self.lang, "version": self.version}
