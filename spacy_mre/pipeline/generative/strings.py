"""Reading and writing of JSON lines `{"input": ..., "output": ...}`, the training data of generative models.

    {"input": "Ada met Bo./NER", "output": "Society/NER/:Person;Ada:Person;Bo"}

An input is a source and an output a target in one of `spacy_mre.pipeline.generative.formats`. When they are read, the
offsets are found by `spacy_mre.pipeline.generative.formats.anchoring`. The format, with its labels and their words, is
saved as a JSON file next to the JSON lines (see `format_files`).
"""

import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from spacy.tokens import Doc

from ...annotations.entities import DEFAULT_KEY
from ...annotations.relations import ARGUMENT_LABEL
from ...annotations.scripts import main_language
from ...corpora.record import EntityRecord, Record, RelationRecord
from ...corpora.report import Report
from ...errors import Errors, Warnings
from .formats import FORMATS, Format, FormatError, Task
from .formats.analysis import Item, can_read, shown, texts_of, with_texts
from .formats.anchored import Anchored, AnchoredItem
from .formats.anchoring import anchor
from .formats.escaping import DELIMITERS
from .formats.from_docs import analysis_of, anchored_items, token_boundaries
from .formats.scanning import narrowed, normalized, says_none
from .formats.task import get_template
from .formats.task_gold import TaskGold
from .row_files import RowItem, read_row_items

# "input" and "output".
StringRow = dict[str, str]


def task_of_docs(docs: Iterable[Doc], template: str, language: str, *, spans_key: str = DEFAULT_KEY) -> Task:
    """Make the task of a corpus: a template with all labels of the documents.

    docs (Iterable[Doc]): The documents.
    template (str): The name of the template, see `spacy_mre.pipeline.generative.formats.template_names`.
    language (str): The language of its words: "ja", "en" or "zh".
    spans_key (str): The span group of the entities. Default: "entities".
    RETURNS (Task): The task, with sorted labels.
    RAISES (ValueError): If there is no such template, or the documents have no labels.
    """
    gold = TaskGold([template], spans_key)
    classes: set[str] = set()
    labels: set[str] = set()
    roles: set[str] = set()
    for doc in docs:
        classes.update(doc.cats)
        found = gold.labels(doc, template)
        if found is not None:
            labels.update(found[0])
            roles.update(found[1])
    return Task.of_labels(template, language, sorted(classes), sorted(labels), sorted(roles))


def task_of_strings(path: Path, format: str, template: str, language: str) -> Task:
    """Make the task of JSON lines without a format file: a template with its labels and all others in the outputs.

    path (Path): The JSON lines.
    format (str): "slg" or "oiellm".
    template (str): The name of the template.
    language (str): The language of its words: "ja", "en" or "zh".
    RETURNS (Task): The task. It has no text labels, or no word-level labels, if no output has any.
    RAISES (ValueError): If there is no such template, a line is malformed, or there are no labels.
    """
    words = get_template(template, language)
    reader = FORMATS[format](Task.of_labels(template, language, ["class"], ["label"]))
    used: dict[str, dict[str, None]] = {"classes": {}, "labels": {}, "roles": {}}
    for row in read_row_items(path):
        text_word, item_words, role_words = reader.words(row.target)
        for part, part_words in zip(used, ([text_word] if text_word else [], item_words, role_words)):
            used[part].update(dict.fromkeys(part_words))
    found = []
    for part, used_words in used.items():
        part_words = words.get(part, {})
        known = set(map(normalized, part_words.values()))
        new = [word for word in used_words if normalized(word) not in known]
        found.append([*part_words, *new] if used_words else [])
    if not any(found):
        example = next((row.target for row in read_row_items(path)), "")
        raise ValueError(Errors.M976.format(path=path, format=format, template=template, example=example[:80]))
    return Task.of_labels(template, language, *found)


