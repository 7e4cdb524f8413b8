import json

import pytest
import torch

from spacy_mre.pipeline.generative.trainer.train import train_generative
from tests.pipeline.generative.trainer.tiny import CONFIG, ROWS, recipe


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "train.jsonl"
    path.write_text(
        "\n".join(json.dumps({"input": source, "output": target}) for source, target in ROWS), encoding="utf8"
    )
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "tiny.json"
    path.write_text(json.dumps(CONFIG))
    return str(path)


@pytest.fixture(scope="module")
def base(rows, config, tmp_path_factory):
    """A model that is overfit on the rows."""
    folder = tmp_path_factory.mktemp("base")
    summary = train_generative(recipe(config, max_steps=120), rows, folder, progress=False)
    assert summary["rows"] == 4 and summary["left_out"] == 0
    return folder
