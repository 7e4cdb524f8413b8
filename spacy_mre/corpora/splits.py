"""Which record belongs to train, dev or test? Rules that give the same answer on every machine and are committed with the code."""

import re
from collections.abc import Callable, Sequence
from hashlib import sha1

from ..errors import Errors
from .record import Record

PARTS = ("train", "dev", "test")


def by_hash(key: str) -> str:
    """Eight tenths train, one tenth dev, one tenth test, by a hash of the key.

    key (str): What must not be separated: the dialogue, the article, or the id of a text that stands alone.
    RETURNS (str): "train", "dev" or "test".
    """
    tenth = int(sha1(key.encode("utf8")).hexdigest(), 16) % 10
    return {8: "dev", 9: "test"}.get(tenth, "train")


def by_number(number: int) -> str:
    """The rule of the hand-written corpus: of six records the fifth is dev and the sixth is test.

    number (int): The number at the end of the record's id.
    RETURNS (str): "train", "dev" or "test".
    """
    return {5: "dev", 0: "test"}.get(number % 6, "train")


def split_by_group(records: Sequence[Record]) -> list[str]:
    """`by_hash` of the group, so that no dialogue or article is separated; of the id where a record has no group."""
    return [by_hash(record.group or record.id) for record in records]


def split_by_number(records: Sequence[Record]) -> list[str]:
    """`by_number` of the number at the end of the id."""
    parts = []
    for record in records:
        number = re.search(r"-(\d+)\Z", record.id)
        if number is None:
            raise ValueError(Errors.M206.format(origin=record.origin, id=record.id))
        parts.append(by_number(int(number[1])))
    return parts


def split_last_tenth(records: Sequence[Record]) -> list[str]:
    """The last tenth is dev, the rest train, in the order of the file; the border waits for the end of a group."""
    border = len(records) - len(records) // 10
    while 0 < border < len(records) and records[border].group and records[border].group == records[border - 1].group:
        border += 1
    return ["train"] * border + ["dev"] * (len(records) - border)


SPLIT_RULES: dict[str, Callable[[Sequence[Record]], list[str]]] = {
    "hash": split_by_group,
    "number": split_by_number,
    "last-tenth": split_last_tenth,
}


def split_records(records: Sequence[Record], rule: str) -> dict[str, list[Record]]:
    """Split records by a named rule.

    records (Sequence[Record]): All records, in their order.
    rule (str): A key of `SPLIT_RULES`.
    RETURNS (Dict[str, List[Record]]): The records of each part that has any, by "train", "dev" and "test".
    RAISES (ValueError): A rule that does not exist or does not fit the records.
    """
    if rule not in SPLIT_RULES:
        raise ValueError(Errors.M205.format(name=rule, names=", ".join(SPLIT_RULES)))
    parts = SPLIT_RULES[rule](records)
    split = {part: [record for record, its in zip(records, parts) if its == part] for part in PARTS}
    return {part: found for part, found in split.items() if found}
