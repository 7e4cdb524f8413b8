"""What is compared: data sets, each with an encoder and a budget, and variants, each a training config.

All variants of a data set have the same encoder, updates, batches and learning rate of the encoder.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from thinc.api import Config
from thinc.compat import has_cupy_gpu

MINILM = {
    "@architectures": "spacy_mre.MiniLM.v1",
    "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 256, "stride": 192},
}


@dataclass
class Dataset:
    """What is trained on, and with what.

    config (str): Of Multi-NER.
    peer (str): A config with spert_mt on the same encoder.
    steps (List[str]): Commands of project.yml that put the corpus in place.
    corpus (str): Its folder.
    multi_ner, spert_mt (Dict[str, Any]): Settings of the components.
    updates, batch (int): The budget.
    exact (bool): The exact interaction is the main one; else late interaction is (a CNN sees questions from near only).
    """

    config: str
    peer: str
    steps: list[str]
    corpus: str
    updates: int
    batch: int
    multi_ner: dict[str, Any]
    spert_mt: dict[str, Any]
    tokens: str = "gold"
    exact: bool = True


DATASETS = {
    "genia": Dataset(
        config="configs/multi_ner_genia.cfg",
        peer="configs/conll04.cfg",
        steps=["fetch-genia", "convert-genia"],
        corpus="corpus/genia",
        updates=1500,
        batch=4,
        multi_ner={"questions": "genia", "overlap": "nested"},
        spert_mt={"overlap": "nested"},
    ),
    "conll04": Dataset(
        config="configs/multi_ner_genia.cfg",
        peer="configs/conll04.cfg",
        steps=["fetch-conll04", "convert-conll04"],
        corpus="corpus/conll04",
        updates=1500,
        batch=4,
        multi_ner={"questions": "conll04", "overlap": "flat"},
        spert_mt={"overlap": "flat"},
    ),
    "snips": Dataset(
        config="configs/multi_ner_genia.cfg",
        peer="configs/conll04.cfg",
        steps=["fetch-snips", "convert-snips"],
        corpus="corpus/snips",
        updates=1500,
        batch=4,
        multi_ner={"questions": "snips", "overlap": "flat"},
        spert_mt={"overlap": "flat"},
    ),
    "stockmark": Dataset(
        config="configs/multi_ner_stockmark.cfg",
        peer="configs/ja_cpu.cfg",
        steps=["fetch-stockmark", "convert-stockmark"],
        corpus="corpus/stockmark",
        updates=3000,
        batch=8,
        multi_ner={"questions": "stockmark", "overlap": "flat"},
        spert_mt={"overlap": "flat"},
        tokens="tokenizer",
        exact=False,
    ),
}


@dataclass
class Variant:
    """What is trained.

    about (str): For the tables.
    component (str): The component that finds the entities.
    model (Dict[str, Any]): Settings of its model.
    interaction (str): Of multi_ner: "main", that of the data set, or "late".
    shapes (bool): With late interaction: a small tok2vec over the shapes of words stands beside the encoder.
    """

    about: str
    component: str = "multi_ner"
    model: dict[str, Any] = field(default_factory=dict)
    interaction: str = "main"
    shapes: bool = False


VARIANTS = {
    "bert_mrc": Variant(
        "no attention between types, shared heads", model={"type_attention": "none", "heads": "shared"}
    ),
    "bert_mrc_per_type": Variant(
        "no attention between types, heads per type", model={"type_attention": "none", "heads": "per_type"}
    ),
    "multi_ner": Variant(
        "attention at each token, heads per type", model={"type_attention": "token", "heads": "per_type"}
    ),
    "multi_ner_shared": Variant(
        "attention at each token, shared heads", model={"type_attention": "token", "heads": "shared"}
    ),
    "multi_ner_full": Variant(
        "attention over the whole text, heads per type", model={"type_attention": "full", "heads": "per_type"}
    ),
    "multi_ner_released": Variant(
        "attention as in the authors' code, heads per type", model={"type_attention": "released", "heads": "per_type"}
    ),
    "late": Variant(
        "late interaction, attention at each token, heads per type",
        model={"type_attention": "token"},
        interaction="late",
    ),
    "late_shapes": Variant(
        "late interaction, attention at each token, heads per type, with the shapes of words",
        model={"type_attention": "token"},
        interaction="late",
        shapes=True,
    ),
    "late_bert_mrc": Variant(
        "late interaction, no attention, heads per type", model={"type_attention": "none"}, interaction="late"
    ),
    "spert_mt": Variant("SpERT.MT, entities only, with the shapes of words", component="spert_mt"),
    "spancat": Variant("spaCy's spancat", component="spancat"),
}


def make_config(dataset: Dataset, variant: Variant, transformer: str | None) -> Config:
    """The training config of a variant: that of Multi-NER, or that of its peers with the same encoder."""
    stock = Config().from_disk("configs/stock.cfg", interpolate=False)
    if variant.component == "multi_ner":
        config = Config().from_disk(dataset.config, interpolate=False)
        component = config["components"]["multi_ner"]
        component.update(dataset.multi_ner)
        component["model"].update(variant.model)
        if dataset.exact:
            # Every text is read with every question: in bfloat16 an update takes 0.6 of the time on a CPU that computes in it, for all variants.
            component["model"]["interaction"]["transformer"]["mixed_precision"] = True
        if transformer is not None:
            component["model"]["interaction"] = exact_interaction(hub(transformer))
            config["nlp"]["pipeline"] = ["multi_ner"]
            config["components"] = {"multi_ner": component}
            train_as_transformer(config, "configs/multi_ner_genia.cfg")
        if variant.interaction == "late":
            component["model"]["interaction"] = late_interaction(
                hub(transformer) if transformer else MINILM, variant.shapes
            )
        if variant.shapes:
            config["training"]["optimizer"].update(layer_rate(stock, "transformer"))
        return config
    config = Config().from_disk(dataset.peer, interpolate=False)
    encoder = "transformer" if dataset.exact or transformer else "tok2vec"
    if transformer is not None:
        config["components"]["transformer"] = {
            "factory": "transformer",
            "max_batch_items": 4096,
            "model": hub(transformer),
        }
        config["components"]["spert_mt"]["model"]["encoder"] = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
        train_as_transformer(config, "configs/conll04.cfg")
    config["nlp"]["pipeline"] = [encoder, variant.component, "doc_cleaner"]
    if variant.component == "spert_mt":
        config["components"]["spert_mt"].update(dataset.spert_mt)
    else:
        # The widest span is the same for all.
        spancat = stock["components"]["spancat"]
        spancat["suggester"]["max_size"] = config["components"]["spert_mt"]["model"]["max_width"]
        if encoder == "tok2vec":
            spancat["model"]["tok2vec"] = deepcopy(config["components"]["spert_mt"]["model"]["encoder"]["tok2vec"])
        config["components"]["spancat"] = spancat
        config["training"]["optimizer"] = {**config["training"]["optimizer"], **layer_rate(stock, encoder)}
    kept = {name: config["components"][name] for name in config["nlp"]["pipeline"]}
    config["components"] = kept
    return config


def train_as_transformer(config: Config, like: str) -> None:
    """Rates that are right for a tok2vec are far too high for a transformer, which needs no vectors either."""
    config["training"] = Config().from_disk(like, interpolate=False)["training"]
    config.pop("initialize", None)


def layer_rate(stock: Config, encoder: str) -> dict[str, Any]:
    """The rate of stock layers over a transformer; beside a tok2vec they share its rate."""
    return {"layer_learn_rate": stock["training"]["optimizer"]["layer_learn_rate"]} if encoder == "transformer" else {}


def exact_interaction(model: dict[str, Any]) -> dict[str, Any]:
    return {"@architectures": "spacy_mre.CrossTransformer.v1", "transformer": model}


def late_interaction(model: dict[str, Any], shapes: bool) -> dict[str, Any]:
    tok2vec = {"@architectures": "spacy_mre.TransformerTok2Vec.v1", "transformer": model}
    encoder = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": tok2vec}
    if shapes:
        beside = {"@architectures": "spacy_mre.WordShapes.v1"}
        encoder = {"@architectures": "spacy_mre.EncoderBesideTok2Vec.v1", "encoder": encoder, "tok2vec": beside}
    return {"@architectures": "spacy_mre.LateInteraction.v1", "encoder": encoder}


def hub(name: str) -> dict[str, Any]:
    """A model of the hub."""
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": name,
        "get_spans": MINILM["get_spans"],
        "tokenizer_config": {"use_fast": True},
        "transformer_config": {},
        "mixed_precision": has_gpu(),
        "grad_scaler_config": {},
    }


def has_gpu() -> bool:
    return torch.cuda.is_available() and has_cupy_gpu
