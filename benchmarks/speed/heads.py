"""The heads and their decoding against the textbook formulation, and against spaCy's spancat on the same encoder output."""

from collections.abc import Callable
from typing import Any

import numpy
import torch
from thinc.api import Config, Model

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.encoders.over_tok2vec import build_tok2vec_encoder
from spacy_mre.pipeline.spert_mt.decoding import Found, Request, find, find_spans
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.model import build_spert_mt

from . import textbook
from .measuring import Settings, alternate, call_in_process, extra_memory, measures, ratio_row
from .pipelines import CONLL04, STOCK, exact_docs, load, nth_best, read_docs

TEXTS, TOKENS, WIDTH = 32, 256, 384
# As in CoNLL04, about one token in eight begins an entity, and there are fewer relations than entities.
ENTITIES_PER_TOKEN = 1 / 8
RELATIONS_PER_ENTITY = 0.4
ENTITY_LABELS, RELATION_LABELS = 4, 5


def make_heads(
    entity_labels: int = ENTITY_LABELS, relation_labels: int = RELATION_LABELS, max_width: int = 10
) -> SpertMTHeads:
    """Heads with fresh weights and the default settings, for evaluation."""
    model = build_spert_mt(build_tok2vec_encoder(Model("none", lambda *_: None)), max_width=max_width)
    torch.manual_seed(0)
    return SpertMTHeads(WIDTH, entity_labels, relation_labels, **model.get_ref("heads").attrs["config"]).eval()


def random_batch(texts: int, tokens: int) -> Encoded:
    """What an encoder might say of so many texts of so many tokens."""
    generator = numpy.random.default_rng(0)
    vectors = generator.standard_normal((texts, tokens, WIDTH), dtype="f")
    # The mean, or some texts would be all entities.
    return Encoded(
        vectors.reshape(-1, WIDTH),
        vectors.mean(axis=1),
        numpy.full(texts, tokens),
        numpy.zeros(texts, dtype=numpy.int64),
    )


def realistic_request(heads: SpertMTHeads, encoded: Encoded, entities_per_token: float = ENTITIES_PER_TOKEN) -> Request:
    """Thresholds at which fresh weights find as many entities and relations as trained ones would."""
    request = Request(
        entity_labels=[f"E{i}" for i in range(heads.entity_columns - 1)],
        relation_labels=[f"R{i}" for i in range(heads.relation_context.out_features - (heads.mode == "spert_mt"))],
        entity_threshold=0.0,
        relation_threshold=0.0,
        overlap="nested",
        pairs_per_token=20,
        max_distance=0,
        symmetric=[],
        constraints={},
    )
    with torch.no_grad():
        request.entity_threshold = nth_best(
            find_spans(heads, encoded, request)[1], round(entities_per_token * encoded.lengths.sum())
        )
        found = find(heads, encoded, request)
    request.relation_threshold = nth_best(found.scores, max(round(RELATIONS_PER_ENTITY * len(found.entities)), 1))
    return request


def subject(name: str, texts: int, tokens: int) -> Callable[[], Found]:
    """One of the two formulations, ready to run on the same weights and vectors."""
    heads, encoded = make_heads(), random_batch(texts, tokens)
    request = realistic_request(heads, encoded)
    run = {"ours": find, "textbook": textbook.find}[name]

    def call() -> Found:
        with torch.no_grad():
            return run(heads, encoded, request)

    return call


@measures("heads_vs_textbook_speedup")
def speedup(settings: Settings) -> dict[str, Any]:
    size = settings.pick((TEXTS, TOKENS), (4, 32))
    times = alternate(settings.rounds, subject("textbook", *size), subject("ours", *size))
    note = f"heads and decoding, {size[0]} texts x {size[1]} tokens: textbook, text by text / ours"
    return {"rows": [ratio_row("heads_vs_textbook_speedup", *times, note)]}


@measures("heads_vs_textbook_memory")
def memory(settings: Settings) -> dict[str, Any]:
    size = settings.pick((TEXTS, TOKENS), (4, 64))
    ours, theirs = zip(
        *([call_in_process(peak, name, *size) for name in ("ours", "textbook")] for _ in range(settings.rounds))
    )
    note = f"peak beyond the inputs, {size[0]} texts x {size[1]} tokens, a process each: ours / textbook, text by text"
    return {"rows": [ratio_row("heads_vs_textbook_memory", ours, theirs, note, unit="bytes")]}


def peak(name: str, texts: int, tokens: int) -> int:
    """Bytes beyond the inputs, after a first run on little."""
    subject(name, 2, 16)()
    return extra_memory(subject(name, texts, tokens))


@measures("heads_vs_spancat")
def spancat(settings: Settings) -> dict[str, Any]:
    """Component against component: from the encoder's output on the Doc to spans on the Doc."""
    nlp = load(settings.model, STOCK)
    docs = exact_docs(nlp, read_docs(CONLL04, "test"), *settings.pick((TEXTS, TOKENS), (4, 64)))
    docs = list(nlp.get_pipe("transformer").pipe(docs))
    ours, theirs = nlp.get_pipe("spert_mt"), add_spancat(nlp, docs)
    times = alternate(settings.rounds, lambda: annotate(ours, docs), lambda: annotate(theirs, docs))
    note = f"{len(docs)} texts x {len(docs[0])} tokens: spert_mt, entities and relations / spancat, which finds nothing here"
    return {"rows": [ratio_row("heads_vs_spancat", *times, note, dataset=CONLL04)]}


def add_spancat(nlp, docs: list):
    """spaCy's component as configs/stock.cfg has it, with fresh weights, for which no span is good enough: to write spans would cost it more."""
    config = Config().from_disk("configs/stock.cfg")["components"]["spancat"]
    config.pop("factory")
    pipe = nlp.add_pipe("spancat", config={**config, "threshold": 1.0, "spans_key": "spancat"})
    for i in range(ENTITY_LABELS):
        pipe.add_label(f"E{i}")
    pipe.model.initialize(X=(docs[:2], pipe.suggester(docs[:2])), Y=pipe.model.ops.alloc2f(1, ENTITY_LABELS))
    return pipe


def annotate(pipe, docs: list) -> None:
    pipe.set_annotations(docs, pipe.predict(docs))
