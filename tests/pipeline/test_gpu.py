"""On a GPU a pipeline of each kind learns, and what was trained there finds the same on a CPU. Skipped where there is
no GPU, or no CuPy."""

import pytest
import spacy
from spacy.tokens import Doc
from spacy.util import fix_random_seed
from thinc.api import require_cpu, require_gpu
from thinc.compat import has_cupy_gpu, has_torch_cuda_gpu

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.training.optimizer import make_adamw

pytestmark = pytest.mark.skipif(not (has_cupy_gpu and has_torch_cuda_gpu), reason="a GPU and CuPy are needed")

QUESTIONS = {"person": "Find people .", "place": "Find towns .", "site": "Find buildings and ports ."}
BART = {"model_type": "bart", "d_model": 64, "max_position_embeddings": 192, "dropout": 0.0}
BART.update(
    {
        f"{half}_{name}": size
        for half in ("encoder", "decoder")
        for name, size in (("layers", 1), ("attention_heads", 4), ("ffn_dim", 128))
    }
)
# How near a score is on the other device.
NEAR = 1e-3


def bert(name):
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 8, "stride": 6}
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": name,
        "get_spans": spans,
        "tokenizer_config": {"use_fast": True},
    }


def asking(interaction):
    model = {"@architectures": "spacy_mre.MultiNER.v1", "interaction": interaction, "hidden_size": 16, "dropout": 0.0}
    return {"model": model, "questions": QUESTIONS, "overlap": "nested"}


@pytest.fixture(params=["tok2vec", "spert", "transformer", "mre_transformer", "late", "exact", "slg"])
def nlp(request, make_shared_nlp, settings_of):
    """A pipeline of each kind, made on the GPU."""
    require_gpu()
    fix_random_seed(0)
    if request.param == "tok2vec":
        nlp = make_shared_nlp("mre_textcat", "spert_mt", spert_mt={"model": {"see_cats": True}})
    elif request.param == "spert":
        nlp = make_shared_nlp("spert_mt", spert_mt={"model": {"mode": "spert"}})
    elif request.param in ("transformer", "mre_transformer"):
        nlp = spacy.blank("en")
        nlp.add_pipe(request.param, name="transformer", config={"model": bert(request.getfixturevalue("tiny_bert"))})
        for factory in ("spert_mt", "mre_textcat"):
            nlp.add_pipe(
                factory, config=settings_of(factory, encoder={"@architectures": "spacy_mre.TransformerEncoder.v1"})
            )
    else:
        nlp = spacy.blank("en")
        if request.param == "slg":
            model = {
                "@architectures": "spacy_mre.Seq2SeqLM.v1",
                "config": BART,
                "tokenizer": {"kind": "bpe", "vocab_size": 320},
            }
            nlp.add_pipe("slg", config={"model": model})
        elif request.param == "late":
            reader = settings_of("spert_mt")["model"]["encoder"]
            late = {
                "@architectures": "spacy_mre.LateInteraction.v1",
                "encoder": reader,
                "size": 16,
                "attention_heads": 2,
                "dropout": 0.0,
            }
            nlp.add_pipe("multi_ner", config=asking(late))
        else:
            exact = {
                "@architectures": "spacy_mre.CrossTransformer.v1",
                "transformer": bert(request.getfixturevalue("tiny_bert")),
            }
            nlp.add_pipe("multi_ner", config=asking(exact))
    yield nlp
    require_cpu()


def test_learns_on_a_gpu_and_finds_the_same_on_a_cpu(nlp, make_examples, tmp_path):
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = sum(loss(nlp, examples, make_adamw(0.0)) for _ in range(2))
    sgd = make_adamw(5e-3)
    for _ in range(150):
        nlp.update(examples, sgd=sgd)
        sgd.step_schedules()
    assert sum(loss(nlp, examples, make_adamw(0.0)) for _ in range(2)) < 0.2 * before
    texts = [[token.text for token in eg.reference] for eg in examples]
    found = [results(nlp(Doc(nlp.vocab, words=words))) for words in texts]
    right = [
        entities_of(eg.reference) == entities_of(nlp(Doc(nlp.vocab, words=words))) for words, eg in zip(texts, examples)
    ]
    assert sum(right) >= len(right) - 1
    nlp.to_disk(tmp_path)
    require_cpu()
    onto_cpu = spacy.load(tmp_path)
    for words, (names, scores) in zip(texts, found):
        there, scores_there = results(onto_cpu(Doc(onto_cpu.vocab, words=words)))
        assert there == names
        assert scores_there == pytest.approx(scores, abs=NEAR)


def loss(nlp, examples, sgd):
    return sum(nlp.update(examples, sgd=sgd).values())


def entities_of(doc):
    return [tuple(span[:3]) for span in get_entities(doc) or ()]


def results(doc):
    """What a text is said to hold, and all scores of it."""
    entities, relations = get_entities(doc) or [], get_relations(doc) or []
    triples = [(*relation["head"], *relation["tail"], relation["label"]) for relation in relations]
    scores = [*(span[3] for span in entities), *(relation["score"] for relation in relations), *doc.cats.values()]
    return (entities_of(doc), triples, list(doc.cats)), [float(score) for score in scores]
