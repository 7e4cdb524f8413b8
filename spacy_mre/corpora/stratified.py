"""A split in which every part has its share of every label: iterative stratification (Sechidis et al. 2011, algorithm
1), which also keeps groups of texts together."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from hashlib import sha1
from heapq import heapify, heappop, heappush
from random import Random

from ..annotations.text_labels import holding_or_highest
from .record import Record

Labels = Collection[Hashable]
# The shares of the parts. Rare labels come to the first ones first.
SHARES = {"train": 0.7, "dev": 0.15, "test": 0.15}


def split_stratified(records: Iterable[Record], seed: int = 0) -> list[str]:
    """RETURNS (list[str]): The part of each record: 70% for "train", 15% each for "dev" and "test", so that all three
    have the same share of every label of entities, relations and texts. Groups are not split, and equal texts
    without a group are in one part. Only ties are decided by the seed.
    """
    groups: list[Hashable] = []
    labels: list[Labels] = []
    seen: dict[frozenset[Hashable], frozenset[Hashable]] = {}
    for record in records:
        # Equal sets once: there may be millions of texts.
        groups.append(group_of(record))
        of_record = frozenset(labels_of(record))
        labels.append(seen.setdefault(of_record, of_record))
    return stratify(labels, SHARES, groups=groups, seed=seed)


def group_of(record: Record) -> Hashable:
    """RETURNS (Hashable): What must not be split: the group of a record, or a hash of its text, which is smaller."""
    return ("group", record.group) if record.group else ("text", hash_of(record.text))


def hash_of(text: str) -> bytes:
    """RETURNS (bytes): What stands for a text in comparisons, in 20 bytes."""
    return sha1(text.encode()).digest()


def labels_of(record: Record) -> set[Hashable]:
    """RETURNS (set[Hashable]): The labels of a record, each with its level."""
    return {
        *(("entity", entity.label) for entity in record.entities or ()),
        *(("relation", relation.label) for relation in record.relations or ()),
        *(("text", label) for label in holding_or_highest(record.cats or {})),
    }


def stratify(
    labels: Sequence[Labels],
    shares: Mapping[str, float],
    *,
    groups: Sequence[Hashable],
    seed: int = 0,
) -> list[str]:
    """Split texts so that each part has its share of the texts and of every label.

    The rarest label comes first: each text with it goes to the part that lacks most of that label; of those that lack
    equally many, to the one that lacks most texts; of these, to one that is drawn.

    labels (Sequence[Labels]): The labels of each text.
    shares (Mapping[str, float]): The share of each part; the sum is 1.
    groups (Sequence[Hashable]): The group of each text. A group is not split.
    seed (int): The seed of the draws.
    RETURNS (list[str]): The part of each text.

    >>> parts = stratify([["a"], ["a"], ["b"], ["b"]], {"train": 0.5, "test": 0.5}, groups=range(4))
    >>> sorted(parts[:2]), sorted(parts[2:])
    (['test', 'train'], ['test', 'train'])
    """
    by_group: dict[Hashable, list[int]] = {}
    for text, group in enumerate(groups):
        by_group.setdefault(group, []).append(text)
    units = list(by_group.values())
    counts = [Counter(label for text in unit for label in set(labels[text])) for unit in units]
    order = list(range(len(units)))
    random = Random(seed)
    random.shuffle(order)
    texts_wanted = {part: share * len(labels) for part, share in shares.items()}
    total = Counter[Hashable]()
    for of_unit in counts:
        total.update(of_unit)
    wanted = {part: {label: share * count for label, count in total.items()} for part, share in shares.items()}
    part_of_unit: dict[int, str] = {}

    def assign(unit: int, label: Hashable | None) -> None:
        def lack(part: str) -> tuple[float, float]:
            # Rounded, because sums of shares differ in their last digits.
            return round(wanted[part].get(label, 0.0), 6), round(texts_wanted[part], 6)

        most = max(map(lack, shares))
        part = random.choice([part for part in shares if lack(part) == most])
        part_of_unit[unit] = part
        texts_wanted[part] -= len(units[unit])
        for each, count in counts[unit].items():
            wanted[part][each] -= count

    with_label: dict[Hashable, list[int]] = {}
    for unit in order:
        for label in counts[unit]:
            with_label.setdefault(label, []).append(unit)
    left = {label: len(members) for label, members in with_label.items()}
    # There may be as many labels as texts. The rarest is on top; counts that are no longer right are passed over.
    place = {label: number for number, label in enumerate(left)}
    rarest = [(count, str(label), place[label], label) for label, count in left.items()]
    heapify(rarest)
    while rarest:
        count, *_, label = heappop(rarest)
        if count != left[label]:
            continue
        changed = set()
        for unit in with_label[label]:
            if unit not in part_of_unit:
                assign(unit, label)
                for each in counts[unit]:
                    left[each] -= 1
                    changed.add(each)
        for each in changed:
            if left[each]:
                heappush(rarest, (left[each], str(each), place[each], each))
    for unit in order:
        if unit not in part_of_unit:
            assign(unit, None)
    parts = [""] * len(labels)
    for unit, part in part_of_unit.items():
        for text in units[unit]:
            parts[text] = part
    return parts
