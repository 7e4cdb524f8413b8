"""A part of the corpus in assets/ as `.spacy` files, and the Chinese config with a small encoder."""

from pathlib import Path

import pytest
import spacy
from spacy.util import load_config

from spacy_mre.annotations.storage import save_docs
from spacy_mre.corpora import make_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.splits import split_records
from spacy_mre.evaluation.run_config import set_values

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def assets(tmp_path_factory):
    """train.spacy with 60 texts, dev.spacy and test.spacy with 20."""
    folder = tmp_path_factory.mktemp("assets")
    records = read_corpus(ROOT / "assets" / "corpus", read_labels(ROOT / "assets" / "corpus" / "labels.json"))["zh"]
    nlp = spacy.blank("zh")
    for part, chosen in split_records(records, "number").items():
        save_docs(make_docs(chosen[:60] if part == "train" else chosen[:20], nlp), folder / f"{part}.spacy")
    return folder


@pytest.fixture(scope="session")
def small_config():
    """configs/zh_cpu.cfg with a small encoder."""
    config = load_config(ROOT / "configs" / "zh_cpu.cfg", interpolate=False)
    listeners = (
        "spert_mt.model.encoder.tok2vec.embed",
        "spert_mt.model.encoder.tok2vec.encode",
        "mre_textcat.model.encoder.tok2vec",
    )
    widths = {f"components.{name}.width": 32 for name in listeners}
    blocks = {f"components.tok2vec.model.{block}.width": 32 for block in ("embed", "encode")}
    return set_values(
        config,
        {**widths, **blocks, "components.tok2vec.model.encode.depth": 1, "components.spert_mt.model.max_width": 8},
    )
