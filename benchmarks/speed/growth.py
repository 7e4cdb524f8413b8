"""How time and memory grow with the text, the width limit, the entities and the labels."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy
import torch

from spacy_mre.pipeline.spert_mt.decoding import find
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads

from .heads import TEXTS, TOKENS, annotate, make_heads, random_batch, realistic_request
from .measuring import Settings, alternate, call_in_process, extra_memory, measures, ratio_row, spread_row
from .pipelines import CONLL04, OURS, exact_docs, found_spans, load, long_text, nth_best, read_docs

LENGTHS = (100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
# From here on growth is fitted: on less, what a call costs anyway hides it.
FITTED_FROM = 1_000
WIDTHS = (5, 10, 15, 20, 25, 30)
ENTITIES = (2, 5, 10, 20, 50, 100, 200)
LABELS = (5, 10, 20, 50, 100, 200)


@measures("growth_exponent_time", "growth_exponent_time_heads", "growth_exponent_memory")
def length(settings: Settings) -> dict[str, Any]:
    """One text of so many tokens through the whole pipeline, with the default pair budget."""
    lengths = settings.pick(LENGTHS, (100, 200, 400))
    nlp, docs = load(settings.model, OURS), read_docs(CONLL04, "test")
    texts = [long_text(docs, n) for n in lengths]
    seconds = alternate(settings.rounds, *(partial(nlp, text) for text in texts))
    with nlp.select_pipes(enable=["transformer"]):
        encoded = [nlp(text) for text in texts]
    head_seconds = alternate(settings.rounds, *(partial(annotate_all, nlp, doc) for doc in encoded))
    memory = list(zip(*(call_in_process(peaks, settings.model, lengths) for _ in range(settings.rounds))))
    fitted = [i for i, n in enumerate(lengths) if n >= min(FITTED_FROM, lengths[-2])]
    note = f"exponent of a fit from {lengths[fitted[0]]:,} to {lengths[-1]:,} tokens"
    rows = [
        spread_row(name, exponents(lengths, values, fitted), f"{what}: {note}", dataset=CONLL04)
        for name, values, what in (
            ("growth_exponent_time", seconds, "time of the whole pipeline"),
            ("growth_exponent_time_heads", head_seconds, "time behind the encoder"),
            ("growth_exponent_memory", memory, "peak memory of the whole pipeline beyond the loaded one"),
        )
    ]
    points = [
        {
            "tokens": n,
            **spread("seconds", seconds[i]),
            **spread("head_seconds", head_seconds[i]),
            **spread("bytes", memory[i]),
            **counts(nlp, encoded[i]),
        }
        for i, n in enumerate(lengths)
    ]
    return {"rows": rows, "series": {"length": points}}


def annotate_all(nlp, doc) -> None:
    for name in ("spert_mt", "mre_textcat"):
        annotate(nlp.get_pipe(name), [doc])


def peaks(model: str, lengths: Sequence[int]) -> list[int]:
    """Bytes beyond the loaded pipeline, for each length."""
    nlp, docs = load(model, OURS), read_docs(CONLL04, "test")
    texts = [long_text(docs, n) for n in lengths]
    nlp(texts[0])
    return [extra_memory(partial(nlp, text)) for text in texts]


def counts(nlp, doc) -> dict[str, int]:
    """What was found in a text, and what the pair budget left out."""
    pipe = nlp.get_pipe("spert_mt")
    pipe.left_out.clear()
    annotate(pipe, [doc])
    return {
        "entities": len(doc.spans["entities"]),
        "relations": len(doc._.relations),
        "pairs_left_out": int(pipe.left_out["pairs beyond the budget"]),
    }


def exponents(sizes: Sequence[int], values: Sequence[Sequence[float]], fitted: Sequence[int]) -> list[float]:
    """The slope of log(value) over log(size), for each round.

    sizes (Sequence[int]): The sizes.
    values (Sequence[Sequence[float]]): Sizes x rounds.
    fitted (Sequence[int]): The places of the sizes that count.
    """
    chosen = numpy.log([sizes[i] for i in fitted])
    return [
        float(numpy.polyfit(chosen, numpy.log([values[i][r] for i in fitted]), 1)[0]) for r in range(len(values[0]))
    ]


@measures("growth_width")
def width(settings: Settings) -> dict[str, Any]:
    widths = settings.pick(WIDTHS, (5, 10))
    return heads_growth("width", widths, lambda limit: make_heads(max_width=limit), settings)


@measures("growth_labels")
def labels(settings: Settings) -> dict[str, Any]:
    numbers = settings.pick(LABELS, (5, 10))
    return heads_growth("labels", numbers, lambda number: make_heads(number, number), settings)


def heads_growth(
    what: str, sizes: Sequence[int], make: Callable[[int], SpertMTHeads], settings: Settings
) -> dict[str, Any]:
    """Heads and decoding on the same vectors, which find as many entities at every size."""
    shape = settings.pick((TEXTS, TOKENS), (4, 32))
    encoded = random_batch(*shape)

    def ready(size: int) -> Callable[[], Any]:
        heads = make(size)
        return torch.no_grad()(partial(find, heads, encoded, realistic_request(heads, encoded)))

    times = alternate(settings.rounds, *map(ready, sizes))
    note = f"heads and decoding, {shape[0]} texts x {shape[1]} tokens: {what} {sizes[-1]} / {sizes[0]}"
    return growth(what, sizes, times, note)


@measures("growth_entities")
def entities(settings: Settings) -> dict[str, Any]:
    """The component, encoder output given, at thresholds that so many entities per text reach."""
    numbers, shape = settings.pick((ENTITIES, (4, 1_000)), ((2, 5), (2, 100)))
    nlp = load(settings.model, OURS)
    docs = list(nlp.get_pipe("transformer").pipe(exact_docs(nlp, read_docs(CONLL04, "test"), *shape)))
    pipe = nlp.get_pipe("spert_mt")
    pipe.cfg["entity_threshold"] = 0.0
    scores = found_spans(nlp, docs)

    def at(threshold: float) -> None:
        pipe.cfg["entity_threshold"] = threshold
        annotate(pipe, docs)

    times = alternate(settings.rounds, *(partial(at, nth_best(scores, number * len(docs))) for number in numbers))
    note = f"spert_mt, {shape[0]} texts x {shape[1]} tokens: entities per text {numbers[-1]} / {numbers[0]}"
    return growth("entities", numbers, times, note)


def growth(what: str, sizes: Sequence[int], times: list[list[float]], note: str) -> dict[str, Any]:
    points = [{what: size, **spread("seconds", of_size)} for size, of_size in zip(sizes, times)]
    return {"rows": [ratio_row(f"growth_{what}", times[-1], times[0], note)], "series": {what: points}}


def spread(name: str, values: Sequence[float]) -> dict[str, float]:
    return {name: float(numpy.median(values)), f"{name}_min": min(values), f"{name}_max": max(values)}
