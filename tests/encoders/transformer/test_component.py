"""Tests of `mre_transformer` alone. test_pipelines.py tests what it has in common with `transformer`."""

import copy
import pickle
import re
import shutil
import sys
import warnings
from typing import Any

import numpy
import pytest
import spacy
import torch
from confection import ConfigValidationError
from spacy.tokens import Doc, DocBin

pytest.importorskip("spacy_transformers")

from spacy_mre.encoders.transformer.piece_data import PieceData
from spacy_mre.encoders.transformer.wordpieces import pack, tokenize_windows
from spacy_mre.training.buffers import buffered
from spacy_mre.training.optimizer import make_adamw

TEXTS = [
    "Ida lives in Lima .",
    "",
    " \n ",
    "Don't  ask; the tower's old.",
    "Ida lives in Lima . Tom lives in Oslo . The old tower of Lima fell . Ida and Tom are friends .",
    "Tom",
    "an" + "n" * 60,
]


@pytest.fixture
def make_nlp(tiny_bert):
    def make(factory="mre_transformer", window=8, stride=6, fast=True, **settings):
        nlp = spacy.blank("en")
        model = {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": tiny_bert,
            "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": window, "stride": stride},
            "tokenizer_config": {"use_fast": fast, "model_max_length": 32},
        }
        nlp.add_pipe(factory, name="transformer", config={"model": model, **settings})
        nlp.initialize()
        return nlp

    return make


def get_transformer(nlp) -> Any:
    return nlp.get_pipe("transformer")


def states_of(doc):
    """The states of each token's pieces, in order, as stock listeners read them."""
    data = doc._.trf_data
    if "last_hidden_state" not in data.model_output:
        return []
    flat = data.model_output.last_hidden_state.reshape(-1, data.width)
    return [flat[numpy.sort(data.align[i].dataXd.ravel())] for i in range(len(doc))]


# Equality with the stock component


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("max_batch_items", [1, 40, 4096])
def test_pieces_states_and_alignment_equal_the_stock_component(make_nlp, fast, max_batch_items):
    stock, ours = make_nlp("transformer", fast=fast), make_nlp(fast=fast, max_batch_items=max_batch_items)
    for expected, found in zip(stock.pipe(TEXTS), ours.pipe(TEXTS)):
        assert len(states_of(expected)) == len(states_of(found))
        for states, expected_states in zip(states_of(found), states_of(expected)):
            assert states == pytest.approx(expected_states, abs=1e-5)
        if len(expected):
            wordpieces, stock_wordpieces = found._.trf_data.wordpieces, expected._.trf_data.wordpieces
            for strings, stock_strings, mask in zip(
                wordpieces.strings, stock_wordpieces.strings, wordpieces.attention_mask
            ):
                assert strings[: int(mask.sum())] == stock_strings[: int(mask.sum())]
            assert wordpieces.input_ids.shape == wordpieces.attention_mask.shape


def test_both_components_load_the_files_of_the_other(make_nlp, tmp_path):
    stock, ours = make_nlp("transformer"), make_nlp()
    stock.to_disk(tmp_path / "stock")
    ours.to_disk(tmp_path / "ours")
    config = (
        (tmp_path / "stock/config.cfg").read_text().replace('factory = "transformer"', 'factory = "mre_transformer"')
    )
    (tmp_path / "stock/config.cfg").write_text(config)
    read = spacy.load(tmp_path / "stock")
    assert type(get_transformer(read)).__name__ == "MRETransformer"
    expected = states_of(stock(TEXTS[0]))
    config = (
        (tmp_path / "ours/config.cfg").read_text().replace('factory = "mre_transformer"', 'factory = "transformer"')
    )
    config = re.sub("\n(engine|precision|threads|freeze_layers) = .*", "", config)
    shutil.copytree(tmp_path / "ours", tmp_path / "converted")
    (tmp_path / "converted/config.cfg").write_text(config)
    with pytest.warns(UserWarning, match=r"v1.0"):  # spacy-transformers takes the folder for one of version 1.0
        converted = spacy.load(tmp_path / "converted")
    assert type(get_transformer(converted)).__name__ == "Transformer"
    for nlp in (read, converted, spacy.load(tmp_path / "ours"), make_nlp().from_bytes(stock.to_bytes())):
        assert numpy.concatenate(states_of(nlp(TEXTS[0]))) == pytest.approx(numpy.concatenate(expected), abs=1e-5)


