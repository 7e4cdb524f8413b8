"""What is lost and shifted on the way through each format, and by two converters that are often written by hand."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import filter_spans

from spacy_mre.corpora import READERS, EntityRecord, Record, Report, make_docs, make_records
from tests.robustness.strategies import READ_WITH

from ..formats import WRITTEN
from .texts import language
from .tools import TOOLS, UNITS, utf16

CHARACTERS = "characters"
# The tokenizer of the texts of a language.
TOKENIZERS = {"ja": "ja", "zh": "zh", "mixed": "ja"}
# Formats of entities that do not overlap, without relations.
FLAT = ("conllu",)
# What only the file has, and its reader counts.
WRITERS_OWN = ("concept of a mention (its entry in a database)",)


@cache
def _blank(lang: str) -> Language:
    return spacy.blank(TOKENIZERS[lang])


def ways() -> list[tuple[str, str]]:
    """RETURNS (list[tuple[str, str]]): The formats, each with what the offsets of its files may count."""
    return [
        (format, unit) for format in WRITTEN for unit in (CHARACTERS, *(TOOLS[format][1] if format in TOOLS else ()))
    ]


def annotate(gold: Sequence[Record]) -> list[Doc]:
    """RETURNS (list[Doc]): The texts with the tokens of their languages. All annotations fit these."""
    return [doc for record in gold for doc in make_docs([record], _blank(language(record)), strict=True)]


def through_format(gold: Sequence[Record], docs: Sequence[Doc], format: str, unit: str = CHARACTERS) -> dict[str, Any]:
    """Write texts and read them again.

    gold (Sequence[Record]): The texts.
    docs (Sequence[Doc]): From `annotate`.
    format (str): The format.
    unit (str): What the offsets in the file count.
    RETURNS (dict[str, Any]): The counts of `compare`; "counted": what the report has as lost or changed.
    """
    if format in FLAT:
        gold = [_flat(record, doc) for record, doc in zip(gold, docs)]
        docs = annotate(gold)
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        WRITTEN[format](docs, path) if format == "spacy" else WRITTEN[format](docs, path, report=report)
        if unit != CHARACTERS:
            TOOLS[format][0](path, UNITS[unit])
        read = {record.id: record for record in READERS[format](path, report=report, **READ_WITH.get(format, {}))}
    back = {}
    for record in gold:
        if record.id in read:
            again = make_docs([read[record.id]], _blank(language(record)), report=report)
            back[record.id] = next(make_records(again))
    counted = sum(number for reason, number in report.lost.items() if reason not in WRITERS_OWN)
    return {"format": format, "offsets": unit, **compare(gold, back), "counted": counted}


def _flat(record: Record, doc: Doc) -> Record:
    """The text with the entities of `doc.ents` only."""
    kept = {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents}
    entities = [entity for entity in record.entities or () if (entity.start, entity.end, entity.label) in kept]
    return replace(record, entities=entities, relations=None)


def compare(gold: Sequence[Record], back: dict[str, Record]) -> dict[str, int]:
    """Compare texts with what was read.

    gold (Sequence[Record]): The texts.
    back (dict[str, Record]): What was read, by id.
    RETURNS (dict[str, int]): How many texts, entities and relations there were; "texts_changed"; "lost": entities that
        are not there, "shifted": those that are there with other characters, "added": those that were not there;
        "relations_lost"; "labels_lost": texts whose labels are others.
    """
    found: Counter[str] = Counter()
    for record in gold:
        again = back.get(record.id, Record(""))
        found["texts_changed"] += record.text != again.text
        exact = record.text == again.text
        of_gold, of_back = (_entities(which, exact) for which in (record, again))
        missing, more = of_gold - of_back, of_back - of_gold
        labels, others = Counter(key[-1] for key in missing.elements()), Counter(key[-1] for key in more.elements())
        shifted = (labels & others).total()
        found["entities"] += of_gold.total()
        found["shifted"] += shifted
        found["lost"] += missing.total() - shifted
        found["added"] += more.total() - shifted
        relations, relations_back = (_relations(which, exact) for which in (record, again))
        found["relations"] += relations.total()
        found["relations_lost"] += (relations - relations_back).total()
        found["labels_lost"] += _labels(record) != _labels(again)
    keys = ("entities", "lost", "shifted", "added", "relations", "relations_lost", "labels_lost", "texts_changed")
    return {"texts": len(gold), **{key: found[key] for key in keys}}


def _place(record: Record, entity: EntityRecord, exact: bool) -> tuple[Any, ...]:
    """Where an entity is. In a text whose white space has changed, this is left out."""
    if exact:
        return entity.start, entity.end, entity.label
    before, text = record.text[: entity.start], record.text[entity.start : entity.end]
    return len("".join(before.split())), "".join(text.split()), entity.label


def _entities(record: Record, exact: bool) -> Counter[tuple[Any, ...]]:
    return Counter(_place(record, entity, exact) for entity in record.entities or ())


def _relations(record: Record, exact: bool) -> Counter[tuple[Any, ...]]:
    places = [_place(record, entity, exact) for entity in record.entities or ()]
    return Counter((places[r.head], places[r.tail], r.label) for r in record.relations or ())


def _labels(record: Record) -> set[str]:
    return {label for label, value in (record.cats or {}).items() if value}


def by_char_span(gold: Sequence[Record], lang: str) -> dict[str, Any]:
    """Convert as is often done by hand: `doc.char_span`, and what is None is skipped; `doc.ents` cannot overlap.

    gold (Sequence[Record]): The texts.
    lang (str): Those of this language.
    RETURNS (dict[str, Any]): How many entities there were; "off_tokens": those that were skipped; "overlapping": those
        that `filter_spans` left out.
    """
    found: Counter[str] = Counter()
    for record in gold:
        if language(record) != lang:
            continue
        doc = _blank(lang)(record.text)
        given = [doc.char_span(entity.start, entity.end, label=entity.label) for entity in record.entities or ()]
        spans = [span for span in given if span is not None]
        doc.ents = filter_spans(spans)
        found["texts"] += 1
        found["entities"] += len(given)
        found["off_tokens"] += len(given) - len(spans)
        found["overlapping"] += len(spans) - len(doc.ents)
    return {"control": "char_span", "lang": lang, **found}


def by_utf16(gold: Sequence[Record], lang: str) -> dict[str, Any]:
    """Take offsets in UTF-16 for characters.

    gold (Sequence[Record]): The texts.
    lang (str): Those of this language.
    RETURNS (dict[str, Any]): How many entities there were; "shifted": those that have other characters.
    """
    found: Counter[str] = Counter()
    for record in gold:
        if language(record) != lang:
            continue
        offsets = utf16(record.text)
        found["texts"] += 1
        for entity in record.entities or ():
            found["entities"] += 1
            found["shifted"] += (offsets[entity.start], offsets[entity.end]) != (entity.start, entity.end)
    return {"control": "utf16", "lang": lang, **found}
