"""JSON lines of strings, `{"input": ..., "output": ...}`, as generative models are trained on them.

    {"input": "Ada met Bo./NER", "output": "Society/NER/:Person;Ada:Person;Bo"}

An input is a source and an output a target of one of `spacy_mre.pipeline.generative.formats`. Strings have no
offsets: on the way in these are found again by `spacy_mre.pipeline.generative.formats.anchoring`. A format saved as
A JSON file next to the strings lists their labels and words.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from spacy.tokens import Doc

from ...annotations.entities import DEFAULT_KEY, get_entities
from ...annotations.relations import get_relations
from ...corpora.reading import Location, read_json, read_json_lines
from ...corpora.record import CorpusError, EntityRecord, Record, RelationRecord
from ...corpora.report import Report
from .formats import FORMATS, Format, FormatError, Task, format_from_dict
from .formats.anchored import Anchored
from .formats.anchoring import anchor
from .formats.from_docs import AnchoredItem, analysis_of, placed_items
from .formats.task import get_template

# A relation does not contain the labels of its arguments.
LINK_END = "entity"


def task_of_docs(docs: Iterable[Doc], template: str, language: str, *, spans_key: str = DEFAULT_KEY) -> Task:
    """Make the task of a corpus: a template with all labels that the documents have.

    docs (Iterable[Doc]): The documents.
    template (str): The name of the template, see `spacy_mre.pipeline.generative.formats.template_names`.
    language (str): The language of its words: "ja", "en" or "zh".
    spans_key (str): The span group that holds the entities.
    RETURNS (Task): The task, its labels sorted.
    RAISES (ValueError): No such template, or documents without any label.
    """
    relations = get_template(template, language)["word_level"] == "relations"
    classes: set[str] = set()
    labels: set[str] = set()
    for doc in docs:
        classes.update(doc.cats)
        if relations:
            labels.update(relation["label"] for relation in get_relations(doc) or ())
        else:
            labels.update(entity.label for entity in get_entities(doc, spans_key) or ())
    return Task.of_labels(template, language, sorted(classes), sorted(labels))


def task_of_strings(path: Path, format: str, template: str, language: str) -> Task:
    """Make the task of a file of strings from another source: a template with its own labels and all others in the
    outputs.

    path (Path): The file.
    format (str): "slg" or "oiellm".
    template (str): The name of the template.
    language (str): The language of its words: "ja", "en" or "zh".
    RETURNS (Task): The task; without text labels or without word-level labels if no output has any.
    RAISES (ValueError): No such template, malformed input, or no labels anywhere.
    """
    words = get_template(template, language)
    reader = FORMATS[format](Task.of_labels(template, language, ["class"], ["label"]))
    classes: dict[str, None] = {}
    labels: dict[str, None] = {}
    for _, _, output in _rows(path):
        text_word, item_words = reader.words(output)
        classes.update(dict.fromkeys([text_word] if text_word else []))
        labels.update(dict.fromkeys(item_words))
    found = []
    for part, own in (("classes", classes), ("labels", labels)):
        ids = {word: label for label, word in words[part].items()}
        found.append([*words[part], *(word for word in own if word not in ids)] if own else [])
    return Task.of_labels(template, language, *found)


def write_strings(
    docs: Iterable[Doc], path: Path, format: Format, *, spans_key: str = DEFAULT_KEY, report: Report | None = None
) -> int:
    """Write Docs as JSON lines of strings; `read_strings` reads them back.

    docs (Iterable[Doc]): The documents.
    path (Path): The file to write; its folder is made.
    format (Format): How to write them.
    spans_key (str): The span group that holds the entities.
    report (Optional[Report]): Counts what was kept and lost: documents without gold for what the task asks for, and
        entities and relations whose places the strings do not tell.
    RETURNS (int): How many documents were written.
    RAISES (ValueError): A label that the format does not know.
    """
    report = report if report is not None else Report()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf8", newline="\n") as file:
        for number, doc in enumerate(docs, start=1):
            origin = f"document {doc.user_data.get('id', number)}"
            analysis = analysis_of(doc, format.task, spans_key)
            if not doc.text.strip():
                report.lose("document without text", origin)
            elif not format.task.complete(analysis):
                report.lose("document without gold for what the task asks for", origin, doc.text)
            else:
                row = {"input": format.source(doc.text), "output": format.target(analysis)}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                report.keep("documents")
                _count_places(doc, format, row["output"], spans_key, origin, report)
    return report.kept["documents"]


def read_strings(path: Path, format: Format, *, strict: bool = False, report: Report | None = None) -> Iterator[Record]:
    """Read JSON lines of strings.

    path (Path): The file.
    format (Format): How they were written.
    strict (bool): Refuse an output that is not of the format; otherwise what can be read of it is taken.
    report (Optional[Report]): Counts what was lost: what could not be read, and what could not be found in the text.
    YIELDS (Record): The records; their ids are the file's name and the line. The ends of relations are entities of
        the label "entity".
    RAISES (CorpusError): Malformed input, an input that is not of the format, or such an output if `strict`.
    """
    report = report if report is not None else Report()
    path = Path(path)
    for place, source, output in _rows(path):
        try:
            text = format.read_source(source)
            parsed = format.parse(output, strict=strict)
        except FormatError as err:
            raise place.error(err.reason if err.string == output else f"'input': {err.reason}") from None
        for problem in parsed.problems:
            report.lose("part of an output that is not of the format", str(place), problem)
        anchored = anchor(text, parsed.analysis)
        for item, reason in anchored.dropped:
            report.lose(reason, str(place), " ".join((parsed.analysis.items or ())[item]))
        found: list[AnchoredItem] = [*anchored.entities, *anchored.relations]
        for anchored_item in found:
            if anchored_item.ambiguous:
                report.keep(f"{format.task.word_level} whose words would fit elsewhere, too")
        yield _record(text, anchored, format.task, f"{path.stem}-{place.line}", str(place))


def format_path(path: Path) -> Path:
    """RETURNS (Path): Where the format of a file of strings is saved: `train.format.json` next to `train.jsonl`."""
    return Path(path).with_suffix(".format.json")


def save_format(format: Format, path: Path) -> None:
    """Save a format as JSON.

    format (Format): The format.
    path (Path): The file; its folder is made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(format.to_dict(), ensure_ascii=False, indent=2) + "\n", encoding="utf8")