def test_the_saved_folder_is_in_hugging_face_format_and_saving_again_is_safe(make_nlp, tmp_path):
    from transformers import AutoModel

    nlp = make_nlp(fast=False)
    nlp.to_disk(tmp_path)
    expected = numpy.concatenate(states_of(nlp(TEXTS[0])))
    read = spacy.load(tmp_path)
    assert not get_transformer(read).model.tokenizer.is_fast
    for name, weight in AutoModel.from_pretrained(tmp_path / "transformer/model").named_parameters():
        assert torch.equal(weight, dict(get_transformer(nlp).model.transformer.named_parameters())[name])
    # First another pipeline replaces the files that this one has mapped into memory, then this one replaces them.
    with torch.no_grad():
        get_transformer(nlp).model.transformer.embeddings.word_embeddings.weight.zero_()
    nlp.to_disk(tmp_path)
    assert numpy.concatenate(states_of(read(TEXTS[0]))) == pytest.approx(expected, abs=1e-6)
    read.to_disk(tmp_path)
    (tmp_path / "transformer/model/old_file.json").write_text("{}")
    read.to_disk(tmp_path)
    assert numpy.concatenate(states_of(spacy.load(tmp_path)(TEXTS[0]))) == pytest.approx(expected, abs=1e-6)
    assert not (tmp_path / "transformer/model/old_file.json").exists()


def test_saving_before_initialization_saves_no_weights(make_nlp, tmp_path):
    config = make_nlp().config
    spacy.blank("en").from_config(config).to_disk(tmp_path)
    assert (tmp_path / "transformer/model").is_file()
    assert not get_transformer(spacy.load(tmp_path)).model.attrs["has_transformer"]


def test_the_output_can_be_copied_pickled_and_stored(make_nlp):
    nlp = make_nlp()
    doc = nlp(TEXTS[4])
    expected = numpy.concatenate(states_of(doc))
    stored = next(DocBin(docs=[doc], store_user_data=True).get_docs(nlp.vocab))
    for other in (doc.copy(), pickle.loads(pickle.dumps(doc)), Doc(nlp.vocab).from_bytes(doc.to_bytes()), stored):
        assert numpy.concatenate(states_of(other)) == pytest.approx(expected)
    assert copy.copy(doc._.trf_data).align.lengths.tolist() == doc._.trf_data.counts.tolist()


def test_extra_annotations(make_nlp):
    nlp = make_nlp()
    received: list[tuple[Doc, PieceData]] = []

    def set_extra_annotations(docs, batch):
        received.extend(zip(docs, batch.doc_data))

    get_transformer(nlp).set_extra_annotations = set_extra_annotations
    docs = list(nlp.pipe(TEXTS))
    assert [doc for doc, _ in received] == docs and all(data is doc._.trf_data for doc, data in received)


# Long texts and many texts


def test_a_long_text_has_the_vectors_of_its_windows(make_nlp):
    """A long document in several groups is compared with one forward for each window."""
    nlp = make_nlp(max_batch_items=100)
    text = " ".join(TEXTS[4:5] * 12)
    doc = nlp(text)
    pipe = get_transformer(nlp)
    sums, counts = numpy.zeros((len(doc), 32)), numpy.zeros(len(doc))
    for start in range(0, len(doc), 6):
        window = doc[start : start + 8]
        encoding = pipe.model.tokenizer(window.text, return_offsets_mapping=True, return_tensors="pt")
        offsets = encoding.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            states = pipe.model.transformer(**encoding).last_hidden_state[0].numpy()
        for state, (begin, end) in zip(states, offsets):
            for token in window:
                if (
                    token.idx - window.start_char < end
                    and begin < token.idx - window.start_char + len(token)
                    and begin < end
                ):
                    sums[token.i] += state
                    counts[token.i] += 1
        if start + 8 >= len(doc):
            break
    found = numpy.stack([states.mean(axis=0) for states in states_of(doc)])
    assert found == pytest.approx(sums / counts[:, None], abs=1e-5)


