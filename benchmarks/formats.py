"""What each format keeps: `python -m benchmarks.formats`, which writes results/formats.json.

A text with one kind of annotation is written and read again, in every format that is written. What the other formats
have is seen in the samples of the robustness tests.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import spacy
import srsly
from spacy.tokens import Doc

from spacy_mre.annotations.storage import save_docs
from spacy_mre.corpora import READERS, WRITERS, EntityRecord, Record, RelationRecord, make_docs
from spacy_mre.files import replacing
from tests.robustness.strategies import FOLDERS, READ_WITH, SAMPLES

from .results import RESULTS, get_commit


class Feature(NamedTuple):
    """A kind of annotation.

    record (Record): A text that has it.
    seen (Callable[[Record], Any]): What a record has of it; empty if it has none.
    """

    record: Record
    seen: Callable[[Record], Any]


def _entities(record: Record) -> set[tuple[int, int, str]]:
    return {(entity.start, entity.end, entity.label) for entity in record.entities or ()}


def _nested(record: Record) -> set[tuple[int, int, str]]:
    pairs = permutations(record.entities or (), 2)
    found = any(inner.start >= outer.start and inner.end <= outer.end for inner, outer in pairs)
    return _entities(record) if found else set()


def _relations(record: Record) -> set[tuple[int, int, str]]:
    starts = [entity.start for entity in record.entities or ()]
    return {(starts[relation.head], starts[relation.tail], relation.label) for relation in record.relations or ()}


def _scores(record: Record) -> list[float]:
    return [entity.score for entity in record.entities or () if entity.score != 1.0]


def _words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


PLAIN = Record("Ada Fox met Bo in Lima.", id="a")
PERSONS = [EntityRecord(0, 7, "person"), EntityRecord(12, 14, "person")]
FEATURES = {
    "entities": Feature(replace(PLAIN, entities=PERSONS), _entities),
    "nested": Feature(replace(PLAIN, entities=[*PERSONS, EntityRecord(0, 3, "given")]), _nested),
    "relations": Feature(replace(PLAIN, entities=PERSONS, relations=[RelationRecord(0, 1, "met")]), _relations),
    "text labels": Feature(replace(PLAIN, cats={"diary": 1.0}), lambda record: record.cats),
    "scores": Feature(replace(PLAIN, entities=[replace(PERSONS[0], score=0.5), PERSONS[1]]), _scores),
    "metadata": Feature(replace(PLAIN, meta={"by": "Ida"}), lambda record: record.meta),
    # Words with their punctuation, which no tokenizer gives.
    "tokens": Feature(replace(PLAIN, tokens=_words(PLAIN.text)), lambda record: record.tokens),
    "groups": Feature(replace(PLAIN, group="g"), lambda record: record.group),
}
# By layer: texts that are annotated, annotated as having none, and not annotated, beside those of another layer.
STATES: dict[str, list[Record]] = {
    "entities": [
        replace(PLAIN, entities=PERSONS, cats={"diary": 1.0}),
        replace(PLAIN, entities=[], cats={"diary": 1.0}),
        replace(PLAIN, cats={"diary": 1.0}),
    ],
    "relations": [
        FEATURES["relations"].record,
        replace(PLAIN, entities=PERSONS, relations=[]),
        replace(PLAIN, entities=PERSONS),
    ],
    "text labels": [
        replace(PLAIN, entities=PERSONS, cats={"diary": 1.0}),
        replace(PLAIN, entities=PERSONS, cats={"diary": 0.0}),
        replace(PLAIN, entities=PERSONS),
    ],
}
LAYERS: dict[str, Callable[[Record], Any]] = {
    "entities": lambda record: record.entities,
    "relations": lambda record: record.relations,
    "text labels": lambda record: record.cats,
}
NLP = spacy.blank("en")


def _save(docs: Iterable[Doc], path: Path) -> None:
    save_docs(docs, path)


WRITTEN: dict[str, Callable[..., Any]] = {**WRITERS, "spacy": _save}


def measure(format: str) -> dict[str, Any]:
    """Measure what a format keeps.

    format (str): A format of `READERS`.
    RETURNS (dict[str, Any]): "read" and "written": names of `FEATURES`; "told": the layers in which a text that is
        annotated as having none differs from one that is not annotated.
    """
    samples = list(_read_sample(format))
    written = [name for name, feature in FEATURES.items() if format in WRITTEN and _is_kept(format, feature)]
    shown = {name for name, feature in FEATURES.items() if any(map(feature.seen, samples))}
    read = [name for name in FEATURES if name in shown or name in written]
    told = [layer for layer in LAYERS if layer in read and _is_told(format, layer, samples)]
    return {"format": format, "read": read, "written": written, "told": told}


def _is_kept(format: str, feature: Feature) -> bool:
    (back,) = _round_trip(format, [feature.record])
    return feature.seen(back) == feature.seen(feature.record)


def _is_told(format: str, layer: str, samples: list[Record]) -> bool:
    get = LAYERS[layer]
    if format not in WRITTEN:
        values = [get(record) for record in samples]
        return None in values and any(value is not None and not any(_held(value)) for value in values)
    # Readers of folders sort the texts by their ids.
    given = [replace(record, id=str(i)) for i, record in enumerate(STATES[layer])]
    some, none, missing = (get(record) for record in _round_trip(format, given))
    return bool(some) and none is not None and not any(_held(none)) and missing is None


def _held(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _round_trip(format: str, records: list[Record]) -> list[Record]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        WRITTEN[format](make_docs(records, NLP), path)
        return list(READERS[format](path, **READ_WITH.get(format, {})))


def _read_sample(format: str) -> Iterator[Record]:
    files = SAMPLES.get(format)
    if files is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("utf8"))
        yield from READERS[format](Path(folder) if format in FOLDERS else Path(folder) / next(iter(files)))


if __name__ == "__main__":
    results = {
        "command": "python -m benchmarks.formats",
        "commit": get_commit(),
        "versions": {"spacy": version("spacy")},
        "rows": [measure(format) for format in READERS],
    }
    with replacing(RESULTS / "formats.json") as temporary:
        srsly.write_json(temporary, results)
