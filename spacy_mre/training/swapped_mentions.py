"""Copies of training texts with other names in the same places: each mention may be replaced by another of its label.

A model that has seen `Ida Berg works at Aoba Electric` also sees `Tom works at the Lake Museum`, with the same
entities and relations. Dai and Adel (2020), "An analysis of simple data augmentation for named entity recognition",
call this mention replacement. Here mentions of a text that are equal stay equal, outer entities get the new names of
those inside of them, and relations stay between the same entities.
"""

import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy
from spacy.tokens import Doc, Span, SpanGroup

from ..annotations.entities import DEFAULT_KEY, TASK_GROUPS, EntitySpan, Offsets, are_blocked, get_entities
from ..annotations.relations import arguments, get_relations, set_relations
from ..annotations.sentences import sentence_starts

# What a text keeps in `doc.user_data` beside extension attributes.
KEPT_DATA = ("id", "group", "meta")
# The value of SENT_START of a token inside of a sentence.
GOES_ON = -1
# What is known of a token in `doc.ents`: nothing; that it is in no entity and shall be in none; or all.
UNKNOWN, BLOCKED, KNOWN = range(3)


class Mention(NamedTuple):
    """The words of an entity.

    words (tuple[str, ...]): Its tokens.
    spaces (tuple[bool, ...]): Whether a blank follows each token but the last.
    """

    words: tuple[str, ...]
    spaces: tuple[bool, ...]


def collect_mentions(docs: Iterable[Doc], key: str = DEFAULT_KEY) -> dict[str, list[Mention]]:
    """Collect the mentions that may stand in place of others: entities with no other annotation inside of them.

    docs (Iterable[Doc]): The documents.
    key (str): The span group of the entities.
    RETURNS (dict[str, list[Mention]]): By label; each once, sorted.
    """
    found: dict[str, set[Mention]] = {}
    for doc in docs:
        for entity in find_innermost(doc, key):
            found.setdefault(entity.label, set()).add(_read(doc, entity.offsets))
    return {label: sorted(mentions) for label, mentions in found.items()}


def find_innermost(doc: Doc, key: str = DEFAULT_KEY) -> list[EntitySpan]:
    """Find the entities whose words can be replaced alone: no other annotated span, and no sentence, begins or ends
    inside of them, and no other entity has the same offsets.

    doc (Doc): The document.
    key (str): The span group of the entities.
    RETURNS (list[EntitySpan]): In the order of the text. None in documents that have the group of a task of `slg` and
        `oiellm` (`TASK_GROUPS`) in place of this group: equal labels of two tasks mean different things.

    >>> import spacy
    >>> from spacy_mre.annotations.entities import set_entities
    >>> doc = spacy.blank("en")("Ida visits Old Lima")
    >>> entities = set_entities(doc, [(0, 1, "person", 1.0), (2, 4, "place", 1.0), (3, 4, "place", 1.0)])
    >>> [doc[entity.start : entity.end].text for entity in find_innermost(doc)]
    ['Ida', 'Lima']
    """
    if key not in doc.spans and not TASK_GROUPS.isdisjoint(doc.spans):
        return []
    entities = [entity for entity in get_entities(doc, key) or () if not _text(doc, entity.offsets).isspace()]
    if not entities:
        return []
    spans = {(span.start, span.end) for group in doc.spans.values() for span in group}
    spans.update((ent.start, ent.end) for ent in doc.ents)
    spans.update(offsets for relation in get_relations(doc) or () for offsets in arguments(relation))
    boundaries = {boundary for offsets in spans for boundary in offsets}
    if doc.has_annotation("SENT_START"):
        boundaries.update(sent.start for sent in doc.sents)
    if doc.has_annotation("ENT_IOB"):
        boundaries.update((numpy.flatnonzero(numpy.diff(_ent_states(doc))) + 1).tolist())
    ordered = sorted(boundaries)
    count = Counter(entity.offsets for entity in entities)
    return sorted(
        entity
        for entity in entities
        if count[entity.offsets] == 1 and bisect_right(ordered, entity.start) == bisect_left(ordered, entity.end)
    )


