"""What requests to a studio contain, and whether an analysis can be saved."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ..labels import Labels
from ..service import Refused
from .comparing import Analysis

HELD = 0.5


class Entity(BaseModel):
    """An entity. Its text and score are allowed, and ignored."""

    model_config = ConfigDict(strict=True)
    start: int
    end: int
    label: str


class Relation(BaseModel):
    """A relation between two entities, which are named by their places."""

    model_config = ConfigDict(strict=True)
    head: int
    tail: int
    label: str


class Given(BaseModel):
    """An analysis that a person made."""

    model_config = ConfigDict(extra="forbid", strict=True)
    entities: list[Entity] | None = None
    relations: list[Relation] | None = None
    cats: dict[str, float | bool] | list[str] | None = None


class Decision(BaseModel):
    """A decision about a version of a text. "undo" takes back the one before."""

    model_config = ConfigDict(extra="forbid", strict=True)
    version: int
    model: dict[str, Any] | None = None
    decision: Literal["save", "skip", "reject", "undo"]
    analysis: Given | None = None


class NewText(BaseModel):
    """A text that was typed."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: str


class Order(BaseModel):
    """The order of the texts."""

    model_config = ConfigDict(extra="forbid", strict=True)
    order: str


class Run(BaseModel):
    """Which run of learning is known, or meant."""

    model_config = ConfigDict(extra="forbid", strict=True)
    run: int | None = None


def with_labels_of(analyses: Iterable[Analysis | None], labels: Labels) -> Labels:
    """Add the labels of analyses. A component need not tell which labels it sets, but what it found can be saved.

    analyses (Iterable[Optional[dict[str, Any]]]): The analyses.
    labels (dict[str, list[str]]): The labels of each level.
    RETURNS (dict[str, list[str]]): The same labels, and behind them those of the analyses.

    >>> found = {"entities": [{"start": 0, "end": 3, "label": "site"}], "relations": None, "cats": {"news": 0.9}}
    >>> with_labels_of([found, None], {"entities": ["person"], "relations": [], "cats": []})
    {'entities': ['person', 'site'], 'relations': [], 'cats': ['news']}
    """
    all_labels = {level: dict.fromkeys(known) for level, known in labels.items()}
    for analysis in filter(None, analyses):
        for level in ("entities", "relations"):
            all_labels[level].update(dict.fromkeys(one["label"] for one in analysis[level] or ()))
        all_labels["cats"].update(dict.fromkeys(analysis["cats"] or ()))
    return {level: list(known) for level, known in all_labels.items()}


def check_analysis(given: Given, text: str, labels: Labels, *, exclusive: bool) -> Analysis:
    """Check what a person wants to save.

    given (Given): The analysis.
    text (str): Its text.
    labels (dict[str, list[str]]): The labels of each level.
    exclusive (bool): Whether a text has exactly one text label.
    RETURNS (dict[str, Any]): The analysis as it is saved. A level that has no labels is None.
    RAISES (Refused): If it is not valid.
    """
    entities = _entities(given, text, labels["entities"])
    relations = _relations(given, len(entities or ()), labels["relations"])
    return {"entities": entities, "relations": relations, "cats": _cats(given, labels["cats"], exclusive)}


def _entities(given: Given, text: str, labels: list[str]) -> list[dict[str, Any]] | None:
    entities = []
    for number, one in enumerate(given.entities or ()):
        words = text[one.start : one.end]
        if not 0 <= one.start < one.end <= len(text):
            raise _invalid(f"entity {number} is outside the text, or empty: {one.start} to {one.end}")
        if not words.strip():
            raise _invalid(f"entity {number} has nothing but white space")
        _check_label(one.label, labels, f"entity {number}")
        entities.append({"start": one.start, "end": one.end, "label": one.label, "text": words})
    _check_once([(one["start"], one["end"], one["label"]) for one in entities], "entity")
    return None if given.entities is None or not (entities or labels) else entities


def _relations(given: Given, n_entities: int, labels: list[str]) -> list[dict[str, Any]] | None:
    relations = []
    for number, one in enumerate(given.relations or ()):
        if not (0 <= one.head < n_entities and 0 <= one.tail < n_entities):
            raise _invalid(f"relation {number}: there are {n_entities} entities, no {one.head} or {one.tail}")
        if one.head == one.tail:
            raise _invalid(f"relation {number} joins an entity with itself")
        _check_label(one.label, labels, f"relation {number}")
        relations.append({"head": one.head, "tail": one.tail, "label": one.label})
    _check_once([tuple(one.values()) for one in relations], "relation")
    return None if given.relations is None or not (relations or labels) else relations


def _cats(given: Given, labels: list[str], exclusive: bool) -> dict[str, float] | None:
    if given.cats is None or not (given.cats or labels):
        return None
    pairs = given.cats.items() if isinstance(given.cats, dict) else [(label, 1.0) for label in given.cats]
    values = dict(pairs)
    for label in values:
        _check_label(label, labels, "the text")
    held = [label for label, value in pairs if value >= HELD]
    _check_once(held, "text label")
    if exclusive and len(held) != 1:
        raise _invalid(f"a text has exactly one text label, not {len(held)}")
    return {label: float(label in held) for label in labels}


def _check_label(label: str, labels: list[str], what: str) -> None:
    if label not in labels:
        raise _invalid(f"{what} has an unknown label; there are: {', '.join(labels) or 'none'}")


def _check_once(found: list[Any], what: str) -> None:
    if len(set(found)) < len(found):
        raise _invalid(f"the same {what} is there twice")


def _invalid(reason: str) -> Refused:
    return Refused(422, reason)
