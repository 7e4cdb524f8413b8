"""Mutual reinforcement (Gan et al. 2023, arXiv 2307.10291): do text labels and word-level labels help each other?

Each level is trained alone, and both are trained on one encoder. All runs have the same encoder, settings, seeds and
number of updates on the same examples in the same order; the last weights are scored on the test documents. In a fourth
kind of run, the word level also reads the text label: gold in training, predicted ones in testing. A level gains from
the other if it scores higher than alone. The weight of the text label's loss decides how much of the encoder each level
gets, so several may be tried: for each arm and score, the weight that is best on dev is compared on test. Compared are
the accuracy of text labels, micro F1 of entities and strict relations, and, as in the paper, the share of texts with
all entities correct. Intervals are paired bootstraps over test documents and seeds.
"""

import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import srsly
from spacy.language import Language
from spacy.training import Example
from thinc.api import Config

from ..annotations.entities import get_entities
from ..errors import Errors, Warnings
from ..files import replacing
from ..training.corpus import read_corpus
from .counts import Counts
from .digests import digest
from .items import gold_cats
from .pipeline_settings import get_cats_settings, get_spans_key
from .run_config import component_meta, component_settings, fill_defaults, fingerprint, set_budget, set_values
from .run_files import counts_of, is_made, load_run, save_run
from .runs import measure, read_examples, train_last
from .significance import Difference, f1, paired_bootstrap, share
from .trained_texts import warn_of_trained_texts

# The runs of an arm with a weight, by the name of both and by seed.
Records = dict[str, dict[int, dict[str, Any]]]

# The setting of an architecture that makes it read the text labels.
READS_CATS = "see_cats"
# The setting of a component of the text level that is tried.
WEIGHT = "loss_weight"
# For each level, the counts that are compared and how they are scored.
LEVELS = {
    "text": ("texts", share),
    "word": ("entities", f1),
    "whole": ("whole_entities", share),
    "relations": ("strict_relations", f1),
}
# Level, arm and control.
COMPARISONS = (
    ("text", "both", "text"),
    ("word", "both", "word"),
    ("word", "word_reads_text", "word"),
    ("word", "word_reads_text", "both"),
    ("whole", "both", "word"),
    ("whole", "word_reads_text", "word"),
    ("relations", "both", "word"),
    ("relations", "word_reads_text", "word"),
)


class Gain(NamedTuple):
    """The difference between an arm and its control.

    level (str): A key of `LEVELS`.
    arm (str): The kind of run, with the weight if several were tried: "both-0.3".
    control (str): The kind of run that it is compared with.
    seeds (list[int]): The seeds that both have.
    difference (Difference): The score of the arm minus that of the control.
    """

    level: str
    arm: str
    control: str
    seeds: list[int]
    difference: Difference


