"""Load a pipeline to annotate with."""

from spacy.language import Language
from spacy.util import load_model


def load_pipeline(name: str) -> Language:
    """Load a pipeline to annotate with. Japanese readings and inflections, which nothing reads and which spaCy never
    forgets, are left out.

    name (str): A package or a folder.
    RETURNS (Language): The pipeline.
    """
    nlp = load_model(name)
    if hasattr(nlp.tokenizer, "readings"):
        nlp.tokenizer.readings = False
    return nlp
