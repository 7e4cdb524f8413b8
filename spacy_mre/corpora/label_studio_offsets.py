"""What the offsets of a Label Studio export count: the texts of the regions show it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from .offsets import Offsets, Unit
from .reading import Location

# The unit, and whether a line end of two characters counts once; today's meaning first.
Reading = tuple[Unit, bool]
READINGS: tuple[Reading, ...] = (("characters", False), ("utf16", False), ("characters", True), ("utf16", True))


class Region(Protocol):
    """A part of a text: offsets as given, and its text, if given."""

    start: int
    end: int
    text: str | None


def best_readings(texts: Iterable[tuple[str, Sequence[Region]]]) -> Iterator[Offsets]:
    """Find for each text what its offsets count. If several meanings fit, that which fits most texts of the file.

    texts (Iterable[tuple[str, Sequence[Region]]]): The texts and their regions.
    YIELDS (Offsets): The offsets of each text. If no meaning fits, those in characters.
    """
    texts = list(texts)
    fitting = [[reading for reading in READINGS if _fits(text, regions, reading)] for text, regions in texts]
    counts = Counter(reading for readings in fitting for reading in readings)
    for (text, _), readings in zip(texts, fitting):
        unit, short = max(readings, key=lambda reading: counts[reading], default=READINGS[0])
        yield Offsets(text, unit, short_line_ends=short)


def check_texts(text: str, regions: Sequence[Region], offsets: Offsets, location: Location) -> None:
    """Check that the text of each region is that at its offsets.

    text (str): The text.
    regions (Sequence[Region]): The regions.
    offsets (Offsets): What their offsets count.
    location (Location): Where they were read.
    RAISES (CorpusError): If one differs.
    """
    for region in regions:
        start, end = offsets.convert(region.start, region.end, location, "a region")
        if region.text is not None and _words(region.text) != _words(text[start:end]):
            raise location.error(f"a region is '{region.text}', but the text at its offsets is '{text[start:end]}'")


def _fits(text: str, regions: Sequence[Region], reading: Reading) -> bool:
    unit, short = reading
    if (short and "\r\n" not in text) or (unit == "utf16" and max(text, default="") <= "\uffff"):
        return False  # the same as another reading
    positions = Offsets(text, unit, short_line_ends=short).positions
    for region in regions:
        if not 0 <= region.start < region.end < len(positions):
            return False
        start, end = positions[region.start], positions[region.end]
        if min(start, end) < 0 or (region.text is not None and _words(region.text) != _words(text[start:end])):
            return False
    return True


def _words(text: str) -> list[str]:
    """The text without white space, which browsers change; line ends may be written as a backslash and n."""
    return text.replace("\\n", "\n").split()
