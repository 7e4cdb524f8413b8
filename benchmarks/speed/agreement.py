"""Results do not depend on batches and processes; and what lower precision costs in accuracy."""

from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre.evaluation.scorers import score_joint

from .measuring import Settings, measures, spread_row
from .pipelines import CONLL04, LOWER, OURS, load, read_docs, read_texts, trained

# Scores may differ by that much, so what is that near to a threshold may be missing on one side.
TOLERANCE = 1e-4
PARTS = ("dev", "test")
SCORES = {"entities": "spans_entities_f", "relations": "rel_strict_f"}

Found = dict[tuple, float]


@measures("same_one_by_one", "same_sorted", "same_two_processes")
def batches(settings: Settings) -> dict[str, Any]:
    """Spans, labels and scores in batches of 64 in the order of the file, and otherwise."""
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    nlp = load(trained(CONLL04), OURS)
    pipe: Any = nlp.get_pipe("spert_mt")
    options = pipe.options()
    thresholds = (options.entity_threshold, options.relation_threshold)
    expected = find(nlp, texts, batch_size=64)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    sorted_found = dict(zip(by_length, find(nlp, [texts[i] for i in by_length], batch_size=64)))
    others = {
        "same_one_by_one": (find(nlp, texts, batch_size=1), "one text at a time"),
        "same_sorted": ([sorted_found[i] for i in range(len(texts))], "sorted by length"),
        "same_two_processes": (find(nlp, texts, batch_size=64, n_process=2), "n_process = 2"),
    }
    rows = []
    for name, (other, about) in others.items():
        same = [agree(one, two, thresholds) for one, two in zip(expected, other)]
        note = f"share of texts with the same results: {about} / batches of 64"
        rows.append(spread_row(name, [sum(same) / len(same)], note, dataset=CONLL04))
    return {"rows": rows}


def find(nlp: Language, texts: list[str], **how: Any) -> list[tuple[Found, Found, Found]]:
    """Entities, relations and text labels of each text, with their scores."""
    found = []
    for doc in nlp.pipe(texts, **how):
        group = doc.spans["entities"]
        entities = {(span.start, span.end, span.label_): score for span, score in zip(group, group.attrs["scores"])}
        relations = {(*item["head"], item["label"], *item["tail"]): item["score"] for item in doc._.relations}
        found.append((entities, relations, {(label,): score for label, score in doc.cats.items()}))
    return found


def agree(one: tuple[Found, ...], two: tuple[Found, ...], thresholds: tuple[float, ...]) -> bool:
    """RETURNS (bool): Whether both are the same, with scores that differ by no more than the tolerance."""
    for found, other, threshold in zip(one, two, (*thresholds, 0.0)):
        for key in found.keys() | other.keys():
            if abs(found.get(key, threshold) - other.get(key, threshold)) > TOLERANCE:
                return False
    return True


@measures(*(f"accuracy_{low}_{part}_{what}" for low in LOWER for part in PARTS for what in SCORES))
def lower_precision(settings: Settings) -> dict[str, Any]:
    """F1 on gold tokens in int8 and bf16, and in fp32."""
    rows = []
    for part in PARTS:
        docs = read_docs(CONLL04, part, settings.pick(0, 32))
        exact, *lowered = (f_scores(load(trained(CONLL04), OURS, **one), docs) for one in ({}, *LOWER.values()))
        for low, found in zip(LOWER, lowered):
            for what, score in SCORES.items():
                note = f"F1 of {what}{', strict' if what == 'relations' else ''}, {part} part: {low} / fp32"
                ratio = found[score] / exact[score] if exact[score] else 1.0
                row = spread_row(f"accuracy_{low}_{part}_{what}", [ratio], note, dataset=CONLL04)
                rows.append({**row, "a_f1": found[score], "b_f1": exact[score]})
    return {"rows": rows}


def f_scores(nlp: Language, docs: list[Doc]) -> dict[str, float]:
    bare = [Doc(nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]) for doc in docs]
    return score_joint([Example(predicted, gold) for predicted, gold in zip(nlp.pipe(bare), docs)])
