"""What several commands share: errors without a traceback, and the tokenizer that an option names."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import spacy
import typer
from rich.console import Console
from rich.progress import track
from spacy.language import Language
from spacy.util import load_config, load_model, load_model_from_config

Item = TypeVar("Item")


@contextmanager
def told_errors() -> Iterator[None]:
    """Print the numbered errors of this package as one message and leave with status 1; let all others through with their traceback."""
    try:
        yield
    except (ImportError, ValueError, OSError) as err:
        if not isinstance(err, OSError) and not str(err).startswith("[M"):
            raise
        Console(stderr=True).print(str(err), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def load_nlp(lang: str, nlp: str | None) -> Language:
    """The pipeline whose vocabulary and tokenizer a command uses.

    lang (str): The language of a blank pipeline.
    nlp (Optional[str]): A training config (of which only the tokenizer is built), or a package or folder; goes before `lang`.
    RETURNS (Language): The pipeline.
    """
    if nlp is None:
        return spacy.blank(lang)
    if not nlp.endswith(".cfg"):
        return load_model(nlp)
    config = load_config(Path(nlp))
    config["nlp"]["pipeline"] = []
    config["components"] = {}
    return load_model_from_config(config, auto_fill=True)


def show_progress(items: Sequence[Item], description: str) -> Iterable[Item]:
    """Go through the items with a progress bar, if a person is looking."""
    console = Console(stderr=True)
    return track(items, description, console=console, transient=True, disable=not console.is_terminal)
