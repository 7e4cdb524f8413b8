"""What several commands share: options, error messages, tokenizers, progress bars and choices."""

import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar

import spacy
import srsly
import typer
from confection import ConfigValidationError
from rich.console import Console
from rich.progress import track
from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import is_package, load_model, load_model_from_config
from spacy.vocab import Vocab

from ..annotations.storage import load_docs
from ..corpora import CorpusError, Report
from ..corpora.from_docs import note_other_groups
from ..corpora.reading import read_json, read_text
from ..errors import Errors
from ..training.configs import SUFFIX, config_names, read_config

SpansKey = Annotated[str, typer.Option(help="The span group of the entities.")]
Symmetric = Annotated[list[str] | None, typer.Option(help="A relation label without direction. Can be repeated.")]
DisplayNames = Annotated[
    Path | None, typer.Option(help="A JSON file with display names of the labels, for the page.", exists=True)
]
PageLanguage = Annotated[str, typer.Option(help="The language of the page and of the display names: en, ja or zh.")]

Item = TypeVar("Item")
# The beginning of the errors of this package and of spaCy.
NUMBERED = re.compile(r"\[[ME]\d+\]")
# And of their warnings.
NUMBERED_WARNING = re.compile(r"\[W\d+\]")


@contextmanager
def report_errors() -> Iterator[None]:
    """Print numbered errors (of this package and of spaCy), errors in a config and file errors without a traceback,
    and exit with status 1."""
    try:
        yield
    except (ImportError, ValueError, OSError, KeyError) as err:
        message = str(err.args[0]) if isinstance(err, KeyError) and err.args else str(err)  # others would be quoted
        if not isinstance(err, (OSError, ConfigValidationError)) and not NUMBERED.match(message):
            raise
        Console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print numbered warnings (of this package and of spaCy) as errors are printed, and others as Python does. For
    `warnings.showwarning`.

    message (Warning | str): The warning.
    category (type[Warning]): Its class.
    filename (str): The module that warns.
    lineno (int): The line there.
    file (TextIO | None): Where to write. Default: the error output.
    line (str | None): The source of the line. Default: what the module has there.
    """
    if NUMBERED_WARNING.match(str(message)):
        console = Console(file=file or sys.stderr)
        console.print(f"Warning {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


def load_nlp(lang: str, nlp: str | None) -> Language:
    """Load the pipeline whose vocabulary and tokenizer a command uses.

    lang (str): The language of a blank pipeline, if no `nlp` is given.
    nlp (str | None): A package, a folder, or a training config (see `config_path`), of which only the tokenizer is
        used.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): If there is nothing of this name, the config is none, or packages are missing.
    """
    try:
        return _load(lang, nlp)
    except ImportError as err:
        if NUMBERED.match(str(err)):
            raise
        reason = " ".join(str(err).split()).rstrip(".") + "."
        raise ValueError(Errors.M033.format(name=nlp or lang, reason=reason)) from None


def _load(lang: str, nlp: str | None) -> Language:
    if nlp is None:
        return spacy.blank(lang)
    if Path(nlp).is_dir() or is_package(nlp):
        return load_model(nlp)
    if not nlp.endswith(SUFFIX) and nlp not in config_names():
        raise ValueError(Errors.M032.format(name=nlp))
    config = read_config(nlp, needed=["nlp"])
    config["nlp"]["pipeline"] = []
    config["components"] = {}
    return load_model_from_config(config, auto_fill=True)


def read_docs(path: Path, vocab: Vocab | None = None, *, spans_key: str | None = None) -> list[Doc]:
    """Read a `.spacy` file from which a command makes something.

    path (Path): The file.
    vocab (Vocab | None): The vocabulary to use; a new one by default.
    spans_key (str | None): The span group that the command reads. If it is given, others are counted on the error
        output. Default: None.
    RETURNS (list[Doc]): The documents.
    RAISES (ValueError): If there are none, or the file is damaged.
    """
    report = Report()
    docs = stream_docs(path, vocab)
    if spans_key is not None:
        docs = note_other_groups(docs, spans_key, report)
    found = list(docs)
    for reason in report.reasons():
        Console(stderr=True).print(f"{path}: {reason}", markup=False, highlight=False, soft_wrap=True)
    return found


def stream_docs(path: Path, vocab: Vocab | None = None) -> Iterator[Doc]:
    """Read the documents of `read_docs` one by one.

    path (Path): The file.
    vocab (Vocab | None): The vocabulary to use; a new one by default.
    RETURNS (Iterator[Doc]): The documents.
    RAISES (ValueError): If there are none, or the beginning is damaged.
    """
    docs = load_docs(path, vocab)
    first = next(docs, None)
    if first is None:
        raise ValueError(Errors.M610.format(path=path, what="documents"))
    return chain([first], docs)


def use_gpu(gpu_id: int, *, silent: bool = False) -> None:
    """Use a GPU, and say which device is used.

    gpu_id (int): The GPU, or -1 for the CPU.
    silent (bool): Say nothing. Default: False.
    RAISES (ValueError): If the GPU cannot be used.
    """
    try:
        setup_gpu(gpu_id, silent=silent)
    except ValueError as err:
        raise ValueError(Errors.M614.format(gpu=gpu_id, reason=err)) from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file.

    path (Path): The file.
    RETURNS (dict[str, Any]): Its values.
    RAISES (CorpusError): If it is not YAML, or has something else than names and values.
    """
    try:
        values = srsly.yaml_loads(read_text(path))
    except CorpusError:
        raise
    except ValueError as err:
        raise CorpusError(path, 0, f"invalid YAML: {err}") from None
    if not isinstance(values, dict):
        raise CorpusError(path, 0, "expected lines such as 'description: ...'")
    return values


def read_display_names(path: Path) -> Any:
    """Read a table of display names of labels.

    path (Path): A JSON file.
    RETURNS (Any): The table. `Names` checks its form.
    RAISES (CorpusError): If the file is not valid JSON.
    """
    return read_json(path)


def show_progress(items: Iterable[Item], description: str, *, total: int | None = None) -> Iterable[Item]:
    """Iterate with a progress bar, if the output is a terminal.

    items (Iterable[Item]): The items.
    description (str): Shown in front of the bar.
    total (int | None): Their number. Default: their length, if they have one.
    RETURNS (Iterable[Item]): The same items.
    """
    console = Console(stderr=True)
    return track(items, description, total, console=console, transient=True, disable=not console.is_terminal)


def counted(count: int, noun: str) -> str:
    """Write a count with its noun.

    count (int): How many.
    noun (str): In the singular; its plural ends in -s.
    RETURNS (str): Both.

    >>> counted(1, "document"), counted(2, "document")
    ('1 document', '2 documents')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_of(names: Collection[str]) -> Callable[[str], str]:
    """Make a parser for an option that takes one of several names.

    names (Collection[str]): The names.
    RETURNS (Callable[[str], str]): For `typer.Option(parser=...)`.
    """

    def parse(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"'{value}' is not one of: {', '.join(names)}.")
        return value

    return parse


def refuse_given(context: typer.Context, names: Iterable[str], reason: str) -> None:
    """Refuse options that have no effect, if they are on the command line.

    context (typer.Context): That of the command.
    names (Iterable[str]): The parameters of the command.
    reason (str): Why they have no effect.
    RAISES (typer.BadParameter): With the options that were given.
    """
    options = {param.name: param.opts[0] for param in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in names}
    given = [options[name] for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise typer.BadParameter(f"{', '.join(given)} {'has' if len(given) == 1 else 'have'} no effect: {reason}")
