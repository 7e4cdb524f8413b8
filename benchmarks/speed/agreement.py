"""Whatever the batches and processes, the same is found; and what quantisation costs in accuracy."""

from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre.evaluation.scorers import score_joint

from .measuring import Settings, measures, spread_row
from .pipelines import CONLL04, INT8, OURS, load, read_docs, read_texts

# Scores may differ by that much, and so what lies as near to a threshold may be found or not.
TOLERANCE = 1e-4
PARTS = ("dev", "test")
SCORES = {"entities": "spans_entities_f", "relations": "rel_strict_f"}

Found = dict[tuple, float]


@measures("same_one_by_one", "same_sorted", "same_two_processes")
def batches(settings: Settings) -> dict[str, Any]:
    """Spans, labels and scores in batches of 64 in the order of the file, and otherwise."""
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    nlp = load(settings.model, OURS)
    pipe = nlp.get_pipe("spert_mt")
    thresholds = pipe.cfg["entity_threshold"], pipe.cfg["relation_threshold"]
    expected = found_in(nlp, texts, batch_size=64)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    in_order = dict(zip(by_length, found_in(nlp, [texts[i] for i in by_length], batch_size=64)))
    others = {
        "same_one_by_one": (found_in(nlp, texts, batch_size=1), "one text at a time"),
        "same_sorted": ([in_order[i] for i in range(len(texts))], "sorted by length"),
        "same_two_processes": (found_in(nlp, texts, batch_size=64, n_process=2), "n_process = 2"),
    }
    rows = []
    for name, (other, about) in others.items():
        same = [agree(one, two, thresholds) for one, two in zip(expected, other)]
        row = spread_row(
            name,
            [sum(same) / len(same)],
            f"share of texts in which the same is found: {about} / batches of 64",
            dataset=CONLL04,
        )
        rows.append({**row, "texts": len(same)})
    return {"rows": rows}


def found_in(nlp: Language, texts: list[str], **how: int) -> list[tuple[Found, Found, Found]]:
    return [found_on(doc) for doc in nlp.pipe(texts, **how)]


def found_on(doc: Doc) -> tuple[Found, Found, Found]:
    """Entities, relations and categories of a Doc, with their scores."""
    group = doc.spans["entities"]
    entities = {(span.start, span.end, span.label_): score for span, score in zip(group, group.attrs["scores"])}
    relations = {(*item["head"], item["label"], *item["tail"]): item["score"] for item in doc._.relations}
    return entities, relations, {(label,): score for label, score in doc.cats.items()}


def agree(one: tuple[Found, ...], two: tuple[Found, ...], thresholds: tuple[float, ...]) -> bool:
    """Whether the same was found, with scores that differ by no more than the tolerance."""
    for found, other, threshold in zip(one, two, (*thresholds, 0.0)):
        for key in found.keys() | other.keys():
            if abs(found.get(key, threshold) - other.get(key, threshold)) > TOLERANCE:
                return False
    return True


@measures(
    "accuracy_int8_dev_entities",
    "accuracy_int8_dev_relations",
    "accuracy_int8_test_entities",
    "accuracy_int8_test_relations",
)
def quantised(settings: Settings) -> dict[str, Any]:
    """F1 on gold tokens of the pipeline as it was trained, in int8 and in fp32."""
    rows = []
    for part in PARTS:
        docs = read_docs(CONLL04, part, settings.pick(0, 32))
        int8, fp32 = (f_scores(load(settings.model, OURS, **how), docs) for how in (INT8, {}))
        for what, score in SCORES.items():
            note = f"F1 of {what}{', strict' if what == 'relations' else ''}, {part} part: int8 / fp32"
            row = spread_row(
                f"accuracy_int8_{part}_{what}",
                [int8[score] / fp32[score] if fp32[score] else 1.0],
                note,
                dataset=CONLL04,
            )
            rows.append({**row, "a_f1": int8[score], "b_f1": fp32[score]})
    return {"rows": rows}


def f_scores(nlp: Language, docs: list[Doc]) -> dict[str, float]:
    bare = [
        Doc(nlp.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
        for doc in docs
    ]
    return score_joint([Example(predicted, gold) for predicted, gold in zip(nlp.pipe(bare), docs)])
