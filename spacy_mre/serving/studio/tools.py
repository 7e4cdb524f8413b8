"""What a studio needs of the rest of the package."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .training import MakeDocs, Row


class Tools(NamedTuple):
    """Functions that read and write corpora.

    make_docs (Callable[[Sequence[dict[str, Any]], Language], Iterable[Doc]]): Makes gold documents of rows of the gold
        file.
    export (Callable[[Sequence[dict[str, Any]], str, Path, str], dict[str, int]]): From rows of the gold file, the name
        of a form, an empty folder to write into, and a pipeline whose tokens are used. It returns what the form cannot
        represent: how many annotations, by reason.
    forms (Sequence[str]): The names of the forms.
    """

    make_docs: MakeDocs
    export: Callable[[Sequence[Row], str, Path, str], dict[str, int]]
    forms: Sequence[str]
