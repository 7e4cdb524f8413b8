"""What a translated corpus kept and lost, counted row by row."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...annotations.kinds import KINDS
from ..held_labels import names_of_held
from ..record import Record
from .engine import NoAnswer
from .folding import fold
from .label_table import LabelTable
from .marking import mark
from .pairing import entity_pairs
from .row import Reason, Translated

MAX_EXAMPLES = 3  # of a reason
MAX_NAMES = 5
# The answer was not what the prompt asked for.
FORMAT_FAULTS = {
    Reason.TRUNCATED,
    Reason.EMPTY,
    Reason.UNPARSABLE,
    Reason.MARKER_LOST,
    Reason.MARKER_DOUBLED,
    Reason.MARKER_INVENTED,
    Reason.LABEL_CHANGED,
    Reason.NOT_IN_TEXT,
}
UNANSWERED = {Reason.NO_ANSWER, Reason.BUDGET_SPENT, Reason.REFUSED}


@dataclass
class _Kind:
    """Counts by label of entities, relations or text labels: of rows and annotations, in the source and kept."""

    rows: Counter[str] = field(default_factory=Counter)
    kept_rows: Counter[str] = field(default_factory=Counter)
    source: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


@dataclass
class _Share:
    """A part of a whole."""

    part: int = 0
    whole: int = 0

    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None


class Quality:
    """The quality of translated rows, with the labels of the target.

    table (LabelTable): The labels.

    >>> quality = Quality(LabelTable())
    >>> quality.add(Translated(Record("Lima", id="1"), Record("リマ", id="1")))
    >>> quality.report()["kept"]
    1
    """

    def __init__(self, table: LabelTable) -> None:
        self.table = table
        self.rows = _Share()
        self.reasons: Counter[Reason] = Counter()
        self.examples: dict[Reason, list[dict[str, str]]] = {}
        self.faults: Counter[str] = Counter()
        self.kinds = {kind: _Kind() for kind in KINDS}
        self.format = _Share()
        self.entities = _Share()
        self.relations = _Share()
        self.methods: Counter[str] = Counter()
        self.names: dict[str, Counter[str]] = {}

    def add(self, row: Translated) -> None:
        """Count a row.

        row (Translated): The row.
        """
        self.rows.whole += 1
        self.rows.part += row.is_kept
        self._count_reasons(row)
        for kind in KINDS:
            self._count_labels(kind, row)
        if not UNANSWERED & set(row.reasons) and "edit" not in row.methods:
            self.format.whole += 1
            self.format.part += _has_format(row)
        self._count_found(row)
        if row.is_kept:
            for name, translation in _names(row):
                self.names.setdefault(name, Counter())[translation] += 1

    def report(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The counts and shares, as values of JSON; a share of nothing is None.

        rows, kept: Rows.
        reasons: For each reason, the number of dropped rows that have it, and the first of them. A row may have
            several. Of rows without an answer also why there is none, with its number ("faults").
        format_accuracy: The share of answers that could be read and had all entities as asked. Without rows that a
            person edited, and those without an answer.
        entity_recall, relation_recall: Of those of the source, the share that was found, in kept and dropped rows.
        methods: Entities by how they were found.
        labels: For each kind the total variation distance between the labels of the source and those kept (0: the same
            shares, 1: no label in common); and for each label its rows and annotations, and its share of them.
        names: How many strings of the source were translated at least twice in kept rows, how many of them not in the
            same way, and those with most translations. Case is ignored.
        """
        return {
            "rows": self.rows.whole,
            "kept": self.rows.part,
            "reasons": {str(reason): self._report_reason(reason) for reason in Reason if self.reasons[reason]},
            "format_accuracy": self.format.value(),
            "entity_recall": self.entities.value(),
            "relation_recall": self.relations.value(),
            "methods": dict(sorted(self.methods.items())),
            "labels": {kind: self._report_kind(kind) for kind in KINDS},
            "names": self._report_names(),
        }

    def _count_reasons(self, row: Translated) -> None:
        for reason in dict.fromkeys(row.reasons):
            self.reasons[reason] += 1
            examples = self.examples.setdefault(reason, [])
            if len(examples) < MAX_EXAMPLES:
                examples.append({"id": row.source.id, "detail": row.details[row.reasons.index(reason)]})

            if reason is Reason.NO_ANSWER:
                self.faults[NoAnswer(row.details[row.reasons.index(reason)]).reason or "unknown"] += 1

    def _report_reason(self, reason: Reason) -> dict[str, Any]:
        found: dict[str, Any] = {"rows": self.reasons[reason], "examples": self.examples[reason]}
        if reason is Reason.NO_ANSWER:
            found["faults"] = dict(sorted(self.faults.items(), key=lambda item: (-item[1], item[0])))
        return found

    def _count_labels(self, kind: str, row: Translated) -> None:
        counts = self.kinds[kind]
        source = list(_labels(row.source, kind))
        counts.source.update(source)
        counts.rows.update(set(source))
        if row.is_kept and row.record is not None:
            counts.kept.update(_labels(row.record, kind))
            counts.kept_rows.update(set(source))

    def _count_found(self, row: Translated) -> None:
        entities = len(row.source.entities or ())
        found = [method for method in row.methods if method]
        self.methods.update(found)
        if entities > len(found):
            self.methods["not found"] += entities - len(found)
        self.entities.part += len(found)
        self.entities.whole += entities
        self.relations.part += len((row.record and row.record.relations) or ())
        self.relations.whole += len(row.source.relations or ())

    def _report_kind(self, kind: str) -> dict[str, Any]:
        counts = self.kinds[kind]
        table = getattr(self.table, kind)
        rows, kept_rows, source = (_rename(count, table) for count in (counts.rows, counts.kept_rows, counts.source))
        totals = (sum(source.values()), sum(counts.kept.values()))
        labels = {
            label: {
                "rows": rows[label],
                "kept_rows": kept_rows[label],
                "source": source[label],
                "kept": counts.kept[label],
                "source_share": source[label] / totals[0] if totals[0] else 0.0,
                "kept_share": counts.kept[label] / totals[1] if totals[1] else 0.0,
            }
            for label in sorted(source.keys() | counts.kept.keys())
        }
        shift = sum(abs(label["source_share"] - label["kept_share"]) for label in labels.values()) / 2
        return {"distance": shift if all(totals) else None, "labels": labels}

    def _report_names(self) -> dict[str, Any]:
        repeated = {name: found for name, found in self.names.items() if found.total() > 1}
        several = {name: found for name, found in repeated.items() if len(found) > 1}
        worst = sorted(several, key=lambda name: (-len(several[name]), -several[name].total(), name))[:MAX_NAMES]
        return {
            "repeated": len(repeated),
            "several_translations": len(several),
            "share": len(several) / len(repeated) if repeated else None,
            "examples": [{"name": name, "translations": dict(several[name].most_common())} for name in worst],
        }


def _has_format(row: Translated) -> bool:
    if row.record is None or FORMAT_FAULTS & set(row.reasons):
        return False
    if row.reply.lstrip().startswith("{"):
        return True  # Entities as strings of JSON; those that are missing have a reason.
    marked = mark(row.source)
    without_mark = set(marked.others.values())
    return all(method == "marker" for index, method in enumerate(row.methods) if index not in without_mark)


def _labels(record: Record, kind: str) -> Iterator[str]:
    if kind == "cats":
        return iter(names_of_held(record))
    return (annotation.label for annotation in getattr(record, kind) or ())


def _names(row: Translated) -> Iterator[tuple[str, str]]:
    """The names in the source, and their translations."""
    for entity, found in entity_pairs(row):
        translation = row.record.text[found.start : found.end] if row.record is not None else ""
        yield fold(row.source.text[entity.start : entity.end]), fold(translation)


def _rename(counts: Counter[str], table: Mapping[str, str]) -> Counter[str]:
    renamed: Counter[str] = Counter()
    for label, count in counts.items():
        renamed[table.get(label, label)] += count
    return renamed
