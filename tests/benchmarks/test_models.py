"""The pipelines that people can install: what `make models` knows and writes about them."""

from pathlib import Path

import pytest
import srsly

from benchmarks import results
from benchmarks.tables import models as tables
from models import build
from spacy_mre.training.configs import config_names

TABLE = srsly.read_yaml(Path(build.__file__).with_name("models.yml"))
SCORES = {"spans_entities_f": 0.8, "rel_f": 0.6, "rel_strict_f": 0.5, "cats_macro_f": None, "baseline_rel_f": 0.1}
PER_TYPE = {"place": {"p": 0.5, "r": 0.25, "f": 0.3}}


def test_what_the_table_names_exists():
    assert {row["config"] for row in TABLE["pipelines"].values()} <= set(config_names())
    for name, row in TABLE["pipelines"].items():
        assert row["encoder"] in TABLE["encoders"] and set(row["languages"]) <= set(build.LANGUAGES)
        assert name.partition("_")[0] == (row["languages"][0] if len(row["languages"]) == 1 else "xx")


@pytest.mark.parametrize("name", TABLE["pipelines"])
def test_the_corpus_of_a_pipeline(name, tmp_path, monkeypatch):
    """All languages are trained on, and each is tested alone."""
    calls = []
    monkeypatch.setattr(build, "call", lambda *words: calls.append(words))
    spec = TABLE["pipelines"][name]
    build.write_corpus(spec, tmp_path)
    lines = {path.stem: len(path.read_text(encoding="utf8").splitlines()) for path in tmp_path.glob("*.jsonl")}
    count = len(spec["languages"])
    assert (lines["train"], lines["dev"]) == (2400 * count, 200 * count)
    assert all(lines[f"test-{lang}"] == 200 for lang in spec["languages"])
    assert len(calls) == len(lines) and all(words[-1] == spec["config"] for words in calls)


@pytest.mark.parametrize("spec, expected", [({}, 0.0), ({"swap_mentions": 0.7}, 0.7)])
def test_training_texts_with_other_names(spec, expected, tmp_path, monkeypatch):
    calls = []

    def call(*words):
        calls.append(words)
        (tmp_path / "trained.unfinished").mkdir(exist_ok=True)

    monkeypatch.setattr(build, "call", call)
    build.train({"config": "en_cpu", "updates": 5, **spec}, tmp_path)
    words = calls[-1]
    assert words[words.index("--corpora.train.swap_mentions") + 1] == expected


def test_scores_of_several_languages_are_averaged():
    mean = build._mean([{"f": 0.5, "per_type": PER_TYPE, "x": None}, {"f": 1.0, "per_type": {}, "x": 1.0}])
    assert mean == {"f": 0.75, "per_type": {"place": {}}}


def test_the_card_has_the_scores_by_language():
    found = {
        "training_texts": 2400,
        "scores": {"test-ja": SCORES, "check-ja": SCORES},
        "int8": {"test-ja": {**SCORES, "rel_f": 0.55}},
        "speed": {"fp32": {"texts_per_second": 40.04, "characters_per_second": 3000}},
    }
    about = build._about(TABLE["pipelines"]["ja_mre_e5"], TABLE, found, "fp32")
    assert about["tables"][0]["rows"] == [
        ["Japanese, test", "80.0", "60.0", "50.0", "-"],
        ["Japanese, test, int8", "80.0", "55.0", "50.0", "-"],
        ["Japanese, test, gazetteer", "-", "10.0", "-", "-"],
        ["Japanese, independent texts", "80.0", "60.0", "50.0", "-"],
    ]
    assert about["data"].startswith("2,400 training texts of the corpus")
    assert "fp32: 40 texts or 3,000 characters per second" in about["speed"] and "int8" not in about["speed"]
    small = build._about(TABLE["pipelines"]["ja_mre_e5"], TABLE, found, "int8")
    assert small["description"].endswith(" in int8.") and "extra `onnx`" in small["speed"]
    assert [source["license"] for source in about["sources"]] == ["MIT", "MIT"]


def test_the_table_of_the_docs(tmp_path, monkeypatch):
    row = {
        "name": "ja_mre_e5",
        "commit": "abc",
        "training_texts": 2400,
        "scores": {"test-ja": SCORES, "check-ja": SCORES},
        "int8": {"test-ja": SCORES},
        "speed": {"fp32": {"characters_per_second": 3000}, "int8": {"characters_per_second": 6000}},
        "wheels": {"fp32": {"megabytes": 105.5}, "int8": {"megabytes": 62.2}},
    }
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert tables.pipelines() == "No runs yet: `python -m models`."
    srsly.write_json(
        tmp_path / "models.json", {"command": "python -m models", "versions": {"spacy": "3"}, "rows": [row]}
    )
    lines = tables.pipelines().splitlines()
    assert lines[2] == "| `ja_mre_e5` | Japanese | test part | 80.0 | 50.0 | - | 3,000 | 106 | 2,400 texts |"
    assert lines[3].startswith("| in int8 | Japanese | test part | 80.0 |") and lines[3].endswith("| 6,000 | 62 |  |")
    assert lines[4].startswith("| gazetteer |")
    assert lines[5].startswith("| `ja_mre_e5` | Japanese | independent texts |")


def test_the_table_of_the_calibration(tmp_path, monkeypatch):
    errors = {"entities": {"error": 0.0251, "chance": 0.022}, "relations": {"error": 0.06, "chance": 0.05}}
    row = {"name": "xx_mre_e5", "scores": {"test-zh": {"calibration": errors}, "check-zh": {}}}
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    srsly.write_json(tmp_path / "models.json", {"command": "", "versions": {}, "rows": [row]})
    lines = tables.calibration().splitlines()
    assert lines[2:] == ["| `xx_mre_e5` | Chinese | 2.5 (2.2) | 6.0 (5.0) | - |"]
