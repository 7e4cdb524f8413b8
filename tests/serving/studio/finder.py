"""A pipeline that finds the same in every run: names, who lives where, and what the text is about."""

import spacy
from spacy.language import Language

from spacy_mre.annotations.entities import EntitySpan, set_entities
from spacy_mre.annotations.relations import make_relation, set_relations

LABELS = {"Ida": "person", "Tom": "person", "Lima": "place", "Oslo": "place"}
TEXT = "Ida lives in Lima."
IDA = {"start": 0, "end": 3, "label": "person"}
LIMA = {"start": 13, "end": 17, "label": "place"}
FOUND = {
    "entities": [IDA, LIMA],
    "relations": [{"head": 0, "tail": 1, "label": "lives_in"}],
    "cats": {"people": 0.0, "travel": 1.0},
}


class Finder:
    """Finds the names of `LABELS`, and that the first person lives in the first place. In a text with "perhaps", it is
    unsure of the last name; a text with "fail" fails.
    """

    entity_labels = ("person", "place", "site")
    relation_labels = ("lives_in", "works_in")

    def __init__(self, missed):
        self.missed = missed

    def __call__(self, doc):
        if "fail" in doc.text:
            raise ValueError("this text fails")
        labels = {word: label for word, label in LABELS.items() if word not in self.missed}
        found = [(token.i, token.i + 1, labels[token.text]) for token in doc if token.text in labels]
        scores = [0.99] * len(found)
        if "perhaps" in doc.text and scores:
            scores[-1] = 0.55
        set_entities(doc, [EntitySpan(*one, score) for one, score in zip(found, scores)])
        people, places = ([one for one in found if one[2] == label] for label in ("person", "place"))
        relations = []
        if people and places:
            (*head, head_label), (*tail, tail_label) = people[0], places[0]
            made = make_relation(head, tail, "lives_in", head_label=head_label, tail_label=tail_label, score=0.9)
            relations = [made]
        set_relations(doc, relations)
        return doc


class Sorter:
    """Says "travel" of a text with a place, else "people"."""

    labels = ("people", "travel")

    def __init__(self, multi_label):
        self.multi_label = multi_label

    def __call__(self, doc):
        has_place = any(LABELS.get(token.text) == "place" for token in doc)
        doc.cats = {"people": 0.1, "travel": 0.9} if has_place else {"people": 0.9, "travel": 0.1}
        return doc


@Language.factory("studio_finder", default_config={"missed": []})
def make_finder(nlp, name, missed):
    return Finder(missed)


@Language.factory("studio_sorter", default_config={"multi_label": False}, assigns=["doc.cats"])
def make_sorter(nlp, name, multi_label):
    return Sorter(multi_label)


def save_finder(folder, name="finder", *, missed=(), multi_label=False):
    """RETURNS (str): The folder of a pipeline with a `Finder` and a `Sorter`."""
    nlp = spacy.blank("en", meta={"name": name, "version": "1.0.0"})
    nlp.add_pipe("studio_finder", config={"missed": list(missed)})
    nlp.add_pipe("studio_sorter", config={"multi_label": multi_label})
    nlp.to_disk(folder / name)
    return str(folder / name)
