"""What a run of annotation is asked to do. What changes its output is recorded in its manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..annotations.doc_bins import is_folder_of_parts
from ..errors import Errors
from .analysis import LEVELS, check_levels
from .texts import BATCH_TOKENS

ROWS = 10_000
# Suffixes of output files; a folder of parts has one of them, too.
FORMS = ("parquet", "jsonl", "jsonl.gz", "jsonl.zst", "spacy")


@dataclass(frozen=True)
class Options:
    """The settings of a run.

    form (str): The form of the output, one of `FORMS`.
    text (str): The column of the texts. Default: "text".
    id (str): The column of the names by which left out texts are reported. Default: "id".
    keep (Optional[tuple[str, ...]]): The columns of the input to keep, beside the texts. Default: None (all).
    select (tuple[str, ...]): Which of "entities", "relations" and "cats" are written. Default: all.
    prefix (str): Put before the names of the new columns. Default: none.
    rows (int): Texts per part. Default: 10,000.
    batch_tokens (int): See `read_texts`. Default: 10,000.
    RAISES (ValueError): If the form or a level is none of those.
    """

    form: str
    text: str = "text"
    id: str = "id"
    keep: tuple[str, ...] | None = None
    select: tuple[str, ...] = LEVELS
    prefix: str = ""
    rows: int = ROWS
    batch_tokens: int = BATCH_TOKENS

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(Errors.M001.format(setting="form", value=self.form, allowed=", ".join(FORMS)))
        check_levels(self.select)

    def columns(self) -> dict[str, str]:
        """RETURNS (dict[str, str]): The levels that annotation adds, and the names of their columns."""
        return {level: f"{self.prefix}{level}" for level in LEVELS if level in self.select}


OnError = Literal["stop", "skip"]


def form_of(path: Path) -> str | None:
    """The form that the name of an output asks for.

    path (Path): The output.
    RETURNS (Optional[str]): One of `FORMS`; None for a folder.
    RAISES (ValueError): If the name has another suffix.
    """
    for form in FORMS:
        if path.name.endswith(f".{form}") and (not path.is_dir() or is_folder_of_parts(path)):
            return form
    # What follows a dot in the name of a folder is rather a number, as in "found.2".
    if path.suffix[1:2].isalpha() and not path.is_dir():
        raise ValueError(Errors.M724.format(path=path, forms=", ".join(f".{form}" for form in FORMS)))
    return None
