"""What `mre_transformer` does that `transformer` does not; what both must do is in test_pipelines.py."""

import copy
import pickle
import re
import shutil
import warnings

import numpy
import pytest
import spacy
import torch
from confection import ConfigValidationError
from spacy.tokens import Doc, DocBin

pytest.importorskip("spacy_transformers")

from spacy_mre.encoders.transformer.wordpieces import cut_into_pieces, pack
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


def states_of(doc):
    """The states of each token's pieces, in order, as stock listeners see them."""
    data = doc._.trf_data
    if "last_hidden_state" not in data.model_output:
        return []
    flat = data.model_output.last_hidden_state.reshape(-1, data.width)
    return [flat[numpy.sort(data.align[i].dataXd.ravel())] for i in range(len(doc))]


# The same as the stock component


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("max_batch_items", [1, 40, 4096])
def test_pieces_states_and_alignment_are_those_of_the_stock_component(make_nlp, fast, max_batch_items):
    stock, ours = make_nlp("transformer", fast=fast), make_nlp(fast=fast, max_batch_items=max_batch_items)
    for expected, found in zip(stock.pipe(TEXTS), ours.pipe(TEXTS)):
        assert len(states_of(expected)) == len(states_of(found))
        for ours_of_token, stock_of_token in zip(states_of(found), states_of(expected)):
            assert ours_of_token == pytest.approx(stock_of_token, abs=1e-5)
        if len(expected):
            wordpieces, stock_wordpieces = found._.trf_data.wordpieces, expected._.trf_data.wordpieces
            for mine, theirs, mask in zip(wordpieces.strings, stock_wordpieces.strings, wordpieces.attention_mask):
                assert mine[: int(mask.sum())] == theirs[: int(mask.sum())]
            assert wordpieces.input_ids.shape == wordpieces.attention_mask.shape


def test_a_pipeline_of_the_stock_component_is_read_and_the_other_way_round(make_nlp, tmp_path):
    stock, ours = make_nlp("transformer"), make_nlp()
    stock.to_disk(tmp_path / "stock")
    ours.to_disk(tmp_path / "ours")
    config = (
        (tmp_path / "stock/config.cfg").read_text().replace('factory = "transformer"', 'factory = "mre_transformer"')
    )
    (tmp_path / "stock/config.cfg").write_text(config)
    read = spacy.load(tmp_path / "stock")
    assert type(read.get_pipe("transformer")).__name__ == "MRETransformer"
    expected = states_of(stock(TEXTS[0]))
    config = (
        (tmp_path / "ours/config.cfg").read_text().replace('factory = "mre_transformer"', 'factory = "transformer"')
    )
    config = re.sub("\n(engine|precision|threads) = .*", "", config)
    shutil.copytree(tmp_path / "ours", tmp_path / "turned")
    (tmp_path / "turned/config.cfg").write_text(config)
    with pytest.warns(UserWarning, match=r"v1.0"):  # it takes the folder for one of its own first versions
        turned = spacy.load(tmp_path / "turned")
    assert type(turned.get_pipe("transformer")).__name__ == "Transformer"
    for nlp in (read, turned, spacy.load(tmp_path / "ours"), make_nlp().from_bytes(stock.to_bytes())):
        assert numpy.concatenate(states_of(nlp(TEXTS[0]))) == pytest.approx(numpy.concatenate(expected), abs=1e-5)


def test_the_saved_model_is_hugging_faces_own_and_is_replaced_not_written_over(make_nlp, tmp_path):
    from transformers import AutoModel

    nlp = make_nlp(fast=False)
    nlp.to_disk(tmp_path)
    expected = numpy.concatenate(states_of(nlp(TEXTS[0])))
    read = spacy.load(tmp_path)
    assert not read.get_pipe("transformer").model.tokenizer.is_fast
    for name, weight in AutoModel.from_pretrained(tmp_path / "transformer/model").named_parameters():
        assert torch.equal(weight, dict(nlp.get_pipe("transformer").model.transformer.named_parameters())[name])
    # Another pipeline over the files that this one has mapped into memory, and this one over itself.
    with torch.no_grad():
        nlp.get_pipe("transformer").model.transformer.embeddings.word_embeddings.weight.zero_()
    nlp.to_disk(tmp_path)
    assert numpy.concatenate(states_of(read(TEXTS[0]))) == pytest.approx(expected, abs=1e-6)
    read.to_disk(tmp_path)
    (tmp_path / "transformer/model/left_behind.json").write_text("{}")
    read.to_disk(tmp_path)
    assert numpy.concatenate(states_of(spacy.load(tmp_path)(TEXTS[0]))) == pytest.approx(expected, abs=1e-6)
    assert not (tmp_path / "transformer/model/left_behind.json").exists()


