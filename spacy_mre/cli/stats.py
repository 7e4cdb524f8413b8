from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import load_docs
from ..corpora.stats import Statistics, get_statistics, quantile, reach
from .app import app
from .common import load_nlp, show_progress, told_errors


@app.command("stats")
def stats_cli(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The .spacy file.", exists=True, dir_okay=False)],
    width_limit: Annotated[
        int, typer.Option(min=1, help="Tell the share of entities that this many tokens reach.")
    ] = 10,
    against: Annotated[
        Path | None, typer.Option(help="Tell the labels that this .spacy file lacks.", exists=True)
    ] = None,
    nlp: Annotated[
        str | None, typer.Option(help="A config, package or folder: count what its tokenizer cannot represent.")
    ] = None,
    span_key: Annotated[str, typer.Option(help="The span group that holds the entities.")] = DEFAULT_KEY,
):
    """Describe a .spacy file: labels, nesting, widths, distances, and what is missing."""
    with told_errors():
        pipeline = load_nlp("", nlp) if nlp else None
        docs = show_progress(list(load_docs(source)), "Counting")
        stats = get_statistics(docs, span_key=span_key, nlp=pipeline)
    console = Console()
    console.print(_overview(stats, width_limit, nlp))
    for name in ("cats", "entities", "relations"):
        if getattr(stats, name):
            console.print(_labels(name, getattr(stats, name)))
    if against is not None:
        other = get_statistics(load_docs(against), span_key=span_key)
        for name in ("cats", "entities", "relations"):
            unseen = getattr(stats, name).keys() - getattr(other, name).keys()
            console.print(
                f"{name} not in {against}: {', '.join(sorted(unseen)) or 'none'}", markup=False, highlight=False
            )


def _overview(stats: Statistics, width_limit: int, nlp: str | None) -> Table:
    entities, relations = sum(stats.entities.values()), sum(stats.relations.values())
    table = Table("", "count", "share", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("documents", f"{stats.documents:,}", "")
    table.add_row("  without entity annotation", *_counted(stats.without_entities, stats.documents))
    table.add_row("  without relation annotation", *_counted(stats.without_relations, stats.documents))
    table.add_row("  without text classes", *_counted(stats.without_cats, stats.documents))
    table.add_row("tokens", f"{stats.tokens:,}", "")
    table.add_row("entities", f"{entities:,}", "")
    table.add_row("  inside another", *_counted(stats.nested, entities))
    table.add_row("  crossing another", *_counted(stats.crossing, entities))
    if nlp:
        table.add_row(
            f"  that the tokenizer of {nlp} cannot represent", *_counted(sum(stats.misaligned.values()), entities)
        )
    within = round(reach(stats.widths, width_limit) * entities)
    table.add_row(f"  of at most {width_limit} tokens", *_counted(within, entities))
    for share in (0.9, 0.99, 1.0):
        table.add_row(f"  width that reaches {share:.0%}", str(quantile(stats.widths, share)), "")
    table.add_row("relations", f"{relations:,}", "")
    for share in (0.5, 0.9, 1.0):
        table.add_row(f"  distance in tokens that reaches {share:.0%}", str(quantile(stats.distances, share)), "")
    table.add_row("related pairs", f"{stats.related_pairs:,}", "")
    table.add_row("  with several labels", *_counted(stats.multi_label_pairs, stats.related_pairs))
    table.add_row("relations lost with one label per pair", *_counted(stats.beyond_first, relations))
    return table


def _labels(name: str, counts: Counter) -> Table:
    table = Table(name, "count", "share")
    for column in table.columns[1:]:
        column.justify = "right"
    for label, count in counts.most_common():
        table.add_row(label, *_counted(count, sum(counts.values())))
    return table


def _counted(count: int, total: int):
    return f"{count:,}", f"{count / total:.1%}" if total else ""
