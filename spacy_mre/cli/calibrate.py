"""The command `calibrate`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from spacy.training import Example
from spacy.util import fix_random_seed, load_model

from ..errors import Errors
from ..evaluation.calibrate import calibrate, levels_of
from ..evaluation.calibration import calibration_table, measure_calibration
from ..evaluation.pipeline_settings import get_cats_settings, get_spans_key, get_symmetric
from ..evaluation.runs import predict
from ..evaluation.scorers import score_joint
from ..evaluation.thresholds import LEVELS, find_component, tune_thresholds
from ..files import check_can_write, replacing_files
from ..training.corpus import Corpus
from .app import app
from .common import use_gpu

# Of a level.
LEFT = "left as it is: no gold, or nothing found"


@app.command("calibrate")
def calibrate_cli(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The trained pipeline, a package or a folder.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A .spacy file of texts that it was not trained on.", exists=True)
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="The folder of the calibrated pipeline; MODEL is allowed.")
    ],
    precision: Annotated[
        float | None,
        typer.Option(
            help="Also set the lowest thresholds of entities and of relations with this precision on DATA, for example "
            "0.95.",
            min=0.0,
            max=1.0,
        ),
    ] = None,
    best_f1: Annotated[
        bool, typer.Option("--best-f1", help="Also set the thresholds with the best F1 on DATA.")
    ] = False,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
) -> None:
    """Calibrate a trained pipeline: its scores come closer to probabilities, on texts that it was not trained on.
    Training has done that already on the dev corpus. This command takes other texts, and chooses thresholds."""
    if precision is not None and best_f1:
        raise typer.BadParameter("--precision and --best-f1 choose different thresholds. Give one of them.")
    fix_random_seed()
    check_can_write(output, folder=True)
    use_gpu(gpu_id)
    nlp = load_model(model)
    examples = list(Corpus(data, tokens="tokenizer", spans_key=get_spans_key(nlp))(nlp))
    if not examples:
        raise ValueError(Errors.M610.format(path=data, what="documents"))
    found = calibrate(nlp, examples)
    if not any(found.values()):
        raise ValueError(Errors.M522.format(names=", ".join(nlp.pipe_names), path=data))
    thresholds = None if precision is None and not best_f1 else tune_thresholds(nlp, examples, precision=precision)
    if thresholds == {}:
        raise ValueError(Errors.M530.format(path=data))
    predicted = predict(nlp, examples)
    settings = get_cats_settings(nlp)
    measured = measure_calibration(predicted, spans_key=get_spans_key(nlp), symmetric=get_symmetric(nlp), **settings)
    with replacing_files(output) as fresh:
        nlp.to_disk(fresh)
    console = Console()
    console.print("Scores on the texts that it was calibrated on, so rather too good:", highlight=False)
    console.print(calibration_table(measured))
    for name in found:
        for level in levels_of(nlp.get_pipe(name)):
            if level not in found[name]:
                console.print(f"{level} of {name}: {LEFT}", highlight=False)
    if thresholds is not None:
        for name, level in LEVELS.items():
            if level in levels_of(find_component(nlp)):
                outcome = f"{thresholds[name]:.3f}" if name in thresholds else LEFT
                console.print(f"{name}: {outcome}", highlight=False)
        _print_scores(predicted, get_spans_key(nlp), get_symmetric(nlp), console)
    typer.echo(f"The calibrated pipeline: {output}")


def _print_scores(predicted: list[Example], spans_key: str, symmetric: list[str], console: Console) -> None:
    scores = score_joint(predicted, spans_key=spans_key, symmetric=symmetric)
    for level, prefix in (("entities", f"spans_{spans_key}"), ("strict relations", "rel_strict")):
        found = {name: scores.get(f"{prefix}_{name[0].lower()}") for name in ("precision", "recall", "F1")}
        values = [f"{name} {100 * value:.1f}" for name, value in found.items() if value is not None]
        if values:
            console.print(f"{level}: {', '.join(values)}", highlight=False)
