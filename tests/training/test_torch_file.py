from io import BytesIO

import pytest
import torch
from thinc.api import PyTorchShim
from torch import nn

from spacy_mre.training.torch_file import check_weights, read_torch_file, read_weights


def file_of(content):
    buffer = BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class Evil:
    def __reduce__(self):
        return (print, ("a pickled object was run",))


@pytest.mark.parametrize("data", [b"", b"garbage", None, 3, file_of({"a": torch.ones(3)})[:-9]])
def test_broken_files(data):
    with pytest.raises(ValueError, match=r"M012.*The file is broken"):
        read_torch_file(data, "cpu", "The file")


def test_objects_are_refused_whatever_the_environment_allows(monkeypatch, capsys):
    for variable in ("", "1"):
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", variable)
        with pytest.raises(ValueError, match=r"M012.*more than tensors") as caught:
            read_torch_file(file_of(Evil()), "cpu", "The file")
        assert "weights_only" not in str(caught.value) and caught.value.__suppress_context__
    assert capsys.readouterr().out == ""


def test_weights_of_a_module():
    module, other = nn.Linear(2, 3), nn.Linear(2, 3)
    state = other.state_dict()
    read_weights(module, file_of(state), "cpu")
    assert torch.equal(module.weight, other.weight)
    wrong = [
        ({"weight": state["weight"]}, "does not contain 'bias'"),
        ({**state, "more": torch.ones(1)}, "unknown 'more'"),
        ({**state, "bias": torch.ones(4)}, r"shape \(4,\)"),
        ({**state, "bias": torch.ones(3).half()}, "float16"),
        ({**state, "bias": [1.0]}, "no table of weights"),
        ([], "no table of weights"),
    ]
    for content, reason in wrong:
        with pytest.raises(ValueError, match=rf"M012.*Linear.*{reason}"):
            read_weights(module, file_of(content), "cpu")
    check_weights(module, {**state, "x.position_ids": torch.ones(1)}, "The file", (".position_ids",))
    assert torch.equal(module.weight, other.weight)


def test_thinc_reads_with_this_function():
    module = nn.Linear(2, 3)
    data = PyTorchShim(module).to_bytes()
    shim = PyTorchShim(nn.Linear(2, 3), deserialize_model=read_weights).from_bytes(data)
    assert torch.equal(shim._model.weight, module.weight)
