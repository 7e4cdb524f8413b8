"""What the examples give: the closed set of labels, and the texts that are shown to the model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from spacy.tokens import Doc

from ....annotations.entities import DEFAULT_KEY, get_entities
from ....annotations.kinds import KINDS
from ....annotations.relations import get_relations
from ....annotations.text_labels import highest_cat
from ....errors import Errors
from ..formats import Task
from ..formats.task import LANGUAGES
from .form import SilverForm

Words = Mapping[str, Mapping[str, str]]
# Their words for a task and for common labels are those of SCNM and TCREE.
ENTITIES, RELATIONS = "SCNM", "TCREE:RE"


def make_form(
    docs: Sequence[Doc], lang: str, *, words: Words | None = None, spans_key: str = DEFAULT_KEY
) -> SilverForm:
    """Make the form of all labels of the examples. Without entity labels there are no relations: they have no ends.

    docs (Sequence[Doc]): The examples.
    lang (str): The language of the texts. In others than ja, en and zh, the words of the templates are English.
    words (Optional[Words]): By kind, the word of each label. Default: None, those of the templates, or the label.
    spans_key (str): The span group of the entities. Default: "entities".
    RETURNS (SilverForm): The form.
    RAISES (ValueError): If there are neither entity labels nor text labels, a label is not in `words`, or two labels
        have the same word.
    """
    labels = {kind: set[str]() for kind in KINDS}
    for doc in docs:
        labels["entities"].update(entity.label for entity in get_entities(doc, spans_key) or ())
        labels["relations"].update(relation["label"] for relation in get_relations(doc) or ())
        labels["cats"].update(doc.cats)
    if not labels["entities"] and not labels["cats"]:
        raise ValueError(Errors.M957.format(key=spans_key))
    for kind, of_kind in labels.items():
        missing = sorted(of_kind - set(words.get(kind, {}))) if words is not None else []
        if missing:
            raise ValueError(Errors.M951.format(kind=kind, labels=", ".join(missing)))
    lang = lang if lang in LANGUAGES else "en"
    entities, relations, cats = (sorted(labels[kind]) for kind in KINDS)
    task = Task.of_labels(ENTITIES, lang, cats, entities)
    of_relations = Task.of_labels(RELATIONS, lang, (), relations) if entities and relations else None
    if words is not None:
        task = replace(
            task,
            classes={label: words["cats"][label] for label in cats},
            labels={label: words["entities"][label] for label in entities},
        )
        if of_relations is not None:
            of_relations = replace(of_relations, labels={label: words["relations"][label] for label in relations})
    return SilverForm(task, of_relations)


def choose_shots(
    docs: Sequence[Doc], form: SilverForm, count: int, *, spans_key: str = DEFAULT_KEY
) -> list[tuple[str, str]]:
    """Choose the examples that are shown: in turn the one with most labels that were not shown yet, of those the
    shortest, of those the first. When all were shown, it begins again.

    docs (Sequence[Doc]): The examples.
    form (SilverForm): The form.
    count (int): How many.
    spans_key (str): The span group of the entities. Default: "entities".
    RETURNS (list[tuple[str, str]]): Texts, and the answers to them.
    RAISES (ValueError): If none is annotated with all that the others are.
    """
    left = []
    for doc in docs:
        target = form.target(doc, spans_key)
        if target is not None and doc.text.strip():
            left.append((_labels(doc, spans_key), doc.text, target))
    if count and not left:
        raise ValueError(Errors.M952)
    every = set().union(*(labels for labels, *_ in left))
    shots: list[tuple[str, str]] = []
    missing = set(every)
    while left and len(shots) < count:
        best = min(range(len(left)), key=lambda i: (-len(left[i][0] & missing), len(left[i][1]), i))
        labels, text, target = left.pop(best)
        missing = (missing - labels) or set(every)
        shots.append((text, target))
    return shots


def _labels(doc: Doc, spans_key: str) -> set[tuple[str, str]]:
    """The labels that the answer to a document shows."""
    found = {("entities", entity.label) for entity in get_entities(doc, spans_key) or ()}
    found |= {("relations", relation["label"]) for relation in get_relations(doc) or ()}
    best = highest_cat(doc.cats)
    return found if best is None else found | {("cats", best)}
