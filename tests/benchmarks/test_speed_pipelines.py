"""The pipelines that the speed benchmark times: the same one under either transformer component, its bare encoder, its training steps."""

from functools import partial

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from transformers import BertConfig, BertModel, BertTokenizerFast

from benchmarks.speed import pipelines, textbook, train
from benchmarks.speed.stages import Stopwatch, watch_pipeline
from spacy_mre import make_relation
from spacy_mre.annotations.entities import set_entities

TEXTS = [
    "anna met bo in oslo .",
    "bo left .",
    "the port of oslo is old and cold today .",
    "cleo and anna live in lima .",
]
ENCODER = {"@architectures": "spacy_mre.TransformerEncoder.v1"}


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The folder of a tiny encoder whose pieces are letters."""
    folder = tmp_path_factory.mktemp("bert")
    letters = [chr(ord("a") + i) for i in range(26)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
    }
    BertModel(BertConfig(vocab_size=len(vocabulary), **sizes)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=[pipelines.OURS, pipelines.STOCK])
def saved(bert, request, tmp_path_factory):
    """A pipeline as `spacy train` saves it, made with either component."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 8, "stride": 6}
    model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": bert, "get_spans": spans}
    nlp.add_pipe(request.param, name="transformer", config={"model": model})
    everything = {"entity_threshold": 0.0, "relation_threshold": 0.0, "overlap": "nested", "constraints": None}
    nlp.add_pipe(
        "spert_mt", config={"model": {"@architectures": "spacy_mre.SpertMT.v1", "encoder": ENCODER}, **everything}
    )
    nlp.add_pipe("mre_textcat", config={"model": {"@architectures": "spacy_mre.TextCat.v1", "encoder": ENCODER}})
    nlp.initialize(lambda: examples(nlp))
    folder = tmp_path_factory.mktemp("saved")
    nlp.to_disk(folder)
    return str(folder)


def examples(nlp):
    made = []
    for text in TEXTS:
        gold = Doc(nlp.vocab, words=text.split(" "))
        set_entities(gold, [(0, 1, "person", 1.0), (len(gold) - 2, len(gold) - 1, "place", 1.0)])
        gold._.relations = [
            make_relation((0, 1), (len(gold) - 2, len(gold) - 1), "in", head_label="person", tail_label="place")
        ]
        made.append(Example(Doc(nlp.vocab, words=text.split(" ")), gold))
    return pipelines.with_invented_classes(made)


def test_either_component_runs_what_either_one_saved(saved):
    docs = {}
    for factory in (pipelines.OURS, pipelines.STOCK):
        nlp = pipelines.load(saved, factory)
        assert nlp.get_pipe_meta("transformer").factory == factory
        defaults = nlp.get_factory_meta(factory).default_config
        assert nlp.get_pipe("transformer").cfg["max_batch_items"] == defaults["max_batch_items"]
        docs[factory] = list(nlp.pipe(TEXTS))
    for ours, stock in zip(*docs.values()):
        assert [(s.start, s.end, s.label_) for s in ours.spans["entities"]] == [
            (s.start, s.end, s.label_) for s in stock.spans["entities"]
        ]
        assert len(ours._.relations) == len(stock._.relations) > 0
        assert ours.cats == pytest.approx(stock.cats, abs=1e-4)


def test_what_is_loaded_can_be_saved_and_loaded(saved, tmp_path):
    pipelines.load(saved, pipelines.OURS).to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe_meta("transformer").factory == pipelines.OURS


def test_the_bare_encoder_gets_all_texts(saved):
    bare = pipelines.BareEncoder(saved)
    seen = []
    bare.module.forward = lambda **batch: seen.append(batch["input_ids"].shape)
    bare.run(bare.batches(TEXTS, 3))
    # Letters, the two marks at the ends, and nothing for blanks; the longest text comes last, alone.
    lengths = sorted(2 + len(text.replace(" ", "")) for text in TEXTS)
    assert seen == [(3, lengths[2]), (1, lengths[3])]
    assert [batch["input_ids"].shape[0] for batch in bare.batches(TEXTS, 1, by_length=False)] == [1] * 4


@pytest.mark.parametrize("heads, one_by_one", [("ours", False), ("ours", True), ("textbook", True)])
def test_training_steps(saved, monkeypatch, heads, one_by_one):
    """Every weight that learns moves once for each batch, and every text is seen."""
    optimizer = train.tiny_steps()
    monkeypatch.setattr(train, "tiny_steps", lambda: optimizer)
    nlp = pipelines.load(saved, pipelines.OURS)
    module = nlp.get_pipe("spert_mt").model.get_ref("heads").shims[0].module
    if heads == "textbook":
        module.forward = partial(textbook.forward, module)
    seen = []
    update = nlp.update
    monkeypatch.setattr(nlp, "update", lambda part, **how: (seen.append(len(part)), update(part, **how)))
    steps = []
    step = optimizer.step_schedules
    monkeypatch.setattr(optimizer, "step_schedules", lambda: (steps.append(len(optimizer.pending)), step()))
    train.joint_steps(nlp, 3, one_by_one)(examples(nlp))
    assert seen == ([1] * 4 if one_by_one else [3, 1])
    assert len(steps) == 2 and min(steps) > 20


def test_encoder_steps_move_the_encoder(saved):
    bare = pipelines.BareEncoder(saved)
    before = {name: weight.clone() for name, weight in bare.module.encoder.named_parameters()}
    train.encoder_steps(bare, bare.batches(TEXTS, 2))()
    after = dict(bare.module.encoder.named_parameters())
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(torch.allclose(before[name], after[name], atol=1e-5) for name in before)


def test_thresholds_follow_the_gold(saved):
    nlp = pipelines.load(saved, pipelines.OURS)
    docs = [eg.reference for eg in examples(nlp)]
    pipelines.set_thresholds(nlp, docs)
    found = list(nlp.pipe(TEXTS))
    assert sum(len(doc.spans["entities"]) for doc in found) == 2 * len(TEXTS)
    assert sum(len(doc._.relations) for doc in found) <= len(TEXTS)


def test_every_stage_is_reached(saved):
    nlp, stopwatch = pipelines.load(saved, pipelines.OURS), Stopwatch()
    watch_pipeline(nlp, stopwatch)
    list(nlp.pipe(TEXTS))
    parts = (
        "tokens:",
        "transformer: wordpieces",
        "transformer: the encoder's forward",
        "spert_mt: scores of all",
        "spert_mt: scores of pairs",
    )
    for part in (*parts, "spert_mt: pieces", "spert_mt: labels", "mre_textcat: text"):
        assert any(stage.startswith(part) and value > 0 for stage, value in stopwatch.seconds.items()), part


def test_training_configs_are_complete():
    for name in (pipelines.CONLL04, pipelines.CROSSRE_JA):
        config = pipelines.training_config(name)
        assert config["training"]["max_steps"] == pipelines.TRAINING_STEPS
        assert config["corpora"]["train"]["path"] == "${paths.train}"
    assert config["nlp"]["lang"] == "ja" and "mre_textcat" in config["nlp"]["pipeline"]
