"""A small grid on the hand-written corpus."""

import shutil
from pathlib import Path

import pytest
import yaml

from benchmarks.grid import GRID, Grid

ROOT = Path(__file__).parents[2]
SMALL = {
    "components.tok2vec.model.embed.width": 32,
    "components.tok2vec.model.encode.width": 32,
    "components.tok2vec.model.encode.depth": 1,
    "components.spert_mt.model.encoder.tok2vec.embed.width": 32,
    "components.spert_mt.model.encoder.tok2vec.encode.width": 32,
    "components.mre_textcat.model.encoder.tok2vec.width": 32,
    "components.spert_mt.model.max_width": 8,
}


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder like the checkout, with Chinese texts of the hand-written corpus as JSON lines."""
    from spacy_mre.corpora.assets import compile_corpus, read_labels

    folder = tmp_path_factory.mktemp("place")
    compile_corpus(ROOT / "assets" / "corpus", folder / "all", read_labels(ROOT / "assets" / "corpus" / "labels.json"))
    source = folder / "assets" / "real" / "hand"
    source.mkdir(parents=True)
    for part, count in (("train", 40), ("dev", 16), ("test", 16)):
        lines = (folder / "all" / "zh" / f"{part}.jsonl").read_text(encoding="utf8").splitlines()[:count]
        (source / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    shutil.copytree(ROOT / "configs", folder / "configs")
    return folder


@pytest.fixture
def small(place, monkeypatch):
    """The grid with one small data set in the suite accuracy."""
    monkeypatch.chdir(place)
    monkeypatch.delenv("MRE_DATA", raising=False)
    shutil.rmtree(place / "benchmarks", ignore_errors=True)
    grid = Grid(**yaml.safe_load(GRID.read_text(encoding="utf8")))
    convert = {f"{part}.spacy": f"jsonl assets/real/hand/{part}.jsonl --lang zh" for part in ("train", "dev", "test")}
    grid.corpora = {"hand": {"fetch": "hand", "folder": "corpus/hand", "convert": convert}}
    hand = {"corpus": "hand", "encoder": "tok2vec", "config": "configs/zh_cpu.cfg", "updates": 4, "set": SMALL}
    alone = {**hand, "set": {**SMALL, "nlp.pipeline": ["tok2vec", "spert_mt", "doc_cleaner"]}}
    grid.suites["accuracy"]["datasets"] = {"hand": alone}
    for variant in grid.suites["accuracy"]["variants"].values():
        variant.pop("datasets", None)
    return grid
