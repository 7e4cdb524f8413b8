"""Whatever is written and read again is the same, or the report has counted it: odd files in every format."""

import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import spacy
from hypothesis import HealthCheck, assume, given, settings

from benchmarks.formats import WRITTEN
from spacy_mre.corpora import READERS, Report, cat_labels, make_docs, make_records
from tests.robustness.effort import count, scale
from tests.robustness.strategies import READ_WITH, with_extras
from tests.robustness.test_round_trip import visible
from tests.robustness.wild_records import files

NLP = spacy.blank("xx")
EXAMPLES = scale(16)
# By what may differ: the reasons that count it.
COUNTED = {
    "id": r"^id that",
    "text": r"NUL|control character|line end|white space of a text",
    "entities": r"\bentity\b|^label that",
    "relations": r"\brelation\b|^label that",
    "text labels": "text label",
    "scores": "score",
    "metadata": "metadata",
    "group": "group",
    "entities annotated": r"(missing|empty) .*entit|\bentity\b|^label that",
    "relations annotated": r"(missing|empty) .*relation|\brelation\b|^label that",
    "text labels annotated": "text label",
    "tokens": "token",
}
# What the name of the file decides.
OTHER_FORMS = {
    "bioc_json": ("bioc", "out.json"),
    "table_tsv": ("table", "out.tsv"),
    "table_parquet": ("table", "out.parquet"),
}
# Formats whose tokens are read as they were written.
TOKENS = ("jsonl", "prodigy", "spacy", "table")
WITHOUT_BLANK_TEXTS = ("conllu",)  # these are lost, see tests/corpora/test_conllu.py
# What a reader counts of what its writer must write.
ALWAYS = {"pubtator": {"concept of a mention (its entry in a database)"}}
FALLBACK = re.compile(r".*-0*(\d+)-*\Z", re.DOTALL)


@pytest.mark.parametrize("format", with_extras([*WRITTEN, *OTHER_FORMS]))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(chosen=files)
def test_what_differs_is_counted(format, chosen):
    format, name = OTHER_FORMS.get(format, (format, "out"))
    if format in WITHOUT_BLANK_TEXTS:
        chosen = [record for record in chosen if visible(record.text)]
        assume(chosen)
    count(len(chosen))
    docs = list(make_docs(chosen, NLP))
    given_records = list(make_records(docs, scores=True))
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if format == "spacy":
            WRITTEN[format](docs, path)
        else:
            WRITTEN[format](docs, path, report=report)
        read = list(READERS[format](path, report=report, **READ_WITH.get(format, {})))
    read = in_order(given_records, read)
    back = list(make_records(make_docs(read, NLP, report=report), scores=True))
    for again, record in zip(back, read):
        # A Doc without tokens, or without labels, does not tell whether it is annotated.
        again.entities = None if record.entities is None else again.entities
        again.cats = record.cats if again.cats is None else again.cats
    found = differences(given_records, back)
    if format not in TOKENS:
        del found["tokens"]
    for what, number in found.items():
        counted = sum(n for reason, n in report.lost.items() if re.search(COUNTED[what], reason))
        assert number <= counted, (what, number, report.lost)
    if not +found:
        assert set(report.lost) <= ALWAYS.get(format, set())


def in_order(given_records, back):
    """The records that were read, as they were written. Folders are read in the order of their names."""
    assert len(back) == len(given_records)
    places = {}
    for record in back:
        same = (i for i, other in enumerate(given_records) if other.id == record.id and i not in places)
        place = next(same, None)
        if place is None:
            # Its name has got its number.
            place = int(FALLBACK.match(record.id)[1]) - 1
        assert place not in places
        places[place] = record
    return [places[i] for i in range(len(given_records))]


def differences(given_records, back):
    """How many records, or annotations, differ in what. Nothing may be there that was not."""
    found = Counter()
    for old, new in zip(given_records, back, strict=True):
        same_text = old.text == new.text
        assert visible(old.text) == visible(new.text)
        found["id"] += old.id != new.id
        found["text"] += not same_text
        found["group"] += old.group != new.group
        found["metadata"] += old.meta != new.meta
        found["tokens"] += same_text and old.tokens != new.tokens
        found["text labels"] += held(old) != held(new)
        found["text labels annotated"] += (old.cats is None) != (new.cats is None)
        for layer in ("entities", "relations"):
            of_old, of_new = (LAYERS[layer](record, exact=same_text) for record in (old, new))
            assert of_new.keys() <= of_old.keys()
            found[layer] += len(of_old.keys() - of_new.keys())
            found["scores"] += sum(of_old[key] != score for key, score in of_new.items())
            found[f"{layer} annotated"] += (getattr(old, layer) is None) != (getattr(new, layer) is None)
    # The names of labels that hold for no text are annotations too.
    found["text labels"] += not found["text labels"] and cat_labels(given_records) != cat_labels(back)
    return found


def held(record):
    return {label: value for label, value in (record.cats or {}).items() if value}


def place_of(record, entity, exact):
    """Where an entity is: its offsets, or in a text with other white space, the characters before it and its own."""
    if exact:
        return entity.start, entity.end, entity.label
    return len(visible(record.text[: entity.start])), visible(record.text[entity.start : entity.end]), entity.label


def entities_of(record, *, exact):
    return {place_of(record, entity, exact): entity.score for entity in record.entities or ()}


def relations_of(record, *, exact):
    entities = record.entities or ()
    return {
        (place_of(record, entities[r.head], exact), place_of(record, entities[r.tail], exact), r.label): r.score
        for r in record.relations or ()
    }


LAYERS = {"entities": entities_of, "relations": relations_of}
