"""The command `convert`."""

from collections.abc import Callable, Collection, Iterable, Iterator
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from spacy.tokens import Doc
from spacy.util import minibatch

from ..annotations.doc_bins import remove_parts
from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import save_docs
from ..corpora import READERS, WRITERS, CorpusError, Record, Report, cat_labels, make_docs
from ..corpora.annotated import check_annotated, other_format
from ..corpora.catalogue import CATALOGUE
from ..corpora.fragments import Discontinuous
from ..corpora.label_studio import Choice
from ..corpora.mentions import Pairs
from ..corpora.offsets import Unit
from ..corpora.recognise import recognise_why
from ..corpora.splits import PARTS, SPLIT_RULES, choose_parts
from ..corpora.spool import Spool
from ..corpora.to_docs import TokenPolicy
from ..corpora.tokenizer_check import check_tokenizer
from ..errors import Errors
from ..files import check_can_write, replacing_files
from .app import app
from .common import counted, load_nlp, one_of, refuse_given, show_progress

AUTO = "auto"
# What readers can be told. The command has an option of the same name for each.
READER_OPTIONS = {name for reader in READERS.values() for name in signature(reader).parameters} - {"path", "report"}
BATCH = 1000
# Of the tokens in one file, about 700,000. A file is made and read in memory, so larger corpora become several.
MAX_BYTES = 2**26


def _list_formats(wanted: bool) -> None:
    if not wanted:
        return
    for name, info in CATALOGUE.items():
        written = "; export writes it too" if name in WRITERS else ""
        typer.echo(f"{name:<12} {info.about}{written}")
        typer.echo(f"{'':<12} python -m spacy_mre convert {name} {info.example}")
    raise typer.Exit


