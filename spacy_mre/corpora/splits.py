"""Rules that split a corpus into train, dev and test. They are deterministic, so every machine gets the same split."""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha1
from itertools import combinations

from ..errors import Errors, Warnings
from .record import Record
from .stratified import hash_of, split_stratified

PARTS = ("train", "dev", "test")


def by_hash(key: str) -> str:
    """Assign 80 % to train, 10 % to dev and 10 % to test by a hash of the key.

    key (str): What must not be split: a dialogue, an article, or the id of an independent text.
    RETURNS (str): "train", "dev" or "test".
    """
    tenth = int(sha1(key.encode("utf8")).hexdigest(), 16) % 10
    return {8: "dev", 9: "test"}.get(tenth, "train")


def by_number(number: int) -> str:
    """Assign every tenth record to test, the one before it to dev, the rest to train. Used for the hand-written corpus.

    number (int): The number at the end of the record's id, counted from 1.
    RETURNS (str): "train", "dev" or "test".
    """
    return {9: "dev", 0: "test"}.get(number % 10, "train")


def split_by_group(records: Iterable[Record]) -> list[str]:
    """RETURNS (list[str]): The part of each record by a hash of its group, or of its id if it has no group."""
    return [by_hash(record.group or record.id) for record in records]


def split_by_number(records: Iterable[Record]) -> list[str]:
    """RETURNS (list[str]): The part of each record by the number at the end of its id. Groups are not read."""
    parts = []
    for record in records:
        number = re.search(r"-([0-9]{1,15})\Z", record.id)
        if number is None:
            raise ValueError(Errors.M206.format(origin=record.origin, id=record.id))
        parts.append(by_number(int(number[1])))
    return parts


def split_last_tenth(records: Iterable[Record]) -> list[str]:
    """RETURNS (list[str]): "dev" for the last tenth of the records, "train" for the rest. Groups are not split: one
    with a text in train is completely in train.
    """
    groups = [record.group for record in records]
    n_train = len(groups) - len(groups) // 10
    in_train = {group for group in groups[:n_train] if group}
    return ["train"] * n_train + ["train" if group in in_train else "dev" for group in groups[n_train:]]


# From the records and a seed to their parts.
SPLIT_RULES: dict[str, Callable[[Iterable[Record], int], list[str]]] = {
    "stratified": split_stratified,
    "hash": lambda records, seed: split_by_group(records),
    "number": lambda records, seed: split_by_number(records),
    "last-tenth": lambda records, seed: split_last_tenth(records),
}
RULE_PARTS = {"stratified": PARTS, "hash": PARTS, "number": PARTS, "last-tenth": ("train", "dev")}


def choose_parts(records: Iterable[Record], rule: str, *, seed: int = 0) -> list[str]:
    """Choose the part of each record by a rule. A part that is empty by chance, because there are few records, is
    warned of, and so are texts that are in two parts.

    records (Iterable[Record]): The records, in order. They are read more than once, and need not be in memory.
    rule (str): The name of a rule in `SPLIT_RULES`: "stratified", "hash", "number" or "last-tenth".
    seed (int): The seed of "stratified"; the other rules draw nothing.
    RETURNS (list[str]): "train", "dev" or "test" for each record.
    RAISES (ValueError): If the rule does not exist, or cannot be applied to the records.
    """
    if rule not in SPLIT_RULES:
        raise ValueError(Errors.M205.format(name=rule, names=", ".join(SPLIT_RULES)))
    parts = SPLIT_RULES[rule](records, seed)
    sizes = Counter(parts)
    empty = [part for part in RULE_PARTS[rule] if not sizes[part]]
    if empty:
        counts = ", ".join(f"{sizes[part]} {part}" for part in RULE_PARTS[rule])
        groups = {record.group for record in records}
        is_grouped = rule != "number" and "" not in groups and len(groups) < len(parts)
        cause = (
            f"The texts are in {len(groups)} group(s), which are not split." if is_grouped else "There are few texts."
        )
        about = {"rule": rule, "empty": ", ".join(empty), "counts": counts, "cause": cause}
        warnings.warn(Warnings.W201.format(**about), stacklevel=2)
    repeated = _count_repeated(records, parts)
    if repeated:
        counts = ", ".join(
            f"{count} of {sizes[part]} {part} in {earlier}" for (part, earlier), count in repeated.items()
        )
        warnings.warn(Warnings.W202.format(rule=rule, counts=counts), stacklevel=2)
    return parts


def split_records(records: Sequence[Record], rule: str, *, seed: int = 0) -> dict[str, list[Record]]:
    """Split records by a rule.

    records (Sequence[Record]): The records, in order.
    rule (str): As for `choose_parts`.
    seed (int): As for `choose_parts`.
    RETURNS (dict[str, list[Record]]): The records of "train", "dev" and "test", without parts that are empty.
    RAISES (ValueError): As for `choose_parts`.

    >>> records = [Record(f"text {i}", id=f"news-{i}") for i in range(1, 11)]
    >>> [(part, len(in_part)) for part, in_part in split_records(records, "number").items()]
    [('train', 8), ('dev', 1), ('test', 1)]
    """
    chosen = choose_parts(records, rule, seed=seed)
    split = {part: [record for record, of in zip(records, chosen) if of == part] for part in PARTS}
    return {part: in_part for part, in_part in split.items() if in_part}


def _count_repeated(records: Iterable[Record], parts: list[str]) -> dict[tuple[str, str], int]:
    """The number of texts of a part that are in an earlier one too, for each two. Hashes are smaller than texts."""
    hashes: dict[str, list[bytes]] = {part: [] for part in PARTS}
    for record, part in zip(records, parts):
        hashes[part].append(hash_of(record.text))
    found = {part: set(of_part) for part, of_part in hashes.items()}
    pairs = [(part, earlier) for earlier, part in combinations(PARTS, 2)]
    counts = {pair: sum(text in found[pair[1]] for text in hashes[pair[0]]) for pair in pairs}
    return {pair: count for pair, count in counts.items() if count}
