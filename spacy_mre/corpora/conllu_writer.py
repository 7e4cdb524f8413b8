"""Writing of CoNLL-U. A text is one sentence; only its words and entities are written, the other columns are `_`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..annotations.entities import EntitySpan, flat_subset
from ..annotations.white_space import trim_offsets
from ..files import replacing
from .conllu_misc import escape
from .presence import lose_parts, lose_scores
from .record import CharOffsets, Record
from .report import Report
from .word_pieces import words_in

NOT_IN_LABELS = re.compile(r"[|\t\n\r\0]")
NOT_IN_COMMENTS = re.compile(r"[\n\r\0]|\A\s|\A\Z")
NOT_IN_FORMS = re.compile(r"[\t\n\r]")


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records in one file, which `read_conllu` reads with the same texts. The id is `sent_id`, and the group
    `newdoc id`.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Counts what CoNLL-U cannot represent: texts without a word, relations, scores, and
        entities that overlap others with a higher score.
    RETURNS (int): The number of sentences.
    """
    report = report if report is not None else Report()
    count, group, has_documents = 0, "", False
    tagged: set[str] = set()
    not_annotated: list[str] = []
    with replacing(path) as temporary, temporary.open("w", encoding="utf8", newline="\n") as file:
        for number, record in enumerate(records, start=1):
            if not record.text.replace("\0", " ").strip():
                report.lose("text without a word (CoNLL-U has no empty sentences)", record.origin)
                continue
            given = _comment(record.group, "group", record, report) if record.group else ""
            # Behind a document, a text without a group is one of its own.
            if given != group or (has_documents and not given):
                file.write(f"# newdoc id = {given}\n" if given else "# newdoc\n")
                group, has_documents = given, True
                if not record.group:
                    report.lose("missing group (CoNLL-U begins a new document)", record.origin)
            lines = list(_as_lines(record, number, report))
            file.write("\n".join(lines) + "\n\n")
            count += 1
            if record.entities is None:
                not_annotated.append(record.origin)
            else:
                tagged.update("O" if line.endswith("NE=O") else "B" for line in lines if not line.startswith("#"))
    if tagged == {"B"}:
        for origin in not_annotated:
            report.lose("missing annotation of entities (all words of the other texts are entities)", origin)
    return count


def _as_lines(record: Record, number: int, report: Report) -> Iterator[str]:
    lose_parts(record, "CoNLL-U", report, group=False)
    _lose_relations(record, report)
    lose_scores(record, report)
    if "\0" in record.text:
        report.lose("NUL character (written as a space)", record.origin)
    text = record.text.replace("\0", " ")
    words = words_in(text, record.tokens)
    yield f"# sent_id = {_comment(record.id, 'id', record, report) or f'text-{number:06}'}"
    yield f"# text = {NOT_IN_FORMS.sub(' ', text).strip()}"
    tags = _tags(record, text, words, report)
    for i, (start, end) in enumerate(words):
        form, last = text[start:end], i + 1 == len(words)
        after = text[end : None if last else words[i + 1][0]]
        misc = [f"SpacesBefore={escape(text[:start])}"] if i == 0 and start else []
        if not after:
            misc.append("SpaceAfter=No")
        elif after != " " or last:
            misc.append(f"SpacesAfter={escape(after)}")
        if re.search(r"[ \t\n\r]", form):
            misc.append(f"SpacesInToken={escape(form)}")
        if tags:
            misc.append(f"NE={tags[i]}")
        form = NOT_IN_FORMS.sub(" ", form)
        yield "\t".join([str(i + 1), form, *"_" * 7, "|".join(misc) or "_"])


def _comment(value: str, what: str, record: Record, report: Report) -> str:
    """An id or a group as it is in a comment; empty if it cannot be written."""
    if not NOT_IN_COMMENTS.search(value):
        return value
    report.lose(f"{what} that is empty, begins with white space or contains a line end", record.origin, repr(value))
    return ""


def _tags(record: Record, text: str, words: list[CharOffsets], report: Report) -> list[str]:
    """The tag of each word; none if the text is not annotated. Words without an entity are tagged, so that a text
    without entities is not one that is not annotated.
    """
    if record.entities is None:
        return []
    starts = {start: i for i, (start, _) in enumerate(words)}
    ends = {end: i + 1 for i, (_, end) in enumerate(words)}
    spans = []
    for entity in record.entities:
        start, end = trim_offsets(text, entity.start, entity.end)
        if not entity.label or NOT_IN_LABELS.search(entity.label):
            report.lose(
                "label that is empty or contains |, a tab, a line end or NUL", record.origin, repr(entity.label)
            )
        elif start == end:
            report.lose("entity of white space only", record.origin, entity.label)
        elif start not in starts or end not in ends:
            report.lose("entity off the token grid", record.origin, entity.label)
        else:
            spans.append(EntitySpan(starts[start], ends[end], entity.label, entity.score))
    kept = flat_subset(spans)
    for _ in range(len(spans) - len(kept)):
        report.lose("nested or overlapping entity (CoNLL-U has one tag per word)", record.origin)
    tags = ["O"] * len(words)
    for span in kept:
        tags[span.start : span.end] = [f"B-{span.label}", *[f"I-{span.label}"] * (span.end - span.start - 1)]
    return tags


def _lose_relations(record: Record, report: Report) -> None:
    for relation in record.relations or ():
        report.lose("relation (not supported by CoNLL-U)", record.origin, relation.label)
    if record.relations == []:
        report.lose("empty annotation of relations (CoNLL-U cannot tell it from a missing one)", record.origin)
