"""The command `strings`."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from spacy.language import Language
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY
from ..annotations.scripts import main_language
from ..annotations.storage import save_docs
from ..corpora import Report, cat_labels, make_docs
from ..corpora.tokenizer_check import check_tokenizer
from ..errors import Errors
from ..files import check_can_write, write_json_lines
from ..pipeline.generative.format_files import format_path, load_formats, save_formats
from ..pipeline.generative.formats import FORMATS, Format, template_names
from ..pipeline.generative.formats.task import LANGUAGES, Task
from ..pipeline.generative.formats.task_gold import TaskGold
from ..pipeline.generative.mixing import mix, mixed_counts
from ..pipeline.generative.row_files import read_row_items
from ..pipeline.generative.settings import Parts
from ..pipeline.generative.strings import (
    StringRow,
    read_strings,
    string_rows,
    task_of_docs,
    task_of_strings,
)
from .app import app
from .common import counted, load_nlp, one_of, read_docs, refuse_given, show_progress

# Options that are for one direction, or for several files, and those that a file of formats replaces.
ONLY_WRITTEN = ("parts", "keep_order", "temperature", "seed")
ONLY_READ = ("strict", "lang", "nlp")
ONLY_MIXED = ("temperature", "seed")
IN_FORMATS = ("format", "prompt_words", "parts")
# Which of several formats a file is written in.
OF_SOURCES = ("template", "language")


@app.command("strings")
def strings_cli(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN",
            help="The .spacy file to read; with --read, a .jsonl, .json, .csv or .tsv file. Several .spacy files are "
            "mixed: TEMPLATE=FILE for each, or TEMPLATE@LANGUAGE=FILE. With --read, the one "
            "file may have its template too.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The .jsonl file to write; with --read, the .spacy file.")
    ],
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT", parser=one_of(FORMATS), help=f"The format of the strings: {', '.join(FORMATS)}."
        ),
    ] = "oiellm",
    template: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            parser=one_of(template_names()),
            help=f"The labels to ask for and their words: {', '.join(template_names())}.",
        ),
    ] = "SCNM",
    language: Annotated[
        str | None,
        typer.Option(
            metavar="LANGUAGE",
            parser=one_of(LANGUAGES),
            help=f"The language of the template's words: {', '.join(LANGUAGES)}. Default: that of most texts.",
        ),
    ] = None,
    parts: Annotated[
        Parts,
        typer.Option(help="text: only the text label. words: only the labels of words."),
    ] = "both",
    prompt_words: Annotated[bool, typer.Option(help="slg: put the name of the task into the strings.")] = True,
    format_file: Annotated[
        Path | None,
        typer.Option(help="A file with the format and its labels, which replaces the options above.", exists=True),
    ] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Read strings, and find the entities that they name in the texts.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --read: refuse an output that is not in the format.")
    ] = False,
    lang: Annotated[str, typer.Option(help="With --read: the language of the texts.")] = "xx",
    nlp: Annotated[
        str | None, typer.Option(help="With --read: a config, package or folder whose tokenizer is used.")
    ] = None,
    keep_order: Annotated[
        bool, typer.Option("--keep-order", help="Write entities and relations in the order of the corpus.")
    ] = False,
    temperature: Annotated[
        float,
        typer.Option(
            help="With several files: a file of n rows gets a share proportional to n ^ (1 / temperature). 1 takes "
            "every row once; more repeats rows of small files, and leaves out rows of large ones.",
            min=1,
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="With several files: the seed of what is repeated, and of the order.")] = 0,
    spans_key: Annotated[str, typer.Option(help="The span group of the entities.")] = DEFAULT_KEY,
) -> None:
    """Write .spacy files as JSON lines {"input", "output"} for generative models, or read such lines.

    The formats are written to a file next to the JSON lines.
    """
    if output.suffix != (".spacy" if read else ".jsonl"):
        raise typer.BadParameter("OUT must be a .spacy file with --read, and a .jsonl file without it")
    refuse_given(context, *((ONLY_WRITTEN, "strings are read") if read else (ONLY_READ, "strings are written")))
    if len(sources) == 1:
        refuse_given(context, ONLY_MIXED, "nothing is mixed")
    elif read:
        raise typer.BadParameter("--read takes one file")
    report = Report()
    corpora = _parse_sources(sources, template, language)
    check_can_write(output, sources=[corpus.path for corpus in corpora])
    if read:
        pipeline = load_nlp(lang, nlp)
        formats = _formats_to_read(context, corpora[0], format, prompt_words, format_file)
        count = _read(corpora[0].path, output, formats, strict, pipeline, spans_key, report)
    else:
        docs = [read_docs(corpus.path, spans_key=spans_key) for corpus in corpora]
        formats = _formats_to_write(context, corpora, docs, format, parts, prompt_words, format_file, spans_key)
        count = _write(docs, output, formats, keep_order, temperature, seed, spans_key, report)
        written = format_path(output)
        if format_file is None or format_file.resolve() != written.resolve():  # which may have others as well
            save_formats(list({(one.task.name, one.task.language): one for one in formats}.values()), written)
    typer.echo(f"{counted(count, 'document' if len(sources) == 1 else 'row')} in {output}")
    Console().print(report.table())


class _Corpus(NamedTuple):
    """A file with its template, and the language of the template's words: that of most texts if it is empty.
    The template may be named with the file, as it was given."""

    template: str
    language: str
    path: Path
    is_named: bool
    given: str


def _parse_sources(sources: list[str], template: str, language: str | None) -> list[_Corpus]:
    """Parse [TEMPLATE[@LANGUAGE]=]FILE."""
    corpora = []
    for source in sources:
        front, sign, path = source.partition("=")
        name, _, of_source = front.partition("@")
        is_named = bool(sign) and name in template_names()
        if not is_named:
            name, of_source, path = template, "", source
        if of_source and of_source not in LANGUAGES:
            raise typer.BadParameter(f"'{of_source}' in '{source}' is not one of: {', '.join(LANGUAGES)}.")
        if not Path(path).is_file():
            raise typer.BadParameter(f"the file '{path}' does not exist. Templates: {', '.join(template_names())}.")
        corpora.append(_Corpus(name, of_source or language or "", Path(path), is_named, source))
    return corpora


def _formats_to_read(
    context: typer.Context, corpus: _Corpus, format: str, prompt_words: bool, format_file: Path | None
) -> list[Format]:
    saved = format_file or format_path(corpus.path)
    if saved.is_file():
        refuse_given(context, (*IN_FORMATS, *OF_SOURCES), f"{saved} has them")
        if corpus.is_named:
            raise typer.BadParameter(f"the template in '{corpus.given}' has no effect: {saved} has it")
        return load_formats(saved)
    language = corpus.language or main_language(row.source for row in read_row_items(corpus.path))
    task = task_of_strings(corpus.path, format, corpus.template, language)
    return [_make_format(format, task, "both", prompt_words)]


def _formats_to_write(
    context: typer.Context,
    corpora: list[_Corpus],
    docs: list[list[Doc]],
    format: str,
    parts: str,
    prompt_words: bool,
    format_file: Path | None,
    spans_key: str,
) -> list[Format]:
    """The format of each corpus."""
    corpora = [
        corpus._replace(language=corpus.language or main_language(doc.text for doc in of_corpus))
        for corpus, of_corpus in zip(corpora, docs)
    ]
    if format_file:
        refuse_given(context, IN_FORMATS, f"{format_file} has them")
        known = load_formats(format_file)
        return [_find_format(known, corpus, format_file) for corpus in corpora]
    return [_make_format(format, task, parts, prompt_words) for task in _tasks(corpora, docs, spans_key)]


def _tasks(corpora: list[_Corpus], docs: list[list[Doc]], spans_key: str) -> list[Task]:
    """The task of each corpus. Those with the same template have the labels of all of them, in every language."""
    tasks = []
    for corpus in corpora:
        same = [doc for other, of_other in zip(corpora, docs) if other.template == corpus.template for doc in of_other]
        tasks.append(task_of_docs(same, corpus.template, corpus.language, spans_key=spans_key))
    return tasks


def _find_format(formats: list[Format], corpus: _Corpus, path: Path) -> Format:
    """The format of a corpus in a file, which may contain only one."""
    if len(formats) == 1:
        return formats[0]
    for format in formats:
        if (format.task.name, format.task.language) == (corpus.template, corpus.language):
            return format
    known = ", ".join(f"{format.task.name} ({format.task.language})" for format in formats)
    raise ValueError(Errors.M954.format(path=path, task=corpus.template, language=corpus.language, known=known))


def _write(
    docs: list[list[Doc]],
    output: Path,
    formats: list[Format],
    keep_order: bool,
    temperature: float,
    seed: int,
    spans_key: str,
    report: Report,
) -> int:
    """Write the Docs of each corpus as rows of its format. Those of several corpora are mixed."""
    rows = []
    for of_corpus, format in zip(docs, formats):
        shown = show_progress(of_corpus, "Writing")
        rows.append(list(string_rows(shown, format, spans_key=spans_key, keep_order=keep_order, report=report)))
    if len(rows) == 1:
        return write_json_lines(rows[0], output)
    _count_mixed(formats, rows, temperature, report)
    return write_json_lines(mix(rows, temperature, seed), output)


def _count_mixed(formats: list[Format], rows: list[list[StringRow]], temperature: float, report: Report) -> None:
    sizes = [len(of_corpus) for of_corpus in rows]
    for format, size, count in zip(formats, sizes, mixed_counts(sizes, temperature)):
        what = f"rows of {format.task.name} ({format.task.language})"
        report.keep(what, count)
        if count != size:
            report.keep(f"{what} that are {'repeated' if count > size else 'left out'}", abs(count - size))


def _read(
    path: Path, output: Path, formats: list[Format], strict: bool, pipeline: Language, spans_key: str, report: Report
) -> int:
    """Write the rows of each format as Docs. With several tasks, each has the span group that `TaskGold` says."""
    keys = TaskGold(dict.fromkeys(format.task.name for format in formats), spans_key).keys
    made: list[Iterable[Doc]] = []
    total = 0
    make_doc = pipeline.make_doc
    for format in formats:
        others = [other for other in formats if other is not format]
        records = list(read_strings(path, format, others=others, strict=strict, make_doc=make_doc, report=report))
        if records:
            check_tokenizer(records, pipeline)
        total += len(records)
        shown, key, cats = show_progress(records, "Reading"), keys[format.task.name], cat_labels(records)
        made.append(make_docs(shown, pipeline, spans_key=key, cats=cats, report=report))
    if not total:
        raise ValueError(Errors.M208.format(path=path, format=formats[0].name, lost=""))
    return save_docs(chain.from_iterable(made), output)


def _make_format(name: str, task: Task, parts: str, prompt_words: bool) -> Format:
    labels: dict[str, dict[str, str]] = {"classes": {}} if parts == "words" else {}
    if parts == "text":
        labels = {"labels": {}, "roles": {}}
    options = {"prompt_words": prompt_words} if name == "slg" else {}
    return FORMATS[name](Task.from_dict({**task.to_dict(), **labels}), **options)
