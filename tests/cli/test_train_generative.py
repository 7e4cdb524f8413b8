"""The command train-generative."""

import json

import pytest
from typer.testing import CliRunner

from spacy_mre.cli import app
from spacy_mre.pipeline.generative.checkpoints import load_language_model

ROWS = [("it rains/NER", "weather/NER/:None;"), ("play Foo/NER", "music/NER/:album;Foo")]
CONFIG = {
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(
            app, ["train-generative", *map(str, arguments)], env={"COLUMNS": "200", "TERM": "dumb"}
        )
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return invoke


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps({"input": source, "output": target}) for source, target in ROWS))
    return path


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(
        json.dumps({"kind": "causal", "config": CONFIG, "tokenizer": {"kind": "unigram", "vocab_size": 300}})
    )
    return path


def test_a_model_is_trained_and_then_adapted(run, rows, config, tmp_path):
    options = ("--max-steps", 2, "--batch-size", 1, "--separator", " => ")
    output = run(config, rows, tmp_path / "out", *options, "--dev", rows)
    assert "2 updates on 2 rows (0 left out), training loss " in output and "dev loss" in output
    assert load_language_model(tmp_path / "out").separator == " => "
    again = run(config, rows, tmp_path / "out", *options)  # all updates are done
    assert "2 updates on 2 rows" in again
    run(
        tmp_path / "out",
        rows,
        tmp_path / "adapted",
        "--max-steps",
        1,
        "--lora-rank",
        2,
        "--bf16",
        "--gradient-checkpointing",
    )
    assert load_language_model(tmp_path / "adapted").separator == " => "


def test_errors_are_reported_without_a_traceback(run, rows, config, tmp_path):
    assert "[M932]" in run(tmp_path / "nowhere", rows, tmp_path / "out", code=1)
    assert "[M001]" in run(config, rows, tmp_path / "out", "--schedule", "wavy", code=1)
    rows.write_text(rows.read_text() + '\n{"input": "a"}')
    output = run(config, rows, tmp_path / "out", code=1)
    assert "[M201]" in output and "train.jsonl, line 3: the key 'output' is missing" in output
