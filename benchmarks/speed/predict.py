"""Prediction: whole pipelines against the bare Hugging Face encoder, which gets its wordpieces for nothing."""

from collections.abc import Callable
from functools import partial
from typing import Any

from spacy.language import Language

from .measuring import Settings, alternate, gpu_id, measures, ratio_row
from .pipelines import CONLL04, CROSSRE_JA, INT8, OURS, STOCK, BareEncoder, load, read_docs, read_texts, trained

SHORT_TEXT = 20


@measures("predict_vs_hf_encoder")
def english(settings: Settings) -> dict[str, Any]:
    return whole_pipeline("predict_vs_hf_encoder", CONLL04, settings.model, settings)


@measures("predict_vs_hf_encoder_ja")
def japanese(settings: Settings) -> dict[str, Any]:
    return whole_pipeline("predict_vs_hf_encoder_ja", CROSSRE_JA, trained(CROSSRE_JA), settings, every=4)


def whole_pipeline(name: str, data: str, path: str, settings: Settings, every: int = 1) -> dict[str, Any]:
    """Texts to Docs with entities, relations and cats, against the encoder's forward alone."""
    texts = read_texts(data, "test", settings.pick(0, 32))[::every]
    nlp, bare = load(path, OURS, precision=settings.precision), BareEncoder(path, settings.precision)
    batches = bare.batches(texts)
    times = alternate(settings.rounds, lambda: list(nlp.pipe(texts)), lambda: bare.run(batches))
    note = "whole joint pipeline / bare encoder on length-sorted batches of 32, wordpieces given"
    return {"rows": [ratio_row(name, *times, note, dataset=data, texts=len(texts))]}


@measures("predict_vs_transformer_pipe")
def stock_transformer(settings: Settings) -> dict[str, Any]:
    """The rest of the pipeline behind the component of spacy-transformers."""
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    nlp = load(settings.model, STOCK)
    alone = transformer_alone(nlp)
    times = alternate(settings.rounds, lambda: list(nlp.pipe(texts)), lambda: alone(texts))
    note = "whole joint pipeline with the stock transformer component / that component alone"
    return {"rows": [ratio_row("predict_vs_transformer_pipe", *times, note, dataset=CONLL04)]}


def transformer_alone(nlp: Language) -> Callable[[list[str]], None]:
    """Tokenizer and transformer component of a pipeline, with its own batch size."""
    pipe = nlp.get_pipe("transformer")

    def run(texts: list[str]) -> None:
        for _ in pipe.pipe(map(nlp.make_doc, texts), batch_size=nlp.batch_size):
            pass

    return run


@measures("int8_speedup")
def int8(settings: Settings) -> dict[str, Any]:
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    full, quantised = load(settings.model, OURS), load(settings.model, OURS, **INT8)
    times = alternate(settings.rounds, lambda: list(full.pipe(texts)), lambda: list(quantised.pipe(texts)))
    note = "whole joint pipeline in fp32 / in int8"
    return {"rows": [ratio_row("int8_speedup", *times, note, dataset=CONLL04)]}


@measures("single_text_vs_hf_encoder", "single_text_onnx_vs_hf_encoder", "single_text_int8_vs_hf_encoder")
def single_text(settings: Settings) -> dict[str, Any]:
    """One short text alone; some of similar length in turn, as one would be a matter of luck."""
    docs = sorted(read_docs(CONLL04, "test"), key=lambda doc: abs(len(doc) - SHORT_TEXT))
    texts = [doc.text for doc in docs[: settings.pick(50, 5)]]
    bare = BareEncoder(settings.model, settings.precision)
    engines = {"": {"precision": settings.precision}}
    if gpu_id() < 0:
        engines.update({"_onnx": {"engine": "onnx"}, "_int8": INT8})

    def pipeline(nlp: Language) -> None:
        for text in texts:
            nlp(text)

    def encoder() -> None:
        for text in texts:
            bare.run([bare.tokenise([text])])

    calls = [partial(pipeline, load(settings.model, OURS, **how)) for how in engines.values()]
    *of_engines, alone = alternate(
        settings.pick(5, 1) * settings.rounds, *calls, encoder
    )  # short, and easily disturbed
    rows = []
    for name, how, times in zip(engines, engines.values(), of_engines):
        told = ", ".join(f"{setting} = {value}" for setting, value in how.items())
        note = f"nlp(text), about {SHORT_TEXT} tokens, {told} / wordpieces and bare encoder of it"
        rows.append(
            ratio_row(f"single_text{name}_vs_hf_encoder", times, alone, note, dataset=CONLL04, texts=len(texts))
        )
    return {"rows": rows}


@measures(
    "predict_sorted_vs_hf_encoder",
    "predict_one_by_one_vs_hf_encoder",
    "transformer_pipe_vs_hf_encoder",
    "transformer_pipe_sorted_vs_hf_encoder",
    "hf_encoder_unsorted_vs_sorted",
    "hf_encoder_one_by_one_vs_sorted",
)
def context(settings: Settings) -> dict[str, Any]:
    """What order and batch size alone cost, ours, stock and bare."""
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    nlp, stock, bare = load(settings.model, OURS), load(settings.model, STOCK), BareEncoder(settings.model)
    alone, by_length = transformer_alone(stock), sorted(texts, key=len)
    batches, unsorted, single = (bare.batches(texts, *how) for how in ((32, True), (32, False), (1, False)))
    calls = {
        "predict_sorted_vs_hf_encoder": (
            lambda: list(nlp.pipe(by_length)),
            "whole joint pipeline, texts sorted by length",
        ),
        "predict_one_by_one_vs_hf_encoder": (
            lambda: [nlp(text) for text in texts],
            "whole joint pipeline, one text at a time",
        ),
        "transformer_pipe_vs_hf_encoder": (lambda: alone(texts), "stock transformer component alone"),
        "transformer_pipe_sorted_vs_hf_encoder": (lambda: alone(by_length), "the same, texts sorted by length"),
        "hf_encoder_unsorted_vs_sorted": (
            lambda: bare.run(unsorted),
            "bare encoder, batches of 32 in the order of the file",
        ),
        "hf_encoder_one_by_one_vs_sorted": (lambda: bare.run(single), "bare encoder, one text at a time"),
    }
    rows = []
    for name, (call, note) in calls.items():
        times = alternate(settings.rounds, call, lambda: bare.run(batches))
        rows.append(ratio_row(name, *times, f"{note} / bare encoder on length-sorted batches of 32", dataset=CONLL04))
    return {"rows": rows}