def swap_mentions(
    doc: Doc, mentions: dict[str, list[Mention]], probability: float, key: str = DEFAULT_KEY
) -> Doc | None:
    """Copy a document with other mentions.

    doc (Doc): The document.
    mentions (dict[str, list[Mention]]): Those that may be put in, see `collect_mentions`.
    probability (float): That a mention is replaced, by any of those with its label, which may be itself. It is drawn
        once for all equal mentions of a text, with Python's `random`.
    key (str): The span group of the entities.
    RETURNS (Doc | None): The copy, with entities, span groups, relations, sentences, and the id, group and meta of the
        text. It has no text labels, because names often tell what a text is about; no tags, lemmas, parses and
        extension attributes; and spans with other words lose the ids of what they named. None if nothing was replaced.

    >>> import spacy
    >>> from spacy_mre.annotations.entities import set_entities
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> entities = set_entities(doc, [(0, 1, "person", 1.0), (3, 4, "place", 1.0)])
    >>> copied = swap_mentions(doc, {"place": [Mention(("New", "York"), (True,))]}, 1.0)
    >>> [(ent.text, ent.label_) for ent in copied.ents]
    [('Ida', 'person'), ('New York', 'place')]
    """
    chosen: dict[tuple[str, Mention], Mention] = {}
    replaced: list[tuple[Offsets, Mention]] = []
    for entity in find_innermost(doc, key):
        old = _read(doc, entity.offsets)
        if (entity.label, old) not in chosen:
            is_replaced = entity.label in mentions and random.random() < probability
            chosen[entity.label, old] = random.choice(mentions[entity.label]) if is_replaced else old
        if chosen[entity.label, old] != old:
            replaced.append((entity.offsets, chosen[entity.label, old]))
    return _rebuild(doc, replaced) if replaced else None


def _read(doc: Doc, offsets: Offsets) -> Mention:
    tokens = list(doc[offsets[0] : offsets[1]])
    return Mention(tuple(token.text for token in tokens), tuple(bool(token.whitespace_) for token in tokens[:-1]))


def _text(doc: Doc, offsets: Offsets) -> str:
    return doc[offsets[0] : offsets[1]].text


def _ent_states(doc: Doc) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): UNKNOWN, BLOCKED or KNOWN of each token."""
    is_known = doc.to_array("ENT_IOB") != 0
    return numpy.where(are_blocked(doc), BLOCKED, numpy.where(is_known, KNOWN, UNKNOWN))


def _rebuild(doc: Doc, replaced: Sequence[tuple[Offsets, Mention]]) -> Doc:
    """Copy a document with other words in some places, which are given in the order of the text."""
    words = [token.text for token in doc]
    spaces = [bool(token.whitespace_) for token in doc]
    starts = sentence_starts(doc).tolist()
    longer = [0] * (len(doc) + 1)  # by how many tokens the copy is longer, at the end of each replaced span
    for (start, end), mention in reversed(replaced):
        added = len(mention.words)
        words[start:end] = mention.words
        spaces[start:end] = [*mention.spaces, spaces[end - 1]]
        starts[start:end] = [starts[start], *[GOES_ON] * (added - 1)]
        longer[end] = added - (end - start)
    # The first token begins a sentence even if nothing is known about sentences.
    known_starts = starts if doc.has_annotation("SENT_START") else None
    copied = Doc(doc.vocab, words=words, spaces=spaces, sent_starts=known_starts)
    boundaries = [old + shift for old, shift in enumerate(accumulate(longer))]
    for (start, end), _ in replaced:
        boundaries[start + 1 : end] = [boundaries[start]] * (end - start - 1)
    _copy_annotations(doc, copied, boundaries)
    return copied


def _copy_annotations(doc: Doc, copied: Doc, boundaries: Sequence[int]) -> None:
    """Write the annotations of a document to its copy.

    boundaries (Sequence[int]): The boundary of the copy for each boundary between tokens of the document; that of the
        start for those inside of a replaced span.
    """

    def move(span: Span) -> Span:
        start, end = boundaries[span.start], boundaries[span.end]
        is_same = _text(copied, (start, end)) == span.text
        ids = {"kb_id": span.kb_id, "span_id": span.id} if is_same else {}
        return Span(copied, start, end, label=span.label, **ids)

    copied.user_data.update({name: doc.user_data[name] for name in KEPT_DATA if name in doc.user_data})
    if doc.has_annotation("ENT_IOB"):
        states = _ent_states(doc)
        unknown, blocked = (
            [
                copied[boundaries[i] : boundaries[i + 1]]
                for i in numpy.flatnonzero(states == state).tolist()
                if boundaries[i] < boundaries[i + 1]
            ]
            for state in (UNKNOWN, BLOCKED)
        )
        copied.set_ents([move(ent) for ent in doc.ents], missing=unknown, blocked=blocked)
    for name, group in doc.spans.items():
        copied.spans[name] = SpanGroup(copied, name=name, attrs=dict(group.attrs), spans=[move(span) for span in group])
    relations = get_relations(doc)
    if relations is not None:
        moved = [
            {**relation, **{end: [boundaries[place] for place in relation[end]] for end in ("head", "tail")}}
            for relation in relations
        ]
        set_relations(copied, moved)