def test_every_window_is_in_one_group_within_the_limit():
    lengths = numpy.array([3, 50, 7, 7, 120, 1, 8])
    groups = pack(lengths, 60)
    assert sorted(numpy.concatenate(groups).tolist()) == list(range(7))
    assert all(len(group) == 1 or lengths[group].max() * len(group) <= 60 for group in groups)
    assert [lengths[group].max() for group in groups] == sorted(
        (lengths[group].max() for group in groups), reverse=True
    )
    assert pack(numpy.zeros(0, dtype=int), 60) == []


def test_every_token_is_aligned_to_its_pieces(make_nlp):
    nlp = make_nlp()
    pipe = get_transformer(nlp)
    docs = list(map(nlp.make_doc, TEXTS))
    pieces = tokenize_windows(docs, pipe.model.attrs["get_spans"], pipe.model.tokenizer)
    assert pieces.tokens.tolist() == [len(doc) for doc in docs]
    assert len(pieces.ids) == pieces.lengths.sum() and len(pieces.lengths) == pieces.windows.sum()
    assert len(pieces.counts) == pieces.tokens.sum() and len(pieces.rows) == pieces.counts.sum()
    assert pieces.lengths.max() <= 32
    tokens = [token for doc in docs for token in doc]
    strings = pipe.model.tokenizer.convert_ids_to_tokens(pieces.ids.tolist())
    ends = numpy.cumsum(pieces.counts)
    for token, begin, end in zip(tokens, ends - pieces.counts, ends):
        text = "".join(strings[row].removeprefix("##") for row in pieces.rows[begin:end])
        if token.is_space or "[UNK]" in text:
            continue
        # Once for each window. The last text is truncated.
        assert text in token.lower_ * 2 and (text or len(token) > 30)


@pytest.mark.parametrize("model_max_length", [32, 64, int(1e30)])
def test_windows_are_truncated_to_what_the_model_can_read(make_nlp, model_max_length):
    """A tokenizer that was saved without `model_max_length` has no limit. The model has 64 positions."""
    nlp = make_nlp()
    get_transformer(nlp).model.tokenizer.model_max_length = model_max_length
    longest = min(model_max_length, 64)
    long_text, other = nlp.pipe(["n" * 100 + " Ida", "Ida lives in Lima ."])
    # The first piece is special, and the second word is lost.
    assert long_text._.trf_data.counts.tolist() == [longest - 1, 0]
    assert numpy.concatenate(states_of(other)) == pytest.approx(
        numpy.concatenate(states_of(nlp("Ida lives in Lima ."))), abs=1e-5
    )


def test_buffers_are_limited_by_documents_and_by_tokens():
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=["a"] * length) for length in (1, 2, 300, 4, 5, 6, 100, 0)]
    assert [[len(doc) for doc in buffer] for buffer in buffered(docs, 3, 50)] == [[1, 2, 300], [4, 5, 6], [100], [0]]
    assert list(buffered([], 3)) == []


def test_errors_go_to_the_error_handler(make_nlp):
    nlp = make_nlp()
    pipe, failed = get_transformer(nlp), []

    def handle_error(name, pipe, docs, error):
        failed.append((name, len(docs), str(error)))

    pipe.set_error_handler(handle_error)

    def run_out_of_memory(*args):
        raise RuntimeError("out of memory")

    pipe._run = run_out_of_memory
    assert list(pipe.pipe([nlp.make_doc("Ida"), nlp.make_doc("Tom")], batch_size=2)) == []
    assert failed == [("transformer", 2, "out of memory")]


# Engines and precisions


