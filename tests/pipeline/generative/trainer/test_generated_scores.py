import json
import shutil
from pathlib import Path

import pytest
from transformers import TrainerCallback

from spacy_mre.pipeline.generative.checkpoints import load_language_model
from spacy_mre.pipeline.generative.format_files import save_formats
from spacy_mre.pipeline.generative.formats import Analysis, OIELLMFormat, RelationText, Task
from spacy_mre.pipeline.generative.trainer.arguments import training_arguments
from spacy_mre.pipeline.generative.trainer.generated_scores import GeneratedScores, ScoresOfTasks, format_of_row
from spacy_mre.pipeline.generative.trainer.train import train_generative
from tests.pipeline.generative.trainer.tiny import ROWS, recipe, written

FORMAT = OIELLMFormat(Task.of_labels("SCNM", "en", ["music", "weather", "travel"], ["album", "artist", "place"]))


class Spoil(TrainerCallback):
    """Makes a model useless after a step, and notes what is logged."""

    def __init__(self, step):
        self.step = step
        self.logged = []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if state.global_step == self.step:
            for weight in model.parameters():
                weight.data.zero_()

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.logged.append(dict(logs))


@pytest.fixture
def train(rows, tmp_path):
    path = tmp_path / "train.jsonl"
    shutil.copy(rows, path)
    save_formats([FORMAT], tmp_path / "train.format.json")
    return path


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_best_checkpoint_is_saved_and_not_the_last(lora_rank, base, train, tmp_path):
    spoil = Spoil(step=3)
    wanted = recipe(str(base), learn_rate=1e-6, max_steps=4, save_steps=2, lora_rank=lora_rank)
    summary = train_generative(wanted, train, tmp_path / "out", dev=train, progress=False, callbacks=[spoil])
    assert summary["best_step"] == 2 and summary["dev_loss"] < 0.1
    assert summary["dev_scores"] == {"tl_f": 1.0, "wl_f": 1.0, "all_acc": 1.0, "f1": 1.0}
    scores = [logs["eval_f1"] for logs in spoil.logged if "eval_f1" in logs]
    assert len(scores) == 2 and scores[0] == 1.0 and scores[1] < 1.0
    assert written(tmp_path / "out") == [target for _, target in ROWS]


def test_without_a_format_the_loss_chooses(base, rows, tmp_path):
    wanted = recipe(str(base), learn_rate=1e-6, max_steps=4, save_steps=2)
    spoil = Spoil(step=3)
    summary = train_generative(wanted, rows, tmp_path, dev=rows, progress=False, callbacks=[spoil])
    assert summary["best_step"] == 2 and "dev_scores" not in summary
    assert written(tmp_path) == [target for _, target in ROWS]


def test_the_last_step_is_a_checkpoint_too(base, train, tmp_path):
    wanted = recipe(str(base), max_steps=3, save_steps=100)
    assert train_generative(wanted, train, tmp_path / "out", dev=train, progress=False)["best_step"] == 3


def test_strings_are_generated_for_a_sample(base):
    lm = load_language_model(base)
    two, again = (GeneratedScores(lm, ROWS, FORMAT, FORMAT, 2).rows for _ in range(2))
    assert len(two) == 2 and two == again
    assert [len(GeneratedScores(lm, ROWS, FORMAT, FORMAT, most).rows) for most in (0, 9)] == [4, 4]


def test_labels_that_only_dev_has_are_missed(base):
    lm = load_language_model(base)
    wider = OIELLMFormat(Task.of_labels("SCNM", "en", [*FORMAT.task.classes, "food"], [*FORMAT.task.labels, "dish"]))
    rows = [*ROWS, ("it rains/NER", "food/NER/:dish;rains")]
    arguments = training_arguments(recipe("m"), Path("unused"), progress=False, best_by=None)
    scores = GeneratedScores(lm, rows, FORMAT, wider, 0)(arguments)
    assert scores["tl_f"] == pytest.approx(0.8) and scores["all_acc"] == pytest.approx(0.8)
    assert 0.8 < scores["wl_f"] < 1.0 and scores["f1"] == pytest.approx((scores["tl_f"] + scores["wl_f"]) / 2)


def test_scores_of_several_tasks_are_averaged(base):
    lm = load_language_model(base)
    labels = Task.of_labels("TCREE:RE", "en", [], ["owns"])
    relations = OIELLMFormat(labels)
    row = (relations.source("Ida has Foo"), relations.target(Analysis(None, (RelationText("Ida", "owns", "Foo"),))))
    assert (
        format_of_row(row, [FORMAT, relations]) == relations and format_of_row(ROWS[0], [relations, FORMAT]) == FORMAT
    )
    assert format_of_row(("it rains", "rain"), [relations, FORMAT]) is None
    arguments = training_arguments(recipe("m"), Path("unused"), progress=False, best_by=None)
    both = [FORMAT, relations]
    scores = ScoresOfTasks(lm, [*ROWS, row], both, both, 0)(arguments)
    alone = GeneratedScores(lm, [row], relations, relations, 0)(arguments)
    assert "tl_f" not in alone and scores["tl_f"] == 1.0
    assert scores["wl_f"] == pytest.approx((1.0 + alone["wl_f"]) / 2)
    rows = [*ROWS, row, row, row]
    sizes = {most: [len(one.rows) for one in ScoresOfTasks(lm, rows, both, both, most).tasks] for most in (0, 1, 3, 5)}
    assert sizes == {0: [4, 3], 1: [1, 1], 3: [1, 1], 5: [2, 2]}


def test_rows_that_are_not_in_the_format(base, train, tmp_path):
    dev = tmp_path / "dev.jsonl"
    odd = {"input": "it rains", "output": "rain"}
    dev.write_text(train.read_text() + "\n" + json.dumps(odd))
    with pytest.warns(UserWarning, match=r"W936.*1 of 5 rows.*'it rains"):
        summary = train_generative(recipe(str(base), max_steps=1), train, tmp_path / "a", dev=dev, progress=False)
    assert set(summary["dev_scores"]) == {"tl_f", "wl_f", "all_acc", "f1"}
    dev.write_text(json.dumps(odd))
    with pytest.warns(UserWarning, match=r"W936.*1 of 1 rows"):
        summary = train_generative(recipe(str(base), max_steps=1), train, tmp_path / "b", dev=dev, progress=False)
    assert "dev_scores" not in summary and summary["dev_loss"] > 0
