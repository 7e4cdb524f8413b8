"""The `slg` and `oiellm` components."""

from inspect import signature
from typing import Any, TypeVar

from spacy.language import Language

from .base import Generative
from .settings import ASSIGNS, DEFAULT_OIELLM_MODEL, DEFAULT_SLG_MODEL, SCORE_WEIGHTS, SCORER

Component = TypeVar("Component", bound=type[Generative])


def with_inherited_settings(cls: Component) -> Component:
    """Class decorator: replace `**settings` in the signature of a component by the settings of its parent class, so
    that spaCy finds them in the signature.

    cls (type[Generative]): The class. Its `__init__` passes `**settings` to the parent.
    RETURNS (type[Generative]): The same class.
    """
    parameters = {**signature(cls.__mro__[1]).parameters, **signature(cls).parameters}
    del parameters["settings"]
    cls.__signature__ = signature(cls).replace(parameters=list(parameters.values()))
    return cls


@with_inherited_settings
class SLG(Generative):
    """Pipeline component for sentence-to-label generation (SLG, Gan et al. 2023, arXiv 2307.10291), with an
    encoder-decoder. The source contains the text and all labels.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> slg = nlp.add_pipe("slg", config={"tasks": ["SCNM"], "constraint": "grammar"})
    >>> slg.add_label("person"), slg.add_label("travel", level="classes")
    (1, 1)
    >>> slg.format.source("Ida flies")
    'Ida flies<travel>Ida fliesNamed Entity Recognition:Person;:None;'
    """

    format_name = "slg"

    def __init__(self, nlp: Language, name: str, *, prompt_words: bool = True, **settings: Any) -> None:
        """Initialize the component.

        nlp (Language): The pipeline.
        name (str): The component's name in the pipeline.
        prompt_words (bool): Put the name of the task into source and target. Default: True.
        settings (Any): See `Generative`.
        """
        super().__init__(nlp, name, **settings)
        self.prompt_words = prompt_words

    @property
    def format_options(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The arguments of the format, besides the task."""
        return {"prompt_words": self.prompt_words}


class OIELLM(Generative):
    """Pipeline component for open information extraction with a large language model (OIELLM, Gan et al. 2024, arXiv
    2407.10953), with a decoder-only model. The source contains the text and the name of the task.

    >>> import spacy
    >>> oiellm = spacy.blank("en").add_pipe("oiellm", config={"parts": "words"})
    >>> oiellm.add_label("person")
    1
    >>> oiellm.format.source("Ida flies")
    'Ida flies/NER'
    >>> oiellm.format.parse("/NER/:Person;Ida").analysis.items
    (EntityText(label='person', text='Ida'),)
    """

    format_name = "oiellm"


Language.factory(
    "slg",
    assigns=ASSIGNS,
    default_config={"model": DEFAULT_SLG_MODEL, "tasks": ["SCNM"], "scorer": SCORER},
    default_score_weights=SCORE_WEIGHTS,
    func=SLG,
)
Language.factory(
    "oiellm",
    assigns=ASSIGNS,
    default_config={"model": DEFAULT_OIELLM_MODEL, "tasks": ["SCNM"], "scorer": SCORER},
    default_score_weights=SCORE_WEIGHTS,
    func=OIELLM,
)