def reinforce(
    config: Config,
    train: Path,
    dev: Path,
    test: Path,
    output: Path,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    updates: int = 2000,
    weights: Sequence[float] = (),
    gpu: int = -1,
    again: bool = False,
    keep_models: bool = False,
    log: Callable[[str], None] = print,
) -> tuple[Records, list[Gain]]:
    """Train each arm with each seed, and compare the arms. Runs that have a file are not made again, unless the config
    or the documents have changed since.

    config (Config): A training config, not interpolated, with both levels on one encoder.
    train (Path): The `.spacy` file to train on.
    dev (Path): The `.spacy` file that chooses the weights, if there are several.
    test (Path): The `.spacy` file to score on.
    output (Path): A folder for `runs/ARM-SEED.json` and `gains.json`.
    seeds (Sequence[int]): At least three for reliable results.
    updates (int): The number of updates of each run.
    weights (Sequence[float]): The weights of the text label's loss that are tried. Default: that of the config.
    gpu (int): The GPU, or -1 for the CPU.
    again (bool): Make runs again that have a file.
    keep_models (bool): Keep the trained pipelines in `models/`.
    log (Callable[[str], None]): Called with a line of text when a run starts.
    RETURNS (tuple[dict[str, dict[int, dict[str, Any]]], list[Gain]]): The runs by arm and seed, and the gains.
    RAISES (ValueError): If the config lacks a level, or the test documents have no gold for one, or the weight of the
        text level cannot be set.
    """
    arms = make_arms(config, weights)
    choosing = dev if len(weights) > 1 else None
    # What one arm with several weights needs; the arm without one is in no choice.
    needed = {arm: ["dev"] if choosing and arm != kind_of(arm) else [] for arm in arms}
    docs = {path: list(read_corpus(path)) for path in (train, dev, test)}
    for path in (test,) if choosing is None else (test, choosing):
        warn_of_trained_texts(docs[train], train, docs[path], path)
    data = "-".join(digest(docs[path]) for path in (train, dev, test))
    records: Records = {arm: {} for arm in arms}
    # All arms of a seed before the next seed, so that an interrupted experiment can already be compared.
    for seed in seeds:
        for arm, arm_config in arms.items():
            path = output / "runs" / f"{arm}-{seed}.json"
            budgeted = set_budget(arm_config, updates=updates, seed=seed, train=train, dev=dev)
            trained_as = f"{fingerprint(budgeted)}-{data}"
            if again or not is_made(path, trained_as, needed=needed[arm]):
                log(f"{arm}, seed {seed}: {updates} updates")
                about = {"arm": arm, "seed": seed, "updates": updates, "fingerprint": trained_as}
                folder = output / "models" / f"{arm}-{seed}"
                _make_run(path, budgeted, test, choosing, folder, about, gpu=gpu, keep_model=keep_models)
            records[arm][seed] = load_run(path)
    gains = compare_arms(records)
    rows = [{**gain._asdict(), "difference": gain.difference._asdict()} for gain in gains]
    with replacing(output / "gains.json") as temporary:
        srsly.write_json(temporary, rows)
    return records, gains


def make_arms(config: Config, weights: Sequence[float] = ()) -> dict[str, Config]:
    """Make the configs of the kinds of runs that are compared.

    config (Config): A training config with both levels on one encoder.
    weights (Sequence[float]): The weights of the text label's loss that are tried. Default: that of the config.
    RETURNS (dict[str, Config]): "text" and "word" with one level, "both", and "word_reads_text" if an architecture of
        the word level can read text labels. The component that is read is placed first. With weights, each arm with the
        text level is there once for each: "both-0.3".
    RAISES (ValueError): If the config lacks a level, or one component writes both, or the weight cannot be set.
    """
    plain = config.interpolate()
    names = plain["nlp"]["pipeline"]
    text = [name for name in names if _writes(plain, name, "doc.cats")]
    word = [name for name in names if _writes(plain, name, "doc.ents", "doc.spans")]
    for level, components in (("text", text), ("word", word)):
        if not components:
            raise ValueError(Errors.M510.format(names=", ".join(names), level=level))
    both_levels = [name for name in text if name in word]
    if both_levels:
        raise ValueError(Errors.M517.format(names=", ".join(both_levels)))
    for name in text if weights else ():
        if WEIGHT not in component_settings(plain, name):
            raise ValueError(Errors.M523.format(name=name, setting=WEIGHT))
    readers = [name for name in word if READS_CATS in _model_settings(plain, name)]
    before = names[: min(map(names.index, [*text, *word]))]
    after = [name for name in names if name not in [*before, *text, *word]]

    def make_arm(components: Sequence[str], *, reads_text: bool = False) -> Config:
        reading = {f"components.{name}.model.{READS_CATS}": reads_text for name in readers if name in components}
        return set_values(config, {"nlp.pipeline": [*before, *components, *after], **reading})

    arms = {"text": make_arm(text), "word": make_arm(word), "both": make_arm([*word, *text])}
    if readers:
        arms["word_reads_text"] = make_arm([*text, *word], reads_text=True)
    else:
        reason = f"no model of the word level has the setting '{READS_CATS}'"
        warnings.warn(Warnings.W510.format(arm="word_reads_text", reason=reason), stacklevel=2)
    if not weights:
        return arms
    weighted: dict[str, Config] = {}
    for arm, of_arm in arms.items():
        if arm == "word":
            weighted[arm] = of_arm
        else:
            for weight in weights:
                values = {f"components.{name}.{WEIGHT}": weight for name in text}
                weighted[f"{arm}-{weight:g}"] = set_values(of_arm, values)
    return weighted


