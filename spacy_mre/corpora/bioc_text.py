"""The text of a BioC document, which is given in passages with offsets, and the places of annotations in it."""

from typing import Any

from .offsets import UNIT_NAMES, Offsets, Unit
from .reading import Location
from .record import CharOffsets, CorpusError
from .report import Report
from .surface import check_surface

MAX_GAP = 100_000  # characters between two passages
UNITS: tuple[Unit, ...] = ("characters", "utf16", "utf8")
ENCODINGS = {"utf16": ("utf-16-le", 2), "utf8": ("utf-8", 1)}


class _Place:
    """Offsets as given, and the text there."""

    def __init__(self, start: Any, end: Any, text: str | None) -> None:
        self.start = start
        self.end = end
        self.text = text


class Passages:
    """The passages of a document, joined by their offsets: a line end is between them, and blanks if there is more.

    document (Any): A document of the package `bioc`.
    location (Location): Where it was read.
    report (Report): Notes offsets that do not count characters.
    RAISES (CorpusError): If passages overlap, or the text of an annotation is not at its offsets.
    """

    def __init__(self, document: Any, location: Location, report: Report) -> None:
        self.location = location
        parts = [part for passage in document.passages for part in (passage.sentences or [passage])]
        pieces = [(part.offset, part.text or "") for part in parts]
        if any(type(offset) is not int or not isinstance(text, str) for offset, text in pieces):
            raise location.error("a passage needs an offset and a text")
        places = [place for part in _parts(document) for annotation in part.annotations for place in _whole(annotation)]
        errors: list[CorpusError] = []
        for unit in UNITS:
            try:
                self.text = self._join(pieces, unit)
                self.offsets = Offsets(self.text, unit)
                self._check(places)
            except CorpusError as err:
                errors.append(err)
                continue
            if unit != "characters":
                report.note(f"offsets in {UNIT_NAMES[unit]}, converted", str(location))
            return
        raise errors[0]

    def fragments(self, annotation: Any, what: str) -> list[CharOffsets]:
        """RETURNS (list[tuple[int, int]]): The offsets of the parts of an annotation."""
        places = _places(annotation)
        return [self.offsets.convert(place.start, place.end, self.location, what) for place in places]

    def _check(self, places: list[_Place]) -> None:
        for place in places:
            start, end = self.offsets.convert(place.start, place.end, self.location, "an annotation")
            check_surface(place.text, self.text[start:end], self.location, "an annotation")

    def _join(self, pieces: list[tuple[int, str]], unit: Unit) -> str:
        text, length = "", 0
        for offset, piece in pieces:
            gap = offset - length
            if not 0 <= gap <= MAX_GAP:
                raise self.location.error(f"a passage begins at {offset}, but the text before it ends at {length}")
            between = "\n" + " " * (gap - 1) if gap and text else " " * gap
            text += between + piece
            length = offset + _length(piece, unit)
        return text


def _length(text: str, unit: Unit) -> int:
    if unit not in ENCODINGS:
        return len(text)
    encoding, size = ENCODINGS[unit]
    return len(text.encode(encoding)) // size


def _parts(document: Any) -> list[Any]:
    return [document, *(part for passage in document.passages for part in (passage, *passage.sentences))]


def _places(annotation: Any) -> list[_Place]:
    found = []
    for given in annotation.locations:
        is_valid = type(given.offset) is int and type(given.length) is int
        found.append(_Place(given.offset, given.offset + given.length if is_valid else given.length, None))
    return found


def _whole(annotation: Any) -> list[_Place]:
    """The places, with the text if there is one place: that of several is given in different ways."""
    places = _places(annotation)
    if len(places) == 1 and isinstance(annotation.text, str):
        places[0].text = annotation.text
    return places
