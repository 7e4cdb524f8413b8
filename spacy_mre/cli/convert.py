from enum import Enum
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import save_docs
from ..corpora import READERS, Record, Report, cat_labels, make_docs
from ..corpora.splits import SPLIT_RULES, split_records
from ..corpora.to_docs import TokenPolicy
from .app import app
from .common import load_nlp, show_progress, told_errors

Format = Enum("Format", {name: name for name in READERS}, type=str)
Rule = Enum("Rule", {name: name for name in SPLIT_RULES}, type=str)


@app.command("convert")
def convert_cli(
    format: Annotated[Format, typer.Argument(help="The format of the source.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="The file or folder to read.", exists=True)],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The .spacy file to write; with --split-rule, a folder.")
    ],
    lang: Annotated[str, typer.Option(help="The language of the texts.")] = "en",
    nlp: Annotated[
        str | None, typer.Option(help="A config, package or folder whose tokenizer to use, before --lang.")
    ] = None,
    tokens: Annotated[
        TokenPolicy,
        typer.Option(
            help="The source's tokens or, without any, the tokenizer's; always the tokenizer's; or fitted: split so that no entity is lost."
        ),
    ] = "fitted",
    split_rule: Annotated[
        Rule | None, typer.Option(help="Write OUT/train.spacy, dev.spacy and test.spacy by this rule.")
    ] = None,
    span_key: Annotated[str, typer.Option(help="The span group to write the entities into.")] = DEFAULT_KEY,
    strict: Annotated[bool, typer.Option("--strict", help="Write nothing if any annotation would be lost.")] = False,
    part: Annotated[
        str | None, typer.Option(help="crossre: read only the files of this part: train, dev or test.")
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="slots, conll: what to put between tokens; '' for Chinese characters.")
    ] = None,
    token_column: Annotated[int | None, typer.Option(help="conll: the column of the token, counted from 0.")] = None,
    tag_column: Annotated[
        int | None, typer.Option(help="conll: the column of the tag; from the end if negative.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="conll: skip lines that begin with this.")] = None,
):
    """Convert an annotated corpus to spaCy's binary format, and report what could not be kept."""
    given = {
        "part": part,
        "separator": separator,
        "token_column": token_column,
        "tag_column": tag_column,
        "comment": comment,
    }
    reader = READERS[format.value]
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in signature(reader).parameters:
            raise typer.BadParameter(f"the format {format.value} has no option --{name.replace('_', '-')}")
    if not split_rule and output.suffix != ".spacy":
        raise typer.BadParameter("OUT must be a .spacy file, or a folder with --split-rule")
    report = Report()
    with told_errors():
        records = list(reader(source, report=report, **options))
        parts: dict[str, list[Record]] = split_records(records, split_rule.value) if split_rule else {"": records}
        pipeline = load_nlp(lang, nlp)
        labels = cat_labels(records)
        docs = {}
        for name, chosen in parts.items():
            shown = show_progress(chosen, f"Converting {name}".strip())
            docs[name] = list(make_docs(shown, pipeline, tokens=tokens, span_key=span_key, cats=labels, report=report))
        if strict:
            report.check()
    for name in docs:
        path = output / f"{name}.spacy" if name else output
        typer.echo(f"{save_docs(docs[name], path)} documents in {path}")
    Console().print(report.table())
