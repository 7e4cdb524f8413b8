"""What is timed: trained pipelines, their bare encoders, and the texts of real corpora."""

import subprocess
import sys
from collections.abc import Iterator
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
from spacy_mre.encoders.transformer.engines import TORCH_TYPES
from spacy_mre.pipeline.spert_mt.decoding import find_spans
from spacy_mre.training.corpus import Corpus

# The factory of the shared transformer: ours, and the one of spacy-transformers.
OURS, STOCK = "mre_transformer", "transformer"
# The settings of our transformer that make its encoder int8.
INT8 = {"engine": "onnx", "precision": "int8"}

CONLL04, CROSSRE_JA = "conll04", "crossre-ja"
TRAINED = Path("training/speed")
TRAINING_STEPS = 200


# Texts


def corpus_file(name: str, part: str) -> Path:
    """A converted corpus; made by the commands of project.yml if it is not there.

    name (str): The data set, as its workflow in project.yml is called.
    part (str): "train", "dev" or "test".
    RETURNS (Path): The `.spacy` file.
    """
    path = Path("corpus") / name / f"{part}.spacy"
    if not path.exists():
        for step in (f"fetch-{name}", f"convert-{name}"):
            subprocess.run([sys.executable, "-m", "spacy", "project", "run", step, "."], check=True, stdout=sys.stderr)
    return path


def read_docs(name: str, part: str, limit: int = 0) -> list[Doc]:
    """The gold documents of a corpus."""
    vocab = spacy.blank("ja" if name == CROSSRE_JA else "en").vocab
    docs = list(load_docs(corpus_file(name, part), vocab))
    return docs[: limit or None]


def read_texts(name: str, part: str, limit: int = 0) -> list[str]:
    return [doc.text for doc in read_docs(name, part, limit)]


def long_text(docs: list[Doc], tokens: int) -> str:
    """A text of so many tokens: the sentences of a corpus one after the other, from the start again where they do not suffice."""
    words: list[str] = []
    while len(words) < tokens:
        for doc in docs:
            words.extend(token.text for token in doc if not token.is_space)
    return " ".join(words[:tokens])


def exact_docs(nlp: Language, docs: list[Doc], count: int, tokens: int) -> list[Doc]:
    """So many documents of so many tokens each, of the tokens of a corpus."""
    words = long_text(docs, count * tokens).split(" ")
    return [Doc(nlp.vocab, words=words[i * tokens : (i + 1) * tokens]) for i in range(count)]


# Pipelines


def load(path: str, factory: str, **settings: Any) -> Language:
    """Load the joint pipeline: a trained one, with text categories.

    path (str): Its folder.
    factory (str): Which transformer component runs its encoder.
    settings (Any): Of the transformer component.
    RETURNS (Language): The pipeline; where it has no text categories, those get a head with fresh weights.
    """
    nlp = load_trained(path, factory, **settings)
    if "mre_textcat" not in nlp.pipe_names:
        encoder = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
        config = {"model": {"@architectures": "spacy_mre.TextCat.v1", "encoder": encoder}}
        textcat = nlp.add_pipe("mre_textcat", config=config, after="spert_mt")
        textcat.initialize(lambda: with_invented_classes(read_examples(nlp, 20)), nlp=nlp)
    return nlp


def load_trained(path: str, factory: str, **settings: Any) -> Language:
    """`spacy.load`, with a transformer component of the wanted factory and its default settings, whichever the pipeline was trained with."""
    config = load_config(Path(path) / "config.cfg")
    defaults = Language().get_factory_meta(factory).default_config
    transformer = {**defaults, "model": config["components"]["transformer"]["model"], "factory": factory, **settings}
    config["components"]["transformer"] = transformer
    nlp = load_model_from_config(config).from_disk(path, exclude=["config"])
    nlp.get_pipe("transformer").cfg["max_batch_items"] = transformer[
        "max_batch_items"
    ]  # not what is saved with the weights
    return nlp


def read_examples(nlp: Language, limit: int = 0) -> list[Example]:
    """Fresh examples of the training part of CoNLL04, as `spacy train` reads them."""
    return list(Corpus(corpus_file(CONLL04, "train"), limit=limit)(nlp))


def with_invented_classes(examples: list[Example]) -> list[Example]:
    """CoNLL04 has no text classes: for timing, texts of even and of odd length are two."""
    for eg in examples:
        odd = len(eg.reference) % 2
        eg.reference.cats = {"even": 1.0 - odd, "odd": float(odd)}
    return examples


def trained(name: str, wanted: str | None = None) -> str:
    """The folder of a trained pipeline; a short training makes one if there is none.

    name (str): "conll04" or "crossre-ja".
    wanted (Optional[str]): The wanted one.
    RETURNS (str): That, or what the short training made.
    """
    if wanted is not None and Path(wanted).exists():
        return wanted
    path = TRAINED / name / "pipeline"
    if not path.exists():
        train(name, path)
    return str(path)


