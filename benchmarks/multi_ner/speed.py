"""What a question costs: `python -m benchmarks.multi_ner.speed` times the prediction of Multi-NER, exact and late, against spert_mt.

Texts (the test part of CoNLL04) and encoder are the same; the number of types grows. The heads are fresh, and what they find costs next to nothing; labels
and questions are those of SNIPS, as many as wanted. The variants are measured in turn, several rounds; the median counts.
"""

import time
import warnings
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import srsly
import typer

from spacy_mre.evaluation.runs import get_versions

from .grid import MINILM, exact_interaction, late_interaction

RESULTS = Path("benchmarks/results/multi_ner_speed.json")
CORPUS = Path("corpus/conll04/test.spacy")
TYPES = [4, 8, 16, 39]


def main(
    texts: Annotated[int, typer.Option(help="How many texts.")] = 64,
    rounds: Annotated[int, typer.Option(help="How often each is measured.")] = 5,
    types: Annotated[list[int], typer.Option(help="Numbers of types; may be repeated.")] = TYPES,
    threads: Annotated[int, typer.Option(help="Threads of torch.")] = 2,
    corpus: Annotated[Path, typer.Option(help="The texts.", exists=True)] = CORPUS,
    output: Annotated[Path, typer.Option(help="The file to write.")] = RESULTS,
) -> None:
    import torch

    torch.set_num_threads(threads)
    seconds: dict[Any, list[float]] = {}
    pipelines = {
        (variant, number): make_pipeline(variant, number)
        for number in types
        for variant in ("spert_mt", "exact", "late")
    }
    docs = read_docs(corpus, texts)
    words = sum(len(doc) for doc in docs)
    for number in range(rounds + 1):
        for key, nlp in pipelines.items():
            copies = [nlp.make_doc(doc.text) for doc in docs]
            start = time.perf_counter()
            for _ in nlp.pipe(copies, batch_size=64):
                pass
            if number:  # the first round warms up
                seconds.setdefault(key, []).append(time.perf_counter() - start)
    rows = []
    for (variant, number), taken in seconds.items():
        beside = median(one / other for one, other in zip(taken, seconds["spert_mt", number]))
        over_late = median(one / other for one, other in zip(taken, seconds["late", number]))
        row = {
            "dataset": "conll04",
            "variant": variant,
            "seed": 0,
            "split": "test",
            "types": number,
            "words": words,
            "threads": threads,
        }
        scores = dict.fromkeys(["spans_f", "ents_f", "rel_f", "rel_strict_f", "cats_macro_f"])
        rows.append(
            {
                **row,
                **scores,
                "seconds": median(taken),
                "words_per_second": round(words / median(taken)),
                "times_spert_mt": beside,
                "times_late": over_late,
            }
        )
        typer.echo(
            f"{variant:10} {number:3} types {words / median(taken):8.0f} words/s   x {beside:.2f} of spert_mt   x {over_late:.2f} of late"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_json(
        output, {"command": "python -m benchmarks.multi_ner.speed", "versions": get_versions(), "rows": rows}
    )


def make_pipeline(variant: str, types: int) -> Any:
    """A pipeline with fresh heads for so many types on MiniLM."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    from spacy_mre.annotations.entities import set_entities
    from spacy_mre.pipeline.multi_ner.questions import read_questions

    spacy.util.fix_random_seed(0)
    questions = dict(list(read_questions("snips").items())[:types])
    nlp = spacy.blank("en")
    if variant == "spert_mt":
        nlp.add_pipe("transformer", config={"model": MINILM, "max_batch_items": 4096})
        model = {
            "@architectures": "spacy_mre.SpertMT.v1",
            "encoder": {"@architectures": "spacy_mre.TransformerEncoder.v1"},
        }
        nlp.add_pipe("spert_mt", config={"model": model})
        nlp.add_pipe("doc_cleaner")
    else:
        interaction = exact_interaction(MINILM) if variant == "exact" else late_interaction(MINILM)
        model = {"@architectures": "spacy_mre.MultiNER.v1", "interaction": interaction}
        nlp.add_pipe("multi_ner", config={"model": model, "questions": questions})
    gold = Doc(nlp.vocab, words=["a"] * types)
    set_entities(gold, [(i, i + 1, label, 1.0) for i, label in enumerate(questions)])
    example = Example(Doc(nlp.vocab, words=["a"] * types), gold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nlp.initialize(lambda: [example])
    return nlp


def read_docs(corpus: Path, number: int) -> list[Any]:
    import spacy

    from spacy_mre.annotations.storage import load_docs

    return list(load_docs(corpus, spacy.blank("en").vocab))[:number]


if __name__ == "__main__":
    typer.run(main)
