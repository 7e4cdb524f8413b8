"""The command `strings`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import save_docs
from ..corpora import Report, cat_labels, make_docs
from ..corpora.tokenizer_check import check_tokenizer
from ..errors import Errors
from ..files import check_can_write
from ..pipeline.generative.formats import FORMATS, Format, template_names
from ..pipeline.generative.formats.task import LANGUAGES, Task
from ..pipeline.generative.row_files import read_row_items
from ..pipeline.generative.settings import Parts
from ..pipeline.generative.strings import (
    format_path,
    language_of_template,
    load_format,
    read_strings,
    save_format,
    task_of_docs,
    task_of_strings,
    write_strings,
)
from .app import app
from .common import counted, load_nlp, one_of, read_docs, show_progress


@app.command("strings")
def strings_cli(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", help="The .spacy file to read; with --read, a .jsonl, .json, .csv or .tsv file.", exists=True
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
    spans_key: Annotated[str, typer.Option(help="The span group of the entities.")] = DEFAULT_KEY,
) -> None:
    """Write a .spacy file as JSON lines {"input", "output"} for generative models, or read such lines.

    The format is written to a file next to the JSON lines.
    """
    if output.suffix != (".spacy" if read else ".jsonl"):
        raise typer.BadParameter("OUT must be a .spacy file with --read, and a .jsonl file without it")
    report = Report()
    check_can_write(output)
    if read:
        saved = format_file or format_path(source)
        if saved.is_file():
            used = load_format(saved)
        else:
            language = language or language_of_template(row.source for row in read_row_items(source))
            used = _make_format(format, task_of_strings(source, format, template, language), "both", prompt_words)
        records = list(read_strings(source, used, strict=strict, report=report))
        if not records:
            raise ValueError(Errors.M208.format(path=source, format=format, lost=""))
        shown = show_progress(records, "Reading")
        pipeline = load_nlp(lang, nlp)
        check_tokenizer(records, pipeline)
        made = make_docs(shown, pipeline, spans_key=spans_key, cats=cat_labels(records), report=report)
        count = save_docs(made, output)
    else:
        docs = read_docs(source)
        if format_file:
            used = load_format(format_file)
        else:
            language = language or language_of_template(doc.text for doc in docs)
            task = task_of_docs(docs, template, language, spans_key=spans_key)
            used = _make_format(format, task, parts, prompt_words)
        shown_docs = show_progress(docs, "Writing")
        count = write_strings(shown_docs, output, used, spans_key=spans_key, keep_order=keep_order, report=report)
        save_format(used, format_path(output))
    typer.echo(f"{counted(count, 'document')} in {output}")
    Console().print(report.table())


def _make_format(name: str, task: Task, parts: str, prompt_words: bool) -> Format:
    labels = {"classes": {} if parts == "words" else task.classes, "labels": {} if parts == "text" else task.labels}
    options = {"prompt_words": prompt_words} if name == "slg" else {}
    return FORMATS[name](Task.from_dict({**task.to_dict(), **labels}), **options)