@app.command("convert")
def convert_cli(
    context: typer.Context,
    format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            parser=one_of([AUTO, *READERS]),
            help=f"The format of the source: {', '.join(READERS)}; or {AUTO}: recognised by the content.",
        ),
    ],
    source: Annotated[Path, typer.Argument(metavar="IN", help="The file or folder to read.", exists=True)],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="The .spacy file to write, or a folder with --split-rule.")
    ],
    lang: Annotated[str, typer.Option(help="The language of the texts, for the tokenizer: ja, zh, en, ...")] = "en",
    nlp: Annotated[
        str | None,
        typer.Option(help="A config, package or folder whose tokenizer is used, instead of the default of --lang."),
    ] = None,
    tokens: Annotated[
        TokenPolicy,
        typer.Option(
            help="source: the tokens of the source, or of the tokenizer if it has none. tokenizer: always those of the "
            "tokenizer. fitted: like source, but tokens are split where an entity begins or ends inside them."
        ),
    ] = "fitted",
    split_rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            parser=one_of(SPLIT_RULES),
            help=f"Write OUT/train.spacy, dev.spacy and test.spacy by this rule: {', '.join(SPLIT_RULES)}.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="stratified: decides between equally good splits.", min=0)] = 0,
    spans_key: Annotated[str, typer.Option(help="The span group to write the entities to.")] = DEFAULT_KEY,
    strict: Annotated[bool, typer.Option("--strict", help="Write no file if an annotation would be lost.")] = False,
    allow_empty: Annotated[
        bool,
        typer.Option("--allow-empty", help="Convert texts without any annotation, to predict for example."),
    ] = False,
    part: Annotated[
        str | None, typer.Option(help="crossre, table: read only this part of a folder, such as train.")
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(help="slots, conll: the text between tokens. Default: blanks, but none in Japanese and Chinese."),
    ] = None,
    token_column: Annotated[int | None, typer.Option(help="conll: the column of the token, from 0.")] = None,
    tag_column: Annotated[
        int | None, typer.Option(help="conll: the column of the tag; negative numbers count from the end.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="conll: the beginning of lines to skip.")] = None,
    offsets: Annotated[
        Unit | None,
        typer.Option(
            help="doccano: what offsets count; graphemes for projects with 'Count grapheme clusters as one character'."
        ),
    ] = None,
    annotations: Annotated[
        Choice | None,
        typer.Option(help="labelstudio: which of several annotations of a text to read, or a prediction instead."),
    ] = None,
    text_key: Annotated[
        str | None, typer.Option(help="labelstudio: the key of the text in 'data', if it is not clear.")
    ] = None,
    entity_key: Annotated[str | None, typer.Option(help="conllu: the key of the entities in MISC, as ENE.")] = None,
    text_column: Annotated[str | None, typer.Option(help="table: the column of the text.")] = None,
    label_column: Annotated[
        str | None, typer.Option(help="table: the column of the text label, or of lists of labels.")
    ] = None,
    entities_column: Annotated[
        str | None, typer.Option(help="table: the column of the entities: lists of start, end and label.")
    ] = None,
    relations_column: Annotated[
        str | None, typer.Option(help="table: the column of the relations: lists of head, tail and label.")
    ] = None,
    tokens_column: Annotated[str | None, typer.Option(help="table: the column of lists of words.")] = None,
    tags_column: Annotated[
        str | None, typer.Option(help="table: the column of the tags of the words, such as BIO. Default: ner_tags.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="webanno, cas: the layer of the entities, if there are several.")
    ] = None,
    feature: Annotated[
        str | None, typer.Option(help="webanno, cas: the feature that contains the labels of entities.")
    ] = None,
    relation_feature: Annotated[
        str | None, typer.Option(help="webanno, cas: the feature that contains the labels of relations.")
    ] = None,
    document_layer: Annotated[
        str | None, typer.Option(help="cas: the layer of the text labels, if there are several.")
    ] = None,
    document_feature: Annotated[
        str | None, typer.Option(help="cas: the feature that contains the text labels.")
    ] = None,
    pairs: Annotated[
        Pairs | None,
        typer.Option(
            help="docred, pubtator, bioc: the mentions of two entities between which a relation is read: the nearest "
            "two, or all pairs."
        ),
    ] = None,
    discontinuous: Annotated[
        Discontinuous | None,
        typer.Option(
            help="brat, bioc, conllu: what to read of a discontinuous entity: nothing (drop, the default), the whole "
            "from its first to its last part, or its longest part."
        ),
    ] = None,
    list_formats: Annotated[
        bool,
        typer.Option("--list", callback=_list_formats, is_eager=True, help="List the formats with examples, and exit."),
    ] = False,
) -> None:
    """Convert an annotated corpus to spaCy's binary format, and report what was lost."""
    options = {name: value for name, value in context.params.items() if name in READER_OPTIONS and value is not None}
    if format == AUTO:
        format, why = _recognise(source, options)
        typer.echo(f"Format: {format}, because {why}")
    reader = READERS[format]
    for name in options:
        if name not in signature(reader).parameters:
            raise typer.BadParameter(f"the format {format} has no option --{name.replace('_', '-')}")
    if split_rule != "stratified":
        refuse_given(context, ["seed"], "only --split-rule stratified draws")
    if not split_rule and output.suffix != ".spacy":
        raise typer.BadParameter("OUT must end with .spacy; for a folder of three parts, add --split-rule stratified")
    report = Report()
    check_can_write(output, folder=split_rule is not None or output.is_dir())
    for path in [output / f"{name}.spacy" for name in PARTS] if split_rule else [output]:
        check_can_write(path, folder=path.is_dir(), sources=[source])
    pipeline = load_nlp(lang, nlp)
    with _read(reader(source, report=report, **options), source, format) as records:
        if not len(records):
            raise ValueError(Errors.M208.format(path=source, format=format, lost=_that_could_be_converted(report)))
        check_tokenizer(records, pipeline, tokens=tokens)
        labels = cat_labels(records)

        def make(part: Iterable[Record]) -> Iterator[Doc]:
            # Words of the texts are forgotten after each batch: the vocabulary does not grow with the corpus.
            for batch in minibatch(part, BATCH):
                with pipeline.memory_zone():
                    yield from make_docs(
                        batch, pipeline, tokens=tokens, spans_key=spans_key, cats=labels, report=report
                    )

        def check() -> None:
            if strict:
                report.check()
            if not report.kept["documents"]:
                raise ValueError(Errors.M208.format(path=source, format=format, lost=_that_could_be_converted(report)))
            if not allow_empty:
                check_annotated(report, source, format)

        if split_rule:
            counts = _write_parts(records, choose_parts(records, split_rule, seed=seed), output, make, check)
        else:
            shown = show_progress(records, "Converting")
            counts = {output: save_docs(_then(make(shown), check), output, max_bytes=MAX_BYTES)}
    for path, count in counts.items():
        typer.echo(f"{counted(count, 'document')} in {path}")
    Console().print(report.table())


def _read(records: Iterable[Record], source: Path, format: str) -> Spool:
    """Read all records. If they are malformed because the source is in another format, the error says so."""
    try:
        return Spool(records)
    except CorpusError as err:
        other = other_format(source, format)
        if not other:
            raise
        raise ValueError(f"{err}. Read as '{format}', but {other}") from None


def _recognise(source: Path, options: Collection[str]) -> tuple[str, str]:
    """The format, and why: the content, or else options that only one format has."""
    try:
        format, seen = recognise_why(source)
        return format, f"the source is {seen}"
    except ValueError:
        formats = [name for name, reader in READERS.items() if {*options} <= signature(reader).parameters.keys()]
        if len(formats) != 1:
            raise
        (format,) = formats
        return format, "only it has " + " and ".join(f"--{name.replace('_', '-')}" for name in options)


def _that_could_be_converted(report: Report) -> str:
    reasons = report.reasons()
    return f" that could be converted ({'; '.join(reasons)})" if reasons else ""


def _then(docs: Iterable[Doc], check: Callable[[], None]) -> Iterator[Doc]:
    """The documents. After the last one, but before their file gets its name, the check may raise an error."""
    yield from docs
    check()


def _write_parts(
    records: Spool,
    parts: list[str],
    folder: Path,
    make: Callable[[Iterable[Record]], Iterator[Doc]],
    check: Callable[[], None],
) -> dict[Path, int]:
    """Write the files of a split, all or none. Returns the number of documents of each."""
    counts = {}
    with replacing_files(folder) as fresh:
        for name in (name for name in PARTS if name in parts):
            of_part = (record for record, part in zip(records, parts) if part == name)
            shown = show_progress(of_part, f"Converting {name}", total=parts.count(name))
            counts[folder / f"{name}.spacy"] = save_docs(make(shown), fresh / f"{name}.spacy", max_bytes=MAX_BYTES)
        check()
        _remove_earlier(folder, fresh)
    return counts


def _remove_earlier(folder: Path, fresh: Path) -> None:
    """Remove the parts of an earlier conversion that this one does not make: they would share texts with the others.
    Also those that are a folder of files, or become one: a file cannot replace a folder.
    """
    for name in PARTS:
        path, new = folder / f"{name}.spacy", fresh / f"{name}.spacy"
        if path.is_dir():
            remove_parts(path)
            if path.exists() and new.is_file():
                raise ValueError(Errors.M611.format(path=path, reason="it is a folder with hidden files of others"))
        elif path.is_file() and not new.is_file():
            path.unlink()
            if not new.exists():
                typer.echo(f"{path} of an earlier conversion was removed")
