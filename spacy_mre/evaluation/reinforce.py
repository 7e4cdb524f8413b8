"""Do the two levels of a text help each other? Mutual reinforcement (Gan et al. 2023, arXiv 2307.10291), measured under matched controls.

A gain counts only against the same thing without the other level: the text label alone, the word level alone, and both on one encoder. All are
trained on the same examples in the same order by as many updates, with the same encoder, the same settings and the same seeds; the last weights
are scored on the test documents. Then each level may also read the other: the text label the entities (those that are found, in training too),
the word level the text label (gold in training, their prediction in testing). What is compared is the share of right text labels, the micro F1
of entities, and as in the paper the share of texts whose entities are all right; the intervals are paired bootstraps over test documents and
seeds.
"""

import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import srsly
from spacy.language import Language
from spacy.training import Example
from thinc.api import Config

from ..annotations.entities import get_entities
from ..errors import Errors, Warnings
from .evaluate import get_spans_key
from .runs import (
    component_meta,
    counts_of,
    fill_defaults,
    fingerprint,
    is_made,
    load_run,
    measure,
    read_examples,
    save_run,
    set_budget,
    set_values,
    train_last,
)
from .significance import Difference, f1, paired_bootstrap, share

Records = dict[str, dict[int, dict[str, Any]]]

# The settings of an architecture by which its level reads the other one.
READS = {"text_reads_word": "see_entities", "word_reads_text": "see_cats"}
# What is compared: in which layer of the counts, scored how.
LEVELS = {
    "text": ("texts", share),
    "word": ("entities", f1),
    "whole": ("whole_entities", share),
    "relations": ("strict_relations", f1),
}
COMPARISONS = (
    ("text", "both", "text"),
    ("text", "text_reads_word", "text"),
    ("text", "text_reads_word", "both"),
    ("word", "both", "word"),
    ("word", "word_reads_text", "word"),
    ("word", "word_reads_text", "both"),
    ("whole", "both", "word"),
    ("whole", "word_reads_text", "word"),
    ("relations", "both", "word"),
    ("relations", "word_reads_text", "word"),
)


class Gain(NamedTuple):
    """How much better one kind of run is than its control, on one level."""

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
    gpu: int = -1,
    again: bool = False,
    keep_models: bool = False,
    tell: Callable[[str], None] = print,
) -> tuple[Records, list[Gain]]:
    """Train every arm with every seed, and compare.

    config (Config): A training config, not interpolated, with both levels on one encoder.
    train, dev, test (Path): `.spacy` files; nothing is chosen on dev, which only the training logs show.
    output (Path): A folder: `runs/ARM-SEED.json` for each run, and `gains.json`.
    seeds (Sequence[int]): At least three, if the numbers are to be believed.
    updates (int): Of every run.
    gpu (int): The GPU, or -1 for the CPU.
    again (bool): Make runs again that have their file.
    keep_models (bool): Leave the trained pipelines in `models/`.
    tell (Callable[[str], None]): Hears what happens.
    RETURNS (Tuple[Dict[str, Dict[int, Dict[str, Any]]], List[Gain]]): The records by arm and seed, and the gains.
    RAISES (ValueError): A config without both levels; test documents without gold for one of them.
    """
    arms = make_arms(config)
    records: Records = {arm: {} for arm in arms}
    for seed in seeds:  # every arm has its first seed before any has its second
        for arm, arm_config in arms.items():
            path = output / "runs" / f"{arm}-{seed}.json"
            budgeted = set_budget(arm_config, updates=updates, seed=seed, train=train, dev=dev)
            if again or not is_made(path, fingerprint(budgeted)):
                tell(f"{arm}, seed {seed}: {updates} updates")
                about = {"arm": arm, "seed": seed, "updates": updates, "fingerprint": fingerprint(budgeted)}
                _make_run(
                    path, budgeted, test, output / "models" / f"{arm}-{seed}", about, gpu=gpu, keep_model=keep_models
                )
            records[arm][seed] = load_run(path)
    gains = compare_arms(records)
    srsly.write_json(
        output / "gains.json", [{**gain._asdict(), "difference": gain.difference._asdict()} for gain in gains]
    )
    return records, gains


