"""Prediction of the pipelines over multilingual E5, trained on the corpus in `assets/`: its table of 250,000 pieces and
12 layers, Japanese and Chinese tokenizers, entities, relations and text labels."""

from pathlib import Path
from typing import Any

import spacy
import srsly

from ..trained import corpus_of, make_pipeline
from .measuring import Settings, alternate, measures, ratio_row
from .pipelines import BareEncoder
from .predict import BARE


@measures("predict_vs_hf_encoder_ja_e5")
def japanese(settings: Settings) -> dict[str, Any]:
    return whole_pipeline("ja_e5", settings)


@measures("predict_vs_hf_encoder_zh_e5")
def chinese(settings: Settings) -> dict[str, Any]:
    return whole_pipeline("zh_e5", settings)


def whole_pipeline(name: str, settings: Settings) -> dict[str, Any]:
    """From texts to Docs, against the forward pass of the encoder alone."""
    path: Path = make_pipeline(name)
    texts = [record["text"] for record in srsly.read_jsonl(corpus_of(name))][: settings.pick(200, 10)]
    nlp, bare = spacy.load(path), BareEncoder(str(path))
    batches = bare.batches(texts)
    times = alternate(settings.rounds, lambda: list(nlp.pipe(texts)), lambda: bare.run(batches))
    note = f"whole joint pipeline ({name}.cfg) / {BARE}"
    return {"rows": [ratio_row(f"predict_vs_hf_encoder_{name}", *times, note=note)]}
