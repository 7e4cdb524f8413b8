"""What the training data contains, and what of it the component cannot learn."""

from spacy.training import Example

from ...annotations.alignment import Losses, align_gold
from ...annotations.entities import is_partly_annotated
from ..spans.overlap import Nesting


class Survey:
    """Counts over the examples of a corpus.

    key (str): The span group of the entities.
    one_type_per_span (bool): Whether entities with the same offsets are predicted with one type only.
    """

    def __init__(self, key: str, one_type_per_span: bool):
        self.key = key
        self.one_type_per_span = one_type_per_span
        self.labels: set[str] = set()
        self.lost = Losses()
        self.entities = 0
        self.documents = 0
        self.partly_annotated = 0
        self.nesting = Nesting()

    def add(self, example: Example) -> None:
        """Count one example.

        example (Example): Gold on `example.reference`.
        """
        gold = align_gold(example, self.key)
        self.documents += 1
        self.partly_annotated += is_partly_annotated(example.reference, self.key)
        self.entities += len(gold.entities) + gold.lost.counts["entity off the token grid"]
        self.lost.update(gold.lost.of_entities())
        predictable, seen = [], set()
        for entity in gold.entities:
            text = example.predicted[entity.start : entity.end].text
            if not entity.label:
                self.lost.add_unseen("entity", entity.label, text)
                continue
            self.labels.add(entity.label)
            if self.one_type_per_span and entity.offsets in seen:
                self.lost.add("second type of a span", f"{text}: {entity.label}")
            else:
                predictable.append((entity.offsets, entity.label))
            seen.add(entity.offsets)
        self.nesting.add(predictable)
