"""Where entities begin and end, type by type: gold as boundaries, and boundaries as candidate spans. Arrays in, arrays out.

Tokens are rows in the flat tokens of the batch; a boundary is a place in a matrix of types x tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ...annotations.alignment import Gold, Losses
from ...arrays import expand_ranges
from ..spans.overlap import resolve_overlaps
from ..spans.spans import Spans


@dataclass
class Boundaries:
    """What a batch of a boundary model is trained on.

    spans (Spans): The entities, in the rows of the batch.
    known (numpy.ndarray): True for the tokens that teach: those of texts with gold for entities; shape (tokens,).
    lost (Losses): Gold that the model cannot learn from.
    """

    spans: Spans
    known: numpy.ndarray
    lost: Losses

    @classmethod
    def of(
        cls, golds: Sequence[Gold], lengths: numpy.ndarray, label_ids: dict[str, int], unseen: numpy.ndarray
    ) -> "Boundaries":
        """The targets of some texts.

        golds (Sequence[Gold]): The aligned gold of each text.
        lengths (numpy.ndarray): Tokens per text.
        label_ids (Dict[str, int]): The place of each label.
        unseen (numpy.ndarray): True for tokens that the encoder does not see, shape (tokens,); they teach nothing.
        """
        offsets = numpy.cumsum(lengths) - lengths
        lost = Losses()
        learnable = []
        for gold, offset in zip(golds, offsets.tolist()):
            lost.update(gold.lost)
            learnable.append([])
            for mention in gold.entities:
                start, end, label, _ = mention
                if label not in label_ids:
                    lost.add("entity label without a question", label)
                elif unseen[offset + start] or unseen[offset + end - 1]:
                    lost.add("entity that begins or ends where the encoder sees nothing", label)
                else:
                    learnable[-1].append(mention)
        known = numpy.repeat([gold.n_entities is not None for gold in golds], lengths).astype(bool)
        return cls(Spans.of(learnable, offsets, label_ids), known & ~unseen, lost)

    def matrices(self, types: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Where entities of each type begin and end: two bool arrays of types x tokens."""
        starts, ends = numpy.zeros((2, types, len(self.known)), dtype=bool)
        starts[self.spans.labels, self.spans.starts] = True
        ends[self.spans.labels, self.spans.ends - 1] = True
        return starts, ends


@dataclass
class Candidates:
    """Spans of one type each that are worth a closer look; each array has shape (candidates,). Sorted by type, start and end.

    types (numpy.ndarray): The place of the type.
    starts, lasts (numpy.ndarray): First and last token, rows of the batch.
    """

    types: numpy.ndarray
    starts: numpy.ndarray
    lasts: numpy.ndarray

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, chosen) -> "Candidates":
        return Candidates(self.types[chosen], self.starts[chosen], self.lasts[chosen])


def candidate_spans(
    starts: numpy.ndarray, ends: numpy.ndarray, lengths: numpy.ndarray, ends_per_start: int
) -> tuple[Candidates, int]:
    """Join every start with the ends of the same type in the same text, at or behind it, nearest first.

    starts, ends (numpy.ndarray): bool, types x tokens.
    lengths (numpy.ndarray): Tokens per text.
    ends_per_start (int): With how many ends a start is joined at most, which keeps the number of candidates linear in the length of a text.
    RETURNS (Tuple[Candidates, int]): The candidates, and how many pairs were left out.
    """
    tokens = starts.shape[1]
    text_ends = numpy.repeat(numpy.cumsum(lengths), lengths)
    # In one row of all types x tokens the ends of a start are a range among all ends.
    flat_starts, flat_ends = numpy.flatnonzero(starts), numpy.flatnonzero(ends)
    types, rows = numpy.divmod(flat_starts, max(tokens, 1))
    first = numpy.searchsorted(flat_ends, flat_starts)
    possible = numpy.searchsorted(flat_ends, types * tokens + text_ends[rows]) - first
    counts = numpy.minimum(possible, ends_per_start)
    lasts = flat_ends[expand_ranges(first, counts)] % max(tokens, 1)
    candidates = Candidates(numpy.repeat(types, counts), numpy.repeat(rows, counts), lasts)
    return candidates, int((possible - counts).sum())


def with_gold(candidates: Candidates, spans: Spans) -> tuple[Candidates, numpy.ndarray]:
    """Add the entities that are not among the candidates.

    candidates (Candidates): The candidates.
    spans (Spans): The entities.
    RETURNS (Tuple[Candidates, numpy.ndarray]): Both, each once, and which of them are entities (bool, shape (candidates,)).
    """
    columns = [(candidates.types, spans.labels), (candidates.starts, spans.starts), (candidates.lasts, spans.ends - 1)]
    both = numpy.stack([numpy.concatenate(column) for column in columns], axis=1)
    rows, inverse = numpy.unique(both, axis=0, return_inverse=True)
    gold = numpy.zeros(len(rows), dtype=bool)
    gold[inverse.reshape(-1)[len(candidates) :]] = True
    return Candidates(*rows.T.astype(numpy.int64)), gold


def choose_spans(candidates: Candidates, scores: numpy.ndarray, overlap: str, one_type: bool) -> numpy.ndarray:
    """Which candidates stay.

    candidates (Candidates): Spans that were found.
    scores (numpy.ndarray): Shape (candidates,).
    overlap (str): "flat", "nested" or "any", see `resolve_overlaps`.
    one_type (bool): A place has one type, the best scored.
    RETURNS (numpy.ndarray): The places of those that stay, sorted by start, longer first.
    """
    kept = numpy.arange(len(candidates))
    if one_type:
        by_score = numpy.lexsort((candidates.types, -scores))
        _, first = numpy.unique(
            numpy.stack([candidates.starts, candidates.lasts], axis=1)[by_score], axis=0, return_index=True
        )
        kept = by_score[first]
    kept = kept[resolve_overlaps(candidates.starts[kept], candidates.lasts[kept] + 1, scores[kept], overlap)]
    return kept[numpy.lexsort((candidates.types[kept], -candidates.lasts[kept], candidates.starts[kept]))]
