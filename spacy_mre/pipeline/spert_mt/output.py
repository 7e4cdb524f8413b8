"""What goes into decoding, and what comes out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ...annotations.entities import EntitySpan
from ...evaluation.scaling import Scaling
from ..spans.spans import Pairs, Spans


@dataclass
class SpertMTOptions:
    """How a batch is decoded, from the component's settings at prediction time.

    given (Optional[Callable[[numpy.ndarray], Spans]]): From the first row of each text to its entities, sorted by
        text and start, if they are given and not predicted.
    given_ranks (Optional[numpy.ndarray]): The rank of the score of each given entity in its text; the pairs of those
        with high ranks are scored first. None if they are equal. Shape (entities,).
    cats (Optional[numpy.ndarray]): The text labels of each text, if the model reads them; shape (texts, text labels).
    share_drawn (float): The share of all negative spans that the model was trained on.
    scope (int): The most sentences between two related mentions, if there are `sentences`.
    sentences (Optional[numpy.ndarray]): The number of the sentence of each token of the batch in its text, if
        relations have a scope; shape (total tokens,).
    """

    entity_labels: Sequence[str]
    relation_labels: Sequence[str]
    entity_threshold: float
    relation_threshold: float
    overlap: str
    pairs_per_token: int
    max_distance: int
    symmetric: Sequence[str]
    constraints: Mapping[str, Sequence[Sequence[str]]]
    given: Callable[[numpy.ndarray], Spans] | None = None
    given_ranks: numpy.ndarray | None = None
    cats: numpy.ndarray | None = None
    share_drawn: float = 1.0
    scope: int = 0
    sentences: numpy.ndarray | None = None


@dataclass
class SpertMTOutput:
    """The entities and relations of a batch, as host arrays.

    entities (Spans): Token offsets within their own texts.
    entity_scores (numpy.ndarray): Shape (entities,).
    pairs (Pairs): One row per relation; a pair with several labels has several rows.
    labels (numpy.ndarray): Relation label of each row.
    scores (numpy.ndarray): Shape (relations,).
    left_out (dict[str, int]): Pairs that were not scored, by reason.
    cut (numpy.ndarray): Tokens that the encoder truncated, per text.
    """

    entities: Spans
    entity_scores: numpy.ndarray
    pairs: Pairs
    labels: numpy.ndarray
    scores: numpy.ndarray
    left_out: dict[str, int]
    cut: numpy.ndarray

    @classmethod
    def empty(cls, texts: int) -> "SpertMTOutput":
        """The output for texts without tokens."""
        none = numpy.zeros(0, dtype=numpy.int64)
        cut = numpy.zeros(texts, dtype=numpy.int64)
        return cls(Spans(none, none, none, none), none, Pairs(none, none), none, none, {}, cut)

    def scaled(self, entities: Scaling | None, relations: Scaling | None) -> "SpertMTOutput":
        """RETURNS (SpertMTOutput): The same, with calibrated scores; None leaves those of a level as they are."""
        if entities is not None:
            self.entity_scores = entities.apply(self.entity_scores)
        if relations is not None:
            self.scores = relations.apply(self.scores)
        return self

    def by_text(
        self,
        texts: int,
        entity_labels: Sequence[str],
        relation_labels: Sequence[str],
        given: Sequence[Sequence[EntitySpan]] | None = None,
    ) -> tuple[list[list[EntitySpan]], list[list[dict[str, Any]]]]:
        """The entities and relations of each text, as plain Python objects.

        texts (int): How many texts there are.
        entity_labels (Sequence[str]): The entity labels.
        relation_labels (Sequence[str]): The relation labels.
        given (Optional[Sequence[Sequence[EntitySpan]]]): The given entities of each text, whose labels are kept.
        RETURNS (tuple[list[list[EntitySpan]], list[list[dict[str, Any]]]]): Entities, and relations for
            `set_relations`.
        """
        spans = self.entities
        if given is None:
            labels = [entity_labels[label] for label in spans.labels.tolist()]
        else:
            labels = [entity.label for text_entities in given for entity in text_entities]
        offsets = list(zip(spans.starts.tolist(), spans.ends.tolist()))
        text_ids = spans.texts.tolist()
        entities: list[list[EntitySpan]] = [[] for _ in range(texts)]
        for text, (start, end), label, score in zip(text_ids, offsets, labels, self.entity_scores.tolist()):
            entities[text].append(EntitySpan(start, end, label, score))
        relations: list[list[dict[str, Any]]] = [[] for _ in range(texts)]
        rows = zip(self.pairs.heads.tolist(), self.pairs.tails.tolist(), self.labels.tolist(), self.scores.tolist())
        for head, tail, label, score in rows:
            relation = {
                "head": offsets[head],
                "tail": offsets[tail],
                "head_label": labels[head],
                "tail_label": labels[tail],
                "label": relation_labels[label],
                "score": score,
            }
            relations[text_ids[head]].append(relation)
        return entities, relations
