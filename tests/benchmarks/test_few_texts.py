"""Few texts are drawn from a corpus, and learned alone or after others."""

import os
from itertools import chain
from pathlib import Path

import pytest
import spacy
from spacy.training.initialize import init_nlp

from benchmarks.few_texts import label_files
from benchmarks.grid import Cell, Grid
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.evaluation.run_config import fill_defaults

CONFIG = Path(__file__).parents[2] / "configs" / "slg.cfg"
ALONE = Cell("generative", "few_shot", "tiny", "few_5", 0)
AFTER = ALONE._replace(variant="few_5_after_others")
# By text label the labels of the entity of its texts, one for each text.
ENTITIES = {"music": ["artist", "album", "track"], "travel": ["city", "country", "day"]}


def write_corpus(folder, entities=ENTITIES):
    nlp, docs = spacy.blank("en"), []
    for cat, labels in entities.items():
        for label in labels:
            doc = nlp.make_doc(f"{cat} {label} here")
            set_entities(doc, [(2, 3, label, 1.0)])
            doc.cats = {name: float(name == cat) for name in entities}
            docs.append(doc)
    for part in ("train", "dev", "test"):
        save_docs(docs, folder / f"{part}.spacy")


@pytest.fixture
def grid(tmp_path, monkeypatch):
    """The grid with a corpus of six texts, of which 1 of each class is drawn."""
    monkeypatch.chdir(tmp_path)
    write_corpus(Path("corpus/tiny"))
    grid = Grid.load()
    grid.corpora = {"tiny": {"folder": "corpus/tiny", "convert": {}}}
    suite = grid.suites["generative"]
    suite["datasets"] = {"tiny": {"corpus": "tiny", "encoder": "lm", "config": CONFIG, "updates": 1}}
    suite["variants"]["few_5"]["shots"] = suite["variants"]["others_of_5"]["without_shots"] = 1
    return grid


@pytest.mark.filterwarnings("ignore")
def test_both_sides_have_the_same_labels_and_rates(grid):
    """Both sides and the start know all labels of the corpus, and train the same weights at the same rates."""
    grid.prepare(AFTER)
    start = grid.start(AFTER)
    pipelines = {}
    for cell in (ALONE, start, AFTER):
        grid.prepare(cell)
        assert len(list(load_docs(grid.train_part(cell)))) == (4 if cell == start else 2)
        pipelines[cell] = init_nlp(grid.config(cell))
        if cell == start:
            AFTER.start_folder.mkdir(parents=True)
            pipelines[cell].to_disk(AFTER.start_folder / "model-last")
    found = {cell: nlp.get_pipe("slg") for cell, nlp in pipelines.items()}
    for pipe in found.values():
        assert pipe.label_data["SCNM"]["classes"] == sorted(ENTITIES)
        assert pipe.label_data["SCNM"]["labels"] == sorted(chain(*ENTITIES.values()))
    names = {}
    for cell, pipe in found.items():
        shim = pipe.model.shims[0]
        names[cell] = [shim._parameter_name(name) for name, _ in shim.lm.module.named_parameters()]
    assert names[ALONE] == names[start] == names[AFTER]
    assert 0 < sum(name.startswith("heads.") for name in names[AFTER]) < len(names[AFTER])


def test_the_configs_of_both_sides_differ_in_the_start_alone():
    alone, after = (
        Grid.load().config(ALONE._replace(dataset="snips", variant=variant)).interpolate()
        for variant in ("few_5", "few_5_after_others")
    )
    callback = after["initialize"].pop("after_init")
    assert callback["name"] == alone["components"]["slg"]["model"].pop("name") == alone["paths"].pop("model")
    assert callback["decoder_layers"] == after["components"]["slg"]["model"]["decoder_layers"]
    assert after["components"]["slg"]["model"].pop("name") == after["paths"].pop("model")
    assert fill_defaults(alone) == fill_defaults(after)


def test_texts_are_drawn_anew_from_a_new_corpus(grid):
    grid.prepare(AFTER)
    files = [grid.train_part(ALONE), grid.train_part(grid.start(AFTER)), *label_files(grid.config(AFTER)).values()]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    grid.prepare(AFTER)
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    write_corpus(Path("corpus/tiny"), {**ENTITIES, "weather": ["region", "time"]})
    later = max(time for _, time in before) + 10**9
    os.utime(grid.part(AFTER, "train"), ns=(later, later))
    grid.prepare(AFTER)
    assert [len(list(load_docs(file))) for file in files[:2]] == [3, 5]
    assert "region" in files[2].read_text(encoding="utf8")
