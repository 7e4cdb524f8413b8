"""The command `evaluate`."""

from pathlib import Path
from typing import Annotated, Literal

import srsly
import typer
from rich.console import Console
from spacy.cli._util import setup_gpu
from spacy.util import fix_random_seed, load_model

from ..annotations.storage import load_docs
from ..evaluation.evaluate import evaluate
from ..evaluation.mistakes import mistakes_tables
from ..evaluation.pipeline_settings import get_spans_key
from ..evaluation.report import other_table, per_type_tables, results_table
from ..files import replacing
from ..training.corpus import Corpus
from .app import app
from .common import report_errors


@app.command("evaluate")
def evaluate_cli(
    model: Annotated[str, typer.Argument(help="The pipeline, a package or a folder.")],
    data: Annotated[Path, typer.Argument(help="The .spacy file to evaluate on.", exists=True)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A JSON file to write all scores to.", dir_okay=False)
    ] = None,
    gold_entities: Annotated[
        bool,
        typer.Option(
            "--gold-entities", help="Evaluate once more with the gold entities given, to measure the relations alone."
        ),
    ] = False,
    documents: Annotated[
        int,
        typer.Option(
            help="Evaluate once more on documents of so many texts, to see whether a pipeline trained on sentences "
            "works on documents; 0 for not.",
            min=0,
        ),
    ] = 0,
    overlap_matching: Annotated[
        bool,
        typer.Option(
            "--overlap-matching",
            help="Also score with overlap matching: counts a predicted entity that overlaps a gold one as having its "
            "boundaries.",
        ),
    ] = False,
    per_type: Annotated[bool, typer.Option("--per-type", help="Also print the scores of each label.")] = False,
    mistakes: Annotated[
        bool,
        typer.Option("--mistakes", help="Also print the mistakes by kind: types, boundaries, arguments and so on."),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Also score a majority baseline that is trained on this .spacy file.", exists=True),
    ] = None,
    tokens: Annotated[
        Literal["gold", "tokenizer"],
        typer.Option(help="Predict on the tokens of the data, or on those of the pipeline's tokenizer."),
    ] = "tokenizer",
    batch_size: Annotated[
        int | None,
        typer.Option(help="How many texts are predicted at once. Default: the setting of the pipeline.", min=1),
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
) -> None:
    """Evaluate a pipeline: entities, relations, text labels, and whatever else its components score."""
    fix_random_seed()
    setup_gpu(gpu_id, silent=False)
    with report_errors():
        nlp = load_model(model)
        examples = list(Corpus(data, tokens=tokens, spans_key=get_spans_key(nlp))(nlp))
        train_docs = load_docs(baseline, nlp.vocab) if baseline else None
        scores = evaluate(
            nlp,
            examples,
            gold_entities=gold_entities,
            documents=documents,
            overlap_matching=overlap_matching,
            mistakes=mistakes,
            train_docs=train_docs,
            batch_size=batch_size,
        )
    console = Console()
    console.print(results_table(scores), other_table(scores))
    if per_type:
        console.print(*per_type_tables(scores, examples))
    if mistakes:
        console.print(*mistakes_tables(scores["mistakes"]))
    if output is not None:
        with replacing(output) as temporary:
            srsly.write_json(temporary, scores)
        typer.echo(f"All scores are in {output}")
