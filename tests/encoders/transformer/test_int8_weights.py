"""Transformers saved in int8: what is stored, what is lost, and that prediction and training go on."""

import numpy
import pytest
import spacy
import srsly
import torch
from torch import nn

pytest.importorskip("spacy_transformers")

from spacy_mre.encoders.transformer.int8_weights import Int8Embedding, quantize_rows

INT8 = {"engine": "onnx", "precision": "int8"}
TEXTS = ["Ida lives in Lima.", "Tom and Ida lives in Oslo."]
FILE = "transformer/model/model.int8.safetensors"


@pytest.fixture
def make_nlp(tiny_bert):
    def make(**settings):
        nlp = spacy.blank("en")
        model = {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": tiny_bert,
            "get_spans": {"@span_getters": "spacy-transformers.doc_spans.v1"},
            "tokenizer_config": {"use_fast": True, "model_max_length": 32},
        }
        nlp.add_pipe("mre_transformer", name="transformer", config={"model": model, **settings})
        nlp.initialize()
        return nlp

    return make


@pytest.fixture
def saved(make_nlp, tmp_path):
    """A pipeline, and the folder where it is saved in int8."""
    nlp = make_nlp(**INT8)
    nlp.to_disk(tmp_path / "int8")
    return nlp, tmp_path / "int8"


def load(folder, **settings):
    return spacy.load(folder, config={"components": {"transformer": settings}})


def model_of(nlp):
    return nlp.get_pipe("transformer").model.transformer


def vectors_of(nlp):
    return numpy.concatenate([doc._.trf_data.model_output.last_hidden_state[0] for doc in nlp.pipe(TEXTS)])


def test_the_error_has_a_bound_and_rounding_again_changes_nothing():
    weights = torch.randn(200, 64, generator=torch.Generator().manual_seed(0)) * torch.logspace(-6, 3, 200)[:, None]
    weights[0] = 0
    quantized, scales = quantize_rows(weights)
    rounded = quantized * scales
    assert quantized.dtype == torch.int8 and rounded.dtype == torch.float32
    assert ((rounded - weights).abs() <= weights.abs().amax(1, keepdim=True) / 254 * (1 + 1e-6)).all()
    assert not rounded[0].any() and rounded[1:].any(1).all()
    assert all(torch.equal(a, b) for a, b in zip(quantize_rows(rounded), (quantized, scales)))


def test_saved_weights_are_those_that_are_loaded(saved, tmp_path):
    """The rounded weights come back exactly, and are saved to the same bytes."""
    nlp, folder = saved
    loaded = load(folder)
    original, found = model_of(nlp).state_dict(), model_of(loaded).state_dict()
    assert original.keys() == found.keys() and not model_of(loaded).training
    rounded = 0
    for name, weight in original.items():
        expected = weight
        if weight.ndim == 2 and "position" not in name and "token_type" not in name:
            quantized, scales = quantize_rows(weight)
            expected, rounded = quantized * scales, rounded + 1
        assert torch.equal(found[name], expected), name
    assert rounded == 1 + 2 * 6 + 1  # the table, six matrices in each layer, and the pooler
    loaded.to_disk(tmp_path / "again")
    assert (tmp_path / "again" / FILE).read_bytes() == (folder / FILE).read_bytes()


def test_int8_takes_a_quarter_of_the_bytes(make_nlp, saved, tmp_path):
    make_nlp().to_disk(tmp_path / "fp32")
    fp32, int8 = (
        (tmp_path / "fp32/transformer/model/model.safetensors").stat().st_size,
        (saved[1] / FILE).stat().st_size,
    )
    assert int8 < 0.6 * fp32  # of a tiny model: names and positions are much of it
    assert not (saved[1] / "transformer/model/model.safetensors").exists()


