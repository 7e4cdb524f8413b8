"""Sixteen label colours with enough contrast on white and on black. A label has the same colour on every page."""

from collections.abc import Iterable
from itertools import chain, count
from typing import NamedTuple
from zlib import crc32

LIGHT_GROUND, DARK_GROUND = "#ffffff", "#16181d"


class Hue(NamedTuple):
    """A colour for text on a light and on a dark background, with a tint of each background."""

    light: str
    dark: str

    @property
    def light_tint(self) -> str:
        """RETURNS (str): The background of entities on a light page."""
        return mix(self.light, LIGHT_GROUND, 0.14)

    @property
    def dark_tint(self) -> str:
        """RETURNS (str): The background of entities on a dark page."""
        return mix(self.dark, DARK_GROUND, 0.22)


# The first eight are the easiest to distinguish.
HUES = (
    Hue("#1d4ed8", "#93c5fd"),
    Hue("#c2410c", "#fdba74"),
    Hue("#15803d", "#86efac"),
    Hue("#a21caf", "#f0abfc"),
    Hue("#0e7490", "#67e8f9"),
    Hue("#b91c1c", "#fca5a5"),
    Hue("#6d28d9", "#c4b5fd"),
    Hue("#854d0e", "#fde047"),
    Hue("#4d7c0f", "#bef264"),
    Hue("#be185d", "#f9a8d4"),
    Hue("#0f766e", "#5eead4"),
    Hue("#4338ca", "#a5b4fc"),
    Hue("#be123c", "#fda4af"),
    Hue("#047857", "#6ee7b7"),
    Hue("#0369a1", "#7dd3fc"),
    Hue("#92400e", "#fcd34d"),
)
# A label prefers one of these hues.
PREFERRED = 8


def assign_hues(labels: Iterable[str]) -> dict[str, int]:
    """Give each label a colour number: modulo the number of hues it is the hue, divided by it the dash pattern.

    labels (Iterable[str]): The labels of a page, in any order.
    RETURNS (dict[str, int]): A different number for each label. A label prefers the same hue on every page; of two that
        prefer the same hue, the later in the alphabet gets the next free one.
    """
    numbers: dict[str, int] = {}
    taken: set[int] = set()
    for label in sorted(set(labels)):
        preferred = crc32(label.encode("utf8", "surrogatepass")) % PREFERRED
        order = chain(((preferred + step) % PREFERRED for step in range(PREFERRED)), count(PREFERRED))
        numbers[label] = next(number for number in order if number not in taken)
        taken.add(numbers[label])
    return numbers


def hue_class(number: int) -> str:
    """The CSS classes of a colour number.

    number (int): A number from `assign_hues`.
    RETURNS (str): The class of the hue and the class of the dash pattern.

    >>> hue_class(17)
    'k1 d1'
    """
    return f"k{number % len(HUES)} d{number // len(HUES) % 3}"


def mix(colour: str, background: str, share: float) -> str:
    """Mix two colours.

    colour (str): A colour as `#rrggbb`.
    background (str): The other colour.
    share (float): The share of the first colour, between 0 and 1.
    RETURNS (str): The mixture.

    >>> mix("#000000", "#ffffff", 0.2)
    '#cccccc'
    """
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(background[1:]))
    return "#" + bytes(round(share * over + (1 - share) * under) for over, under in pairs).hex()
