"""What the training data says about each text label, and what of it cannot be learned."""

from collections import Counter
from collections.abc import Iterator, Mapping

from ...annotations.text_labels import holding_cats
from ...errors import Warnings


class Survey:
    """Counts over the documents of a corpus.

    multi_label (bool): Any number of labels may hold. Otherwise the label that holds makes all others negative, and
        values may be shares, of which each above 0 is learned.
    documents (int): Documents with gold.
    positives (Counter): For each label, the documents for which it holds, or has a share.
    negatives (Counter): For each label, the documents that say that it does not hold.
    """

    def __init__(self, multi_label: bool) -> None:
        self.multi_label = multi_label
        self.documents = 0
        self.positives: Counter[str] = Counter()
        self.negatives: Counter[str] = Counter()

    @property
    def labels(self) -> list[str]:
        """RETURNS (list[str]): All labels, sorted."""
        return sorted({*self.positives, *self.negatives})

    def add(self, cats: Mapping[str, float]) -> None:
        """Count one document.

        cats (Mapping[str, float]): Its gold.
        """
        self.documents += bool(cats)
        holding = holding_cats(cats) if self.multi_label else {label for label, value in cats.items() if value > 0}
        self.positives.update(holding)
        self.negatives.update(cats.keys() - holding)

    def problems(self, name: str) -> Iterator[str]:
        """Describe the labels that training cannot teach.

        name (str): The name of the component.
        YIELDS (str): Warnings.
        """
        never = [label for label in self.labels if not self.positives[label]]
        if never:
            yield Warnings.W821.format(name=name, count=self.documents, labels=", ".join(never))
        always = [label for label in self.labels if not self.negatives[label]]
        if always and self.multi_label:
            yield Warnings.W822.format(name=name, count=self.documents, labels=", ".join(always))