@pytest.mark.parametrize(
    "engine, precision, tolerance",
    [("torch", "bf16", 0.02), ("torch", "fp16", 0.005), ("onnx", "fp32", 1e-5), ("onnx", "int8", 0.1)],
)
def test_engines_and_precisions_give_nearly_equal_vectors(make_nlp, engine, precision, tolerance):
    if engine == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    exact, nlp = make_nlp(), make_nlp(engine=engine, precision=precision)
    weights = {name: weight.clone() for name, weight in get_transformer(nlp).model.transformer.named_parameters()}
    expected, vectors = (
        numpy.concatenate([state for doc in each.pipe(TEXTS) for state in states_of(doc)]) for each in (exact, nlp)
    )
    assert vectors.dtype == numpy.float32
    assert numpy.linalg.norm(vectors - expected) < tolerance * numpy.linalg.norm(expected)
    for name, weight in get_transformer(nlp).model.transformer.named_parameters():
        assert torch.equal(weight, weights[name]) and weight.dtype == torch.float32


def test_prediction_after_training_uses_the_new_weights(make_nlp):
    nlp = make_nlp(precision="bf16")
    before = states_of(nlp(TEXTS[0]))
    with torch.no_grad():
        for weight in get_transformer(nlp).model.transformer.parameters():
            weight += 0.1
    example = spacy.training.Example(nlp.make_doc(TEXTS[0]), nlp.make_doc(TEXTS[0]))
    get_transformer(nlp).update([example])
    assert not numpy.allclose(numpy.concatenate(before), numpy.concatenate(states_of(nlp(TEXTS[0]))), atol=1e-2)


def test_prediction_between_an_update_and_the_step_of_the_optimizer(make_nlp, make_examples, settings_of):
    """An annotating transformer predicts there; its copy in half precision was one step old at the next evaluation."""
    nlp = make_nlp(precision="bf16")
    encoder = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat", encoder=encoder))
    examples, sgd = make_examples(nlp), make_adamw(0.05)
    nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=False, annotates=["transformer"])
    for _, pipe in nlp.pipeline:
        pipe.finish_update(sgd)
    before = states_of(nlp(TEXTS[0]))
    assert get_transformer(nlp)._run is get_transformer(nlp)._run_of_engine()  # not made again for nothing
    sgd.step_schedules()
    after = states_of(nlp(TEXTS[0]))
    assert not numpy.allclose(numpy.concatenate(before), numpy.concatenate(after), atol=1e-2)
    exact = get_transformer(nlp)
    exact.precision, exact._run = "fp32", None
    assert numpy.concatenate(after) == pytest.approx(numpy.concatenate(states_of(nlp(TEXTS[0]))), abs=0.1)


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda pipe: pickle.loads(pickle.dumps(pipe))])
@pytest.mark.parametrize("engine, precision", [("torch", "fp32"), ("torch", "bf16"), ("onnx", "fp32")])
def test_a_component_that_has_predicted_can_be_copied(make_nlp, engine, precision, make_copy):
    if engine == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    nlp = make_nlp(engine=engine, precision=precision)
    pipe = get_transformer(nlp)
    expected = pipe.predict([nlp.make_doc(TEXTS[0])]).doc_data[0].pieces
    copied = make_copy(pipe)
    assert copied.predict([nlp.make_doc(TEXTS[0])]).doc_data[0].pieces == pytest.approx(expected, abs=1e-6)
    # It has an engine of its own, with its own weights.
    with torch.no_grad():
        for weight in pipe.model.transformer.parameters():
            weight += 0.1
    assert copied.predict([nlp.make_doc(TEXTS[0])]).doc_data[0].pieces == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("setting", [{"precision": "int8"}, {"engine": "onnx", "precision": "bf16"}])
def test_a_precision_that_the_engine_does_not_support_raises_m001(make_nlp, setting):
    with pytest.raises(ValueError, match=r"M001.*precision"):
        make_nlp(**setting)


@pytest.mark.parametrize("setting", [{"engine": "tensorflow"}, {"precision": "fp64"}])
def test_unknown_engines_and_precisions_are_rejected_by_the_config(make_nlp, setting):
    with pytest.raises(ConfigValidationError, match=next(iter(setting))):
        make_nlp(**setting)


