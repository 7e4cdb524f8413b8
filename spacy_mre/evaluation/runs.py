"""A run that is compared with others: training for a number of updates, and scores of the last weights."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_model, registry
from thinc.api import Config, require_cpu, require_gpu

from .counts import Counts, count_documents
from .evaluate import GIVEN, OVERLAP
from .given_entities import give_gold_entities, takes_given_entities, taking_given_entities, waits_for_entities
from .mistakes import find_mistakes
from .pipeline_settings import get_cats_settings, get_spans_key, get_symmetric
from .run_config import find_reader, path_setting, set_values
from .scorers import score_cats, score_joint
from .significance import f1

# The score that is computed from each layer of counts.
SCORES = {"entities": "spans_f", "relations": "rel_f", "strict_relations": "rel_strict_f"}

# Settings of readers with which they read one example for each document, whatever the config says.
ONE_EACH = {"limit": 0, "max_length": 0, "swap_mentions": 0.0, "gold_preproc": False, "augmenter": None}


class Measured(NamedTuple):
    """The scores of a run.

    scores (dict[str, float | None]): The scores of what the pipeline predicts. The prefix `overlap_` is of overlap
        matching, and `given_` of relations between given entities.
    per_type (dict[str, Any]): The scores of each label, by the name of the score.
    counts (dict[str, numpy.ndarray]): See `count_documents`. The prefix "overlap_" is of overlap matching.
        "given_relations" are those between given entities, for all documents.
    mistakes (dict[str, Any]): See `find_mistakes`.
    documents (str): A hash of the texts. Runs are comparable if it is the same.
    """

    scores: dict[str, float | None]
    per_type: dict[str, Any]
    counts: Counts
    mistakes: dict[str, Any]
    documents: str


def train_last(config: Config, folder: Path, *, gpu: int = -1, log: IO[str] | None = None) -> Language:
    """Train a pipeline, and load its last weights (averaged, if the optimizer averages them).

    config (Config): The config, from `set_budget`.
    folder (Path): Where spaCy writes `model-last`.
    gpu (int): The GPU, or -1 for the CPU.
    log (IO[str] | None): Where the training log is written. Default: standard output.
    RETURNS (Language): The pipeline.
    """
    if gpu >= 0:
        require_gpu(gpu)
        # torch and CuPy then share one memory pool.
        config = set_values(config, {"training.gpu_allocator": "pytorch"})
    else:
        require_cpu()
    folder.mkdir(parents=True, exist_ok=True)
    streams = {} if log is None else {"stdout": log, "stderr": log}
    train(init_nlp(config, use_gpu=gpu), folder, use_gpu=gpu, **streams)
    return load_model(folder / "model-last")


def read_examples(config: Config, nlp: Language, path: str | Path) -> list[Example]:
    """Read documents with the reader of the config's dev corpus, so with the same tokens, but each as one example.

    config (Config): The config.
    nlp (Language): The pipeline.
    path (str | Path): The `.spacy` file.
    RETURNS (list[Example]): Gold, and documents without annotations to predict on.
    RAISES (ValueError): If the dev corpus has no setting for its file.
    """
    plain = config.interpolate()
    corpus = plain["training"]["dev_corpus"]
    reader = find_reader(set_values(plain, {path_setting(plain, corpus): str(path)}), corpus)
    reader |= {name: value for name, value in ONE_EACH.items() if name in reader}
    return list(registry.resolve({"reader": reader})["reader"](nlp))


def predict(nlp: Language, examples: Iterable[Example]) -> list[Example]:
    """Predict on copies of the documents.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold, and documents without annotations, which are not changed.
    RETURNS (list[Example]): Gold and predictions.
    """
    examples = list(examples)
    docs = nlp.pipe([eg.predicted.copy() for eg in examples])
    return [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]


def measure(nlp: Language, examples: Sequence[Example], predicted: Sequence[Example] | None = None) -> Measured:
    """Score a pipeline with the scorers of this package, whatever scorers its components have.

    nlp (Language): The pipeline.
    examples (Sequence[Example]): Gold, and documents without annotations.
    predicted (Sequence[Example] | None): The result of `predict` for them. Default: computed.
    RETURNS (Measured): The scores.
    """
    spans_key, symmetric = get_spans_key(nlp), get_symmetric(nlp)
    cats_settings = get_cats_settings(nlp)
    predicted = predict(nlp, examples) if predicted is None else list(predicted)
    counts = count_documents(predicted, spans_key=spans_key, symmetric=symmetric, **cats_settings)
    if "entities" not in counts and waits_for_entities(nlp):
        counts = {layer: rows for layer, rows in counts.items() if not layer.endswith("relations")}
    results: dict[str, Any] = {}
    if "entities" in counts or "relations" in counts:
        joint = score_joint(predicted, spans_key=spans_key, symmetric=symmetric)
        for key, value in joint.items():
            if ("relations" if key.startswith("rel_") else "entities") in counts:
                results[key.replace(f"spans_{spans_key}_", "spans_")] = value
        overlap = count_documents(predicted, spans_key=spans_key, symmetric=symmetric, matching="overlap")
        for layer, score in SCORES.items():
            if layer in overlap:
                counts[f"{OVERLAP}{layer}"] = overlap[layer]
                results[f"{OVERLAP}{score}"] = float(f1(overlap[layer].sum(axis=0)))
    if "texts" in counts:
        results.update(score_cats(predicted, **cats_settings))
        results["cats_accuracy"] = float(counts["texts"][:, 0].sum() / max(counts["texts"][:, 1].sum(), 1))
    if takes_given_entities(nlp):
        _measure_given(nlp, examples, counts, results)
    mistakes = find_mistakes(predicted, spans_key=spans_key, symmetric=symmetric, **cats_settings)
    return Measured(
        scores={key: value for key, value in results.items() if value is None or isinstance(value, (int, float))},
        per_type={key: value for key, value in results.items() if key.endswith("_per_type") and value},
        counts=counts,
        mistakes={name: of_layer._asdict() for name, of_layer in mistakes.items()},
        documents=_hash_texts(examples),
    )


def _measure_given(nlp: Language, examples: Sequence[Example], counts: Counts, results: dict[str, Any]) -> None:
    """Add the counts and scores of relations between given entities."""
    spans_key, symmetric = get_spans_key(nlp), get_symmetric(nlp)
    with taking_given_entities(nlp):
        given = predict(nlp, give_gold_entities(examples, spans_key))
    given_counts = count_documents(given, spans_key=spans_key, symmetric=symmetric)
    if "relations" not in given_counts:
        return
    # Documents without gold entities are not in `given`.
    rows = {id(eg.reference): row for eg, row in zip(given, given_counts["relations"])}
    no_counts = numpy.zeros(3, dtype=numpy.int64)
    counts[f"{GIVEN}relations"] = numpy.array([rows.get(id(eg.reference), no_counts) for eg in examples])
    joint = score_joint(given, spans_key=spans_key, symmetric=symmetric)
    results.update({f"{GIVEN}{key}": value for key, value in joint.items() if key.startswith("rel_")})


def _hash_texts(examples: Sequence[Example]) -> str:
    texts = ("".join(eg.reference.text.split()) for eg in examples)
    return sha256("\n".join(texts).encode("utf8")).hexdigest()[:12]