def make_arms(config: Config) -> dict[str, Config]:
    """The kinds of runs that are compared.

    config (Config): A training config with both levels on one encoder.
    RETURNS (Dict[str, Config]): "text" and "word", each level alone; "both"; and "text_reads_word" and "word_reads_text", as far as the
        architectures can. The component that is read stands before the one that reads.
    RAISES (ValueError): A config without both levels, or with a component for both at once.
    """
    plain = config.interpolate()
    names = plain["nlp"]["pipeline"]
    text = [name for name in names if _writes(plain, name, "doc.cats")]
    word = [name for name in names if _writes(plain, name, "doc.ents", "doc.spans")]
    for level, found in (("text", text), ("word", word)):
        if not found:
            raise ValueError(Errors.M510.format(names=", ".join(names), level=level))
    if set(text) & set(word):
        raise ValueError(Errors.M517.format(names=", ".join(name for name in text if name in word)))
    readers = {
        "text_reads_word": _that_can_read(plain, text, "text_reads_word"),
        "word_reads_text": _that_can_read(plain, word, "word_reads_text"),
    }
    nobody_reads = {
        f"components.{name}.model.{READS[arm]}": False for arm, can_read in readers.items() for name in can_read
    }
    before = names[: min(map(names.index, [*text, *word]))]
    after = [name for name in names if name not in [*before, *text, *word]]

    def make(*levels: Sequence[str], reads: Mapping[str, bool] = {}) -> Config:
        pipeline = [*before, *(name for level in levels for name in level), *after]
        own = {key: value for key, value in {**nobody_reads, **reads}.items() if key.split(".")[1] in pipeline}
        return set_values(config, {"nlp.pipeline": pipeline, **own})

    arms = {"text": make(text), "word": make(word), "both": make(word, text)}
    for name, order in (("text_reads_word", (word, text)), ("word_reads_text", (text, word))):
        if readers[name]:
            arms[name] = make(
                *order, reads={f"components.{reader}.model.{READS[name]}": True for reader in readers[name]}
            )
            if name == "text_reads_word":  # gold entities would teach a trust that those found do not deserve
                annotating = [*plain["training"].get("annotating_components", ()), *before, *word]
                arms[name] = set_values(arms[name], {"training.annotating_components": list(dict.fromkeys(annotating))})
        else:
            warnings.warn(
                Warnings.W510.format(
                    arm=name, reason=f"no model of the level that reads has the setting '{READS[name]}'"
                )
            )
    return arms


def compare_arms(records: Records) -> list[Gain]:
    """The gains of all arms over their controls, over the seeds that both have.

    records (Dict[str, Dict[int, Dict[str, Any]]]): What `load_run` gave, by arm and seed.
    RETURNS (List[Gain]): Those of the layers that both predict.
    RAISES (ValueError): Two runs on different test documents.
    """
    gains = []
    for level, arm, control in COMPARISONS:
        layer, score = LEVELS[level]
        seeds = sorted(set(records.get(arm, ())) & set(records.get(control, ())))
        sides = [[records[name][seed] for seed in seeds] for name in (arm, control)]
        for ours, theirs in zip(*sides):
            if ours["documents"] != theirs["documents"]:
                first, second = (f"{run['arm']}-{run['seed']}" for run in (ours, theirs))
                raise ValueError(Errors.M513.format(first=first, second=second))
        counts = [counts_of(runs, layer) for runs in sides]
        if all(counts) and any(rows.sum() for rows in counts[0]):
            gains.append(Gain(level, arm, control, seeds, paired_bootstrap(*counts, score)))
    return gains


def _writes(config: Mapping[str, Any], name: str, *attributes: str) -> bool:
    meta = component_meta(config, name)
    return meta is not None and not set(attributes).isdisjoint(meta.assigns)


def _that_can_read(config: Mapping[str, Any], names: Sequence[str], arm: str) -> list[str]:
    return [name for name in names if READS[arm] in fill_defaults(dict(config["components"][name])).get("model", {})]


def _make_run(
    path: Path, config: Config, test: Path, folder: Path, about: dict[str, Any], *, gpu: int, keep_model: bool
) -> None:
    """Train, measure and keep one run."""
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    try:
        with (folder / "log.txt").open("w", encoding="utf8", buffering=1) as log:
            nlp = train_last(config, folder, gpu=gpu, log=log)
        seconds = time.perf_counter() - start
        examples = read_examples(config, nlp, test)
        _check_gold(examples, nlp, test)
        save_run(path, {**about, "seconds": round(seconds, 1)}, measure(nlp, examples))
    finally:
        for model in () if keep_model else ("model-last", "model-best"):
            shutil.rmtree(folder / model, ignore_errors=True)


def _check_gold(examples: Sequence[Example], nlp: Language, path: Path) -> None:
    if not any(eg.reference.cats for eg in examples):
        raise ValueError(Errors.M512.format(path=path, level="text", where="doc.cats"))
    key = get_spans_key(nlp)
    if not any(get_entities(eg.reference, key) for eg in examples):
        raise ValueError(Errors.M512.format(path=path, level="word", where=f"doc.spans['{key}'] or doc.ents"))
