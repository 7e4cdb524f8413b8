"""What shows that a JSON object is a record of a certain format: keys and values that the others do not have."""

from collections.abc import Callable
from typing import Any, Literal

from .cas_json import is_cas
from .table_words import TAG_COLUMNS, tag_column
from .tags import is_tag

Item = dict[str, Any]
# A list of objects, or one object per line.
Container = Literal["list", "lines"]

PRODIGY_KEYS = {"_input_hash", "_task_hash", "_view_id", "_annotator_id", "_session_id"}
PRODIGY_ANSWERS = ("accept", "reject", "ignore")
LABEL_STUDIO_KEYS = {"annotation_id", "lead_time"}  # of JSON_MIN


def is_bioc(item: Item) -> bool:
    """RETURNS (bool): Whether an object is a collection of BioC, which is the whole file."""
    return any("passages" in document for document in _objects(item, "documents"))


def is_spacy_json(item: Item) -> bool:
    """RETURNS (bool): Whether an object is one of `Doc.to_json`, or of spaCy's JSON for training."""
    if any("sentences" in paragraph or "raw" in paragraph for paragraph in _objects(item, "paragraphs")):
        return True
    return _has_text(item) and (
        isinstance(item.get("ents"), list)
        or isinstance(item.get("spans"), dict)
        or any("start" in token and "text" not in token for token in _objects(item, "tokens"))
    )


def _has_text(item: Item) -> bool:
    return isinstance(item.get("text"), str)


def _has_words(item: Item, key: str) -> bool:
    return isinstance(item.get(key), list) and all(isinstance(word, str) for word in item[key])


def _objects(item: Item, key: str) -> list[Item]:
    value = item.get(key)
    return [given for given in value if isinstance(given, dict)] if isinstance(value, list) else []


def _lists(item: Item, key: str) -> list[list[Any]]:
    value = item.get(key)
    return [given for given in value if isinstance(given, list)] if isinstance(value, list) else []


def _is_crossre(item: Item) -> bool:
    return _has_words(item, "sentence") and isinstance(item.get("ner"), list)


def is_old_export(item: Item) -> bool:
    """RETURNS (bool): Whether an object is of doccano's old export with numbers of labels instead of their names."""
    return any(type(annotation.get("label")) is int for annotation in _objects(item, "annotations"))


def _is_doccano(item: Item) -> bool:
    if not isinstance(item.get("text", item.get("data")), str):
        return False
    spans = [*_objects(item, "entities"), *_objects(item, "label"), *_objects(item, "labels")]
    if is_old_export(item):
        return True
    if any("start_offset" in span for span in spans) or _lists(item, "entities"):
        return True
    if any("from_id" in relation for relation in _objects(item, "relations")) or "Comments" in item:
        return True
    return any(_is_doccano_label(item[key], item) for key in ("label", "labels") if key in item)


def _is_doccano_label(label: Any, item: Item) -> bool:
    if isinstance(label, str):
        return not _is_prodigy(item) and not _is_label_studio(item)
    return isinstance(label, list) and not any(isinstance(value, dict) for value in label)


def _is_docred(item: Item) -> bool:
    return isinstance(item.get("sents"), list) and isinstance(item.get("vertexSet"), list)


def _is_genia(item: Item) -> bool:
    return _has_words(item, "tokens") and isinstance(item.get("entity_mentions"), list)


def _is_jsonl(item: Item) -> bool:
    if is_spacy_json(item):
        return False
    return _has_text(item) and (
        any("start" in entity and "end" in entity for entity in _objects(item, "entities"))
        or any("tail" in relation for relation in _objects(item, "relations"))
        or isinstance(item.get("cats"), dict)
        or bool(_lists(item, "tokens"))
    )


def _is_label_studio(item: Item) -> bool:
    return isinstance(item.get("data"), dict) or item.keys() >= LABEL_STUDIO_KEYS


def _is_prodigy(item: Item) -> bool:
    return _has_text(item) and (
        bool(item.keys() & PRODIGY_KEYS)
        or item.get("answer") in PRODIGY_ANSWERS
        or any("start" in span and "end" in span for span in _objects(item, "spans"))
        or any("child" in relation for relation in _objects(item, "relations"))
        or any("start" in token and "text" in token for token in _objects(item, "tokens"))
        or isinstance(item.get("options"), list)
    )


def _is_spert(item: Item) -> bool:
    return _has_words(item, "tokens") and not any(isinstance(item.get(column), list) for column in TAG_COLUMNS)


def _is_stockmark(item: Item) -> bool:
    return _has_text(item) and "curid" in item


def _is_table(item: Item) -> bool:
    """Whether an object has words and their tags, as a data set that was written as JSON. Numbers may be of tags, but
    other strings are of parts of speech or the like."""
    tags = item.get(tag_column(item, ""))
    if not _has_words(item, "tokens") or not isinstance(tags, list) or isinstance(item.get("entities"), list):
        return False
    return all(is_tag(tag) if isinstance(tag, str) else type(tag) is int for tag in tags)


EVIDENCE: dict[str, tuple[tuple[Container, ...], Callable[[Item], bool]]] = {
    "bioc": (("lines",), is_bioc),
    "cas": (("lines",), is_cas),
    "crossre": (("lines",), _is_crossre),
    "doccano": (("lines", "list"), _is_doccano),
    "docred": (("list", "lines"), _is_docred),
    "genia": (("lines",), _is_genia),
    "jsonl": (("lines",), _is_jsonl),
    "labelstudio": (("list", "lines"), _is_label_studio),
    "prodigy": (("lines", "list"), _is_prodigy),
    "spacyjson": (("lines", "list"), is_spacy_json),
    "spert": (("list",), _is_spert),
    "stockmark": (("list",), _is_stockmark),
    "table": (("lines", "list"), _is_table),
}


def formats_of(items: list[Item], container: Container) -> list[str]:
    """Find the formats of a file.

    items (list[Item]): Its first records.
    container (Container): What contains them.
    RETURNS (list[str]): The formats that some record shows. If there is none, and all records have a text: JSON lines
        without annotations, which all formats of lines would read alike.
    """
    found = [name for name, (allowed, shows) in EVIDENCE.items() if container in allowed and any(map(shows, items))]
    if not found and container == "lines" and items and all(map(_has_text, items)):
        return ["jsonl"]
    return found
