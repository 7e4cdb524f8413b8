"""Which documents are enough to learn from a few? The same number of every class, drawn by a seed."""

from collections.abc import Sequence
from random import Random

from spacy.tokens import Doc

from .report import Report


def few_shot(docs: Sequence[Doc], per_class: int, *, seed: int = 0, report: Report | None = None) -> list[Doc]:
    """Draw some documents of every class. What is drawn for a smaller number is also drawn, with the same seed, for a greater one.

    docs (Sequence[Doc]): The documents; the class of each is its best-scored category.
    per_class (int): How many of each class.
    seed (int): The seed. Classes are drawn independently, so that one more class changes nothing for the others.
    report (Optional[Report]): Counts what was kept and lost: documents without a class, and classes with fewer documents than asked for.
    RETURNS (List[Doc]): The drawn documents, in their order.
    """
    report = report if report is not None else Report()
    by_class: dict[str, list[int]] = {}
    for i, doc in enumerate(docs):
        if any(score > 0 for score in doc.cats.values()):
            by_class.setdefault(max(doc.cats, key=doc.cats.__getitem__), []).append(i)
        else:
            report.lose("document without a class", f"document {doc.user_data.get('id', i + 1)}", doc.text)
    drawn: list[int] = []
    for label, members in sorted(by_class.items()):
        order = list(members)
        Random(f"{seed} {label}").shuffle(order)
        drawn += order[:per_class]
        if len(members) < per_class:
            report.lose("class with fewer documents than asked for", label, f"{len(members)} of {per_class}")
    report.keep("classes", len(by_class))
    report.keep("documents", len(drawn))
    return [docs[i] for i in sorted(drawn)]
