"""Components for tests, and a pipeline that needs no training. Processes that are started import this file, too."""

import os
import signal
import time

import spacy
from spacy.language import Language

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations

PATTERNS = {"person": ["Ida", "Tom", "Zoë"], "place": ["Lima", "Oslo"], "site": ["port of Oslo"]}
FAIL, DIE = "FAIL", "DIE"
# Settings of the components, by variables of the environment: a process that is started gets them, too.
SLEEP, CAN_DIE = "TEST_SLEEP", "TEST_CAN_DIE"


def make_pipeline(*components):
    """A pipeline that finds names, nested ones too, relates the first person and the first place, and scores texts."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "entities"})
    ruler.add_patterns([{"label": label, "pattern": text} for label in PATTERNS for text in PATTERNS[label]])
    for name in ("relate", *components):
        nlp.add_pipe(name)
    return nlp


@Language.component("relate")
def relate(doc):
    spans = [(span.start, span.end, span.label_, 0.75) for span in doc.spans["entities"]]
    doc.spans.pop("entities")
    entities = set_entities(doc, spans)
    people, places = ([entity for entity in entities if entity.label == label] for label in ("person", "place"))
    set_relations(
        doc,
        [
            make_relation(
                head.offsets, tail.offsets, "lives_in", head_label=head.label, tail_label=tail.label, score=0.5
            )
            for head, tail in zip(people[:1], places[:1])
        ],
    )
    doc.cats = {"long": float(len(doc) > 5), "short": 0.25}
    return doc


@Language.component("fail")
def fail(doc):
    """Fails on some texts."""
    if FAIL in doc.text:
        raise ValueError(f"cannot read {doc.text}")
    return doc


@Language.component("die")
def die(doc):
    """Kills its process on some texts, as a lack of memory does."""
    if DIE in doc.text and os.environ.get(CAN_DIE):
        os.kill(os.getpid(), signal.SIGKILL)
    return doc


@Language.component("sleep")
def sleep(doc):
    """Takes its time."""
    time.sleep(float(os.environ.get(SLEEP, "0")))
    return doc
