"""CoNLL-U: sentences with ten columns per word. Entities are BIO tags in MISC, as GiNZA and spaCy read and write them,
or brackets, as in CorefUD and GUM.

    # sent_id = 7
    1	京都	京都	PROPN	_	_	2	nmod	_	SpaceAfter=No|NE=B-place
    2	へ	へ	ADP	_	_	1	case	_	SpaceAfter=No

Lemmas, tags and dependencies are not read. A token of several words ("1-2") is one token; words without a form in the
text ("1.1") are skipped. If a file tags words without an entity too (`NE=O`), a sentence without tags is not annotated.
"""

from collections.abc import Iterator
from pathlib import Path

from .conllu_brackets import KEY as BRACKETS
from .conllu_brackets import decode_brackets
from .conllu_misc import get_value, has_key
from .conllu_words import Sentence, read_sentences
from .fragments import Discontinuous, join_fragments
from .record import CharOffsets, CorpusError, EntityRecord, Record
from .report import Report
from .tags import IN_SENTENCE, Scheme, find_scheme, is_tag, read_tags, spread_tag

ENTITY_KEYS = ("NE", "NER", "name")
OTHER_KEYS = ("ENE",)  # of GiNZA, beside NE
MAX_SHOWN = 40  # characters of a key


def read_conllu(
    path: Path, *, entity_key: str = "", discontinuous: Discontinuous = "drop", report: Report | None = None
) -> Iterator[Record]:
    """Read one file.

    path (Path): The file.
    entity_key (str): The key in MISC that contains the entities; empty for that of NE, NER and name which the file
        contains, or else Entity. GiNZA's fine-grained types have the key ENE.
    discontinuous (Discontinuous): What to read of an entity in brackets that has several parts: nothing ("drop"), all
        from its first to its last part ("whole"), or its "longest" part.
    report (Report | None): Counts repaired tags, and notes sentences that differ from their text in the comments.
    YIELDS (Record): One record per sentence. Its id is its `sent_id`, or the name of the file and its number; its group
        is its document. Its entities are None if the file contains none.
    RAISES (CorpusError): If the input is malformed, or contains the tags of several keys.
    """
    path = Path(path)
    report = report if report is not None else Report()
    sentences = list(read_sentences(path, report))
    key = entity_key or _find_key(sentences, path)
    if entity_key and not any(get_value(misc, key) for sentence in sentences for misc in sentence.all_misc):
        raise CorpusError(path, 0, f"no word has the key '{key}' in MISC")
    values = [_values(sentence, key, report) for sentence in sentences]
    scheme = find_scheme([value or "O" for value in of_sentence] for of_sentence in values)
    tags_all = key != BRACKETS and any("O" in of_sentence for of_sentence in values)
    for number, (sentence, of_sentence) in enumerate(zip(sentences, values), start=1):
        given = sentence.comments.get("text")
        if given is not None and given.split() != sentence.text.split():
            report.note("sentence that differs from its text in the comments", str(sentence.location))
        record = Record(
            text=sentence.text,
            id=sentence.comments.get("sent_id") or f"{path.stem}-{number}",
            tokens=sentence.tokens,
            group=sentence.group,
            origin=str(sentence.location),
        )
        if key == BRACKETS:
            record.entities = _entities_in_brackets(sentence, discontinuous, report)
        elif key and not (tags_all and not any(has_key(misc, key) for misc in sentence.all_misc)):
            record.entities = _entities(sentence, [value or "O" for value in of_sentence], scheme, report)
        _note_other_tags(sentence, key, report)
        if key != BRACKETS and any(get_value(misc, BRACKETS) for misc in sentence.misc):
            report.lose("entities in brackets (MISC 'Entity'), not read beside tags", str(sentence.location))
        yield record


def _values(sentence: Sentence, key: str, report: Report) -> list[str]:
    """The tag of each word. That of a token of several words ("1-2") is one of all of them, as Stanza writes it."""
    values = [get_value(misc, key) for misc in sentence.misc]
    for first, last, misc in sentence.ranges:
        tag = get_value(misc, key)
        if tag and (key == BRACKETS or any(values[first:last])):
            report.lose(
                "entity tag of a token of several words, whose words have their own", str(sentence.location), tag
            )
        elif tag:
            values[first:last] = spread_tag(tag, last - first)
    return values


def _find_key(sentences: list[Sentence], path: Path) -> str:
    found = [
        key
        for key in (*ENTITY_KEYS, BRACKETS)
        if any(get_value(misc, key) for sentence in sentences for misc in sentence.all_misc)
    ]
    if len(set(found) - {BRACKETS}) > 1:
        keys = ", ".join(found)
        raise CorpusError(path, 0, f"there are entity tags of several keys, {keys}: choose by --entity-key")
    return found[0] if found else ""


def _note_other_tags(sentence: Sentence, key: str, report: Report) -> None:
    """Note keys with values like tags, which are perhaps misspelt."""
    for misc in sentence.all_misc:
        for name, _, value in (pair.partition("=") for pair in misc.split("|")):
            if value != "O" and is_tag(value) and name not in (key, *ENTITY_KEYS, *OTHER_KEYS):
                report.note(f"key '{name[:MAX_SHOWN]}' in MISC with tags, not read", str(sentence.location))


def _entities(sentence: Sentence, tags: list[str], scheme: Scheme, report: Report) -> list[EntityRecord]:
    spans = read_tags(tags, scheme, sentence.location, report, where=IN_SENTENCE)
    return [EntityRecord(*_place(sentence, span.start, span.end), span.label) for span in spans]


def _entities_in_brackets(sentence: Sentence, discontinuous: Discontinuous, report: Report) -> list[EntityRecord]:
    try:
        mentions = decode_brackets(sentence.nodes, sentence.fields)
    except ValueError as err:
        raise sentence.location.error(f"{IN_SENTENCE}: {err}") from None
    entities = []
    for mention in mentions:
        fragments = [_place(sentence, start, end) for start, end in mention.parts]
        if not mention.label or not fragments:
            missing = "label" if fragments else "word in the text"
            report.lose(f"entity in brackets without a {missing}", str(sentence.location))
            continue
        if mention.has_more:
            report.lose("fields of an entity in brackets besides its label", str(sentence.location))
        place = join_fragments(fragments, sentence.text, discontinuous, sentence.location, report)
        if place is not None:
            entities.append(EntityRecord(*place, mention.label))
    return entities


def _place(sentence: Sentence, start: int, end: int) -> CharOffsets:
    """The characters of words."""
    return sentence.tokens[sentence.words[start]][0], sentence.tokens[sentence.words[end - 1]][1]
