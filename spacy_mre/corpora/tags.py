"""Decoding of BIO, BIOES and BILOU tags. Malformed sequences are repaired as by the conlleval script, and reported."""

from collections.abc import Sequence

from ..annotations.entities import EntitySpan

BEGINS, ENDS, PREFIXES = "BSU", "ESLU", "BIESLU"


def decode_tags(tags: Sequence[str], *, closing: bool = False) -> tuple[list[EntitySpan], list[tuple[int, str]]]:
    """Convert the tags of a sentence to spans. I, E and L continue an open span of the same label, otherwise begin one.

    tags (Sequence[str]): Tags such as "B-place", "I-place", "O".
    closing (bool): Report spans of several tokens that do not end with E or L, as BIOES and BILOU require.
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
            if closing and not is_closed:
                repairs.append((i - 1, f"'{tags[i - 1]}' is the last tag of its span, but does not close it"))
        if prefix == "O":
            start, is_closed = -1, True
            continue
        if prefix not in BEGINS:
            repairs.append((i, f"'{tag}' continues no span; read as the beginning of one"))
        start, label, is_closed = i, tag_label, prefix in ENDS
    return spans, repairs


def has_closing_tags(tags: Sequence[str]) -> bool:
    """RETURNS (bool): Whether any tag has the prefix E, S, L or U, so that the scheme is BIOES or BILOU, not BIO."""
    return any(tag[:2] in ("E-", "S-", "L-", "U-") for tag in tags)


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
        raise ValueError(f"invalid tag '{tag}': expected O, or one of B, I, E, S, L, U with a hyphen and a label")
    return prefix, label
