"""How time and memory grow with the length of a text, and with the entity types of `multi_ner`."""

from collections.abc import Sequence
from functools import partial
from itertools import cycle
from typing import Any

import numpy
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre.annotations.entities import set_entities
from spacy_mre.pipeline.multi_ner.questions import read_questions

from ..grid import Grid
from ..trained import corpus_of, make_pipeline
from .heads import annotate
from .measuring import Settings, alternate, call_in_process, extra_memory, measures, ratio_row, spread_row
from .pipelines import CONLL04, OURS, load, long_text, read_docs, trained

LENGTHS = (100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
# Growth is fitted from here on: the fixed cost of a call hides it in shorter texts.
FITTED_FROM = 1_000
TYPES = (4, 8, 16, 39)
EXPONENTS = {
    "seconds": ("growth_exponent_time", "time of the whole pipeline"),
    "head_seconds": ("growth_exponent_time_heads", "time after the encoder"),
    "bytes": ("growth_exponent_memory", "peak memory of the whole pipeline beyond the loaded one"),
}


@measures(*(name for name, _ in EXPONENTS.values()))
def english(settings: Settings) -> dict[str, Any]:
    return length(settings, "en")


@measures(*(f"{name}_ja" for name, _ in EXPONENTS.values()))
def japanese(settings: Settings) -> dict[str, Any]:
    return length(settings, "ja")


def length(settings: Settings, lang: str) -> dict[str, Any]:
    """One text of each length through the whole pipeline, with the default pair budget."""
    lengths = settings.pick(LENGTHS, (100, 200, 400))
    nlp, texts = long_texts(lang, lengths)
    with nlp.select_pipes(enable=nlp.pipe_names[:1]):
        encoded = [nlp(text) for text in texts]
    measured: dict[str, Any] = {
        "seconds": alternate(settings.rounds, *(partial(nlp, text) for text in texts)),
        "head_seconds": alternate(settings.rounds, *(partial(annotate_all, nlp, doc) for doc in encoded)),
        "bytes": list(zip(*(call_in_process(peaks, lang, lengths) for _ in range(settings.rounds)))),
    }
    fitted = [i for i, n in enumerate(lengths) if n >= min(FITTED_FROM, lengths[-2])]
    note = f"exponent of a fit from {lengths[fitted[0]]:,} to {lengths[-1]:,} tokens"
    suffix, about = ("", {"dataset": CONLL04}) if lang == "en" else (f"_{lang}", {"dataset": "ja_cpu"})
    rows = [
        spread_row(f"{name}{suffix}", exponents(lengths, measured[what], fitted), f"{told}: {note}", **about)
        for what, (name, told) in EXPONENTS.items()
    ]
    points = []
    for i, n in enumerate(lengths):
        spreads = [spread(what, values[i]) for what, values in measured.items()]
        points.append({"tokens": n, **spreads[0], **spreads[1], **spreads[2], **counts(nlp, encoded[i])})
    return {"rows": rows, "series": {f"length{suffix}": points}}


def long_texts(lang: str, lengths: Sequence[int]) -> tuple[Language, list[str]]:
    """A trained pipeline, and a text of each number of tokens: "en", over MiniLM, or "ja", `ja_cpu`."""
    if lang == "en":
        nlp, docs = load(trained(CONLL04), OURS), read_docs(CONLL04, "test")
        texts = [long_text(docs, n) for n in lengths]
    else:
        nlp = spacy.load(make_pipeline("ja_cpu"))
        records = list(srsly.read_jsonl(corpus_of("ja_cpu")))
        sizes = [len(nlp.make_doc(record["text"])) for record in records]
        texts = [japanese_text([record["text"] for record in records], sizes, n) for n in lengths]
    nlp.max_length = max(map(len, texts)) + 1
    return nlp, texts


def japanese_text(texts: Sequence[str], sizes: Sequence[int], tokens: int) -> str:
    """Whole texts one after the other, repeated if they do not suffice, with at least a number of tokens."""
    chosen: list[str] = []
    for text, size in cycle(zip(texts, sizes)):
        if tokens <= 0:
            return "".join(chosen)
        chosen.append(text)
        tokens -= size
    raise ValueError("There are no texts.")


def annotate_all(nlp: Language, doc: Doc) -> None:
    for name in ("spert_mt", "mre_textcat"):
        annotate(nlp.get_pipe(name), [doc])


def peaks(lang: str, lengths: Sequence[int]) -> list[int]:
    """Bytes beyond the loaded pipeline for each length."""
    nlp, texts = long_texts(lang, lengths)
    nlp(texts[0])
    return [extra_memory(partial(nlp, text)) for text in texts]


def counts(nlp: Language, doc: Doc) -> dict[str, int]:
    """What is found in a text, and how many pairs are beyond the budget."""
    pipe: Any = nlp.get_pipe("spert_mt")
    pipe.left_out.clear()
    annotate(pipe, [doc])
    found = {"entities": len(doc.spans["entities"]), "relations": len(doc._.relations)}
    return {**found, "pairs_left_out": int(pipe.left_out["pairs beyond the budget"])}


def exponents(sizes: Sequence[int], values: Sequence[Sequence[float]], fitted: Sequence[int]) -> list[float]:
    """The slope of log(value) over log(size) in each round; values are sizes x rounds; some sizes are fitted."""
    chosen = numpy.log([sizes[i] for i in fitted])
    rounds = range(len(values[0]))
    return [float(numpy.polyfit(chosen, numpy.log([values[i][r] for i in fitted]), 1)[0]) for r in rounds]


def spread(name: str, values: Sequence[float]) -> dict[str, float]:
    return {name: float(numpy.median(values)), f"{name}_min": min(values), f"{name}_max": max(values)}


@measures("multi_ner_exact", "multi_ner_late")
def entity_types(settings: Settings) -> dict[str, Any]:
    """`multi_ner`, exact and late, against the entities of `spert_mt`, untrained, on the same encoder and texts."""
    numbers = settings.pick(TYPES, (2, 4))
    pipelines = {(name, n): make_entity_pipeline(name, n) for n in numbers for name in ("spert_mt", "bert_mrc", "late")}
    texts = [doc.text for doc in read_docs(CONLL04, "test", settings.pick(64, 4))]
    words = sum(len(doc) for doc in spacy.blank("en").pipe(texts))
    calls = [partial(lambda nlp: list(nlp.pipe(texts, batch_size=64)), nlp) for nlp in pipelines.values()]
    times = dict(zip(pipelines, alternate(settings.rounds, *calls)))
    rows, most = [], numbers[-1]
    for name, variant in (("multi_ner_exact", "bert_mrc"), ("multi_ner_late", "late")):
        note = f"{most} entity types: multi_ner, {name.split('_')[-1]} / spert_mt, entities"
        rows.append(ratio_row(name, times[variant, most], times["spert_mt", most], note=note, dataset=CONLL04))
    points = []
    for n in numbers:
        spert, exact, late = (numpy.array(times[name, n]) for name in ("spert_mt", "bert_mrc", "late"))
        values = {"spert_mt": spert, "exact": exact, "late": late}
        values.update({"exact_ratio": exact / spert, "late_ratio": late / spert, "exact_late_ratio": exact / late})
        medians = {name: float(numpy.median(value)) for name, value in values.items()}
        points.append({"types": n, "words": words, **medians})
    return {"rows": rows, "series": {"types": points}}


def make_entity_pipeline(variant: str, types: int) -> Language:
    """An untrained variant of the suite multi_ner for a number of the types of SNIPS."""
    grid = Grid.load()
    config = grid.config(next(grid.cells("multi_ner", datasets=[CONLL04], variants=[variant])))
    questions = dict(list(read_questions("snips").items())[:types])
    if variant != "spert_mt":
        config["components"]["multi_ner"]["questions"] = questions
        if "transformer" in config["components"]["multi_ner"]["model"]["interaction"]:
            config["components"]["multi_ner"]["model"]["interaction"]["transformer"]["mixed_precision"] = False
    nlp = spacy.util.load_model_from_config(config.interpolate(), auto_fill=True)
    gold = Doc(nlp.vocab, words=["a"] * types)
    set_entities(gold, [(i, i + 1, label, 1.0) for i, label in enumerate(questions)])
    nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=["a"] * types), gold)])
    return nlp