def train(name: str, path: Path) -> None:
    """Train for a few updates, then set the thresholds so that as many entities and relations are found as the gold has: what is found costs time."""
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    training_config(name).to_disk(folder / "config.cfg")
    paths = ["--paths.train", str(corpus_file(name, "train")), "--paths.dev", str(corpus_file(name, "dev"))]
    command = [sys.executable, "-m", "spacy", "train", str(folder / "config.cfg"), "--output", str(folder), *paths]
    subprocess.run(command, check=True, stdout=sys.stderr)
    nlp = spacy.load(folder / "model-last")
    set_thresholds(nlp, read_docs(name, "dev", limit=300))
    nlp.to_disk(path)


def training_config(name: str) -> Config:
    """A config of the project, with a small budget; over MiniLM for Japanese too."""
    config = Config().from_disk("configs/conll04.cfg" if name == CONLL04 else "configs/en_cpu.cfg", interpolate=False)
    if name == CROSSRE_JA:
        japanese = Config().from_disk("configs/ja_cpu.cfg", interpolate=False)
        config["nlp"].update({key: japanese["nlp"][key] for key in ("lang", "tokenizer")})
        config["corpora"] = japanese["corpora"]
    config["corpora"]["dev"]["limit"] = 20  # nobody chooses by its scores
    config["training"].update({"max_steps": TRAINING_STEPS, "eval_frequency": TRAINING_STEPS})
    for rate in ("learn_rate", "head_learn_rate"):
        config["training"]["optimizer"][rate]["warmup_steps"] = TRAINING_STEPS // 10
    return config


def set_thresholds(nlp: Language, docs: list[Doc]) -> None:
    """Lower or raise the thresholds of `spert_mt` until it finds as many entities and relations as the gold documents have."""
    pipe = nlp.get_pipe("spert_mt")
    gold = [sum(len(doc.spans["entities"]) for doc in docs), sum(len(doc._.relations) for doc in docs)]
    for setting, scores, wanted in zip(
        ("entity_threshold", "relation_threshold"), (entity_scores, relation_scores), gold
    ):
        pipe.cfg[setting] = 0.0
        pipe.cfg[setting] = nth_best(scores(nlp, docs), wanted)


def encoded_batches(nlp: Language, docs: list[Doc]) -> Iterator[list[Doc]]:
    with nlp.select_pipes(enable=["transformer"]):
        for i in range(0, len(docs), 32):
            yield list(nlp.pipe(doc.text for doc in docs[i : i + 32]))


def entity_scores(nlp: Language, docs: list[Doc]) -> numpy.ndarray:
    """The scores of all spans that would be found at the threshold that is set."""
    return numpy.concatenate([found_spans(nlp, batch) for batch in encoded_batches(nlp, docs)])


def found_spans(nlp: Language, docs: list[Doc]) -> numpy.ndarray:
    """The same, of documents that have been through the encoder."""
    pipe = nlp.get_pipe("spert_mt")
    heads = pipe.model.get_ref("heads").shims[0].module.eval()
    with torch.no_grad():
        return find_spans(heads, pipe.model.get_ref("encoder").predict(docs), pipe._request(docs))[1]


def relation_scores(nlp: Language, docs: list[Doc]) -> numpy.ndarray:
    pipe = nlp.get_pipe("spert_mt")
    return numpy.concatenate([pipe.predict(batch).scores for batch in encoded_batches(nlp, docs)])


def nth_best(scores: numpy.ndarray, count: int) -> float:
    """The threshold that so many scores reach, half-way to the next one; overlaps are resolved best first, so a higher one never adds a span."""
    best = numpy.sort(scores)[::-1].astype(float)
    return float(best[count - 1 : count + 1].mean()) if count < len(best) else 0.0


# The bare encoder


class BareEncoder:
    """The Hugging Face encoder and tokenizer of a pipeline, without spaCy.

    path (str): The folder of the pipeline.
    precision (str): "fp32", "bf16" or "fp16".
    """

    def __init__(self, path: str, precision: str = "fp32"):
        model = load_trained(path, STOCK).get_pipe("transformer").model
        self.tokenizer = model.tokenizer
        self.module = model.transformer.eval().to(TORCH_TYPES[precision])

    def batches(self, texts: list[str], size: int = 32, by_length: bool = True) -> list[dict[str, torch.Tensor]]:
        """Tokenise.

        texts (List[str]): The texts.
        size (int): Texts per batch.
        by_length (bool): Texts of similar length share a batch.
        RETURNS (List[Dict[str, Tensor]]): Padded to the longest text of the batch.
        """
        ids = self.tokenizer(texts, truncation=True)["input_ids"]
        order = sorted(range(len(texts)), key=lambda i: len(ids[i])) if by_length else range(len(texts))
        ordered = [texts[i] for i in order]
        return [self.tokenise(ordered[i : i + size]) for i in range(0, len(ordered), size)]

    def tokenise(self, texts: list[str]) -> dict[str, torch.Tensor]:
        return dict(self.tokenizer(texts, truncation=True, padding=True, return_tensors="pt").to(self.module.device))

    def run(self, batches: list[dict[str, torch.Tensor]]) -> None:
        """Run the forward pass and drop what it gives."""
        with torch.inference_mode():
            for batch in batches:
                self.module(**batch)