def string_rows(
    docs: Iterable[Doc], format: Format, *, spans_key: str, keep_order: bool, report: Report
) -> Iterator[StringRow]:
    """Make the rows of Docs.

    docs (Iterable[Doc]): The documents.
    format (Format): The format.
    spans_key (str): The span group of the entities.
    keep_order (bool): Entities and relations are in the order of the Doc, so that fewer offsets can be found again;
        otherwise by their positions.
    report (Report): Counts what was kept and lost, such as documents without gold for a part of the task, and
        entities and relations whose offsets cannot be found again from the string.
    YIELDS (dict[str, str]): "input" and "output".
    RAISES (ValueError): If the format does not contain a label.
    """
    for number, doc in enumerate(docs, start=1):
        origin = f"document {doc.user_data.get('id', number)}"
        analysis = analysis_of(doc, format.task, spans_key, keep_order=keep_order)
        if not doc.text.strip():
            report.lose("document without text", origin)
        elif not format.task.complete(analysis):
            report.lose("document without gold for a part of the task", origin, doc.text)
        else:
            row = {"input": format.source(doc.text), "output": format.target(analysis)}
            report.keep("documents")
            gold = anchored_items(doc, format.task, spans_key, keep_order=keep_order)
            _count_offsets(doc, format, row["output"], gold or (), origin, report)
            yield row


def read_strings(
    path: Path,
    format: Format,
    *,
    others: Sequence[Format] = (),
    strict: bool = False,
    make_doc: Callable[[str], Doc] | None = None,
    report: Report | None = None,
) -> Iterator[Record]:
    """Read JSON lines, a JSON list or CSV.

    path (Path): The file; see `read_row_items`.
    format (Format): The format.
    others (Sequence[Format]): The formats of other rows in the file, which are skipped. Default: none.
    strict (bool): Reject an input or output that is not in the format; otherwise its readable parts are used: the parts
        of an input may have another order, delimiters may be fullwidth, and words may be spelt otherwise. Default:
        False.
    make_doc (Optional[Callable[[str], Doc]]): Makes the tokens of a text: `nlp.make_doc`. Names are rather found at
        their boundaries. Default: None, where the kind of character changes.
    report (Optional[Report]): Counts what was lost: parts that could not be read, and items not found in the text.
    YIELDS (Record): The records. An id is the file's name with the line number. The arguments of relations are
        entities with the label "entity". If an output has no readable part, and does not say that there are none, its
        entities and relations are None.
    RAISES (CorpusError): If a line is malformed, or its input is not in the format, or its output is not and `strict`
        is set.
    """
    report = report if report is not None else Report()
    path = Path(path)
    total = count_found = 0
    unread: list[str] = []
    for row in read_row_items(path):
        location, output = row.location, row.target
        if others and not _is_of(row, format, others, strict):
            continue
        try:
            text = _text_of(row, format, strict)
            parsed = format.parse(output, strict=strict)
        except FormatError as err:
            raise location.error(err.reason if err.string == output else f"'input': {err.reason}") from None
        for problem in parsed.problems:
            report.lose("part of an output that is not in the format", str(location), problem)
        items = parsed.analysis.items or ()
        boundaries = None if make_doc is None else token_boundaries(make_doc(text))
        anchored = anchor(text, parsed.analysis, boundaries=boundaries)
        if anchored.dropped and not strict:
            dropped = {index for index, _ in anchored.dropped}
            ended = [_without_end(one) if index in dropped else one for index, one in enumerate(items)]
            analysis = replace(parsed.analysis, items=tuple(ended))
            anchored = anchor(text, analysis, normalize=_narrowed, boundaries=boundaries)
        for index, reason in anchored.dropped:
            report.lose(reason, str(location), shown(items[index]))
        found = anchored.items
        for anchored_item in found:
            if anchored_item.ambiguous:
                report.keep(f"{format.task.word_level} with several possible positions")
        total, count_found = total + 1, count_found + len(found)
        is_none = says_none(output, format.task.none_word)
        if output.strip() and not found and (items or parsed.problems) and not is_none:
            unread.append(output)
        is_read = bool(items) or is_none or not parsed.problems
        name = f"{path.stem}-{row.number}"
        yield _record(text, anchored, format.task, is_read=is_read, id=name, origin=str(location))
    if unread and not count_found:
        message = Warnings.W933.format(
            path=path, count=len(unread), total=total, what=format.task.word_level, example=unread[0]
        )
        warnings.warn(message, stacklevel=2)


