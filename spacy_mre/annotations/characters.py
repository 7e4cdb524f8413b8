"""Where a span is in the text, by characters, which stay the same when the tokens change."""

import struct
from typing import TypeAlias

import srsly
from spacy.tokens import Span, SpanGroup

# Start and end character, and label.
Characters: TypeAlias = tuple[int, int, str]
# How spaCy saves a span of a group: id, knowledge base id and label, then start and end in tokens and in characters.
SAVED = struct.Struct(">QQQllll")


def characters(span: Span) -> Characters:
    """RETURNS (tuple[int, int, str]): Start and end character, and label."""
    return span.start_char, span.end_char, span.label_


def characters_of_group(group: SpanGroup) -> list[Characters]:
    """Get the characters of all spans of a group, also after the document has lost their tokens, so that spaCy cannot
    make them any more.

    group (SpanGroup): The span group.
    RETURNS (list[tuple[int, int, str]]): Start and end character, and label of each span.
    """
    try:
        return [characters(span) for span in group]
    except IndexError:
        saved = map(SAVED.unpack, srsly.msgpack_loads(group.to_bytes())["spans"])
        return [(start, end, group.doc.vocab.strings[label]) for _, _, label, _, _, start, end in saved]
