"""What is timed: trained pipelines, their bare encoders, and the texts of corpora."""

from pathlib import Path
from typing import Any

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from thinc.api import Config

from spacy_mre.annotations.storage import load_docs
from spacy_mre.evaluation.run_config import set_budget, set_values
from spacy_mre.evaluation.runs import train_last
from spacy_mre.pipeline.spert_mt.decoding import find_spans
from spacy_mre.scale.pipelines import INT8
from spacy_mre.training.corpus import Corpus

from ..grid import Grid

# Our transformer component, and that of spacy-transformers.
OURS, STOCK = "mre_transformer", "transformer"
CONLL04, CROSSRE_JA = "conll04", "crossre_ja"
# Settings of our component: int8 by ONNX Runtime, bf16 by torch.
LOWER: dict[str, dict[str, str]] = {"int8": dict(INT8), "bf16": {"precision": "bf16"}}
TRAINED = Path("training/speed")
UPDATES = 200


# Texts


def corpus_file(name: str, part: str) -> Path:
    """The `.spacy` file of a corpus, which is converted if it is not there."""
    grid = Grid.load()
    cell = next(grid.cells("accuracy", datasets=[name], variants=["spert_mt"]))
    grid.prepare(cell)
    return grid.part(cell, part).with_name(f"{part}.spacy")


def read_docs(name: str, part: str, limit: int = 0) -> list[Doc]:
    vocab = spacy.blank("ja" if name == CROSSRE_JA else "en").vocab
    return list(load_docs(corpus_file(name, part), vocab))[: limit or None]


def read_texts(name: str, part: str, limit: int = 0) -> list[str]:
    return [doc.text for doc in read_docs(name, part, limit)]


def read_examples(nlp: Language, limit: int = 0) -> list[Example]:
    """Fresh examples of CoNLL04, as `spacy train` reads them. It has no text labels: even and odd length are two."""
    examples = list(Corpus(corpus_file(CONLL04, "train"), limit=limit)(nlp))
    for eg in examples:
        odd = len(eg.reference) % 2
        eg.reference.cats = {"even": 1.0 - odd, "odd": float(odd)}
    return examples


def long_text(docs: list[Doc], tokens: int) -> str:
    """A text of a number of tokens: the sentences of a corpus one after the other, repeated if they do not suffice."""
    words: list[str] = []
    while len(words) < tokens:
        for doc in docs:
            words.extend(token.text for token in doc if not token.is_space)
    return " ".join(words[:tokens])


def exact_docs(nlp: Language, docs: list[Doc], count: int, tokens: int) -> list[Doc]:
    """A number of documents of a number of tokens each."""
    words = long_text(docs, count * tokens).split(" ")
    return [Doc(nlp.vocab, words=words[i * tokens : (i + 1) * tokens]) for i in range(count)]


# Pipelines


def load(path: str, factory: str, **settings: Any) -> Language:
    """Load a trained pipeline with one of the transformer components, and add untrained text labels.

    path (str): From `trained`.
    factory (str): `OURS` or `STOCK`.
    settings (Any): Of the transformer component.
    """
    nlp = load_trained(path, factory, **settings)
    encoder = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
    model = {"@architectures": "spacy_mre.TextCat.v1", "encoder": encoder}
    textcat: Any = nlp.add_pipe("mre_textcat", config={"model": model}, after="spert_mt")
    textcat.initialize(lambda: read_examples(nlp, 20), nlp=nlp)
    return nlp


def load_trained(path: str, factory: str, **settings: Any) -> Language:
    config = load_config(Path(path) / "config.cfg")
    defaults = Language().get_factory_meta(factory).default_config or {}
    transformer: dict[str, Any] = {
        **defaults,
        "model": config["components"]["transformer"]["model"],
        "factory": factory,
        **settings,
    }
    config["components"]["transformer"] = transformer
    nlp = load_model_from_config(config).from_disk(path, exclude=["config"])
    # Not what was saved with the weights of the other component.
    component: Any = nlp.get_pipe("transformer")
    component.cfg["max_batch_items"] = transformer["max_batch_items"]
    return nlp


