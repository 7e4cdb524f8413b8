"""Tables of what `evaluate` returns."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY
from .evaluate import BASELINE, DOCUMENTS, GIVEN, OVERLAP, Scores
from .items import gold_cats

DEFAULT_GROUP = f"spans_{DEFAULT_KEY}"
SHOWN_OF_MMM = ("tl_f", "wl_f", "all_acc")


def results_table(scores: Scores) -> Table:
    """Make the table of all entities, relations and text labels.

    scores (dict[str, Any]): The result of `evaluate`.
    RETURNS (Table): For `rich.print`. Has a column of F1 for given entities, documents, overlap matching and the
        baseline if there are such scores.
    """
    extra = [
        (name, prefix)
        for name, prefix in (("given", GIVEN), ("documents", DOCUMENTS), ("overlap", OVERLAP), ("baseline", BASELINE))
        if any(key.startswith(prefix) for key in scores)
    ]
    table = make_table("Results", "P", "R", "F", "macro F", *(f"{name} F" for name, _ in extra))
    for title, keys in _rows(scores):
        columns = [*keys, *(f"{prefix}{keys[2]}" for _, prefix in extra)]
        table.add_row(title, *(_percent(scores.get(key)) for key in columns))
    return table


def other_table(scores: Scores) -> Table:
    """Make the table of the other single scores, for example those of a tagger, and the speed in words per second.

    scores (dict[str, Any]): The result of `evaluate`.
    RETURNS (Table): For `rich.print`.
    """
    table = make_table("Other scores", "")
    shown = {key for _, keys in _rows(scores) for key in keys}
    for key, value in scores.items():
        if not isinstance(value, (int, float)) or key.startswith((GIVEN, DOCUMENTS, OVERLAP, BASELINE)):
            continue
        if key == "speed":
            table.add_row("speed (words per second)", f"{value:,.0f}")
        elif key not in shown:
            table.add_row(key, _percent(value))
    return table


def per_type_tables(scores: Scores, examples: Iterable[Example], *, multi_label: bool) -> list[Table]:
    """Make a table of precision, recall, F1 and support by label for each score that ends in `_per_type`.

    scores (dict[str, Any]): The result of `evaluate`.
    examples (Iterable[Example]): The examples that were evaluated, for the support of text labels.
    multi_label (bool): Whether any number of text labels may hold.
    RETURNS (list[Table]): For `rich.print`.
    """
    cats = Counter(label for eg in examples for label in gold_cats(eg.reference, multi_label) or ())
    tables = []
    for key, per_type in scores.items():
        if not key.endswith("_per_type") or not per_type:
            continue
        if not all(isinstance(values, dict) for values in per_type.values()):
            continue
        table = make_table(key, "P", "R", "F", "support")
        for label, values in per_type.items():
            # spaCy's scorer of text labels has no support.
            support = values.get("support", cats[label] if "cats_" in key else "-")
            table.add_row(escape(label), *(_percent(values[name]) for name in ("p", "r", "f")), str(support))
        tables.append(table)
    return tables


def mmm_table(rows: Sequence[Scores], mean: Scores | None = None) -> Table:
    """Make the table of TL, WL and ALL.

    rows (Sequence[dict[str, Any]]): The result of `score_groups`.
    mean (dict[str, Any] | None): That of `mean_of_groups`, for a last row.
    RETURNS (Table): For `rich.print`.
    """
    table = make_table("Scores of MMM", "words", "texts", "TL: text label", "WL: words", "ALL: both")
    for row in rows:
        values = (_percent(row[key]) for key in SHOWN_OF_MMM)
        table.add_row(escape(row["data"]), row["words"] or "-", str(row["texts"]), *values)
    if mean is not None:
        table.add_section()
        table.add_row("mean", "", "", *(_percent(mean[key]) for key in SHOWN_OF_MMM))
    return table


def make_table(title: str, *columns: str) -> Table:
    """Make a table whose first column has no title, with the other columns aligned to the right.

    title (str): The title.
    columns (str): The titles of the other columns.
    RETURNS (Table): A table without rows.
    """
    table = Table("", *columns, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _rows(scores: Scores) -> list[tuple[str, Sequence[str]]]:
    """The rows of the table of results: title, and the keys of precision, recall, F1 and macro F1."""
    groups = [key[: -len("_macro_f")] for key in scores if key.startswith("spans_") and key.endswith("_macro_f")]
    prefixes = [
        ("All entities" if group == DEFAULT_GROUP else f"All entities ({group})", f"{group}_", f"{group}_")
        for group in groups
    ]
    prefixes += [
        ("Flat entities", "ents_", "ents_"),
        ("Relations", "rel_", "rel_"),
        ("Strict relations", "rel_strict_", "rel_strict_"),
        ("Text labels", "cats_micro_", "cats_"),
    ]
    rows = [(title, (f"{micro}p", f"{micro}r", f"{micro}f", f"{macro}macro_f")) for title, micro, macro in prefixes]
    return [(title, keys) for title, keys in rows if keys[2] in scores]


def _percent(value: float | None) -> str:
    return f"{value * 100:.2f}" if isinstance(value, (int, float)) else "-"
