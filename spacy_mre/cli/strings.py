from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import load_docs, save_docs
from ..corpora import Report, cat_labels, make_docs
from ..pipeline.generative.formats import FORMATS, Format, template_names
from ..pipeline.generative.formats.task import LANGUAGES, Task
from ..pipeline.generative.strings import (
    format_path,
    load_format,
    read_strings,
    save_format,
    task_of_docs,
    task_of_strings,
    write_strings,
)
from .app import app
from .common import load_nlp, show_progress, told_errors

Name = Enum("Name", {name: name for name in FORMATS}, type=str)
Template = Enum("Template", {name: name for name in template_names()}, type=str)
Language = Enum("Language", {name: name for name in LANGUAGES}, type=str)


@app.command("strings")
def strings_cli(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", help="The .spacy file, or with --read the .jsonl file.", exists=True, dir_okay=False
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The .jsonl file to write, or with --read the .spacy file.")
    ],
    format: Annotated[Name, typer.Option(help="How a string is built.")] = Name.oiellm,
    template: Annotated[Template, typer.Option(help="What is asked for, and in which words.")] = Template.SCNM,
    language: Annotated[Language, typer.Option(help="The language of these words.")] = Language.en,
    parts: Annotated[
        Literal["both", "text", "words"], typer.Option(help="Only the text label, only the words, or both.")
    ] = "both",
    prompt_words: Annotated[bool, typer.Option(help="slg: name the task in the strings.")] = True,
    format_file: Annotated[
        Path | None,
        typer.Option(help="Take the format and its labels from this file, not from the options above.", exists=True),
    ] = None,
    read: Annotated[bool, typer.Option("--read", help="Read strings and find what they name in the texts.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --read: refuse an output that is not of the format.")
    ] = False,
    lang: Annotated[str, typer.Option(help="With --read: the language of the texts.")] = "xx",
    nlp: Annotated[
        str | None, typer.Option(help="With --read: a config, package or folder whose tokenizer to use.")
    ] = None,
    span_key: Annotated[str, typer.Option(help="The span group of the entities.")] = DEFAULT_KEY,
):
    """Write a .spacy file as JSON lines {"input", "output"} for generative models, with the format beside it, or read such lines."""
    if output.suffix != (".spacy" if read else ".jsonl"):
        raise typer.BadParameter("OUT must be a .spacy file with --read, and a .jsonl file without")
    report = Report()
    with told_errors():
        if read:
            saved = format_file or format_path(source)
            chosen = load_format(saved) if saved.is_file() else None
            if chosen is None:
                task = task_of_strings(source, format.value, template.value, language.value)
                chosen = _format(format.value, task, "both", prompt_words)
            records = list(read_strings(source, chosen, strict=strict, report=report))
            shown = show_progress(records, "Reading")
            docs = make_docs(shown, load_nlp(lang, nlp), span_key=span_key, cats=cat_labels(records), report=report)
            count = save_docs(docs, output)
        else:
            docs = list(load_docs(source))
            chosen = load_format(format_file) if format_file else None
            if chosen is None:
                task = task_of_docs(docs, template.value, language.value, span_key=span_key)
                chosen = _format(format.value, task, parts, prompt_words)
            count = write_strings(show_progress(docs, "Writing"), output, chosen, span_key=span_key, report=report)
            save_format(chosen, format_path(output))
    typer.echo(f"{count} documents in {output}")
    Console().print(report.table())


def _format(name: str, task: Task, parts: str, prompt_words: bool) -> Format:
    labels = {"classes": {} if parts == "words" else task.classes, "labels": {} if parts == "text" else task.labels}
    options = {"prompt_words": prompt_words} if name == "slg" else {}
    return FORMATS[name](Task.from_dict({**task.to_dict(), **labels}), **options)
