"""What to annotate next: the labels that a pipeline lacks examples of, or finds worst."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from ..annotations.entities import DEFAULT_KEY
from .report import make_table

# Few examples in training are fewer than this.
FEW_EXAMPLES = 30
# In the table.
MAX_ROWS = 10


class Advice(NamedTuple):
    """A label that more annotated texts would help.

    level (str): "entity", "relation" or "text label".
    label (str): The label.
    examples (int): How many the training data has.
    support (int): How many the test data has.
    f (float): F1 on the test data; 0.0 if it has none.
    """

    level: str
    label: str
    examples: int
    support: int
    f: float

    @property
    def reason(self) -> str:
        """RETURNS (str): Why more examples would help."""
        if not self.support:
            return "none to test on"
        return "few examples" if self.examples < FEW_EXAMPLES else "low score"


def what_to_annotate(
    scores: Mapping[str, Any], examples: Mapping[str, Mapping[str, int]], support: Mapping[str, Mapping[str, int]]
) -> list[Advice]:
    """Rank the labels by how much they need more annotated texts.

    scores (dict[str, Any]): The result of `evaluate`.
    examples (dict[str, dict[str, int]]): The number of examples in the training data, by level ("entity", "relation",
        "text label") and label.
    support (dict[str, dict[str, int]]): The same of the test data.
    RETURNS (list[Advice]): Labels with few examples, with no test example, or with less than the micro F1 of their
        level; those with the lowest F1 first, then those with the fewest examples. Levels that the pipeline does not
        predict are left out.
    """
    found = []
    for level, prefix in (("entity", f"spans_{DEFAULT_KEY}"), ("relation", "rel"), ("text label", "cats")):
        per_type = scores.get("cats_f_per_type" if prefix == "cats" else f"{prefix}_per_type") or {}
        average = scores.get("cats_micro_f" if prefix == "cats" else f"{prefix}_f") or 0.0
        in_training, in_test = examples.get(level, {}), support.get(level, {})
        if any(in_test.values()) and not per_type:
            continue  # no component predicts this level
        # The test data may have labels that the training data lacks, which are the first to advise.
        for label in {**in_training, **in_test}:
            count, tested = in_training.get(label, 0), in_test.get(label, 0)
            f = per_type.get(label, {}).get("f") or 0.0
            if count < FEW_EXAMPLES or not tested or f < average:
                found.append(Advice(level, label, count, tested, f))
    return sorted(found, key=lambda advice: (advice.f, advice.examples, advice))


def advice_table(advice: Iterable[Advice]) -> Table:
    """RETURNS (Table): The first of the labels, for `rich.print`."""
    rows = list(advice)
    table = make_table("What to annotate next", "label", "in training", "in test", "F", "why")
    for column in (table.columns[1], table.columns[5]):
        column.justify = "left"
    for row in rows[:MAX_ROWS]:
        score = f"{100 * row.f:.0f}" if row.support else "-"
        table.add_row(row.level, escape(row.label), str(row.examples), str(row.support), score, row.reason)
    if len(rows) > MAX_ROWS:
        table.caption = f"{len(rows) - MAX_ROWS} more labels are not shown."
    return table
