"""The settings of a pipeline's components that evaluation uses."""

from typing import Any

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.pipeline.textcat_multilabel import MultiLabel_TextCategorizer

from ..annotations.entities import DEFAULT_KEY

_MISSING = object()


def get_settings(nlp: Language, name: str) -> list[Any]:
    """Read a setting of all components that have it.

    nlp (Language): The pipeline.
    name (str): The setting: an attribute of the component or, in components of spaCy, a key of its `cfg`.
    RETURNS (list[Any]): The values, in the order of the components.
    """
    values = [_setting(pipe, name) for _, pipe in nlp.pipeline]
    return [value for value in values if value is not _MISSING]


def get_spans_key(nlp: Language) -> str:
    """Read the span group that a pipeline writes.

    nlp (Language): The pipeline.
    RETURNS (str): The `spans_key` of the first component of this package that has one; else that of the first of
        spaCy's, `spancat` for example. Default: "entities".

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> spert_mt = nlp.add_pipe("spert_mt", config={"spans_key": "mentions"})
    >>> get_spans_key(nlp)
    'mentions'
    """
    # A trainable component of spaCy has it in its `cfg`, and a ruler is not trainable.
    ours = [
        pipe.spans_key for _, pipe in nlp.pipeline if isinstance(pipe, TrainablePipe) and hasattr(pipe, "spans_key")
    ]
    return next(iter([*ours, *get_settings(nlp, "spans_key")]), DEFAULT_KEY)


def get_symmetric(nlp: Language) -> list[str]:
    """Read the relation labels without direction.

    nlp (Language): The pipeline.
    RETURNS (list[str]): Those of all components, sorted.
    """
    return sorted({label for labels in get_settings(nlp, "symmetric") for label in labels})


def get_cats_settings(nlp: Language) -> dict[str, Any]:
    """Read which text labels a pipeline predicts.

    nlp (Language): The pipeline.
    RETURNS (dict[str, Any]): "multi_label": whether any number of labels may hold. "threshold": the lowest score of a
        predicted label, if several may hold: that of the first component that predicts several. Default: 0.5.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> textcat = nlp.add_pipe("textcat_multilabel", config={"threshold": 0.3})
    >>> get_cats_settings(nlp)
    {'multi_label': True, 'threshold': 0.3}
    """
    several = [pipe for _, pipe in nlp.pipeline if _predicts_several(pipe)]
    # `spancat` and `entity_linker` have a threshold too, which is not one of text labels.
    thresholds = [_setting(pipe, "threshold") for pipe in several]
    return {
        "multi_label": bool(several),
        "threshold": next((value for value in thresholds if isinstance(value, (int, float))), 0.5),
    }


def _setting(pipe: Any, name: str) -> Any:
    cfg = getattr(pipe, "cfg", None) or {}
    return getattr(pipe, name, cfg.get(name, _MISSING))


def _predicts_several(pipe: Any) -> bool:
    """Whether a component predicts any number of text labels."""
    return isinstance(pipe, MultiLabel_TextCategorizer) or _setting(pipe, "multi_label") is True
