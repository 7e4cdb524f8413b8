"""Where the labels of several tasks are in a Doc.

Absent is not empty: a Doc belongs to the tasks for which it has gold.

- **Entities** and polarity words: a span group for each task. The first task with entities has the group `spans_key`
  ("entities"), or `doc.ents` if there are no such groups; every other one has the group of its name, such as
  "SCPOS:Adj".
- **Events**: the group of their name, "TCREE:EE", contains the triggers. A relation whose head is a trigger is an
  argument, and its label the role.
- **Relations**: all others in `doc._.relations`. A Doc that has arguments of events only has no gold of relations. If
  a group "TCREE:RE" contains their arguments, these are no gold of entities.
- **Text labels**: those of `doc.cats` belong to all tasks for which the Doc has gold of words; if there is no such
  task, to all.

An entity or relation without a label belongs to no task: no string can contain it.

A single task has the group `spans_key`, whatever its kind.
"""

from collections.abc import Iterable

from spacy.tokens import Doc

from ....annotations.alignment import Losses
from ....annotations.entities import DEFAULT_KEY, EntitySpan, Offsets, get_entities
from ....annotations.relations import Relation, arguments, get_relations, get_triples
from .task import LANGUAGES, WordLevel, get_template


class TaskGold:
    """The tasks of a component or corpus, and what of a Doc belongs to each.

    names (Iterable[str]): The names of the tasks' templates.
    spans_key (str): See above. Default: "entities".
    RAISES (ValueError): If there is no such template.
    """

    def __init__(self, names: Iterable[str], spans_key: str = DEFAULT_KEY):
        templates = {name: get_template(name, LANGUAGES[0]) for name in names}
        self.levels: dict[str, WordLevel] = {name: template["word_level"] for name, template in templates.items()}
        self.named_classes = {name: frozenset(template["classes"]) for name, template in templates.items()}
        self.spans_key = spans_key
        with_entities = [name for name, level in self.levels.items() if level == "entities"]
        first = next(iter(self.levels)) if len(self.levels) == 1 else next(iter(with_entities), None)
        self.keys = {name: spans_key if name == first else name for name in self.levels}

    def entities(self, doc: Doc, name: str) -> list[EntitySpan] | None:
        """RETURNS (Optional[list[EntitySpan]]): The entities or triggers of a task; None if they are unknown."""
        found = self._entities(doc, name)
        return None if found is None else [entity for entity in found if entity.label]

    def _entities(self, doc: Doc, name: str) -> list[EntitySpan] | None:
        key = self.keys[name]
        if key not in doc.spans and (key != self.spans_key or any(other in doc.spans for other in self.keys.values())):
            return None  # doc.ents is of another task
        return get_entities(doc, key)

    def relations(self, doc: Doc, name: str) -> list[Relation] | None:
        """RETURNS (Optional[list[Relation]]): The relations of a task, or the arguments of its events; None if they are
        unknown."""
        relations = get_relations(doc)
        if relations is not None:
            relations = [relation for relation in relations if relation["label"]]
        events = [other for other, level in self.levels.items() if level == "events"]
        if relations is None or not events or len(self.levels) == 1:
            return relations
        triggers = None if self.keys[events[0]] not in doc.spans else self.entities(doc, events[0])
        found = heads_of(relations, triggers or [])
        if self.levels[name] == "events":
            return [relation for relation, labels in found if labels]
        plain = [relation for relation, labels in found if not labels]
        return plain if plain or triggers is None else None

    def unlabelled(self, doc: Doc, name: str) -> Losses:
        """RETURNS (Losses): The entities or relations without a label that a task would have."""
        lost = Losses()
        if self.levels[name] == "entities":
            for entity in self._entities(doc, name) or ():
                if not entity.label:
                    lost.add_unseen("entity", "", doc[entity.start : entity.end].text)
        else:
            for triple in get_triples(doc):
                if not triple.label:
                    lost.add_unseen("relation", "", f"{triple.head.text} -> {triple.tail.text}")
        return lost

    def has_words(self, doc: Doc, name: str) -> bool:
        """RETURNS (bool): Whether a Doc has gold of a task's words."""
        level = self.levels[name]
        has_entities = level == "relations" or self.entities(doc, name) is not None
        return has_entities and (level == "entities" or self.relations(doc, name) is not None)

    def owners(self, doc: Doc) -> list[str]:
        """RETURNS (list[str]): The tasks to which the text label of a Doc may belong."""
        names = list(self.levels)
        return names if len(names) == 1 else [name for name in names if self.has_words(doc, name)] or names

    def cats(self, doc: Doc, name: str) -> dict[str, float]:
        """Choose the text labels of a task before its classes are known: of a Doc with several tasks those that are in
        its template, otherwise those that are in none of the others.

        doc (Doc): The document.
        name (str): The task.
        RETURNS (dict[str, float]): These labels of `doc.cats` with their scores.
        """
        owners = self.owners(doc)
        if name not in owners:
            return {}
        others = frozenset().union(*(self.named_classes[other] for other in owners if other != name))
        own = self.named_classes[name] if len(owners) > 1 else frozenset()
        in_template = {label: score for label, score in doc.cats.items() if label in own}
        unclaimed = {label: score for label, score in doc.cats.items() if label not in others}
        return in_template or unclaimed or (dict(doc.cats) if self.has_words(doc, name) else {})

    def labels(self, doc: Doc, name: str) -> tuple[set[str], set[str]] | None:
        """Collect the labels of a task's words.

        doc (Doc): The document.
        name (str): The task.
        RETURNS (Optional[tuple[set[str], set[str]]]): The labels of entities or relations, or the types of events; and
            the roles of events. The types are the labels of the heads of relations, and those of the template. None if
            the Doc has no gold of words.
        """
        if not self.has_words(doc, name):
            return None
        relations, entities = self.relations(doc, name) or [], self.entities(doc, name) or []
        if self.levels[name] == "entities":
            return {entity.label for entity in entities}, set()
        if self.levels[name] == "relations":
            return {relation["label"] for relation in relations}, set()
        with_heads = [(relation, labels) for relation, labels in heads_of(relations, entities) if labels]
        types = {entity.label for entity in entities}.intersection(get_template(name, LANGUAGES[0])["labels"])
        return types.union(*(labels for _, labels in with_heads)), {relation["label"] for relation, _ in with_heads}


def heads_of(relations: list[Relation], entities: list[EntitySpan]) -> list[tuple[Relation, list[str]]]:
    """Find the heads of relations among entities.

    relations (list[Relation]): The relations.
    entities (list[EntitySpan]): The entities.
    RETURNS (list[tuple[Relation, list[str]]]): Each relation with the labels of the entities that are its head: those
        with the label of the head, if the relation has one.
    """
    labels: dict[Offsets, list[str]] = {}
    for entity in entities:
        labels.setdefault(entity.offsets, []).append(entity.label)
    found = []
    for relation in relations:
        at_head = labels.get(arguments(relation)[0], [])
        found.append((relation, [label for label in at_head if relation["head_label"] in ("", label)]))
    return found
