"""Prediction: whole pipelines against the bare Hugging Face encoder, whose wordpieces are cut before."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from spacy.language import Language

from .measuring import Settings, alternate, measures, ratio_row
from .pipelines import CONLL04, CROSSRE_JA, LOWER, OURS, STOCK, BareEncoder, load, read_docs, read_texts, trained

SHORT_TEXT = 20
BARE = "bare encoder on length-sorted batches of 32"


def with_one_thread(name: str) -> tuple[str, str]:
    """The names of a row with the threads of the suite, and of the same with one thread."""
    return name, f"{name}_one_thread"


@measures(*with_one_thread("predict_vs_hf_encoder"))
def english(settings: Settings) -> dict[str, Any]:
    return of_trained("predict_vs_hf_encoder", CONLL04, settings)


@measures(*with_one_thread("predict_vs_hf_encoder_ja"))
def japanese(settings: Settings) -> dict[str, Any]:
    return of_trained("predict_vs_hf_encoder_ja", CROSSRE_JA, settings, every=4)


def of_trained(name: str, data: str, settings: Settings, every: int = 1) -> dict[str, Any]:
    nlp, bare = load(trained(data), OURS), BareEncoder(trained(data))
    texts = read_texts(data, "test", settings.pick(0, 32))[::every]
    return against_bare(name, nlp, bare, texts, settings.rounds, dataset=data)


def against_bare(
    name: str, nlp: Language, bare: BareEncoder, texts: list[str], rounds: int, **more: Any
) -> dict[str, Any]:
    """From texts to Docs with entities, relations and text labels, against the forward pass of the encoder alone. What
    is not torch runs on one thread in both rows."""
    batches, rows = bare.batches(texts), []
    for row, threads in zip(with_one_thread(name), (torch.get_num_threads(), 1)):
        torch.set_num_threads(threads)
        times = alternate(rounds, lambda: list(nlp.pipe(texts)), lambda: bare.run(batches))
        note = f"whole joint pipeline / {BARE}{', 1 thread' if row != name else ''}"
        rows.append(ratio_row(row, *times, note=note, **more))
    return {"rows": rows}


@measures("predict_vs_transformer_pipe", "transformer_pipe_vs_hf_encoder", "predict_one_by_one_vs_hf_encoder")
def stock_transformer(settings: Settings) -> dict[str, Any]:
    """What the component of spacy-transformers takes, and one text at a time."""
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    path = trained(CONLL04)
    nlp, stock, bare = load(path, OURS), load(path, STOCK), BareEncoder(path)
    batches, alone = bare.batches(texts), transformer_alone(stock)
    calls = {
        "predict_vs_transformer_pipe": (
            lambda: list(stock.pipe(texts)),
            lambda: alone(texts),
            "whole joint pipeline with the stock transformer component / that component alone",
        ),
        "transformer_pipe_vs_hf_encoder": (
            lambda: alone(texts),
            lambda: bare.run(batches),
            f"stock transformer component alone / {BARE}",
        ),
        "predict_one_by_one_vs_hf_encoder": (
            lambda: [nlp(text) for text in texts],
            lambda: bare.run(batches),
            f"whole joint pipeline, one text at a time / {BARE}",
        ),
    }
    rows = []
    for name, (a, b, note) in calls.items():
        rows.append(ratio_row(name, *alternate(settings.rounds, a, b), note=note, dataset=CONLL04))
    return {"rows": rows}


def transformer_alone(nlp: Language) -> Callable[[list[str]], None]:
    pipe: Any = nlp.get_pipe("transformer")

    def run(texts: list[str]) -> None:
        for _ in pipe.pipe(map(nlp.make_doc, texts), batch_size=nlp.batch_size):
            pass

    return run


@measures(*(f"{low}_speedup" for low in LOWER))
def lower_precision(settings: Settings) -> dict[str, Any]:
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    pipelines = [load(trained(CONLL04), OURS, **one) for one in ({}, *LOWER.values())]
    exact, *lowered = alternate(settings.rounds, *(lambda nlp=nlp: list(nlp.pipe(texts)) for nlp in pipelines))
    return {
        "rows": [
            ratio_row(f"{low}_speedup", exact, times, note=f"whole joint pipeline in fp32 / in {low}", dataset=CONLL04)
            for low, times in zip(LOWER, lowered)
        ]
    }


@measures("single_text_vs_hf_encoder", "single_text_onnx_vs_hf_encoder", "single_text_int8_vs_hf_encoder")
def single_text(settings: Settings) -> dict[str, Any]:
    """One short text alone; several of similar length in turn."""
    docs = sorted(read_docs(CONLL04, "test"), key=lambda doc: abs(len(doc) - SHORT_TEXT))
    texts = [doc.text for doc in docs[: settings.pick(50, 5)]]
    bare = BareEncoder(trained(CONLL04))
    engines: dict[str, dict[str, str]] = {
        "": {"precision": "fp32"},
        "_onnx": {"engine": "onnx"},
        "_int8": LOWER["int8"],
    }

    def pipeline(nlp: Language) -> None:
        for text in texts:
            nlp(text)

    def encoder() -> None:
        for text in texts:
            bare.run([bare.tokenize([text])])

    calls = [partial(pipeline, load(trained(CONLL04), OURS, **engine)) for engine in engines.values()]
    # Short calls are easily disturbed.
    *of_engines, alone = alternate(settings.pick(5, 1) * settings.rounds, *calls, encoder)
    rows = []
    for (name, engine), times in zip(engines.items(), of_engines):
        chosen = ", ".join(f"{setting} = {value}" for setting, value in engine.items())
        note = f"nlp(text), about {SHORT_TEXT} tokens, {chosen} / wordpieces and bare encoder"
        rows.append(ratio_row(f"single_text{name}_vs_hf_encoder", times, alone, note=note, dataset=CONLL04))
    return {"rows": rows}
