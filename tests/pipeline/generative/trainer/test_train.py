import json
import shutil

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from transformers import TrainerCallback

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.pipeline.generative.causal_lm import CausalLM
from spacy_mre.pipeline.generative.checkpoints import load_language_model
from spacy_mre.pipeline.generative.format_files import save_formats
from spacy_mre.pipeline.generative.formats import OIELLMFormat, Task
from spacy_mre.pipeline.generative.rows import read_rows, tokenize_rows
from spacy_mre.pipeline.generative.trainer.train import CheckedTrainer, train_generative
from tests.pipeline.generative.trainer.tiny import ROWS, difference, recipe, weights, written

# Hugging Face's remark on file systems, and pieces of words that random weights choose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:mtime may not be reliable"),
    pytest.mark.filterwarnings("ignore:.W930.*token grid"),
]


class Interrupt(TrainerCallback):
    """Interrupts a training."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise KeyboardInterrupt


class Steps(TrainerCallback):
    """Notes the steps that are trained."""

    def __init__(self):
        self.done = []

    def on_step_end(self, args, state, control, **kwargs):
        self.done.append(state.global_step)


# Rows


def test_rows_are_read(rows):
    assert read_rows(rows) == ROWS


@pytest.mark.parametrize(
    "line, reason",
    [
        ('{"input": "a"}', "the key 'output' is missing"),
        ('{"input": "a", "output": 3}', "'output' must be of type str, not 3"),
        ('{"input": " ", "output": "b"}', "'input' is empty"),
        ('{"input": "a", "output": "b"', "invalid JSON"),
        ("[1]", "expected a JSON object"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(line, reason, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"input": "a", "output": "b"}\n\n' + line)
    with pytest.raises(ValueError, match=f"M201.*bad.jsonl, line 3: {reason}"):
        read_rows(path)


def test_no_file_and_an_empty_one(tmp_path, config):
    with pytest.raises(ValueError, match=r"M20.*nowhere.jsonl"):
        train_generative(recipe(config), tmp_path / "nowhere.jsonl", tmp_path / "out", progress=False)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ValueError, match=r"M20.*empty"):
        train_generative(recipe(config), tmp_path / "empty.jsonl", tmp_path / "out", progress=False)


def test_rows_that_do_not_fit_are_left_out_and_counted(base, rows):
    lm = load_language_model(base)
    long = [("word " * 200, "music/NER/:None;"), ("it rains/NER", "word " * 200)]
    with pytest.warns(UserWarning, match=r"W932.*2 of 6 rows.*128 tokens.*'word word"):
        kept, left_out = tokenize_rows(lm, [*long, *ROWS], rows)
    assert left_out == 2 and [lm.decode(target) for _, target, _ in kept] == [target for _, target in ROWS]
    with pytest.raises(ValueError, match=r"M944.*none of the 2 rows"):
        tokenize_rows(lm, long, rows)


def test_longer_rows_than_the_given_length_are_left_out_and_counted(base, rows, tmp_path):
    lm = load_language_model(base)
    lengths = [len(row.source) + len(row.target) for row in tokenize_rows(lm, ROWS, rows)[0]]
    assert len(set(lengths)) > 1
    wanted = recipe(str(base), max_steps=1, max_length=max(lengths) - 1)
    with pytest.warns(UserWarning, match=rf"W932.*do not fit into {max(lengths) - 1} tokens"):
        summary = train_generative(wanted, rows, tmp_path, progress=False)
    assert summary["left_out"] == lengths.count(max(lengths)) and summary["rows"] == 4 - summary["left_out"]


# Training


def test_overfits_and_saves_a_model_folder(base):
    assert written(base) == [target for _, target in ROWS]
    assert (base / "model.safetensors").is_file() and (base / "tokenizer.json").is_file()


def test_an_encoder_decoder(rows, tmp_path):
    settings = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    (tmp_path / "t5.json").write_text(json.dumps({"kind": "seq2seq", "config": {"model_type": "t5", **settings}}))
    summary = train_generative(recipe(str(tmp_path / "t5.json")), rows, tmp_path / "out", dev=rows, progress=False)
    assert load_language_model(tmp_path / "out").kind == "seq2seq"
    assert summary["steps"] == 8 and summary["dev_loss"] > 0


@pytest.mark.parametrize(
    "setting", [{"bf16": True}, {"gradient_checkpointing": True}, {"accumulate": 2, "batch_size": 1}]
)
def test_ways_of_saving_memory_change_little(setting, base, rows, tmp_path):
    """No dropout, one epoch's rows in the same order: the same updates, by and large."""
    plain = train_generative(recipe(str(base), max_steps=2, learn_rate=1e-4), rows, tmp_path / "plain", progress=False)
    saving = train_generative(
        recipe(str(base), max_steps=2, learn_rate=1e-4, **setting), rows, tmp_path / "saving", progress=False
    )
    assert saving["steps"] == plain["steps"] == 2
    assert saving["train_loss"] == pytest.approx(plain["train_loss"], rel=0.2, abs=0.02)
    assert difference(tmp_path / "plain", base) > 0 and difference(tmp_path / "plain", tmp_path / "saving") < 1e-3


