"""The command `evaluate`."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from rich.console import Console
from spacy.language import Language
from spacy.training import Example
from spacy.training.corpus import walk_corpus
from spacy.util import fix_random_seed, load_model
from spacy.vocab import Vocab

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import load_docs
from ..annotations.text_labels import has_several_labels
from ..errors import Errors
from ..evaluation.calibration import bin_tables, calibration_table, measure_calibration, plot_calibration
from ..evaluation.evaluate import Scores, evaluate
from ..evaluation.figures import check_can_draw
from ..evaluation.mistakes import mistakes_tables
from ..evaluation.mistakes_file import write_mistakes
from ..evaluation.mmm_groups import MMM_KEYS, mean_of_groups, score_groups
from ..evaluation.pipeline_settings import get_cats_settings, get_spans_key, get_symmetric
from ..evaluation.predictions import evaluate_predictions, name_entities, pair_predictions
from ..evaluation.report import mmm_table, other_table, per_type_tables, results_table
from ..evaluation.text_mistakes import find_text_mistakes, worst_first
from ..files import check_can_write, replacing, replacing_files
from ..training.corpus import Corpus, PredictedTokens
from ..visual import write_mistakes_page
from ..visual.names import Names
from .app import app
from .common import DisplayNames, PageLanguage, counted, read_display_names, read_docs, use_gpu

LINES, PAGE = "mistakes.jsonl", "mistakes.html"

# Gold and predictions, by the name of the file with gold.
Groups = dict[str, list[Example]]
# What decides which predictions count: the span group, relations without direction, and which text labels hold.
Settings = dict[str, Any]


@app.command("evaluate")
def evaluate_cli(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="The pipeline, a package or a folder; or predictions, in a .spacy file or in a folder.",
        ),
    ],
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA",
            help="The .spacy file to evaluate on. Of several, one for each task and language, the scores of MMM are "
            "printed by file.",
            exists=True,
        ),
    ],
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
            help="Evaluate once more on documents of this many texts, to see whether a pipeline trained on "
            "sentences works on documents; 0: do not.",
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
    mistakes_to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help=f"Also write the texts with mistakes to FOLDER/{LINES}, and to the page FOLDER/{PAGE}.",
            file_okay=False,
        ),
    ] = None,
    calibration: Annotated[
        bool,
        typer.Option(
            "--calibration",
            help="Also print the share of right predictions by score, and how far it is from the score.",
        ),
    ] = False,
    calibration_plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw the reliability diagrams, in an image file.", dir_okay=False),
    ] = None,
    labels: DisplayNames = None,
    lang: PageLanguage = "en",
    baseline: Annotated[
        Path | None,
        typer.Option(help="Also score a gazetteer that is made of this .spacy file.", exists=True),
    ] = None,
    tokens: Annotated[
        PredictedTokens,
        typer.Option(help="Predict on the tokens of the data, or on those of the pipeline's tokenizer."),
    ] = "tokenizer",
    spans_key: Annotated[
        str | None, typer.Option(help="Of predictions: the span group of the entities. Default: entities.")
    ] = None,
    symmetric: Annotated[
        list[str] | None, typer.Option(help="Of predictions: a relation label without direction. Can be repeated.")
    ] = None,
    multi_label: Annotated[
        bool | None,
        typer.Option(
            "--multi-label/--exclusive",
            help="Of predictions: whether any number of text labels may hold. Default: as in gold.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Of predictions: the lowest score of a text label, if several may hold. Default: 0.5.", min=0, max=1
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="How many texts are predicted at once. Default: the setting of the pipeline.", min=1),
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
) -> None:
    """Evaluate a pipeline, or predictions that are already made: entities, relations, text labels, and whatever else
    the components score."""
    fix_random_seed()
    if labels is not None and mistakes_to is None:
        raise typer.BadParameter("--labels is for the page of --mistakes-to")
    inputs = [*data, *(file for file in (baseline, labels) if file is not None), Path(model)]
    if output is not None:
        check_can_write(output, sources=inputs)
    if mistakes_to is not None:
        check_can_write(mistakes_to, folder=True)
    if calibration_plot is not None:
        check_can_draw(calibration_plot, sources=inputs)
    use_gpu(gpu_id)
    names = None if labels is None else read_display_names(labels)
    Names(names, lang)  # refuses an unknown language before the evaluation
    named = _name_files(data)
    files = _prediction_files(Path(model))
    for_both: dict[str, Any] = {"overlap_matching": overlap_matching, "mistakes": mistakes or mistakes_to is not None}
    if files:
        need_pipeline = {"--gold-entities": gold_entities, "--documents": documents, "--baseline": baseline}
        need_pipeline |= {"--batch-size": batch_size, "--tokens": tokens != "tokenizer"}
        _refuse(need_pipeline, Errors.M526, path=model)
        scores, groups, settings = _of_predictions(
            Path(model),
            files,
            named,
            spans_key=spans_key or DEFAULT_KEY,
            symmetric=symmetric or [],
            multi_label=multi_label,
            threshold=0.5 if threshold is None else threshold,
            **for_both,
        )
    else:
        of_predictions: dict[str, Any] = {"--spans-key": spans_key, "--symmetric": symmetric}
        of_predictions |= {"--multi-label": multi_label is not None, "--threshold": threshold is not None}
        _refuse(of_predictions, Errors.M527, model=model)
        scores, groups, settings = _of_pipeline(
            model,
            named,
            tokens=tokens,
            baseline=baseline,
            gold_entities=gold_entities,
            documents=documents,
            batch_size=batch_size,
            **for_both,
        )
    scored = _join(groups)
    console = Console()
    console.print(results_table(scores), other_table(scores))
    _show_mmm(groups, settings, scores, console)
    if per_type:
        console.print(*per_type_tables(scores, scored, multi_label=settings["multi_label"]))
    if "mistakes" in scores:
        console.print(*mistakes_tables(scores["mistakes"]))
    if mistakes_to is not None:
        count = _write_mistakes(
            scored, settings, mistakes_to, about=f"{model} · {', '.join(map(str, data))}", labels=names, lang=lang
        )
        typer.echo(f"{counted(count, 'text')} with mistakes in {mistakes_to}")
    if calibration or calibration_plot is not None:
        scores["calibration"] = _show_calibration(scored, settings, calibration_plot, console)
    if output is not None:
        with replacing(output) as temporary:
            srsly.write_json(temporary, scores)
        typer.echo(f"All scores are in {output}")


def _of_predictions(
    path: Path,
    files: list[Path],
    gold: Mapping[str, Path],
    *,
    spans_key: str,
    symmetric: list[str],
    multi_label: bool | None,
    threshold: float,
    **options: Any,
) -> tuple[Scores, Groups, Settings]:
    by_name = _files_by_name(path, files, gold)
    groups = {name: _read_predictions(by_name[name], gold[name], spans_key) for name in gold}
    scored = _join(groups)
    if multi_label is None:
        multi_label = has_several_labels(eg.reference for eg in scored)
    settings: Settings = {"spans_key": DEFAULT_KEY, "symmetric": symmetric}
    settings |= {"multi_label": multi_label, "threshold": threshold}
    return evaluate_predictions(scored, **settings, **options), groups, settings


def _of_pipeline(
    model: str, gold: Mapping[str, Path], *, tokens: PredictedTokens, baseline: Path | None, **options: Any
) -> tuple[Scores, Groups, Settings]:
    nlp = load_model(model)
    settings = {"spans_key": get_spans_key(nlp), "symmetric": get_symmetric(nlp), **get_cats_settings(nlp)}
    groups = {name: _read_gold(path, nlp, settings["spans_key"], tokens) for name, path in gold.items()}
    train_docs = read_docs(baseline, nlp.vocab) if baseline else None
    scored: list[Example] = []
    scores = evaluate(nlp, _join(groups), scored=scored, train_docs=train_docs, **options)
    predicted = iter(scored)
    return scores, {name: list(islice(predicted, len(group))) for name, group in groups.items()}, settings


def _join(groups: Groups) -> list[Example]:
    return [eg for group in groups.values() for eg in group]


def _refuse(options: dict[str, Any], error: str, **about: Any) -> None:
    """Refuse options that have no meaning here."""
    given = [name for name, value in options.items() if value]
    if given:
        raise ValueError(error.format(options=", ".join(given), **about))


def _prediction_files(path: Path) -> list[Path]:
    """RETURNS (list[Path]): The `.spacy` files with predictions; none if the path is that of a pipeline."""
    if path.suffix == ".spacy" or (path.is_dir() and not (path / "config.cfg").exists()):
        return walk_corpus(path, ".spacy") if path.exists() else [path]
    return []


def _name_files(data: Sequence[Path]) -> dict[str, Path]:
    """RETURNS (dict[str, Path]): The files by their paths below the folder that all are in."""
    absolute = {Path(os.path.abspath(path)): path for path in data}
    common = os.path.commonpath([path.parent for path in absolute])
    return {path.relative_to(common).as_posix(): given for path, given in absolute.items()}


def _files_by_name(path: Path, files: list[Path], gold: Mapping[str, Path]) -> dict[str, list[Path]]:
    """RETURNS (dict[str, list[Path]]): The files with predictions by the name of the file with gold."""
    if len(gold) == 1:
        return dict.fromkeys(gold, files)
    # Matched by text alone, the same text in two tasks would get the labels of the wrong one.
    for name, given in gold.items():
        if not (path / name).exists():
            raise ValueError(Errors.M528.format(gold=given, path=path / name))
    return {name: walk_corpus(path / name, ".spacy") for name in gold}


def _read_gold(path: Path, nlp: Language, spans_key: str, tokens: PredictedTokens = "gold") -> list[Example]:
    examples = list(Corpus(path, tokens=tokens, spans_key=spans_key)(nlp))
    if not examples:
        raise ValueError(Errors.M610.format(path=path, what="documents"))
    return examples


def _read_predictions(files: list[Path], data: Path, spans_key: str) -> list[Example]:
    """RETURNS (list[Example]): Gold and predictions, with the entities of both in the default span group."""
    vocab = Vocab()
    own_key = any(spans_key in doc.spans for file in walk_corpus(data, ".spacy") for doc in load_docs(file, vocab))
    gold = [eg.reference for eg in _read_gold(data, Language(vocab), spans_key if own_key else DEFAULT_KEY)]
    predictions = [doc for file in files for doc in read_docs(file, vocab)]
    if spans_key != DEFAULT_KEY:
        predictions = list(name_entities(predictions, spans_key, DEFAULT_KEY))
        gold = list(name_entities(gold, spans_key, DEFAULT_KEY))
    return pair_predictions(predictions, gold)


def _show_mmm(
    groups: Mapping[str, Sequence[Example]], settings: dict[str, Any], scores: dict[str, Any], console: Console
) -> None:
    """Print TL, WL and ALL of each file, and add them to the scores."""
    rows = scores["mmm"] = score_groups(groups, **settings)
    if len(groups) > 1:
        scores["mmm_mean"] = mean_of_groups(rows)
    if any(row[key] is not None for row in rows for key in MMM_KEYS):
        console.print(mmm_table(rows, scores.get("mmm_mean")))


def _show_calibration(
    scored: list[Example], settings: dict[str, Any], plot: Path | None, console: Console
) -> dict[str, Any]:
    found = measure_calibration(scored, **settings)
    console.print(calibration_table(found), *bin_tables(found))
    if plot is not None:
        plot_calibration(found, plot)
        typer.echo(f"The reliability diagrams are in {plot}")
    return {
        level: {"error": error, "chance": chance, "bins": [each._asdict() for each in bins]}
        for level, (error, chance, bins) in found.items()
    }


def _write_mistakes(scored: list[Example], settings: dict[str, Any], folder: Path, **options: Any) -> int:
    texts = find_text_mistakes(scored, **settings)
    shown = {key: settings[key] for key in ("spans_key", "symmetric")}
    with replacing_files(folder) as fresh:  # both files, or neither
        write_mistakes_page(texts, fresh / PAGE, file=LINES, **shown, **options)
        return write_mistakes(worst_first(texts), fresh / LINES)
