"""Prediction of the pipelines over multilingual E5, trained on the corpus in `assets/`: its table of 250,000 pieces and
12 layers, Japanese and Chinese tokenizers, entities, relations and text labels."""

from pathlib import Path
from typing import Any

import spacy
import srsly

from ..trained import corpus_of, make_pipeline
from .measuring import Settings, measures
from .pipelines import BareEncoder
from .predict import against_bare, with_one_thread


@measures(*with_one_thread("predict_vs_hf_encoder_ja_e5"))
def japanese(settings: Settings) -> dict[str, Any]:
    return of_config("ja_e5", settings)


@measures(*with_one_thread("predict_vs_hf_encoder_zh_e5"))
def chinese(settings: Settings) -> dict[str, Any]:
    return of_config("zh_e5", settings)


def of_config(name: str, settings: Settings) -> dict[str, Any]:
    path: Path = make_pipeline(name)
    texts = [record["text"] for record in srsly.read_jsonl(corpus_of(name))][: settings.pick(200, 10)]
    nlp, bare = spacy.load(path), BareEncoder(str(path))
    return against_bare(f"predict_vs_hf_encoder_{name}", nlp, bare, texts, settings.rounds, dataset=f"{name}.cfg")
