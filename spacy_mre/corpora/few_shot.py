"""Sampling of few-shot training sets: the same number of documents for every text label, drawn by a seed."""

from collections.abc import Sequence
from random import Random

from spacy.tokens import Doc

from ..annotations.text_labels import highest_cat
from .report import Report


def few_shot(docs: Sequence[Doc], per_label: int, *, seed: int = 0, report: Report | None = None) -> list[Doc]:
    """Draw the same number of documents for every text label. With one seed, smaller samples are parts of larger ones.

    docs (Sequence[Doc]): The documents. The label of each is the one with the highest value in `doc.cats`.
    per_label (int): The number of documents per label.
    seed (int): The seed. Labels are sampled independently, so adding a label does not change the sample of the others.
    report (Report | None): Counts documents without a label, and labels with fewer documents than requested.
    RETURNS (list[Doc]): The sample, in the order of `docs`.

    >>> import spacy
    >>> docs = list(spacy.blank("en").pipe(["one", "two", "three"]))
    >>> for doc, label in zip(docs, ["news", "news", "diary"]):
    ...     doc.cats = {label: 1.0}
    >>> len(few_shot(docs, per_label=1))
    2
    """
    report = report if report is not None else Report()
    by_label: dict[str, list[int]] = {}
    for i, doc in enumerate(docs):
        best = highest_cat(doc.cats)
        if best is not None:
            by_label.setdefault(best, []).append(i)
        else:
            report.lose("document without a text label", f"document {doc.user_data.get('id', i + 1)}", doc.text)
    drawn: list[int] = []
    for label, members in sorted(by_label.items()):
        order = list(members)
        Random(f"{seed} {label}").shuffle(order)
        drawn += order[:per_label]
        if len(members) < per_label:
            report.lose("text label with fewer documents than requested", label, f"{len(members)} of {per_label}")
    report.keep("text labels", len(by_label))
    report.keep("documents", len(drawn))
    return [docs[i] for i in sorted(drawn)]
