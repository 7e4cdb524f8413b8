"""A small pipeline for each kind of saved model: the components, and the kinds of weights inside them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import spacy
import srsly
from spacy.util import fix_random_seed

from tests.robustness.pipelines import COMPONENTS, make_examples

TEXT = "Ida lives in Lima ."
BILSTM = {
    "@architectures": "spacy_mre.Tok2VecEncoder.v1",
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 16,
            "attrs": ["NORM"],
            "rows": [100],
            "include_static_vectors": False,
        },
        "encode": {"@architectures": "spacy.TorchBiLSTMEncoder.v1", "width": 16, "depth": 1, "dropout": 0.0},
    },
}


@dataclass
class Saved:
    """nlp (Language): The pipeline in memory.
    name (str): Its component.
    folder (Path): Where it is saved.
    """

    nlp: spacy.Language
    name: str
    folder: Path

    @property
    def component(self):
        return self.folder / self.name

    def blank(self):
        return spacy.blank("en").from_config(self.nlp.config)

    @cached_property
    def scratch(self):
        """A pipeline to load broken data into."""
        return self.blank()

    @cached_property
    def message(self):
        """The parts of the component's bytes."""
        return srsly.msgpack_loads(self.nlp.get_pipe(self.name).to_bytes(exclude=["vocab"]))


def transformer_model(name):
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": name,
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 16, "stride": 12},
        "tokenizer_config": {"use_fast": True, "model_max_length": 32},
    }


def kinds(tiny_bert):
    """Factory and config by the name of the kind."""
    spert_mt, multi_ner = COMPONENTS["spert_mt"], COMPONENTS["multi_ner"]
    cross = {"@architectures": "spacy_mre.CrossTransformer.v1", "transformer": transformer_model(tiny_bert)}
    return {
        **{factory: (factory, config) for factory, config in COMPONENTS.items()},
        "mre_transformer": ("mre_transformer", {"model": transformer_model(tiny_bert)}),
        "bilstm": ("spert_mt", {**spert_mt, "model": {**spert_mt["model"], "encoder": BILSTM}}),
        "cross": ("multi_ner", {**multi_ner, "model": {**multi_ner["model"], "interaction": cross}}),
    }


def save(factory, config, folder):
    """Make a pipeline, with untrained weights, and save it."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe(factory, config=config)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.to_disk(folder)
    return Saved(nlp, factory, folder)


def output(nlp, text=TEXT):
    """What the components write to a text, comparable."""
    doc = nlp(text)
    data = doc._.trf_data if doc.has_extension("trf_data") else None
    return [
        [(span.start, span.end, span.label_) for span in doc.spans.get("entities", ())],
        doc._.relations,
        dict(doc.cats),
        doc._.generated if doc.has_extension("generated") else None,
        None if data is None else data.pieces.round(5).tolist(),
    ]
