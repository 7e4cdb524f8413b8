import dataclasses

import pytest

from spacy_mre.pipeline.generative.trainer import recipe as module
from spacy_mre.pipeline.generative.trainer.arguments import training_arguments
from spacy_mre.pipeline.generative.trainer.recipe import Recipe, check_recipe


@pytest.mark.parametrize(
    "settings, rate",
    [
        ({"model": "m"}, 1e-5),
        ({"model": "m", "lora_rank": 8}, 2e-4),
        ({"model": "m.json"}, 1e-3),
        ({"model": "m", "lora_rank": 8, "learn_rate": 3e-3}, 3e-3),
    ],
)
def test_the_learning_rate_depends_on_what_is_trained(settings, rate, tmp_path):
    arguments = training_arguments(Recipe(**settings), tmp_path, progress=False, best_by=None)
    assert arguments.learning_rate == rate


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dtype": "float8"}, r"M001.*dtype"),
        ({"schedule": "wavy"}, r"M001.*'wavy'.*linear, cosine"),
        ({"report_to": "paper"}, r"M001.*report_to.*tensorboard, wandb, mlflow"),
        ({"attn_implementation": "slow"}, r"M001.*attn_implementation"),
        ({"batch_size": 0}, r"M002.*batch_size"),
        ({"lora_dropout": 1.0}, r"M002.*lora_dropout"),
        ({"model": "m.json", "lora_rank": 8}, "M945"),
        ({"load_in_4bit": True}, "M974.*--lora-rank"),
        ({"dtype": "bfloat16"}, "M970.*bfloat16.*rounded away.*--bf16"),
        ({"model": "m.json", "dtype": "float16"}, "M970.*float16"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        check_recipe(Recipe(**{"model": "m", **settings}), packages=False)


@pytest.mark.parametrize(
    "settings, package",
    [
        ({"report_to": "wandb"}, "wandb"),
        ({"attn_implementation": "flash_attention_2"}, "flash_attn"),
        ({"load_in_4bit": True, "lora_rank": 8}, r"bitsandbytes.*spacy-mre\[qlora\]"),
        ({"lora_rank": 8}, r"peft.*spacy-mre\[generative\]"),
    ],
)
def test_a_missing_package_is_named(settings, package, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=f"M973.*{package}"):
        check_recipe(Recipe("m", **settings))


def test_all_settings_reach_the_trainer_or_the_model(tmp_path):
    arguments = training_arguments(
        Recipe("m", group_by_length=True, report_to="tensorboard", lora_rank=2, load_in_4bit=True),
        tmp_path,
        progress=False,
        best_by="f1",
    )
    assert arguments.group_by_length and arguments.bf16 and arguments.report_to == ["tensorboard"]
    assert arguments.load_best_model_at_end and arguments.metric_for_best_model == "f1" and arguments.greater_is_better
    assert training_arguments(Recipe("m"), tmp_path, progress=False, best_by="loss").greater_is_better is False


def test_every_setting_is_described():
    for field in dataclasses.fields(Recipe):
        assert f"\n    {field.name} (" in Recipe.__doc__
