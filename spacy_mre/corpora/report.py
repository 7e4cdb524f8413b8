"""A report of what a conversion kept and lost. Readers, converters and writers count into it."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from ..errors import Errors

MAX_EXAMPLES = 3


@dataclass
class Report:
    """Counts of what a conversion kept and lost.

    kept (Counter[str]): The number of documents, entities, relations and text labels that were kept.
    lost (Counter[str]): The number of annotations that were lost, by reason.
    noted (Counter[str]): What is valid, but may be a mistake: an annotation file that is missing, for example.
    examples (dict[str, list[str]]): For each reason and note, where the first of them were read.
    folder (str): What comes before each example, see `of_file`.

    >>> report = Report()
    >>> report.lose("empty entity", "a.jsonl, line 3", "person")
    >>> report.lost["empty entity"], report.examples["empty entity"]
    (1, ['a.jsonl, line 3: person'])
    """

    kept: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    folder: str = ""

    def keep(self, what: str, count: int = 1) -> None:
        """Count what was kept.

        what (str): For example "entities".
        count (int): How many.
        """
        self.kept[what] += count

    def lose(self, reason: str, origin: str, detail: str = "") -> None:
        """Count one lost annotation.

        reason (str): What was lost and why; the same text for all annotations lost for this reason.
        origin (str): Where it was read.
        detail (str): The annotation itself.
        """
        self.lost[reason] += 1
        self._add_example(reason, f"{origin}: {detail}" if detail else origin)

    def note(self, what: str, origin: str) -> None:
        """Count what may be a mistake in the source. It is not a loss, so that `check` accepts it.

        what (str): For example "text without an .ann file".
        origin (str): Where it was read.
        """
        self.noted[what] += 1
        self._add_example(what, origin)

    def add_losses(self, other: "Report", origin: str) -> None:
        """Count the losses and notes of another report too, but not what it kept.

        other (Report): The other report.
        origin (str): What comes before its examples: the name of the file.
        """
        self.lost.update(other.lost)
        self.noted.update(other.noted)
        for reason, examples in other.examples.items():
            for example in examples:
                self._add_example(reason, f"{origin}, {example}")

    def of_file(self, file: Path, source: Path) -> "Report":
        """Make a report for one file of a folder. Files in several folders may have the same name.

        file (Path): The file.
        source (Path): The folder, or the file itself.
        RETURNS (Report): A report that counts into this one, and shows the folder of the file in its examples.
        """
        name = relative_name(file, source)
        return replace(self, folder=name.removesuffix(file.name))

    def check(self) -> None:
        """Raise an error if anything was lost.

        RAISES (ValueError): With all reasons and counts.
        """
        if self.lost:
            reasons = "; ".join(self.reasons(noted=False))
            raise ValueError(Errors.M203.format(count=sum(self.lost.values()), reasons=reasons))

    def reasons(self, *, noted: bool = True) -> list[str]:
        """RETURNS (list[str]): What was lost, and what was noted, each with its count and the first example."""
        counts = self.lost + self.noted if noted else self.lost
        return [f"{reason}: {count} (as in {self.examples[reason][0]})" for reason, count in counts.items()]

    def table(self, title: str = "") -> Table:
        """RETURNS (Table): A table of what was kept and lost, for `rich.print`."""
        table = Table("", "count", "examples", title=escape(title) or None, title_justify="left")
        table.columns[1].justify = "right"
        for what, count in self.kept.items():
            table.add_row(escape(what), f"{count:,}", "")
        if self.lost or self.noted:
            table.add_section()
        # Labels and texts may look like rich's mark-up.
        for reason, count in self.lost.most_common():
            examples = escape("\n".join(self.examples[reason]))
            table.add_row(f"changed or lost: {escape(reason)}", f"{count:,}", examples, style="yellow")
        for what, count in self.noted.items():
            examples = escape("\n".join(self.examples[what]))
            table.add_row(f"please check: {escape(what)}", f"{count:,}", examples, style="yellow")
        return table

    def _add_example(self, reason: str, example: str) -> None:
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(self.folder + example)


def relative_name(file: Path, source: Path) -> str:
    """RETURNS (str): The path of a file in a folder; its name if the source is the file itself."""
    return file.name if file == source else file.relative_to(source).as_posix()
