"""The report of a silver corpus: what was kept, and what was left out and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ....annotations.kinds import KINDS
from ....corpora.translation.quality_text import table_cell
from .row import Labelled, Lost, Reason

MAX_EXAMPLES = 3
TITLES = {"entities": "Entities", "relations": "Relations", "cats": "Text labels"}


def summarize(rows: Sequence[Labelled], needed: int) -> dict[str, Any]:
    """Count.

    rows (Sequence[Labelled]): All rows.
    needed (int): How many samples must have an annotation.
    RETURNS (dict[str, Any]): The report, as JSON.
    """
    samples = [(row, sample) for row in rows for sample in row.samples]
    labels: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    scores: list[float] = []
    for row in rows:
        if row.record is None:
            continue
        found = [*(row.record.entities or ()), *(row.record.relations or ())]
        scores += [one.score for one in found]
        labels["entities"].update(one.label for one in row.record.entities or ())
        labels["relations"].update(one.label for one in row.record.relations or ())
        labels["cats"].update(label for label, value in (row.record.cats or {}).items() if value)
    return {
        "texts": len(rows),
        "kept": sum(row.is_kept for row in rows),
        "needed": needed,
        "dropped": _counted((row, lost) for row in rows for lost in row.reasons),
        "answers": {
            "asked": len(samples),
            "usable": sum(sample.fault is None for _, sample in samples),
            "faults": _counted((row, sample.fault) for row, sample in samples if sample.fault is not None),
        },
        "left_out": {
            "answers": _counted((row, lost) for row, sample in samples for lost in sample.lost),
            "agreement": _counted((row, lost) for row in rows for lost in row.lost),
        },
        "agreement": {
            "annotations": len(scores),
            "unanimous": sum(score == 1.0 for score in scores),
            "mean": sum(scores) / len(scores) if scores else 0.0,
        },
        "labels": {kind: dict(sorted(of_kind.items())) for kind, of_kind in labels.items()},
    }


def as_markdown(report: dict[str, Any]) -> str:
    """RETURNS (str): The report for people.

    report (dict[str, Any]): What `summarize` returns.
    """
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    answers, agreement = report["answers"], report["agreement"]
    yield "# Silver annotation"
    yield ""
    yield f"{report['kept']} of {report['texts']} texts are kept. {answers['usable']} of {answers['asked']} answers "
    yield f"could be used. An annotation needs {report['needed']} of the answers to a text: {agreement['unanimous']} "
    yield f"of {agreement['annotations']} annotations are in all, and the mean share is {agreement['mean']:.3f}."
    yield from _reasons("Answers that could not be used", answers["faults"])
    yield from _reasons("Texts that were dropped, by each reason", report["dropped"])
    yield from _reasons("Left out of answers", report["left_out"]["answers"])
    yield from _reasons("Left out by agreement", report["left_out"]["agreement"])
    for kind, title in TITLES.items():
        if report["labels"][kind]:
            yield from ("", f"## {title}", "", "| Label | Count |", "|---|---:|")
            for label, count in report["labels"][kind].items():
                yield f"| {table_cell(label)} | {count} |"


def _reasons(title: str, counts: dict[str, Any]) -> Iterator[str]:
    if counts:
        yield from ("", f"## {title}", "", "| Reason | Count | Examples |", "|---|---:|---|")
        for reason, item in counts.items():
            examples = "; ".join(": ".join(filter(None, example)) for example in item["examples"])
            yield f"| {reason} | {item['count']} | {table_cell(examples)} |"


def _counted(found: Iterable[tuple[Labelled, Lost]]) -> dict[str, Any]:
    """By reason: the number, and the first examples with the id of their text."""
    counts: dict[Reason, dict[str, Any]] = {}
    for row, lost in found:
        item = counts.setdefault(lost.reason, {"count": 0, "examples": []})
        item["count"] += 1
        if len(item["examples"]) < MAX_EXAMPLES:
            item["examples"].append([row.source.id, lost.detail])
    return {str(reason): counts[reason] for reason in Reason if reason in counts}
