"""Annotations that may be wrong: those with which pipelines disagree that were trained on the rest of the corpus.

Each part of the corpus is predicted by a pipeline that has not seen it (cross-validation). Where the two disagree,
either may be wrong. This is the method "Retag" of Klie, Webber and Gurevych (2023), "Annotation error detection:
analyzing the past and present for a more coherent future", after van Halteren (2000).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Config

from ..annotations.entities import DEFAULT_KEY
from ..annotations.storage import save_docs
from ..errors import Errors
from ..training.recipe import fit_config
from .pipeline_settings import get_cats_settings, get_spans_key, get_symmetric
from .run_config import set_budget
from .runs import predict, read_examples, train_last
from .text_mistakes import Mistake, TextMistakes, find_text_mistakes


class Audit(NamedTuple):
    """The result of `audit`.

    texts (list[TextMistakes]): All texts, in their order. "wrong" is what only the pipeline has, "missed" what only the
        annotation has.
    spans_key (str): The span group of the pipelines.
    symmetric (list[str]): Their relation labels without direction.
    """

    texts: list[TextMistakes]
    spans_key: str
    symmetric: list[str]


def audit(
    config: Config,
    docs: Sequence[Doc],
    parts: Sequence[int],
    *,
    updates: int | None = None,
    seed: int = 0,
    gpu: int = -1,
    log: Callable[[str], None] = print,
) -> Audit:
    """Predict every text of a corpus with a pipeline that was trained on other texts of it, and compare.

    config (Config): A training config, not interpolated. It is adapted to the corpus (see `fit_config`).
    docs (Sequence[Doc]): The corpus. Documents without an id get their number, from 1.
    parts (Sequence[int]): The part of each document, as from `make_folds`. A pipeline is trained for each part.
    updates (int | None): The number of updates of each. Default: by the number of texts.
    seed (int): The seed of the training.
    gpu (int): The GPU, or -1 for the CPU.
    log (Callable[[str], None]): Gets a line for each part.
    RETURNS (Audit): All texts with the differences, and the settings that they were compared with.
    RAISES (ValueError): If there is nothing to learn, or the reader of the dev corpus leaves texts out.
    """
    for number, doc in enumerate(docs, start=1):
        doc.user_data.setdefault("id", str(number))
    found: dict[int, TextMistakes] = {}
    compared = Audit([], DEFAULT_KEY, [])
    names = sorted({*parts})
    for number, name in enumerate(names, start=1):
        held_out = [i for i, part in enumerate(parts) if part == name]
        rest = [doc for doc, part in zip(docs, parts) if part != name]
        log(f"Part {number} of {len(names)}: training on {len(rest)} texts, predicting {len(held_out)}")
        compared = _compare(config, rest, [docs[i] for i in held_out], updates, seed, gpu)
        found |= zip(held_out, compared.texts, strict=True)
    return compared._replace(texts=[found[i] for i in range(len(docs))])


def only_confident(texts: Sequence[TextMistakes], least: float) -> list[TextMistakes]:
    """Leave out what a pipeline is not sure of: in most such cases it is the pipeline that errs.

    texts (Sequence[TextMistakes]): Those of `audit`.
    least (float): The lowest score of a prediction that only the pipeline has. 0 leaves everything.
    RETURNS (list[TextMistakes]): All texts. At each level of a text (entities, relations, text labels), the predictions
        with this score, and beside them what only the annotation has.
    """
    return [replace(text, mistakes=_confident(text.mistakes, least)) for text in texts] if least else list(texts)


def _confident(mistakes: Sequence[Mistake], least: float) -> list[Mistake]:
    sure = [mistake for mistake in mistakes if mistake.what == "wrong" and (mistake.score or 0.0) >= least]
    levels = {mistake.level for mistake in sure}
    return [m for m in mistakes if m in sure or (m.what == "missed" and m.level in levels)]


def _compare(
    config: Config, train: Sequence[Doc], held_out: Sequence[Doc], updates: int | None, seed: int, gpu: int
) -> Audit:
    fitted = fit_config(config, train, updates=updates)
    with TemporaryDirectory() as name:
        folder = Path(name)
        train_path, held_out_path = folder / "train.spacy", folder / "held_out.spacy"
        save_docs(train, train_path)
        save_docs(held_out, held_out_path)
        steps = fitted["training"]["max_steps"]
        final = set_budget(fitted, updates=steps, seed=seed, train=train_path, dev=held_out_path)
        with (folder / "log").open("w", encoding="utf8") as log:
            nlp = train_last(final, folder, gpu=gpu, log=log)
        examples = predict(nlp, _with_empty(read_examples(fitted, nlp, held_out_path), held_out, nlp))
    spans_key, symmetric = get_spans_key(nlp), get_symmetric(nlp)
    texts = find_text_mistakes(examples, spans_key=spans_key, symmetric=symmetric, **get_cats_settings(nlp))
    return Audit(texts, spans_key, symmetric)


def _with_empty(examples: Sequence[Example], docs: Sequence[Doc], nlp: Language) -> list[Example]:
    """Add the documents without tokens, if the reader leaves them out, as spaCy's own does."""
    if len(examples) == len(docs):
        return list(examples)
    others = iter(examples)
    if len(examples) != sum(len(doc) > 0 for doc in docs):
        corpus = nlp.config["training"]["dev_corpus"]
        raise ValueError(Errors.M531.format(found=len(examples), count=len(docs), corpus=corpus))
    return [next(others) if len(doc) else Example(Doc(nlp.vocab), doc) for doc in docs]
