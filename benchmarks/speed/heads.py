"""The heads and decoding against the textbook formulation, and against spaCy's spancat on the same encoder output."""

from collections.abc import Callable
from typing import Any

import numpy
import torch
from thinc.api import Config

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spert_mt.decoding import decode, find_spans
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.output import SpertMTOptions, SpertMTOutput
from tests.fidelity import textbook

from .measuring import Settings, alternate, call_in_process, extra_memory, measures, ratio_row
from .pipelines import CONLL04, OURS, STOCK, exact_docs, load, nth_best, read_docs, read_texts, trained

TEXTS, TOKENS, WIDTH = 32, 256, 384
# As in CoNLL04.
ENTITIES_PER_TOKEN, RELATIONS_PER_ENTITY = 1 / 8, 0.4
ENTITY_LABELS, RELATION_LABELS = 4, 5


def random_batch(texts: int, tokens: int) -> Encoded:
    """Encoder output of random vectors. The text vector is the mean, or some texts would consist of entities."""
    vectors = numpy.random.default_rng(0).standard_normal((texts, tokens, WIDTH), dtype="f")
    lengths, cut = numpy.full(texts, tokens), numpy.zeros(texts, dtype=numpy.int64)
    return Encoded(vectors.reshape(-1, WIDTH), vectors.mean(axis=1), lengths, cut)


def make_options(heads: SpertMTHeads, encoded: Encoded) -> SpertMTOptions:
    """Thresholds at which untrained heads find as many entities and relations as trained ones."""
    options = SpertMTOptions(
        entity_labels=[f"E{i}" for i in range(heads.entity_columns - 1)],
        relation_labels=[f"R{i}" for i in range(heads.relation_columns - 1)],
        entity_threshold=0.0,
        relation_threshold=0.0,
        overlap="nested",
        pairs_per_token=20,
        max_distance=0,
        symmetric=[],
        constraints={},
    )
    tokens, texts = torch.as_tensor(encoded.tokens), torch.as_tensor(encoded.texts)
    with torch.no_grad():
        scores = find_spans(heads, tokens, texts, encoded.lengths, options)[1]
        options.entity_threshold = nth_best(scores, round(ENTITIES_PER_TOKEN * encoded.lengths.sum()))
        found = decode(heads, encoded, options)
    options.relation_threshold = nth_best(found.scores, max(round(RELATIONS_PER_ENTITY * len(found.entities)), 1))
    return options


def subject(name: str, texts: int, tokens: int) -> Callable[[], SpertMTOutput]:
    """One of the two formulations, "ours" or "textbook", on the same weights and vectors."""
    torch.manual_seed(0)
    heads, encoded = SpertMTHeads(WIDTH, ENTITY_LABELS, RELATION_LABELS).eval(), random_batch(texts, tokens)
    options, run = make_options(heads, encoded), {"ours": decode, "textbook": textbook.decode}[name]

    def call() -> SpertMTOutput:
        with torch.no_grad():
            return run(heads, encoded, options)

    return call


@measures("heads_vs_textbook_speedup")
def speedup(settings: Settings) -> dict[str, Any]:
    size = settings.pick((TEXTS, TOKENS), (4, 32))
    times = alternate(settings.rounds, subject("textbook", *size), subject("ours", *size))
    note = f"heads and decoding, {size[0]} texts x {size[1]} tokens: textbook, text by text / ours"
    return {"rows": [ratio_row("heads_vs_textbook_speedup", *times, note=note)]}


@measures("heads_vs_textbook_memory")
def memory(settings: Settings) -> dict[str, Any]:
    size = settings.pick((TEXTS, TOKENS), (4, 64))
    rounds = [[call_in_process(peak, name, *size) for name in ("ours", "textbook")] for _ in range(settings.rounds)]
    note = f"peak beyond the inputs, {size[0]} texts x {size[1]} tokens: ours / textbook, text by text"
    return {"rows": [ratio_row("heads_vs_textbook_memory", *zip(*rounds), note=note, unit="bytes")]}


def peak(name: str, texts: int, tokens: int) -> int:
    subject(name, 2, 16)()  # what a first call allocates does not count
    return extra_memory(subject(name, texts, tokens))


@measures("heads_vs_spancat")
def spancat(settings: Settings) -> dict[str, Any]:
    """Component against component: from the encoder's output on the Doc to spans on the Doc."""
    nlp = load(trained(CONLL04), STOCK)
    docs = exact_docs(nlp, read_docs(CONLL04, "test"), *settings.pick((TEXTS, TOKENS), (4, 64)))
    encoder: Any = nlp.get_pipe("transformer")
    docs = list(encoder.pipe(docs))
    ours, theirs = nlp.get_pipe("spert_mt"), add_spancat(nlp, docs)
    times = alternate(settings.rounds, lambda: annotate(ours, docs), lambda: annotate(theirs, docs))
    note = f"{len(docs)} texts x {len(docs[0])} tokens: spert_mt, entities and relations / spancat, which finds nothing"
    return {"rows": [ratio_row("heads_vs_spancat", *times, note=note, dataset=CONLL04)]}


@measures("heads_vs_pipeline")
def share(settings: Settings) -> dict[str, Any]:
    """What entities, relations and text labels take of the time of a pipeline."""
    nlp, texts = load(trained(CONLL04), OURS), read_texts(CONLL04, "test", settings.pick(0, 32))
    encoder: Any = nlp.get_pipe("transformer")
    docs = list(encoder.pipe(map(nlp.make_doc, texts)))

    def alone() -> None:
        for name in ("spert_mt", "mre_textcat"):
            annotate(nlp.get_pipe(name), docs)

    times = alternate(settings.rounds, alone, lambda: list(nlp.pipe(texts)))
    note = "spert_mt (with its tok2vec) and mre_textcat alone / whole joint pipeline"
    return {"rows": [ratio_row("heads_vs_pipeline", *times, note=note, dataset=CONLL04)]}


def add_spancat(nlp, docs: list):
    """spaCy's component as in configs/stock.cfg, untrained, with a threshold that no span reaches: writing spans would
    cost it more."""
    config = Config().from_disk("configs/stock.cfg")["components"]["spancat"]
    config.pop("factory")
    pipe = nlp.add_pipe("spancat", config={**config, "threshold": 1.0, "spans_key": "spancat"})
    for i in range(ENTITY_LABELS):
        pipe.add_label(f"E{i}")
    pipe.model.initialize(X=(docs[:2], pipe.suggester(docs[:2])), Y=pipe.model.ops.alloc2f(1, ENTITY_LABELS))
    return pipe


def annotate(pipe, docs: list) -> None:
    pipe.set_annotations(docs, pipe.predict(docs))