def test_what_is_saved_before_initialisation_holds_no_weights(make_nlp, tmp_path):
    config = make_nlp().config
    spacy.blank("en").from_config(config).to_disk(tmp_path)
    assert (tmp_path / "transformer/model").is_file()
    assert not spacy.load(tmp_path).get_pipe("transformer").model.attrs["has_transformer"]


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
    seen = []
    nlp.get_pipe("transformer").set_extra_annotations = lambda docs, batch: seen.extend(zip(docs, batch.doc_data))
    docs = list(nlp.pipe(TEXTS))
    assert [doc for doc, _ in seen] == docs and all(data is doc._.trf_data for doc, data in seen)


# Long texts and many texts


def test_a_long_text_is_what_its_windows_are_alone(make_nlp):
    """A long document, in groups of any size, against one forward for each of its windows."""
    nlp = make_nlp(max_batch_items=100)
    text = " ".join(TEXTS[4:5] * 12)
    doc = nlp(text)
    pipe = nlp.get_pipe("transformer")
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


def test_groups_hold_every_window_once_and_not_too_many_pieces():
    lengths = numpy.array([3, 50, 7, 7, 120, 1, 8])
    groups = pack(lengths, 60)
    assert sorted(numpy.concatenate(groups).tolist()) == list(range(7))
    assert all(len(group) == 1 or lengths[group].max() * len(group) <= 60 for group in groups)
    assert [lengths[group].max() for group in groups] == sorted(
        (lengths[group].max() for group in groups), reverse=True
    )
    assert pack(numpy.zeros(0, dtype=int), 60) == []


def test_every_token_has_the_pieces_that_touch_it(make_nlp):
    nlp = make_nlp()
    pipe = nlp.get_pipe("transformer")
    docs = list(map(nlp.make_doc, TEXTS))
    pieces = cut_into_pieces(docs, pipe.model.attrs["get_spans"], pipe.model.tokenizer)
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
        # Once for each window; the last text is cut.
        assert text in token.lower_ * 2 and (text or len(token) > 30)


def test_buffers_are_bounded_by_documents_and_by_tokens(make_nlp):
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=["a"] * length) for length in (1, 2, 300, 4, 5, 6, 100, 0)]
    assert [[len(doc) for doc in buffer] for buffer in buffered(docs, 3, 50)] == [[1, 2, 300], [4, 5, 6], [100], [0]]
    assert list(buffered([], 3)) == []


def test_errors_go_to_the_error_handler(make_nlp):
    nlp = make_nlp()
    pipe, failed = nlp.get_pipe("transformer"), []
    pipe.set_error_handler(lambda name, pipe, docs, error: failed.append((name, len(docs), str(error))))
    pipe._run = lambda *args: (_ for _ in ()).throw(RuntimeError("out of memory"))
    assert list(pipe.pipe([nlp.make_doc("Ida"), nlp.make_doc("Tom")], batch_size=2)) == []
    assert failed == [("transformer", 2, "out of memory")]


# Engines and precisions


