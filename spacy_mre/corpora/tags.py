"""How do tag sequences become spans? BIO, BIOES and BILOU, read as conlleval reads them: leniently, but every repair is told."""

from collections.abc import Sequence

BEGINS, ENDS, PREFIXES = "BSU", "ESLU", "BIESLU"


def decode_tags(
    tags: Sequence[str], *, closing: bool = False
) -> tuple[list[tuple[int, int, str]], list[tuple[int, str]]]:
    """Read the spans of one sequence. A tag continues a span if it is I, E or L and of the type of an open span; otherwise it begins one.

    tags (Sequence[str]): Such as "B-place", "I-place", "O".
    closing (bool): Whether a span of several tokens must end with E or L, as in BIOES and BILOU.
    RETURNS (Tuple[List[Tuple[int, int, str]], List[Tuple[int, str]]]): The spans as start, exclusive end and label, and the repairs as the
        index of the tag and what was wrong there.
    RAISES (ValueError): A tag that is none of these schemes.
    """
    spans: list[tuple[int, int, str]] = []
    repairs: list[tuple[int, str]] = []
    start, label, closed = -1, "", True  # the span that is open or has just been closed
    for i, tag in enumerate([*tags, "O"]):
        prefix, kind = _parts(tag)
        continues = prefix not in BEGINS and prefix != "O" and not closed and kind == label
        if continues:
            closed = prefix in ENDS
        else:
            if start >= 0:
                spans.append((start, i, label))
                if closing and not closed:
                    repairs.append((i - 1, f"'{tags[i - 1]}' is the last of its span but does not close it"))
            if prefix == "O":
                start, closed = -1, True
                continue
            if prefix not in BEGINS:
                repairs.append((i, f"'{tag}' continues no span; read as the beginning of one"))
            start, label, closed = i, kind, prefix in ENDS
    return spans, repairs


def has_closing_tags(tags: Sequence[str]) -> bool:
    """Whether E, S, L or U stand among the tags, so that this is BIOES or BILOU and not BIO."""
    return any(tag[:2] in ("E-", "S-", "L-", "U-") for tag in tags)


def _parts(tag: str) -> tuple[str, str]:
    if tag == "O":
        return "O", ""
    prefix, hyphen, label = tag.partition("-")
    if len(prefix) != 1 or prefix not in PREFIXES or not hyphen or not label:
        raise ValueError(f"'{tag}' is no tag: O, or one of B, I, E, S, L, U with a hyphen and a label, was expected")
    return prefix, label
