"""Pipelines whose speed is measured, trained on the corpus in `assets/`: long enough to find entities and relations."""

from pathlib import Path
from typing import Any

import spacy
from spacy.util import load_config

from models.build import INT8, train, write_corpus
from spacy_mre.files import replacing_files
from spacy_mre.training.configs import config_path

WORK = Path("training/measured")
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 64, "upstream": "tok2vec"}
PIPELINES: dict[str, dict[str, Any]] = {
    "ja_cpu": {"config": "ja_cpu", "languages": ["ja"], "updates": 400},
    "en_cpu": {"config": "en_cpu", "languages": ["en"], "updates": 400},
    "zh_cpu": {"config": "zh_cpu", "languages": ["zh"], "updates": 400},
    "ja_e5": {"config": "ja_e5", "languages": ["ja"], "updates": 100},
    "zh_e5": {"config": "zh_e5", "languages": ["zh"], "updates": 100},
    "ja_e5_int8": {"languages": ["ja"], "of": "ja_e5"},
    # For runs of a million texts.
    "ja_small": {"languages": ["ja"], "updates": 500},
}


def make_pipeline(name: str) -> Path:
    """Train a pipeline, or make one of another one in int8, unless that was done before.

    name (str): A key of `PIPELINES`.
    RETURNS (Path): Its folder.
    """
    folder = WORK / name
    if "of" in PIPELINES[name]:
        if not folder.exists():
            with replacing_files(folder) as temporary:
                spacy.load(make_pipeline(PIPELINES[name]["of"]), config=INT8).to_disk(temporary)
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    spec = {"config": str(folder / "base.cfg"), **PIPELINES[name]}
    if name == "ja_small":
        _write_small(Path(spec["config"]))
    write_corpus(spec, folder)
    return train(spec, folder)


def corpus_of(name: str) -> Path:
    """RETURNS (Path): The texts that a pipeline was trained on, as JSON lines."""
    return WORK / PIPELINES[name].get("of", name) / "train.jsonl"


def _write_small(path: Path) -> None:
    """`ja_cpu` with a tok2vec of its own, with a width of 64, which all components read directly."""
    config = load_config(config_path("ja_cpu"), interpolate=False)
    components = config["components"]
    model = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 64, "depth": 2, "embed_size": 2000, "window_size": 1}
    model |= {"maxout_pieces": 3, "subword_features": True, "pretrained_vectors": None}
    components["tok2vec"] = {"factory": "tok2vec", "model": model}
    for name in ("spert_mt", "mre_textcat"):
        components[name]["model"]["encoder"] = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": LISTENER}
    config.to_disk(path)
