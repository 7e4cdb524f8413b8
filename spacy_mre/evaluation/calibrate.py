"""Calibration of a trained pipeline on held-out documents, by hand or at the end of training."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import Any

import numpy
from spacy.language import Language
from spacy.training import Example
from spacy.util import registry, resolve_dot_names

from ..annotations.text_labels import HOLDS, highest_cat
from ..requirements import make_record_requirements
from .pipeline_settings import get_symmetric
from .run_config import find_reader
from .runs import predict
from .scaling import Scaling, fit_scaling, fit_temperature
from .thresholds import entity_predictions, lowest_thresholds, other_writers, relation_predictions


def calibrate(
    nlp: Language, examples: Sequence[Example], *, skip: Collection[str] = ()
) -> dict[str, dict[str, Scaling]]:
    """Calibrate the scores of entities, relations and text labels: they come closer to probabilities. What is predicted
    does not change, except by thresholds that are set and not those of the preset: they are of calibrated scores; and
    by `spert_mt` with `see_cats`, which reads the calibrated text labels.

    nlp (Language): The trained pipeline. Its `spert_mt`, `multi_ner` and `mre_textcat` are calibrated, until they are
        trained further. What other components write to the same span group, or as relations, is left out.
    examples (Sequence[Example]): Held-out gold, and documents without annotations, which are not changed.
    skip (Collection[str]): The names of components that stay as they are.
    RETURNS (dict[str, dict[str, Scaling]]): By component and level ("entities", "relations" or "cats"). Levels without
        gold or without predictions are left out, and their scores stay as they are.
    """
    components: dict[str, Any] = {
        name: pipe for name, pipe in nlp.pipeline if name not in skip and _can_be_calibrated(pipe)
    }
    if not components:
        return {}
    # Heads that see text labels see the calibrated ones, so those come first.
    readers = [name for name, pipe in components.items() if getattr(pipe, "sees_cats", False)]
    first = [name for name in components if name not in readers]
    found: dict[str, dict[str, Scaling]] = {}
    # A threshold that is set belongs to the calibration that was in force.
    former = {name: {level: pipe.get_scaling(level) for level in levels_of(pipe)} for name, pipe in components.items()}
    with ExitStack() as stack:
        for pipe in components.values():
            pipe.set_scaling({})
            if hasattr(pipe, "entity_threshold"):
                stack.enter_context(lowest_thresholds(pipe))
        for names in filter(None, (first, readers)):
            predicted = predict(nlp, examples)
            for name in names:
                own = predicted
                if others := other_writers(nlp, components[name]):
                    with nlp.select_pipes(disable=others):
                        own = predict(nlp, examples)
                found[name] = _fit(components[name], own, get_symmetric(nlp))
            for name in names:
                kept = {level: scaling for level, scaling in former[name].items() if scaling is not None}
                components[name].set_scaling({**kept, **found[name]})
    return found


def levels_of(pipe: Any) -> list[str]:
    """RETURNS (list[str]): The levels that a component predicts and that can be calibrated: "entities", "relations" or
    "cats"."""
    if not _can_be_calibrated(pipe):
        return []
    if hasattr(pipe, "multi_label"):
        return ["cats"]
    entities, relations = pipe.entities == "predict", hasattr(pipe, "relation_threshold")
    return ["entities"] * entities + ["relations"] * relations


@registry.callbacks("spacy_mre.calibrate.v1")
def make_calibrate() -> Callable[[Language], Language]:
    """Make a callback for `[training.before_to_disk]` that calibrates each saved pipeline on the dev corpus, see
    `calibrate`. Frozen components stay as they are. The packages that the pipeline needs are recorded too, as by
    `spacy_mre.record_requirements.v1`.

    RETURNS (Callable[[Language], Language]): The callback.
    """
    return _calibrate_on_dev


def _calibrate_on_dev(nlp: Language) -> Language:
    config = nlp.config.interpolate()
    training = config["training"]
    name = training["dev_corpus"]
    if registry.is_promise(config["corpora"]):  # one function makes all corpora
        (dev_corpus,) = resolve_dot_names(config, [name])
    else:
        dev_corpus = registry.resolve({"reader": find_reader(config, name)})["reader"]
    calibrate(nlp, list(dev_corpus(nlp)), skip=training["frozen_components"])
    return make_record_requirements()(nlp)


def _can_be_calibrated(pipe: Any) -> bool:
    return "scaling" in (getattr(pipe, "cfg", None) or {})


def _fit(pipe: Any, predicted: Sequence[Example], symmetric: Sequence[str]) -> dict[str, Scaling]:
    if hasattr(pipe, "multi_label"):
        return _fit_cats(pipe, predicted)
    found = {}
    entities, scores = entity_predictions(predicted, pipe.spans_key, pipe.name)
    if pipe.entities == "predict" and len(entities.scores):
        found["entities"] = fit_scaling(entities.scores, entities.correct)
    if hasattr(pipe, "relation_threshold"):
        relations, _ = relation_predictions(predicted, scores, symmetric, pipe.spans_key, pipe.name)
        if len(relations.scores):
            found["relations"] = fit_scaling(relations.scores, relations.correct)
    return found


def _fit_cats(pipe: Any, predicted: Sequence[Example]) -> dict[str, Scaling]:
    labels, rows = pipe.labels, [eg for eg in predicted if len(eg.predicted)]
    if not rows:
        return {}
    scores = numpy.array([[eg.predicted.cats[label] for label in labels] for eg in rows])
    gold = numpy.array([[eg.reference.cats.get(label, numpy.nan) for label in labels] for eg in rows])
    if pipe.multi_label:
        gold = numpy.where(numpy.isnan(gold), gold, gold >= HOLDS)
        known = ~numpy.isnan(gold).all(axis=1)
    else:
        held = [highest_cat({label: value for label, value in zip(labels, row) if value > 0}) for row in gold.tolist()]
        gold = numpy.array([[float(label == of_text) for label in labels] for of_text in held])
        known = gold.any(axis=1)
    if not known.any():
        return {}
    return {"cats": fit_temperature(scores[known], gold[known], exclusive=not pipe.multi_label)}
