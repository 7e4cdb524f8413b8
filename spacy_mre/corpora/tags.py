"""Decoding of BIO, BIOES, BILOU, BMES and IOB1 tags. Malformed sequences are repaired as by the conlleval script, and
reported.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from ..annotations.entities import EntitySpan
from .reading import Location
from .report import Report

BEGINS, ENDS, PREFIXES = "BSU", "ESLU", "BIMESLU"
IN_SENTENCE = "in the sentence that begins here"
CLOSING = tuple(f"{prefix}-" for prefix in ENDS)

# BIOES stands for BILOU and BMES too: a span of several tokens must end with E or L. IOB1: a span begins with I, and
# with B only if it follows one of the same label, as in the original files of CoNLL-2003.
Scheme = Literal["BIO", "BIOES", "IOB1"]


def find_scheme(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Find the scheme of the tags of a file.

    sentences (Iterable[Sequence[str]]): The tags of each sentence.
    RETURNS (Literal["BIO", "BIOES", "IOB1"]): The scheme; "BIO" also if nothing shows another one.

    >>> find_scheme([["B-place", "I-place", "O"]]), find_scheme([["I-place", "I-place", "B-place"]])
    ('BIO', 'IOB1')
    """
    scheme: Scheme = "BIO"
    may_be_iob1 = True
    for tags in sentences:
        if any(tag.startswith(CLOSING) for tag in tags):
            return "BIOES"
        for before, tag in pairwise(("O", *tags)):
            follows = before != "O" and before[2:] == tag[2:]
            if tag.startswith("B-"):
                may_be_iob1 = may_be_iob1 and follows
            elif tag.startswith(("I-", "M-")) and not follows:
                scheme = "IOB1"
    return scheme if may_be_iob1 else "BIO"


def decode_tags(tags: Sequence[str], *, scheme: Scheme = "BIO") -> tuple[list[EntitySpan], list[tuple[int, str]]]:
    """Convert the tags of a sentence to spans. I, M, E and L continue an open span of the same label, otherwise begin
    one.

    tags (Sequence[str]): Tags such as "B-place", "I-place", "O".
    scheme (Literal["BIO", "BIOES", "IOB1"]): What is reported: that no span is open (not in "IOB1"), and spans of
        several tokens that do not end with E or L ("BIOES").
    RETURNS (tuple[list[EntitySpan], list[tuple[int, str]]]): The spans, and the repairs: the index of a tag, and its
        error.
    RAISES (ValueError): If a tag belongs to none of these schemes.

    >>> decode_tags(["B-place", "I-place", "O", "I-person"])[0]
    [EntitySpan(start=0, end=2, label='place', score=1.0), EntitySpan(start=3, end=4, label='person', score=1.0)]
    """
    spans: list[EntitySpan] = []
    repairs: list[tuple[int, str]] = []
    # The current span: it stays current after its closing tag, until the next tag shows where it ends.
    start, label, is_closed = -1, "", True
    for i, tag in enumerate([*tags, "O"]):
        prefix, tag_label = _split_tag(tag)
        if prefix not in BEGINS and prefix != "O" and not is_closed and tag_label == label:
            is_closed = prefix in ENDS
            continue
        if start >= 0:
            spans.append(EntitySpan(start, i, label))
            if scheme == "BIOES" and not is_closed:
                repairs.append((i - 1, f"'{tags[i - 1]}' is the last tag of its span, but does not close it"))
        if prefix == "O":
            start, is_closed = -1, True
            continue
        if prefix not in BEGINS and scheme != "IOB1":
            repairs.append((i, f"'{tag}' continues no span; read as the beginning of one"))
        start, label, is_closed = i, tag_label, prefix in ENDS
    return spans, repairs


def read_tags(
    tags: Sequence[str],
    scheme: Scheme,
    location: Location,
    report: Report,
    *,
    where: str = "",
    places: Sequence[Location] = (),
) -> list[EntitySpan]:
    """Decode the tags of a sentence.

    tags (Sequence[str]): The tags.
    scheme (Literal["BIO", "BIOES", "IOB1"]): The scheme of the tags of the file.
    location (Location): Where the sentence was read.
    report (Report): Counts repaired tags.
    where (str): With what the text of an error begins.
    places (Sequence[Location]): Where each tag was read, if not at `location`.
    RETURNS (list[EntitySpan]): The spans.
    RAISES (CorpusError): If a tag is invalid.
    """
    try:
        spans, repairs = decode_tags(tags, scheme=scheme)
    except ValueError as err:
        raise location.error(f"{where}: {err}" if where else str(err)) from None
    for i, repair in repairs:
        report.lose("malformed tag sequence (repaired)", str(places[i] if places else location), repair)
    return spans


def is_tag(tag: str) -> bool:
    """RETURNS (bool): Whether a string is the tag of a word: O, or a prefix, a hyphen and a label."""
    try:
        return bool(_split_tag(tag))
    except ValueError:
        return False


def spread_tag(tag: str, count: int) -> list[str]:
    """Convert the tag of a token to those of its words.

    tag (str): The tag.
    count (int): The number of words.
    RETURNS (list[str]): The tags.

    >>> spread_tag("S-place", 3), spread_tag("I-place", 2)
    (['B-place', 'I-place', 'E-place'], ['I-place', 'I-place'])
    """
    prefix, label = tag[:1], tag[1:]
    if count == 1 or not label:
        return [tag] * count
    first = "B" if prefix in BEGINS else "I"
    last = {"S": "E", "U": "L", "B": "I"}.get(prefix, prefix)
    return [f"{first}{label}", *[f"I{label}"] * (count - 2), f"{last}{label}"]


def _split_tag(tag: str) -> tuple[str, str]:
    if tag == "O":
        return "O", ""
    prefix, hyphen, label = tag.partition("-")
    if len(prefix) != 1 or prefix not in PREFIXES or not hyphen or not label:
        raise ValueError(f"invalid tag '{tag}': expected O, or one of B, I, M, E, S, L, U with a hyphen and a label")
    return prefix, label