def test_rows_of_similar_length_are_grouped(base, tmp_path):
    path = tmp_path / "train.jsonl"
    sources = [f"it rains{' and rains' * (i % 2 * 5)}/NER" for i in range(64)]
    path.write_text("\n".join(json.dumps({"input": source, "output": "weather/NER/:None;"}) for source in sources))
    padding = []

    def train(folder, **settings):
        masks = []
        collate = CausalLM.collate

        def look(self, sources, targets):
            batch = collate(self, sources, targets)
            masks.append(batch["attention_mask"])
            return batch

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CausalLM, "collate", look)
            train_generative(recipe(str(base), max_steps=32, **settings), path, folder, progress=False)
        padding.append(sum(int((mask == 0).sum()) for mask in masks))

    train(tmp_path / "random")
    train(tmp_path / "grouped", group_by_length=True)
    assert padding[0] > 0 and padding[1] <= padding[0] / 2


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_an_interrupted_training_resumes(lora_rank, rows, config, base, tmp_path):
    wanted = recipe(str(base) if lora_rank else config, lora_rank=lora_rank, max_steps=9, save_steps=3)
    whole = train_generative(wanted, rows, tmp_path / "whole", progress=False)
    with pytest.raises(KeyboardInterrupt):
        train_generative(wanted, rows, tmp_path / "broken", progress=False, callbacks=[Interrupt(7)])
    assert not (tmp_path / "broken" / "model.safetensors").exists()
    with pytest.raises(ValueError, match=r"M943.*resuming is off"):
        train_generative(wanted, rows, tmp_path / "broken", resume=False, progress=False)
    steps = Steps()
    resumed = train_generative(wanted, rows, tmp_path / "broken", progress=False, callbacks=[steps])
    assert steps.done == [7, 8, 9]  # from the checkpoint of step 6 on
    assert resumed["steps"] == whole["steps"] == 9
    assert difference(tmp_path / "whole", tmp_path / "broken") < 1e-6
    # The loss is that of all steps, however often a training was interrupted, and after its end.
    again = train_generative(wanted, rows, tmp_path / "broken", progress=False)
    assert resumed["train_loss"] == again["train_loss"] == pytest.approx(whole["train_loss"], abs=1e-4)
    assert again["steps"] == 9


def test_the_training_loss_is_the_mean_of_all_steps(rows, config, tmp_path, monkeypatch):
    losses = []
    step = CheckedTrainer.training_step

    def note(*args, **kwargs):
        losses.append(float(step(*args, **kwargs)))
        return torch.tensor(losses[-1])

    monkeypatch.setattr(CheckedTrainer, "training_step", note)
    summary = train_generative(recipe(config, max_steps=7, save_steps=5), rows, tmp_path, progress=False)
    assert len(losses) == 7 and summary["train_loss"] == pytest.approx(sum(losses) / 7, abs=1e-4)


@pytest.mark.parametrize("state", [None, "", '{"epoch": 1.0'])
def test_a_checkpoint_that_was_not_written_to_its_end_does_not_count(state, rows, config, tmp_path):
    wanted = recipe(config, max_steps=9, save_steps=3)
    whole = train_generative(wanted, rows, tmp_path / "whole", progress=False)

    def train(*callbacks):
        return train_generative(wanted, rows, tmp_path / "out", progress=False, callbacks=callbacks)

    def spoil(step):
        (tmp_path / "out" / f"checkpoint-{step}" / "trainer_state.json").unlink()
        if state is not None:
            (tmp_path / "out" / f"checkpoint-{step}" / "trainer_state.json").write_text(state)

    with pytest.raises(KeyboardInterrupt):
        train(Interrupt(7))
    spoil(6)
    steps = Steps()
    with pytest.warns(UserWarning, match=r"W937.*checkpoint-6'\. The training continues from 'checkpoint-3'"):
        assert train(steps)["steps"] == whole["steps"] == 9
    assert steps.done == [4, 5, 6, 7, 8, 9]
    assert difference(tmp_path / "whole", tmp_path / "out") < 1e-6

    spoil(6)
    spoil(9)
    steps = Steps()
    with pytest.warns(UserWarning, match=r"W937.*checkpoint-9', '.*checkpoint-6'\. The training begins anew"):
        assert train(steps)["steps"] == 9
    assert steps.done == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_checkpoints_of_another_training_are_refused(rows, config, tmp_path):
    train_generative(recipe(config, max_steps=2, save_steps=2), rows, tmp_path / "out", progress=False)
    with pytest.raises(ValueError, match=r"M943.*different learn_rate, seed"):
        train_generative(
            recipe(config, max_steps=2, save_steps=1, seed=1, learn_rate=1.0), rows, tmp_path / "out", progress=False
        )
    other = tmp_path / "other.jsonl"
    other.write_text(rows.read_text() + "\n" + json.dumps({"input": "a", "output": "b"}))
    with pytest.raises(ValueError, match=r"M943.*different rows"):
        train_generative(recipe(config, max_steps=2, save_steps=2), other, tmp_path / "out", progress=False)