@pytest.mark.parametrize(
    "engine, precision, tolerance",
    [("torch", "bf16", 0.02), ("torch", "fp16", 0.005), ("onnx", "fp32", 1e-5), ("onnx", "int8", 0.1)],
)
def test_engines_and_precisions_say_nearly_the_same(make_nlp, engine, precision, tolerance):
    if engine == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    exact, nlp = make_nlp(), make_nlp(engine=engine, precision=precision)
    weights = {
        name: weight.clone() for name, weight in nlp.get_pipe("transformer").model.transformer.named_parameters()
    }
    theirs, mine = (
        numpy.concatenate([state for doc in each.pipe(TEXTS) for state in states_of(doc)]) for each in (exact, nlp)
    )
    assert mine.dtype == numpy.float32
    assert numpy.linalg.norm(mine - theirs) < tolerance * numpy.linalg.norm(theirs)
    for name, weight in nlp.get_pipe("transformer").model.transformer.named_parameters():
        assert torch.equal(weight, weights[name]) and weight.dtype == torch.float32


def test_the_precision_is_chosen_where_a_pipeline_is_loaded(make_nlp, tmp_path):
    make_nlp().to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("transformer").precision == "fp32"
    nlp = spacy.load(tmp_path, config={"components": {"transformer": {"precision": "bf16"}}})
    assert nlp.get_pipe("transformer").precision == "bf16"
    assert "precision" not in nlp.get_pipe("transformer").cfg


def test_a_copy_of_the_weights_is_not_used_after_training(make_nlp):
    nlp = make_nlp(precision="bf16")
    before = states_of(nlp(TEXTS[0]))
    with torch.no_grad():
        for weight in nlp.get_pipe("transformer").model.transformer.parameters():
            weight += 0.1
    example = spacy.training.Example(nlp.make_doc(TEXTS[0]), nlp.make_doc(TEXTS[0]))
    nlp.get_pipe("transformer").update([example])
    assert not numpy.allclose(numpy.concatenate(before), numpy.concatenate(states_of(nlp(TEXTS[0]))), atol=1e-2)


@pytest.mark.parametrize("setting", [{"precision": "int8"}, {"engine": "onnx", "precision": "bf16"}])
def test_a_precision_that_the_engine_lacks_is_m001(make_nlp, setting):
    with pytest.raises(ValueError, match=r"M001.*precision"):
        make_nlp(**setting)


@pytest.mark.parametrize("setting", [{"engine": "tensorflow"}, {"precision": "fp64"}])
def test_unknown_engines_and_precisions_are_refused_by_the_config(make_nlp, setting):
    with pytest.raises(ConfigValidationError, match=next(iter(setting))):
        make_nlp(**setting)


@pytest.mark.parametrize(
    "setting, value", [("engine", "onnx"), ("precision", "bf16"), ("threads", 1), ("max_batch_items", 64)]
)
def test_settings_given_on_loading_are_in_force(make_nlp, tmp_path, setting, value):
    make_nlp().to_disk(tmp_path)
    nlp = spacy.load(tmp_path, config={"components": {"transformer": {setting: value}}})
    assert getattr(nlp.get_pipe("transformer"), setting) == value


def test_a_missing_runtime_is_named(make_nlp, monkeypatch):
    nlp = make_nlp(engine="onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"M311.*onnxruntime"):
        nlp("Ida")


def test_threads(make_nlp, request):
    before = torch.get_num_threads()
    request.addfinalizer(lambda: torch.set_num_threads(before))
    nlp = make_nlp(threads=2)
    nlp("Ida")
    assert torch.get_num_threads() == 2
    make_nlp()("Ida")  # none set: as they were
    assert torch.get_num_threads() == 2


def test_a_forked_process_runs_one_thread(make_nlp, monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr("spacy_mre.encoders.transformer.component._IMPORTED_IN", -1)
        make_nlp()("Ida")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_no_warning_of_long_texts_from_the_tokenizer(make_nlp):
    nlp = make_nlp(window=100, stride=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp("unknown " * 40)


def test_averaged_weights_of_the_transformer_are_used_and_saved(make_nlp, make_examples, tmp_path):
    """As `spacy train` does it: evaluate and save with averages, go on with the weights themselves."""
    nlp = make_nlp()
    nlp.add_pipe("spert_mt", config={"model": {"encoder": {"@architectures": "spacy_mre.TransformerEncoder.v1"}}})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = make_adamw(1e-2, use_averages=True)
    for _ in range(4):
        nlp.update(examples, sgd=optimizer)
        optimizer.step_schedules()
    shim = nlp.get_pipe("transformer").model.layers[0].shims[0]
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