def kind_of(arm: str) -> str:
    """RETURNS (str): The kind of run, without its weight: "both" of "both-0.3"."""
    return arm.partition("-")[0]


def choose_weight(records: Records, arm: str, level: str) -> str | None:
    """RETURNS (Optional[str]): The runs of an arm with the weight that is best on dev; None if there are no runs."""
    runs = {name: list(by_seed.values()) for name, by_seed in records.items() if kind_of(name) == arm}
    if len(runs) < 2:
        return next(iter(runs), None)
    return max(runs, key=lambda name: mean(run["dev"].get(level, 0.0) for run in runs[name]))


def compare_arms(records: Records) -> list[Gain]:
    """Compare all arms with their controls, each with its best weight, on the seeds that both have.

    records (dict[str, dict[int, dict[str, Any]]]): Results of `load_run`, by arm and seed.
    RETURNS (list[Gain]): The gains on what both predict.
    RAISES (ValueError): If two runs were scored on different test documents.
    """
    gains = []
    for level, *pair in COMPARISONS:
        arm, control = (choose_weight(records, name, level) for name in pair)
        if arm is None or control is None:
            continue
        layer, score = LEVELS[level]
        seeds = sorted(set(records.get(arm, ())) & set(records.get(control, ())))
        ours, theirs = ([records[name][seed] for seed in seeds] for name in (arm, control))
        for run, other in zip(ours, theirs):
            if run["documents"] != other["documents"]:
                first, second = f"{run['arm']}-{run['seed']}", f"{other['arm']}-{other['seed']}"
                raise ValueError(Errors.M513.format(first=first, second=second))
        our_counts, their_counts = counts_of(ours, layer), counts_of(theirs, layer)
        if our_counts and their_counts and any(counts.sum() for counts in our_counts):
            gains.append(Gain(level, arm, control, seeds, paired_bootstrap(our_counts, their_counts, score)))
    return gains


def _writes(config: Mapping[str, Any], name: str, *attributes: str) -> bool:
    meta = component_meta(config, name)
    return meta is not None and not set(attributes).isdisjoint(meta.assigns)


def _model_settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    return fill_defaults(dict(config["components"][name])).get("model", {})


def _make_run(
    path: Path,
    config: Config,
    test: Path,
    dev: Path | None,
    folder: Path,
    about: dict[str, Any],
    *,
    gpu: int,
    keep_model: bool,
) -> None:
    """Train and score one run, on dev too if that chooses, and write its file."""
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    try:
        with (folder / "log.txt").open("w", encoding="utf8", buffering=1) as log:
            nlp = train_last(config, folder, gpu=gpu, log=log)
        seconds = time.perf_counter() - start
        examples = read_examples(config, nlp, test)
        _check_gold(examples, nlp, test)
        on_dev = {} if dev is None else {"dev": _score_levels(measure(nlp, read_examples(config, nlp, dev)).counts)}
        save_run(path, {**about, "seconds": round(seconds, 1), **on_dev}, measure(nlp, examples))
    finally:
        if not keep_model:
            for model in ("model-last", "model-best"):
                shutil.rmtree(folder / model, ignore_errors=True)


def _score_levels(counts: Counts) -> dict[str, float]:
    return {
        level: float(score(counts[layer].sum(axis=0))) for level, (layer, score) in LEVELS.items() if layer in counts
    }


def _check_gold(examples: Sequence[Example], nlp: Language, path: Path) -> None:
    multi_label = get_cats_settings(nlp)["multi_label"]
    if all(gold_cats(eg.reference, multi_label) is None for eg in examples):
        raise ValueError(Errors.M512.format(path=path, level="text", where="doc.cats"))
    key = get_spans_key(nlp)
    if not any(get_entities(eg.reference, key) for eg in examples):
        raise ValueError(Errors.M512.format(path=path, level="word", where=f"doc.spans['{key}'] or doc.ents"))