def trained(name: str) -> str:
    """The folder of a pipeline, trained for a few updates if it is not there. Its thresholds are set so that it finds
    as many entities and relations as the gold has: what is found costs time."""
    folder = TRAINED / name / "pipeline"
    if not folder.exists():
        config = training_config(name)
        train, dev = corpus_file(name, "train"), corpus_file(name, "dev")
        nlp = train_last(set_budget(config, updates=UPDATES, seed=0, train=train, dev=dev), folder.parent)
        set_thresholds(nlp, read_docs(name, "dev", limit=300))
        nlp.to_disk(folder)
    return str(folder)


def training_config(name: str) -> Config:
    """A config over MiniLM, for Japanese too: the encoder does not know it, but takes as long."""
    config = load_config("configs/conll04.cfg" if name == CONLL04 else "configs/en_cpu.cfg", interpolate=False)
    values: dict[str, Any] = {"nlp.pipeline": ["transformer", "spert_mt", "doc_cleaner"]}
    if name == CROSSRE_JA:
        japanese = load_config("configs/ja_cpu.cfg", interpolate=False)
        values.update({f"nlp.{key}": japanese["nlp"][key] for key in ("lang", "tokenizer")})
        values["corpora"] = japanese["corpora"]
    config["components"].pop("mre_textcat", None)
    return set_values(config, values)


def set_thresholds(nlp: Language, docs: list[Doc]) -> None:
    pipe: Any = nlp.get_pipe("spert_mt")
    texts = [doc.text for doc in docs]
    batches = [texts[i : i + 32] for i in range(0, len(texts), 32)]
    with nlp.select_pipes(enable=["transformer"]):
        encoded = [list(nlp.pipe(batch)) for batch in batches]
    pipe.entity_threshold = 0.0
    scores = numpy.concatenate([entity_scores(nlp, batch) for batch in encoded])
    pipe.entity_threshold = nth_best(scores, sum(len(doc.spans["entities"]) for doc in docs))
    pipe.relation_threshold = 0.0
    scores = numpy.concatenate([pipe.predict(batch).scores for batch in encoded])
    pipe.relation_threshold = nth_best(scores, sum(len(doc._.relations) for doc in docs))


def entity_scores(nlp: Language, docs: list[Doc]) -> numpy.ndarray:
    """The scores of all entities in documents that the encoder has processed."""
    pipe: Any = nlp.get_pipe("spert_mt")
    encoded = pipe.model.get_ref("encoder").predict(docs)
    tokens, texts = torch.as_tensor(encoded.tokens), torch.as_tensor(encoded.texts)
    with torch.inference_mode():
        return find_spans(heads_of(nlp).eval(), tokens, texts, numpy.asarray(encoded.lengths), pipe.options())[1]


def heads_of(nlp: Language) -> Any:
    pipe: Any = nlp.get_pipe("spert_mt")
    return pipe.model.get_ref("heads").shims[0].module


def nth_best(scores: numpy.ndarray, count: int) -> float:
    """The threshold that a number of scores reach, half-way to the next one."""
    best = numpy.sort(scores)[::-1].astype(float)
    return float(best[count - 1 : count + 1].mean()) if count < len(best) else 0.0


class BareEncoder:
    """The Hugging Face encoder and tokenizer of a pipeline, without spaCy."""

    def __init__(self, path: str):
        component: Any = load_trained(path, STOCK).get_pipe("transformer")
        model = component.model
        self.tokenizer = model.tokenizer
        self.module = model.transformer.eval()

    def batches(self, texts: list[str], size: int = 32, by_length: bool = True) -> list[dict[str, torch.Tensor]]:
        """Cut texts into wordpieces, in batches that are padded to their longest text."""
        ids = self.tokenizer(texts, truncation=True)["input_ids"]
        order = sorted(range(len(texts)), key=lambda i: len(ids[i])) if by_length else list(range(len(texts)))
        return [self.tokenize([texts[i] for i in order[first : first + size]]) for first in range(0, len(order), size)]

    def tokenize(self, texts: list[str]) -> dict[str, torch.Tensor]:
        return dict(self.tokenizer(texts, truncation=True, padding=True, return_tensors="pt"))

    def run(self, batches: list[dict[str, torch.Tensor]]) -> None:
        with torch.inference_mode():
            for batch in batches:
                self.module(**batch)
