"""The quality report in Markdown."""

from collections.abc import Iterator
from typing import Any

from ...annotations.kinds import KINDS

TITLES = {"entities": "Entities", "relations": "Relations", "cats": "Text labels"}


def as_markdown(report: dict[str, Any]) -> str:
    """Write a report for people.

    report (dict[str, Any]): What `Quality.report` returns; with the key "back", also what `check_back` returns.
    RETURNS (str): The Markdown.
    """
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    yield "# Translation"
    yield ""
    yield f"{report['kept']} of {report['rows']} rows are kept."
    yield from _table(
        ("Measure", "Value"),
        [
            ("Answers in the format that was asked for", _percent(report["format_accuracy"])),
            ("Entities found", _percent(report["entity_recall"])),
            ("Relations found", _percent(report["relation_recall"])),
            *((f"Entities: {method}", count) for method, count in report["methods"].items()),
        ],
    )
    if report["reasons"]:
        yield from ("", "## Dropped rows", "", "A row may have several reasons.")
        yield from _table(
            ("Reason", "Rows", "Examples"),
            [
                (_reason(name, item), item["rows"], _examples(item["examples"]))
                for name, item in report["reasons"].items()
            ],
        )
    for kind in KINDS:
        yield from _kind(TITLES[kind], report["labels"][kind])
    yield from _names(report["names"])
    if "back" in report:
        yield from _back(report["back"])


def _reason(name: str, item: dict[str, Any]) -> str:
    faults = ", ".join(f"{count} {fault}" for fault, count in item.get("faults", {}).items())
    return f"{name} ({faults})" if faults else name


def _kind(title: str, item: dict[str, Any]) -> Iterator[str]:
    if not item["labels"]:
        return
    yield from ("", f"## {title}", "")
    yield f"Distance between the labels of the source and those kept: {_percent(item['distance'])}."
    yield from _table(
        ("Label", "Rows", "Kept", title, "Kept", "Share", "Share of kept"),
        [
            (
                label,
                *(counts[key] for key in ("rows", "kept_rows", "source", "kept")),
                *(_percent(counts[key]) for key in ("source_share", "kept_share")),
            )
            for label, counts in item["labels"].items()
        ],
    )


def _names(names: dict[str, Any]) -> Iterator[str]:
    if not names["repeated"]:
        return
    yield from ("", "## Names", "")
    yield (
        f"{names['several_translations']} of {names['repeated']} strings that occur more than once have more than one "
        f"translation ({_percent(names['share'])})."
    )
    if names["examples"]:
        yield from _table(
            ("Source", "Translations"),
            [
                (item["name"], ", ".join(f"{text} ({count})" for text, count in item["translations"].items()))
                for item in names["examples"]
            ],
        )


def _back(back: dict[str, Any]) -> Iterator[str]:
    yield from ("", "## Back-translation", "")
    before = ", before rows were edited" if back.get("before_edits") else ""
    yield f"{back['answered']} of {back['rows']} kept rows of a sample were translated back{before}."
    chrf = "-" if back["chrf"] is None else f"{back['chrf']:.1f}"
    scores = [(f"Entities: {name}", _percent(value)) for name, value in back["entities"].items()]
    yield from _table(("Measure", "Value"), [("chrF", chrf), *scores])
    if back["examples"]:
        keys = ("id", "source", "target", "back")
        rows = [(*(item[key] for key in keys), f"{item['chrf']:.1f}") for item in back["examples"]]
        yield from _table(("Id", "Source", "Translation", "Way back", "chrF"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(table_cell(value) for value in row)} |"


def _examples(examples: list[dict[str, str]]) -> str:
    return "; ".join(f"{item['id']} ({item['detail']})" if item["detail"] else item["id"] for item in examples)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def table_cell(value: Any) -> str:
    """RETURNS (str): A value that neither ends the cell of a table nor is read as HTML.

    value (Any): The value.
    """
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")
    return text.replace("&", "&amp;").replace("<", "&lt;")
