"""Comparison of two analyses of a text: how alike they are, and what a person changed."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

# As /analyse gives it: "entities", "relations" and "cats"; None for what is not set.
Analysis = dict[str, Any]
Entity = tuple[int, int, str]
# Label and text of the entities.
Names = frozenset[tuple[str, str]]


class Cats(NamedTuple):
    """Which text labels hold.

    multi_label (bool): Any number of them; otherwise exactly one.
    threshold (float): The lowest score of one that holds, if any number may.
    """

    multi_label: bool = False
    threshold: float = 0.5

    def held(self, cats: Mapping[str, float] | None) -> set[str]:
        """Find the labels that hold.

        cats (Optional[Mapping[str, float]]): Their scores.
        RETURNS (set[str]): The labels.

        >>> Cats().held({"news": 0.4, "diary": 0.3}), Cats(True).held({"news": 0.4, "diary": 0.3})
        ({'news'}, set())
        """
        if not cats:
            return set()
        if self.multi_label:
            return {label for label, score in cats.items() if score >= self.threshold}
        best = max(cats, key=cats.__getitem__)
        return {best} if cats[best] > 0 else set()  # a text without tokens has no label


def entity_items(analysis: Analysis) -> list[Entity]:
    """RETURNS (list[tuple[int, int, str]]): Start, end and label of the entities."""
    return [(one["start"], one["end"], one["label"]) for one in analysis["entities"] or ()]


def find_names(analysis: Analysis | None) -> Names:
    """RETURNS (frozenset[tuple[str, str]]): Label and text of the entities; none if there is no analysis. A line of
    another program has the text of the whole only."""
    if analysis is None:
        return frozenset()
    text, entities = analysis.get("text", ""), analysis.get("entities") or ()
    return frozenset((one["label"], one.get("text") or text[one["start"] : one["end"]]) for one in entities)


def items(analysis: Analysis, cats: Cats) -> set[Hashable]:
    """What an analysis states, in a form that does not depend on the order.

    analysis (dict[str, Any]): The analysis.
    cats (Cats): Which text labels hold.
    RETURNS (set[Hashable]): One for each entity, relation and text label.
    """
    entities = entity_items(analysis)
    relations = [(entities[one["head"]], entities[one["tail"]], one["label"]) for one in analysis["relations"] or ()]
    return {*entities, *relations, *cats.held(analysis["cats"])}


def is_same(first: Analysis, second: Analysis, cats: Cats) -> bool:
    """RETURNS (bool): Whether two analyses state the same. A level that is not set states nothing."""
    return items(first, cats) == items(second, cats)


class Overlap:
    """What sets have in common with others, over pairs that come and go.

    pairs (int): How many there are.
    """

    def __init__(self) -> None:
        self.pairs = self._common = self._total = 0

    def add(self, first: Collection[Hashable], second: Collection[Hashable], times: int = 1) -> None:
        """Add a pair.

        first (Collection[Hashable]): A set.
        second (Collection[Hashable]): The other one.
        times (int): How often; -1 takes the pair away. Default: 1.
        """
        found, wanted = set(first), set(second)
        self.pairs += times
        self._common += times * len(found & wanted)
        self._total += times * (len(found) + len(wanted))

    @property
    def f1(self) -> float | None:
        """RETURNS (Optional[float]): See the function."""
        return 2 * self._common / self._total if self._total else None


def f1(pairs: Iterable[tuple[Collection[Hashable], Collection[Hashable]]]) -> float | None:
    """The F1 of sets against others, over all pairs.

    pairs (Iterable[tuple[Collection[Hashable], Collection[Hashable]]]): What is compared.
    RETURNS (Optional[float]): From 0 to 1; None if all are empty.

    >>> f1([({1, 2}, {2}), ({3}, {3})])
    0.8
    """
    overlap = Overlap()
    for first, second in pairs:
        overlap.add(first, second)
    return overlap.f1


def trace(predicted: Analysis | None, gold: Analysis, cats: Cats) -> dict[str, Any]:
    """Tell where each annotation comes from.

    predicted (Optional[dict[str, Any]]): What the pipeline found; None if it failed.
    gold (dict[str, Any]): What the person saved.
    cats (Cats): Which text labels hold.
    RETURNS (dict[str, Any]): For each entity and relation, in order, and for each text label that holds: its "origin",
        "accepted", "corrected" (with what it "was") or "added". In "deleted", what the person removed.
    """
    predicted = predicted or {"entities": None, "relations": None, "cats": None}
    entities, sources = _trace_entities(predicted, gold)
    used = {source for source in sources if source is not None}
    found = predicted["entities"] or []
    relations, gone_relations = _trace_relations(predicted, gold, sources)
    labels, gone_labels = _trace_cats(cats.held(predicted["cats"]), cats.held(gold["cats"]))
    deleted = {
        "entities": [one for number, one in enumerate(found) if number not in used],
        "relations": gone_relations,
        "cats": gone_labels,
    }
    return {"entities": entities, "relations": relations, "cats": labels, "deleted": deleted}


def _origin(was: Any, is_kept: bool) -> dict[str, Any]:
    return {"origin": "accepted"} if is_kept else {"origin": "corrected", "was": was}


def _trace_entities(predicted: Analysis, gold: Analysis) -> tuple[list[dict[str, Any]], list[int | None]]:
    """The origins, and which predicted entity each was made of: the same one, else the one that it overlaps most."""
    found, kept = entity_items(predicted), entity_items(gold)
    numbers = {one: number for number, one in reversed(list(enumerate(found)))}
    sources: list[int | None] = [numbers.get(one) for one in kept]
    used = {source for source in sources if source is not None}
    free = sorted((found[number][0], number) for number in range(len(found)) if number not in used)
    longest = max((found[number][1] - start for start, number in free), default=0)
    # The longest overlap first. One that begins further to the left than the longest is long cannot overlap.
    overlaps = sorted(
        (max(one[0], start) - min(one[1], found[number][1]), place, number)
        for place, one in enumerate(kept)
        if sources[place] is None
        for start, number in free[bisect_left(free, (one[0] - longest, -1)) : bisect_left(free, (one[1], -1))]
        if max(one[0], start) < min(one[1], found[number][1])
    )
    for _, place, number in overlaps:
        if sources[place] is None and number not in used:
            sources[place] = number
            used.add(number)
    origins = [
        {"origin": "added"} if source is None else _origin(predicted["entities"][source], found[source] == one)
        for one, source in zip(kept, sources)
    ]
    return origins, sources


def _trace_relations(
    predicted: Analysis, gold: Analysis, sources: list[int | None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The origins, and what was deleted. A relation is the same if its entities were made of the same ones."""
    found = [(one["head"], one["tail"], one["label"]) for one in predicted["relations"] or ()]
    kept = [(sources[one["head"]], sources[one["tail"]], one["label"]) for one in gold["relations"] or ()]
    same = Counter(found) & Counter(kept)
    left = list((Counter(found) - same).elements())
    of_ends = defaultdict(list)
    for one in left:
        of_ends[frozenset(one[:2])].append(one)
    origins = []
    for triple in kept:
        others = of_ends[frozenset(triple[:2])]
        if same[triple]:
            same[triple] -= 1
            origins.append(_origin(None, True))
        elif others:
            head, tail, label = others.pop(0)
            left.remove((head, tail, label))
            origins.append(_origin({"head": head, "tail": tail, "label": label}, False))
        else:
            origins.append({"origin": "added"})
    return origins, [{"head": head, "tail": tail, "label": label} for head, tail, label in left]


def _trace_cats(before: set[str], after: set[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    gone, new = sorted(before - after), sorted(after - before)
    origins = {label: {"origin": "accepted"} for label in sorted(before & after)}
    if len(gone) == len(new) == 1:
        return {**origins, new[0]: _origin(gone[0], False)}, []
    return {**origins, **{label: {"origin": "added"} for label in new}}, gone