def test_bytes_are_small_too(make_nlp, saved):
    nlp, folder = saved
    full, small = (one.get_pipe("transformer").to_bytes(exclude=["vocab"]) for one in (make_nlp(), nlp))
    files = sum(path.stat().st_size for path in (folder / "transformer").rglob("*") if path.is_file())
    assert len(small) < 0.6 * len(full) and abs(len(small) - files) < 2000
    copied = make_nlp(**INT8).from_bytes(nlp.to_bytes())
    expected = model_of(load(folder)).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in model_of(copied).state_dict().items())
    # The bytes of the other precision.
    exact = make_nlp(**INT8)
    exact.get_pipe("transformer").from_bytes(full, exclude=["vocab"])
    assert all(torch.equal(*both) for both in zip(model_of(exact).parameters(), model_of(make_nlp()).parameters()))


@pytest.mark.parametrize("change", [lambda data: data[:-9], lambda data: data.replace(b"config.json", b"../fig.json")])
def test_broken_bytes(make_nlp, saved, change):
    pipe = saved[0].get_pipe("transformer")
    data = srsly.msgpack_loads(pipe.to_bytes())
    data["model"] = change(data["model"])
    with pytest.raises(ValueError, match=r"M01[02]"):
        make_nlp(**INT8).get_pipe("transformer").from_bytes(srsly.msgpack_dumps(data))


def test_results_are_the_same_after_saving(saved):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    nlp, folder = saved
    loaded = load(folder)
    assert isinstance(model_of(loaded).get_input_embeddings(), Int8Embedding)
    assert numpy.array_equal(vectors_of(nlp), vectors_of(loaded))
    copied = load(folder).from_bytes(loaded.to_bytes())
    assert numpy.array_equal(vectors_of(copied), vectors_of(loaded))


@pytest.mark.parametrize("precision, tolerance", [("fp32", 0.03), ("bf16", 0.05)])
def test_weights_in_int8_run_with_torch_and_are_saved_in_fp32(make_nlp, saved, tmp_path, precision, tolerance):
    loaded = load(saved[1], engine="torch", precision=precision)
    expected, vectors = vectors_of(make_nlp()), vectors_of(loaded)
    assert numpy.linalg.norm(vectors - expected) < tolerance * numpy.linalg.norm(expected)
    loaded.to_disk(tmp_path / "torch")
    # In half precision the scales of the embeddings are rounded too.
    limit = 0 if precision == "fp32" else 0.02 * numpy.linalg.norm(vectors)
    assert numpy.linalg.norm(vectors_of(load(tmp_path / "torch")) - vectors) <= limit
    assert (tmp_path / "torch/transformer/model/model.safetensors").exists()


def test_training_goes_on_from_int8(saved):
    loaded = load(saved[1], engine="torch", precision="fp32")
    before = {name: weight.clone() for name, weight in model_of(loaded).state_dict().items()}
    transformer = loaded.get_pipe("transformer")
    docs = [loaded.make_doc(text) for text in TEXTS]
    vectors, backprop = transformer._encode_for_update(transformer._tokenize(docs))
    backprop(numpy.ones_like(vectors) * numpy.arange(vectors.shape[1], dtype="f"))
    transformer.finish_update(loaded.resume_training())
    table = model_of(loaded).get_input_embeddings()
    assert type(table) is nn.Embedding and table.padding_idx == 0
    after = model_of(loaded).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"embeddings.word_embeddings.weight", "encoder.layer.0.intermediate.dense.weight"} <= changed


@pytest.mark.parametrize("what", ["missing", "type", "shape", "scale", "broken"])
def test_a_broken_file_is_refused(saved, what):
    from safetensors.torch import load_file, save_file

    file, name = saved[1] / FILE, "embeddings.word_embeddings.weight"
    state = load_file(file)
    if what == "missing":
        del state[f"{name}.scale"]
    elif what == "scale":
        state[f"{name}.scale"][3] = torch.nan
    else:
        state[name] = state[name].float() if what == "type" else state[name][:-1].clone()
    if what == "broken":
        file.write_bytes(file.read_bytes()[:100])
    else:
        save_file({key: weight.clone() for key, weight in state.items()}, file)
    with pytest.raises(ValueError, match="M331" if what == "broken" else f"M012.*{name}"):
        load(saved[1])