def load_format(path: Path) -> Format:
    """Load a format.

    path (Path): The file that `save_format` wrote.
    RETURNS (Format): The format.
    RAISES (CorpusError): A file that is none.
    """
    data = read_json(path)
    try:
        return format_from_dict(data)
    except (AttributeError, KeyError, TypeError) as err:
        raise CorpusError(
            Path(path), 0, f"this is no format that 'strings' has written ({type(err).__name__}: {err})"
        ) from None


def _rows(path: Path) -> Iterator[tuple[Location, str, str]]:
    for number, item in read_json_lines(Path(path)):
        place = Location(Path(path), number)
        yield place, place.get(item, "input", str), place.get(item, "output", str)


def _count_places(doc: Doc, format: Format, output: str, spans_key: str, origin: str, report: Report) -> None:
    """Count the entities or relations whose position can be found again from the string."""
    what = format.task.word_level
    anchored = anchor(doc.text, format.parse(output).analysis)
    items: list[AnchoredItem] = [*anchored.entities, *anchored.relations]
    found = {item.item: item.places for item in items}
    for i, item in enumerate(placed_items(doc, format.task, spans_key) or () if format.task.labels else ()):
        if found.get(i) == item.places:
            report.keep(f"{what} that are found again at their places")
        else:
            shown = " ... ".join(f"'{doc.text[start:end]}' ({start} to {end})" for start, end in item.places)
            report.lose(
                f"position of one of the {what}: the same words occur elsewhere too", origin, f"{item.label} {shown}"
            )


def _record(text: str, anchored: Anchored, task: Task, id: str, origin: str) -> Record:
    record = Record(text=text, id=id, origin=origin)
    if task.classes and anchored.label is not None:
        record.cats = {anchored.label: 1.0}
    if task.labels and task.word_level == "entities":
        record.entities = [EntityRecord(entity.start, entity.end, entity.label) for entity in anchored.entities]
    elif task.labels:
        ends = sorted({place for relation in anchored.relations for place in relation.places})
        record.entities = [EntityRecord(*place, LINK_END) for place in ends]
        record.relations = [
            RelationRecord(ends.index(relation.head), ends.index(relation.tail), relation.label)
            for relation in anchored.relations
        ]
    return record