@pytest.mark.parametrize(
    "setting, saved, given",
    [("engine", "torch", "onnx"), ("precision", "bf16", "fp16"), ("threads", 2, 1), ("max_batch_items", 32, 64)],
)
def test_settings_given_to_spacy_load_win_over_saved_ones(make_nlp, tmp_path, setting, saved, given):
    make_nlp(**{setting: saved}).to_disk(tmp_path)
    assert getattr(get_transformer(spacy.load(tmp_path)), setting) == saved
    nlp = spacy.load(tmp_path, config={"components": {"transformer": {setting: given}}})
    assert getattr(get_transformer(nlp), setting) == given
    assert get_transformer(nlp).cfg == {}
    nlp.to_disk(tmp_path)
    assert getattr(get_transformer(spacy.load(tmp_path)), setting) == given
    nlp.from_bytes(make_nlp(**{setting: saved}).to_bytes())
    assert getattr(get_transformer(nlp), setting) == given


def test_the_precision_given_to_spacy_load_is_used(make_nlp, tmp_path):
    """Vectors in half precision differ a little."""
    exact = make_nlp()
    exact.to_disk(tmp_path)
    half = spacy.load(tmp_path, config={"components": {"transformer": {"precision": "bf16"}}})
    expected, vectors = (numpy.concatenate(states_of(nlp(TEXTS[0]))) for nlp in (exact, half))
    assert vectors == pytest.approx(expected, abs=0.1)
    assert not numpy.allclose(vectors, expected, atol=1e-5)


def test_a_missing_package_is_named_in_the_error(make_nlp, monkeypatch):
    nlp = make_nlp(engine="onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"M311.*onnxruntime"):
        nlp("Ida")


def test_the_number_of_threads_is_set(make_nlp, request):
    before = torch.get_num_threads()
    request.addfinalizer(lambda: torch.set_num_threads(before))
    nlp = make_nlp(threads=2)
    nlp("Ida")
    assert torch.get_num_threads() == 2
    make_nlp()("Ida")  # not set, so not changed
    assert torch.get_num_threads() == 2


def test_a_forked_process_uses_one_thread(make_nlp, monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr("spacy_mre.encoders.transformer.component._IMPORTING_PROCESS", -1)
        make_nlp()("Ida")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_tokenizer_does_not_warn_of_long_texts(make_nlp):
    nlp = make_nlp(window=100, stride=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp("unknown " * 40)


def test_averaged_weights_are_used_and_saved(make_nlp, make_examples, tmp_path):
    """As in `spacy train`: averages are used for evaluation and saving, and training continues with the weights."""
    nlp = make_nlp()
    nlp.add_pipe("spert_mt", config={"model": {"encoder": {"@architectures": "spacy_mre.TransformerEncoder.v1"}}})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = make_adamw(1e-2, use_averages=True)
    for _ in range(4):
        nlp.update(examples, sgd=optimizer)
        optimizer.step_schedules()
    shim = get_transformer(nlp).model.layers[0].shims[0]
    before = {name: weight.detach().clone() for name, weight in shim._model.named_parameters()}
    averaged = {name for name in before if (shim.id, name) in optimizer.averages}
    assert any("word_embeddings" in name for name in averaged) and not any("pooler" in name for name in averaged)
    last = nlp("Ida lives in Lima .")._.trf_data.pieces
    with nlp.use_params(optimizer.averages):
        for name, weight in shim._model.named_parameters():
            expected = optimizer.averages[shim.id, name] if name in averaged else before[name].numpy()
            assert numpy.allclose(weight.detach().numpy(), expected), name
        average = nlp("Ida lives in Lima .")._.trf_data.pieces
        nlp.to_disk(tmp_path)
    assert numpy.array_equal(nlp("Ida lives in Lima .")._.trf_data.pieces, last) and not numpy.allclose(average, last)
    assert all(torch.equal(weight, before[name]) for name, weight in shim._model.named_parameters())
    assert numpy.allclose(spacy.load(tmp_path)("Ida lives in Lima .")._.trf_data.pieces, average, atol=1e-6)
