"""What was kept of a corpus, and what was lost and why? Every reader, converter and writer counts into a Report."""

from collections import Counter
from dataclasses import dataclass, field

from rich.table import Table

from ..errors import Errors

MAX_EXAMPLES = 3


@dataclass
class Report:
    """Counts of what a conversion kept and of what it could not.

    kept (Counter): How many documents, entities, relations and cats came through.
    lost (Counter): How many annotations did not, by reason.
    examples (Dict[str, List[str]]): The first of them, with the place where each was read.
    """

    kept: Counter = field(default_factory=Counter)
    lost: Counter = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, what: str, count: int = 1) -> None:
        self.kept[what] += count

    def lose(self, reason: str, origin: str, detail: str = "") -> None:
        """Count one loss.

        reason (str): What kind of thing was lost and why; the same for all of its kind.
        origin (str): Where it was read.
        detail (str): The thing itself.
        """
        self.lost[reason] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(f"{origin}: {detail}" if detail else origin)

    def check(self) -> None:
        """Refuse any loss.

        RAISES (ValueError): If anything was lost, with the counts.
        """
        if self.lost:
            reasons = "; ".join(
                f"{reason}: {count} (as in {self.examples[reason][0]})" for reason, count in self.lost.items()
            )
            raise ValueError(Errors.M203.format(count=sum(self.lost.values()), reasons=reasons))

    def table(self, title: str = "") -> Table:
        """RETURNS (Table): What was kept and lost, for `rich.print`."""
        table = Table("", "count", "for example", title=title or None, title_justify="left")
        table.columns[1].justify = "right"
        for what, count in self.kept.items():
            table.add_row(what, f"{count:,}", "")
        if self.lost:
            table.add_section()
        for reason, count in self.lost.most_common():
            table.add_row(f"changed or lost: {reason}", f"{count:,}", "\n".join(self.examples[reason]), style="yellow")
        return table
