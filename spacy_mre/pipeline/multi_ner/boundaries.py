"""Starts and ends of entities, type by type: of gold entities, and joined to candidate spans. Arrays in, arrays out.

Tokens are rows of the flat tokens of a batch; a boundary is a cell of a matrix of types x tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ...annotations.alignment import Gold, Losses
from ...annotations.entities import EntitySpan
from ...arrays import expand_ranges
from ..spans.overlap import resolve_overlaps
from ..spans.spans import Spans


@dataclass
class Boundaries:
    """The targets of a batch.

    spans (Spans): The entities, as rows of the batch.
    known (numpy.ndarray): True for tokens that are trained on: those of texts with gold entities; shape (tokens,).
    lost (Losses): Gold entities that cannot be trained on.
    """

    spans: Spans
    known: numpy.ndarray
    lost: Losses

    @classmethod
    def of(
        cls, golds: Sequence[Gold], lengths: numpy.ndarray, label_ids: dict[str, int], unseen: numpy.ndarray
    ) -> "Boundaries":
        """Make the targets of some texts.

        golds (Sequence[Gold]): The aligned gold of each text.
        lengths (numpy.ndarray): Tokens per text.
        label_ids (dict[str, int]): The index of each label.
        unseen (numpy.ndarray): True for tokens without a vector, which are not trained on; shape (tokens,).
        RETURNS (Boundaries): The targets.
        """
        offsets = numpy.cumsum(lengths) - lengths
        lost = Losses()
        learnable: list[list[EntitySpan]] = []
        for gold, offset in zip(golds, offsets.tolist()):
            lost.update(gold.lost.of_entities())
            learnable.append([])
            for entity in gold.entities:
                if entity.label not in label_ids:
                    lost.add_unseen("entity", entity.label, f"tokens {entity.start} to {entity.end}")
                elif unseen[offset + entity.start] or unseen[offset + entity.end - 1]:
                    lost.add("entity with a boundary token that has no wordpieces", entity.label)
                else:
                    learnable[-1].append(entity)
        known = numpy.repeat([gold.n_entities is not None for gold in golds], lengths).astype(bool)
        return cls(Spans.of(learnable, offsets, label_ids), known & ~unseen, lost)

    def matrices(self, types: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """The boundaries of the entities.

        types (int): How many types there are.
        RETURNS (tuple[numpy.ndarray, numpy.ndarray]): Starts and ends (bool), types x tokens.
        """
        starts, ends = numpy.zeros((2, types, len(self.known)), dtype=bool)
        starts[self.spans.labels, self.spans.starts] = True
        ends[self.spans.labels, self.spans.ends - 1] = True
        return starts, ends


@dataclass
class Candidates:
    """Spans that are scored, each for one type. Each array has shape (candidates,); sorted by type, start and end.

    types (numpy.ndarray): The index of the type.
    starts, lasts (numpy.ndarray): First and last token, as rows of the batch.
    """

    types: numpy.ndarray
    starts: numpy.ndarray
    lasts: numpy.ndarray

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, chosen: slice | numpy.ndarray) -> "Candidates":
        return Candidates(self.types[chosen], self.starts[chosen], self.lasts[chosen])


def candidate_spans(
    starts: numpy.ndarray, ends: numpy.ndarray, lengths: numpy.ndarray, ends_per_start: int
) -> tuple[Candidates, int]:
    """Join every start with the nearest ends of the same type in the same text, at or after it.

    starts, ends (numpy.ndarray): The boundaries (bool), types x tokens.
    lengths (numpy.ndarray): Tokens per text.
    ends_per_start (int): The most ends per start, so that the number of candidates is linear in the length of a text.
    RETURNS (tuple[Candidates, int]): The candidates, and how many pairs were left out.
    """
    tokens = starts.shape[1]
    text_ends = numpy.repeat(numpy.cumsum(lengths), lengths)
    # In one row of all types x tokens the possible ends of a start are a range among all ends.
    flat_starts, flat_ends = numpy.flatnonzero(starts), numpy.flatnonzero(ends)
    types, rows = numpy.divmod(flat_starts, max(tokens, 1))
    first = numpy.searchsorted(flat_ends, flat_starts)
    possible = numpy.searchsorted(flat_ends, types * tokens + text_ends[rows]) - first
    counts = numpy.minimum(possible, ends_per_start)
    lasts = flat_ends[expand_ranges(first, counts)] % max(tokens, 1)
    candidates = Candidates(numpy.repeat(types, counts), numpy.repeat(rows, counts), lasts)
    return candidates, int((possible - counts).sum())


def with_gold(candidates: Candidates, spans: Spans) -> tuple[Candidates, numpy.ndarray]:
    """Add the gold entities that are not among the candidates.

    candidates (Candidates): The candidates.
    spans (Spans): The entities.
    RETURNS (tuple[Candidates, numpy.ndarray]): Both, each once, and which of them are entities (bool, shape
        (candidates,)).
    """
    columns = [(candidates.types, spans.labels), (candidates.starts, spans.starts), (candidates.lasts, spans.ends - 1)]
    both = numpy.stack([numpy.concatenate(column) for column in columns], axis=1)
    rows, inverse = numpy.unique(both, axis=0, return_inverse=True)
    gold = numpy.zeros(len(rows), dtype=bool)
    gold[inverse.reshape(-1)[len(candidates) :]] = True
    return Candidates(*rows.T.astype(numpy.int64)), gold


def choose_spans(candidates: Candidates, scores: numpy.ndarray, overlap: str, one_type_per_span: bool) -> numpy.ndarray:
    """Which candidates are kept.

    candidates (Candidates): Spans above the thresholds.
    scores (numpy.ndarray): Shape (candidates,).
    overlap (str): The policy, see `resolve_overlaps`.
    one_type_per_span (bool): Of several types with the same start and end, keep only the best-scored one.
    RETURNS (numpy.ndarray): True for those that are kept, shape (candidates,).
    """
    indices = numpy.arange(len(candidates))
    if one_type_per_span:
        by_score = numpy.lexsort((candidates.types, -scores))
        offsets = numpy.stack([candidates.starts, candidates.lasts], axis=1)[by_score]
        indices = by_score[numpy.unique(offsets, axis=0, return_index=True)[1]]
    best = candidates[indices]
    compatible = resolve_overlaps(best.starts, best.lasts + 1, best.types, scores[indices], overlap)
    kept = numpy.zeros(len(candidates), dtype=bool)
    kept[indices[compatible]] = True
    return kept
