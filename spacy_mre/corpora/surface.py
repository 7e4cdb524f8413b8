"""What the offsets of a source count: the texts of its entities show it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from .offsets import UNIT_NAMES, LineEnds, Offsets, Unit
from .reading import Location
from .report import Report

Item = TypeVar("Item")
Reading = tuple[Unit, LineEnds]

# In the order in which they are tried. The first is that of spaCy.
READINGS: tuple[Reading, ...] = (
    *(("characters", "as they are"), ("utf16", "as they are"), ("utf8", "as they are")),
    *(("characters", "short"), ("utf16", "short"), ("utf8", "short")),
    *(("characters", "long"), ("utf16", "long"), ("utf8", "long")),
)
CHARACTERS = READINGS[0]
LINE_END_NAMES = {"as they are": "", "short": " with line ends as one", "long": " with line ends as two"}


class Part(Protocol):
    """A part of a text: offsets as given, and its text, if given."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def text(self) -> str | None: ...


class Mention(NamedTuple):
    """A part of a text.

    start (int): Its first offset, as given.
    end (int): Its last offset + 1, as given.
    text (str | None): Its text, if given.
    """

    start: int
    end: int
    text: str | None = None


def with_offsets(
    read: Callable[[], Iterable[Item]],
    parts_of: Callable[[Item], tuple[str, Sequence[Part], Location | str]],
    report: Report,
) -> Iterator[tuple[Item, Offsets]]:
    """Read a source in two passes: the first finds what its offsets count, the second yields its records. So the
    records need not be in memory.

    Offsets count characters, or else what makes all parts of a record have their texts. If several meanings fit, that
    which fits most of the other records, and of these the first. A record without texts of its parts has the meaning
    that the others prove.

    read (Callable[[], Iterable[Item]]): Reads the records, twice or three times.
    parts_of (Callable[[Item], tuple[str, Sequence[Part], Location | str]]): From a record to its text, the parts
        of it that are marked, and where it was read.
    report (Report): Notes the records whose offsets are not those of characters.
    YIELDS (tuple[Item, Offsets]): Each record and what its offsets count. If no meaning fits, these are characters.
    """
    if all(_fits(text, parts, CHARACTERS) for text, parts, _ in map(parts_of, read())):
        yield from ((item, Offsets(parts_of(item)[0])) for item in read())
        return
    proven = _count_proofs(map(parts_of, read()))
    for item in read():
        text, parts, location = parts_of(item)
        unit, line_ends = _choose(text, parts, proven)
        offsets = Offsets(text, unit, line_ends=line_ends)
        if (unit, line_ends) != CHARACTERS and any(_moves(part, offsets) for part in parts):
            report.note(f"offsets in {UNIT_NAMES[unit]}{LINE_END_NAMES[line_ends]}, converted", str(location))
        yield item, offsets


def fits(text: str, parts: Sequence[Part]) -> bool:
    """RETURNS (bool): Whether offsets with some meaning give all parts of a text their texts."""
    return bool(_fitting(text, parts))


def find_mentions(item: Any, *keys: str) -> list[Mention]:
    """Find the parts of the text of a JSON object. What is malformed is left out: the reader names the error.

    item (Any): The object.
    keys (str): Its keys with lists of `{"start", "end", "text"}` or `[start, end]`.
    RETURNS (list[Mention]): The parts.
    """
    found = []
    for key in keys:
        values = item.get(key)
        for given in values if isinstance(values, list) else ():
            if isinstance(given, dict):
                start, end, text = given.get("start"), given.get("end"), given.get("text")
            else:
                start, end, text = (*given, None) if isinstance(given, list) and len(given) == 2 else (None, None, None)
            if type(start) is int and type(end) is int and (text is None or isinstance(text, str)):
                found.append(Mention(start, end, text))
    return found


def check_surface(given: str | None, found: str, location: Location, what: str) -> None:
    """Check the text of an entity.

    given (str | None): Its text in the source, if given.
    found (str): The text at its offsets. White space may differ.
    location (Location): Where it was read.
    what (str): The entity, for the error.
    RAISES (CorpusError): If they differ.
    """
    if given is not None and _words(given) != _words(found):
        raise location.error(
            f"{what} is '{given}', but the text at its offsets is '{found}', and not all entities of this text fit if "
            "the offsets count UTF-16, UTF-8 or line ends in another way"
        )


def _count_proofs(records: Iterable[tuple[str, Sequence[Part], Location | str]]) -> Counter[Reading]:
    """How many records each reading fits. Only records that some reading does not fit prove anything."""
    proven: Counter[Reading] = Counter()
    for text, parts, _ in records:
        if _has_texts(parts):
            fitting = _fitting(text, parts)
            proven.update(fitting if len(fitting) < len(_possible(text)) else [])
    return proven


def _choose(text: str, parts: Sequence[Part], proven: Counter[Reading]) -> Reading:
    fitting = _fitting(text, parts)
    choices = fitting if _has_texts(parts) else [reading for reading in fitting if proven[reading]]
    return max(choices, key=lambda reading: proven[reading], default=CHARACTERS)


def _possible(text: str) -> list[Reading]:
    return [reading for reading in READINGS if _differs(text, reading)]


def _fitting(text: str, parts: Sequence[Part]) -> list[Reading]:
    return [reading for reading in _possible(text) if _fits(text, parts, reading)]


def _moves(part: Part, offsets: Offsets) -> bool:
    return (offsets.positions[part.start], offsets.positions[part.end]) != (part.start, part.end)


def _has_texts(parts: Sequence[Part]) -> bool:
    return any(part.text is not None for part in parts)


def _differs(text: str, reading: Reading) -> bool:
    """Whether offsets of a reading differ from those of earlier ones in this text."""
    unit, line_ends = reading
    if (unit == "utf16" and max(text, default="") <= "\uffff") or (unit == "utf8" and text.isascii()):
        return False
    return {"as they are": True, "short": "\r\n" in text, "long": "\n" in text and "\r" not in text}[line_ends]


def _fits(text: str, parts: Sequence[Part], reading: Reading) -> bool:
    if not parts:
        return True
    positions = Offsets(text, reading[0], line_ends=reading[1]).positions
    for part in parts:
        if not 0 <= part.start < part.end < len(positions):
            return False
        start, end = positions[part.start], positions[part.end]
        if min(start, end) < 0 or (part.text is not None and _words(part.text) != _words(text[start:end])):
            return False
    return True


def _words(text: str) -> list[str]:
    """The text without white space, which tools change; line ends may be written as a backslash and n."""
    return text.replace("\\n", "\n").split()
