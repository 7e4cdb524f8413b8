"""The command `stats`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..annotations.entities import DEFAULT_KEY
from ..corpora import Report
from ..corpora.stats import Statistics, get_statistics, quantile, reach
from .app import app
from .common import SpansKey, load_nlp, read_docs, show_progress

LAYERS = ("cats", "entities", "relations")


@app.command("stats")
def stats_cli(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The .spacy file.", exists=True)],
    width_limit: Annotated[
        int, typer.Option(min=1, help="Show the entities with more tokens, and the share of the others.")
    ] = 10,
    against: Annotated[
        Path | None, typer.Option(help="Show the labels that this .spacy file does not have.", exists=True)
    ] = None,
    nlp: Annotated[
        str | None,
        typer.Option(
            help="A config, package or folder. Show the entities that do not fit the tokens of its tokenizer."
        ),
    ] = None,
    spans_key: SpansKey = DEFAULT_KEY,
) -> None:
    """Describe a .spacy file: labels, nesting, widths, distances, missing annotations, and those that may not fit."""
    pipeline = load_nlp("", nlp) if nlp else None
    docs = show_progress(read_docs(source, spans_key=spans_key), "Counting")
    stats = get_statistics(docs, spans_key=spans_key, width_limit=width_limit, nlp=pipeline)
    other = None if against is None else get_statistics(read_docs(against, spans_key=spans_key), spans_key=spans_key)
    console = Console()
    console.print(_overview_table(stats, width_limit))
    if stats.misfits.noted:
        console.print(_misfits_table(stats.misfits))
    for layer in LAYERS:
        counts = getattr(stats, layer)
        if counts:
            console.print(_label_table(layer, counts))
    if other is not None:
        for layer in LAYERS:
            unseen = getattr(stats, layer).keys() - getattr(other, layer).keys()
            line = f"{layer} not in {against}: {', '.join(sorted(unseen)) or 'none'}"
            console.print(line, markup=False, highlight=False)


def _overview_table(stats: Statistics, width_limit: int) -> Table:
    entities, relations = sum(stats.entities.values()), sum(stats.relations.values())
    table = _count_table("")
    table.add_row("documents", f"{stats.documents:,}", "")
    table.add_row("  without entity annotation", *_count_and_share(stats.without_entities, stats.documents))
    table.add_row("  without relation annotation", *_count_and_share(stats.without_relations, stats.documents))
    table.add_row("  without text labels", *_count_and_share(stats.without_cats, stats.documents))
    table.add_row("tokens", f"{stats.tokens:,}", "")
    table.add_row("entities", f"{entities:,}", "")
    table.add_row("  inside another", *_count_and_share(stats.nested, entities))
    within = round(reach(stats.widths, width_limit) * entities)
    table.add_row(f"  of at most {width_limit} tokens", *_count_and_share(within, entities))
    for share in (0.9, 0.99, 1.0):
        table.add_row(f"  width in tokens that covers {share:.0%}", str(quantile(stats.widths, share)), "")
    table.add_row("relations", f"{relations:,}", "")
    for share in (0.5, 0.9, 1.0):
        table.add_row(f"  distance in tokens that covers {share:.0%}", str(quantile(stats.distances, share)), "")
    table.add_row("related pairs", f"{stats.related_pairs:,}", "")
    table.add_row("  with several labels", *_count_and_share(stats.multi_label_pairs, stats.related_pairs))
    table.add_row("relations lost with one label per pair", *_count_and_share(stats.beyond_first, relations))
    return table


def _misfits_table(misfits: Report) -> Table:
    """What components may not learn. Below each kind are examples with the ids of their texts."""
    table = Table("what may not fit", "count")
    table.columns[1].justify = "right"
    for kind, count in misfits.noted.items():
        table.add_row(escape(kind), f"{count:,}", style="yellow")
        for example in misfits.examples[kind]:
            table.add_row(Text(f"  {example}", no_wrap=True, overflow="ellipsis"), "")
    return table


def _label_table(layer: str, counts: Counter[str]) -> Table:
    table = _count_table(layer)
    for label, count in counts.most_common():
        table.add_row(escape(label), *_count_and_share(count, sum(counts.values())))
    return table


def _count_table(title: str) -> Table:
    table = Table(title, "count", "share")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _count_and_share(count: int, total: int) -> tuple[str, str]:
    return f"{count:,}", f"{count / total:.1%}" if total else ""
