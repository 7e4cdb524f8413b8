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
    assert "It is the best on" in output and "after 2 updates." in output
    assert load_language_model(tmp_path / "out").separator == " => "
    again = run(config, rows, tmp_path / "out", *options, "--dev", rows)  # all updates are done
    assert "2 updates on 2 rows" in again
    assert "different dev" in run(config, rows, tmp_path / "out", *options, code=1)
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


def test_a_dry_run_shows_the_memory_and_trains_nothing(run, rows, config, tmp_path):
    output = run(config, rows, tmp_path / "out", "--dry-run", "--batch-size", 1, "--max-length", 64)
    assert "1 row of 64 tokens" in output
    for name in ("weights", "gradients", "optimizer", "activations", "logits", "total"):
        assert name in output
    assert not (tmp_path / "out").exists()
    assert "[M974]" in run(config, rows, tmp_path / "out", "--dry-run", "--load-in-4bit", code=1)
    assert "[M932]" in run(tmp_path / "nowhere", rows, tmp_path / "out", "--dry-run", code=1)


def test_scores_of_generated_strings_are_shown(run, rows, config, tmp_path):
    from spacy_mre.pipeline.generative.format_files import save_formats
    from spacy_mre.pipeline.generative.formats import OIELLMFormat, Task

    task = Task.of_labels("SCNM", "en", ["music", "weather"], ["album"])
    save_formats([OIELLMFormat(task)], tmp_path / "train.format.json")
    output = run(config, rows, tmp_path / "out", "--max-steps", 1, "--dev", rows)
    assert all(f"{name} 0." in output or f"{name} 1." in output for name in ("TL", "WL", "ALL", "F1"))