def _is_of(row: RowItem, format: Format, others: Sequence[Format], strict: bool) -> bool:
    """Whether a row is of a format and not of others. If several read the input, it is of one that also reads the
    output; then the language of the text decides, and then the name. A row that is of none is an error, which the first
    format reports."""
    formats = sorted((format, *others), key=lambda other: (other.task.name, other.task.language))
    exact = [other for other in formats if can_read(other.read_source, row.source)]
    if not exact and not strict:
        exact = [other for other in formats if can_read(other.find_text, row.source)]
    if not exact:
        return format.task.name <= min(other.task.name for other in others)
    lang = main_language([row.source])
    return max(exact, key=lambda other: (can_read(other.parse, row.target), other.task.language == lang)) is format


def _text_of(row: RowItem, format: Format, strict: bool) -> str:
    if strict:
        return format.read_source(row.source)
    try:
        return format.find_text(row.source)
    except FormatError:
        if row.has_instruction:
            return row.source
        raise


def _without_end(item: Item) -> Item:
    """An item without a fullwidth delimiter at its end, which would be no part of it if it were an ordinary one."""
    *others, last = texts_of(item)
    end = len(last)
    while end and narrowed(last[end - 1]) in DELIMITERS:
        end -= 1
    shorter = last[:end].rstrip() or last
    return with_texts(item, [*others, shorter])


def _narrowed(text: str) -> tuple[str, range]:
    """The text with ordinary forms of its fullwidth and halfwidth characters, one for one, so that offsets stay."""
    is_wide = (unicodedata.decomposition(character).startswith(("<wide>", "<narrow>")) for character in text)
    forms = (unicodedata.normalize("NFKC", character) if wide else character for wide, character in zip(is_wide, text))
    return "".join(forms), range(len(text) + 1)


def _count_offsets(
    doc: Doc, format: Format, output: str, gold_items: Iterable[AnchoredItem], origin: str, report: Report
) -> None:
    """Count the entities or relations whose offsets can be found again from the string."""
    if not format.task.labels:
        return
    what = format.task.word_level
    anchored = anchor(doc.text, format.parse(output).analysis, boundaries=token_boundaries(doc))
    found = {item.item: item.string_offsets for item in anchored.items}
    for gold in gold_items:
        if found.get(gold.item) == gold.string_offsets:
            report.keep(f"{what} with offsets that are found again")
        else:
            strings = [f"'{doc.text[start:end]}' ({start} to {end})" for start, end in gold.string_offsets]
            reason = f"offsets of one of the {what}: the same words occur elsewhere too"
            report.lose(reason, origin, f"{gold.label} {' ... '.join(strings)}")


def _record(text: str, anchored: Anchored, task: Task, *, is_read: bool, id: str, origin: str) -> Record:
    """The record of a row. What cannot be read, as an answer that was refused, does not say that there are none."""
    record = Record(text=text, id=id, origin=origin)
    if task.classes and anchored.label is not None:
        record.cats = {anchored.label: 1.0}
    if not task.labels or not is_read:
        return record
    if task.word_level == "entities":
        record.entities = [EntityRecord(entity.start, entity.end, entity.label) for entity in anchored.entities]
    elif task.word_level == "events":
        _add_events(record, anchored)
    else:
        arguments = sorted({offsets for relation in anchored.relations for offsets in relation.string_offsets})
        record.entities = [EntityRecord(*offsets, ARGUMENT_LABEL) for offsets in arguments]
        record.relations = [
            RelationRecord(arguments.index(relation.head), arguments.index(relation.tail), relation.label)
            for relation in anchored.relations
        ]
    return record


def _add_events(record: Record, anchored: Anchored) -> None:
    """Triggers are entities with the type of the event. An argument that is itself a trigger is that entity."""
    triggers = dict.fromkeys((event.start, event.end, event.label) for event in anchored.events)
    at = {(start, end): label for start, end, label in reversed(triggers)}
    tails = {argument.offsets for event in anchored.events for argument in event.arguments}
    entities = [*triggers, *((*offsets, ARGUMENT_LABEL) for offsets in sorted(tails - at.keys()))]
    record.entities = [EntityRecord(*entity) for entity in entities]
    record.relations = [
        RelationRecord(
            entities.index((event.start, event.end, event.label)),
            entities.index((*argument.offsets, at.get(argument.offsets, ARGUMENT_LABEL))),
            argument.role,
        )
        for event in anchored.events
        for argument in event.arguments
    ]