@pytest.mark.parametrize(
    "settings, message", [({"dtype": "float8"}, "M001.*dtype"), ({"schedule": "wavy"}, "M001.*'wavy'.*linear, cosine")]
)
def test_unknown_settings(settings, message, rows, config, tmp_path):
    with pytest.raises(ValueError, match=message):
        train_generative(recipe(config, **settings), rows, tmp_path, progress=False)


def test_configs_that_cannot_be_used(rows, tmp_path):
    with pytest.raises(ValueError, match=r"M932.*no such file"):
        train_generative(recipe(str(tmp_path / "nowhere.json")), rows, tmp_path / "out", progress=False)
    (tmp_path / "odd.json").write_text('{"config": {}}')
    with pytest.raises(ValueError, match=r"M937.*'kind'"):
        train_generative(recipe(str(tmp_path / "odd.json")), rows, tmp_path / "out", progress=False)


# Adapters, and the way into a pipeline


def test_adapters_are_merged_and_load_as_oiellm(base, rows, tmp_path):
    pytest.importorskip("peft")
    new = tmp_path / "new.jsonl"
    new.write_text(json.dumps({"input": "Ida is in Oslo/NER", "output": "travel/NER/:artist;Ida:Location;Oslo"}))
    wanted = recipe(str(base), lora_rank=8, max_steps=60, learn_rate=2e-2, dtype="float32")
    assert train_generative(wanted, new, tmp_path / "out", progress=False)["steps"] == 60
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
    before, after = weights(base), weights(tmp_path / "out")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("proj" in name for name in changed)

    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy_mre.CausalLM.v1",
        "name": str(tmp_path / "out"),
        "config": None,
        "tokenizer": None,
    }
    nlp.add_pipe("oiellm", config={"model": model})
    gold = Doc(nlp.vocab, words=["Ida", "is", "in", "Oslo"], spaces=[True, True, True, False])
    set_entities(gold, [(0, 1, "artist", 1.0), (3, 4, "place", 1.0)])
    gold.cats = {"music": 0.0, "weather": 0.0, "travel": 1.0}
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    nlp.to_disk(tmp_path / "nlp")
    shutil.rmtree(tmp_path / "out")  # the pipeline carries the model
    doc = spacy.load(tmp_path / "nlp")(gold.text)
    assert doc._.generated == "travel/NER/:artist;Ida:Location;Oslo"
    assert [tuple(span[:3]) for span in get_entities(doc)] == [(0, 1, "artist"), (3, 4, "place")]
    assert doc.cats["travel"] > 0.5


def test_the_format_is_saved_with_the_model(rows, config, tmp_path):
    train = tmp_path / "train.jsonl"
    shutil.copy(rows, train)
    task = Task.of_labels("TCONER", "en", ["music", "weather"], ["artist", "place"])
    save_formats([OIELLMFormat(task)], tmp_path / "train.format.json")
    train_generative(recipe(config, max_steps=1), train, tmp_path / "out", progress=False)

    def begin(**settings):
        nlp = spacy.blank("en")
        model = {
            "@architectures": "spacy_mre.CausalLM.v1",
            "name": str(tmp_path / "out"),
            "config": None,
            "tokenizer": None,
        }
        nlp.add_pipe("oiellm", config={"model": model, **settings})
        nlp.initialize()  # labels are read from the folder
        return nlp

    nlp = begin(tasks=["TCONER"])
    labels = {"classes": ["music", "weather"], "labels": ["artist", "place"], "roles": []}
    assert nlp.get_pipe("oiellm").label_data == {"TCONER": labels}
    assert "/Open NER/" in nlp("it rains")._.generated
    with pytest.raises(ValueError, match=r"M946.*format = oiellm; tasks: TCONER \(en\)"):
        begin(tasks=["SCNM"])


def test_adapters_on_a_model_from_nothing_are_refused(rows, config, tmp_path):
    with pytest.raises(ValueError, match="M945"):
        train_generative(recipe(config, lora_rank=4), rows, tmp_path, progress=False)


@pytest.mark.parametrize("max_steps, message", [(3, "M809.*training loss"), (1, "M809.*weights")])
def test_a_training_that_diverges_stops_without_a_model(max_steps, message, rows, config, tmp_path, monkeypatch):
    """The first loss is finite, its gradient is not, and so are the weights after the update."""
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spoil_gradients)
    with pytest.raises(ValueError, match=message):
        train_generative(recipe(config, max_steps=max_steps), rows, tmp_path, progress=False)
    assert not list(tmp_path.glob("*.safetensors"))


def spoil_gradients(parameters, *args, **kwargs):
    for parameter in parameters:
        parameter.grad.fill_(float("nan"))
    return torch.tensor(1.0)
