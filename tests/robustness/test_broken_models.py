"""Every file of every component, damaged in many ways: the result is a numbered error that names the file or the
component, or the same predictions as before."""

import gc
import json
import os
import re
import shutil

import numpy
import pytest
import spacy
import srsly
import torch

from tests.robustness.effort import count
from tests.robustness.saved import output

KINDS = ("spert_mt", "mre_textcat", "multi_ner", "slg", "oiellm", "mre_transformer", "bilstm", "cross")


def empty(path):
    path.write_bytes(b"")


def halve(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def fill_with_garbage(path):
    path.write_bytes(numpy.random.default_rng(0).bytes(max(path.stat().st_size, 64)))


def make_a_folder(path):
    path.unlink()
    path.mkdir()


def remove(path):
    path.unlink()


DAMAGES = (empty, halve, fill_with_garbage, make_a_folder, remove)


def check(load, names, expected):
    """Load; it must fail with a number and a name, or change nothing."""
    try:
        nlp = load()
    except ValueError as error:
        assert re.match(r"\[M\d{3}\] ", str(error)), error
        assert any(name in str(error) for name in names), error
        assert "weights_only" not in str(error) and "state_dict" not in str(error)
        return True
    assert output(nlp) == expected, "damaged, and silently different"
    return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_each_file_of_a_component(kind, saved_models, tmp_path):
    saved = saved_models[kind]
    expected = output(saved.nlp)
    files = [path.relative_to(saved.component) for path in sorted(saved.component.rglob("*")) if path.is_file()]
    copy, nlp = tmp_path / saved.name, saved.scratch
    refused = 0

    def load():
        nlp.get_pipe(saved.name).from_disk(copy, exclude=["vocab"])
        return nlp

    for file in files:
        for damage in DAMAGES:
            shutil.copytree(saved.component, copy)
            damage(copy / file)
            refused += check(load, (file.name, f"'{saved.name}'", str(copy)), expected)
            shutil.rmtree(copy)
            count()
    assert refused >= len(DAMAGES) * 2  # cfg and model, or config.json and weights
    assert gc.isenabled()
    shutil.copytree(saved.component, copy)
    assert output(load()) == expected  # loads again after all of this


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_pipeline(kind, saved_models, tmp_path):
    saved = saved_models[kind]
    shutil.copytree(saved.folder, tmp_path / "copy")
    path = tmp_path / "copy" / saved.name / "cfg"
    halve(path)
    with pytest.raises(ValueError, match=rf"M806.*cfg.*'{saved.name}'.*{re.escape(str(path))}"):
        spacy.load(tmp_path / "copy")
    shutil.rmtree(path.parent)
    with pytest.raises(ValueError, match=rf"M020.*{saved.name} has no 'model'"):
        saved.scratch.from_disk(tmp_path / "copy")
    count()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_each_part_of_the_bytes(kind, saved_models):
    saved = saved_models[kind]
    expected, nlp = output(saved.nlp), saved.scratch
    pipe = nlp.get_pipe(saved.name)
    message = srsly.msgpack_loads(saved.nlp.get_pipe(saved.name).to_bytes(exclude=["vocab"]))

    def load():
        pipe.from_bytes(srsly.msgpack_dumps(message), exclude=["vocab"])
        return nlp

    for part in ("cfg", "model"):
        intact = message[part]
        data = intact.encode() if isinstance(intact, str) else intact
        garbage = numpy.random.default_rng(0).bytes(len(data) + 64)
        for broken in (b"", data[: len(data) // 2], garbage, None, 3, [], {}):
            message[part] = broken
            assert check(load, (f"'{saved.name}'",), expected), broken
            count()
        del message[part]
        assert check(load, (f"'{saved.name}'",), expected)
        message[part] = intact
    for broken in (b"", b"\xc1", srsly.msgpack_dumps([1]), srsly.msgpack_dumps("cfg model"), None):
        with pytest.raises(ValueError, match=rf"M806.*'{saved.name}'"):
            pipe.from_bytes(broken)
    assert gc.isenabled()
    assert output(load()) == expected


WRONG = {
    "spert_mt": {
        "entity_labels": (3, None, "person", ["person", 1, "site"], ["person", "person", "site"], ["person"], {}),
        "relation_labels": ({}, ["friend"], [["friend"]]),
        "constraints": ([], {"friend": 3}, {"friend": [["person"]]}, {"friend": [[1, 2, 3]]}),
        "distance": ("100", None, -1, True, 1.5),
        "scope": ("0", None, -1, True, 1.5),
        "overlap": ("learned", 1, None, ["flat"]),
        "share_drawn": ("1", None, -0.5),
    },
    "mre_textcat": {"labels": ("people", 2, [], ["people"], ["people", 2], ["people", "people"])},
    "multi_ner": {
        "questions": ([], "x", {"person": 3}, {"person": "Find people."}),
        "overlap": ("all", 3, None, {}),
    },
    "mre_transformer": {},
    "slg": {"tasks": ([], "SCNM", {"SCNM": ["person"]}, {"SCNM": {"labels": ["person", "person"]}})},
    "oiellm": {"tasks": ([], "SCNM", {"SCNM": ["person"]}, {"SCNM": {"labels": ["person", "person"]}})},
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_cfg_with_wrong_values(kind, saved_models, tmp_path):
    saved = saved_models[kind]
    shutil.copytree(saved.component, tmp_path / "copy")
    path = tmp_path / "copy" / "cfg"
    cfg = json.loads(path.read_text())
    pipe = saved.scratch.get_pipe(saved.name)
    for key, values in WRONG[kind].items():
        for value in values:
            path.write_text(json.dumps({**cfg, key: value}))
            with pytest.raises(ValueError, match=rf"M807.*'{saved.name}'"):
                pipe.from_disk(tmp_path / "copy", exclude=["vocab"])
            count()
        path.write_text(json.dumps({name: value for name, value in cfg.items() if name != key}))
        with pytest.raises(ValueError, match=rf"M807.*'{saved.name}'.*'{key}'"):
            pipe.from_disk(tmp_path / "copy", exclude=["vocab"])
    for content in ("[]", "3", '"labels"', "null"):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"M807.*not a JSON object"):
            pipe.from_disk(tmp_path / "copy", exclude=["vocab"])
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="M806"):
        pipe.from_disk(tmp_path / "copy", exclude=["vocab"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind, error", [("mre_transformer", "M333"), ("slg", "M948"), ("oiellm", "M948")])
def test_weights_that_are_missing_are_not_drawn_at_random(kind, error, saved_models, tmp_path):
    from safetensors.torch import load_file, save_file

    saved = saved_models[kind]
    shutil.copytree(saved.folder, tmp_path / "copy")
    path = tmp_path / "copy" / saved.name / "model" / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("norm.weight") or name.endswith("LayerNorm.weight"))
    save_file({key: value for key, value in weights.items() if key != name}, path, {"format": "pt"})
    with pytest.raises(ValueError, match=rf"{error}.*{re.escape(name)}"):
        spacy.load(tmp_path / "copy")
    save_file({**weights, name: torch.ones(3)}, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"M331|M947"):
        spacy.load(tmp_path / "copy")


@pytest.mark.parametrize("kind", ["spert_mt", "mre_textcat", "multi_ner", "bilstm"])
def test_arrays_of_other_shapes(kind, saved_models):
    saved = saved_models[kind]
    model = srsly.msgpack_loads(saved.message["model"])
    pipe = saved.scratch.get_pipe(saved.name)
    tried = 0
    for params in model["params"]:
        for name, array in params.items():
            if array is not None:
                params[name] = array[:-1]
                data = srsly.msgpack_dumps({**saved.message, "model": srsly.msgpack_dumps(model)})
                with pytest.raises(ValueError, match=rf"M806.*'{saved.name}'.*{name} of the layer"):
                    pipe.from_bytes(data, exclude=["vocab"])
                params[name] = array
                tried += 1
                count()
    assert tried >= 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["spert_mt", "mre_transformer", "slg"])
def test_pipes_and_devices_are_not_read(kind, saved_models, tmp_path):
    """Reading them would never end."""
    saved = saved_models[kind]
    model = saved.component / "model"
    component = saved.scratch.get_pipe(saved.name)
    special = {"cfg": "M806", "model/vocab.txt" if model.is_dir() else "model": "M806|M331|M947"}
    for i, (file, error) in enumerate(special.items()):
        for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            copy = tmp_path / f"{i}{make.__name__}"
            shutil.copytree(saved.component, copy)
            (copy / file).unlink(missing_ok=True)
            make(copy / file)
            with pytest.raises(ValueError, match=error):
                component.from_disk(copy, exclude=["vocab"])
