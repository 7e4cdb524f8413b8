"""Which colour does a label have? Sixteen hues with enough contrast on white and on black; a label keeps its hue from page to page."""

from collections.abc import Iterable
from itertools import chain, count
from typing import NamedTuple
from zlib import crc32

LIGHT_GROUND, DARK_GROUND = "#ffffff", "#16181d"


class Hue(NamedTuple):
    """One hue as ink on a light and on a dark ground, and the tints of these grounds that go with it."""

    light: str
    dark: str

    @property
    def light_tint(self) -> str:
        return mix(self.light, LIGHT_GROUND, 0.14)

    @property
    def dark_tint(self) -> str:
        return mix(self.dark, DARK_GROUND, 0.22)


HUES = (  # the first eight are the easiest to tell apart
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
PREFERRED = 8


def assign_hues(labels: Iterable[str]) -> dict[str, int]:
    """Give every label a number; `number % len(HUES)` is its hue, `number // len(HUES)` its dash pattern.

    labels (Iterable[str]): The labels of a page, in any order.
    RETURNS (Dict[str, int]): Each label by itself prefers the same hue on every page; where two prefer the same, the later in the
        alphabet takes the next free one. No two labels have the same number.
    """
    numbers: dict[str, int] = {}
    taken = set()
    for label in sorted(set(labels)):
        wanted = crc32(label.encode("utf8", "surrogatepass")) % PREFERRED
        order = chain(((wanted + step) % PREFERRED for step in range(PREFERRED)), count(PREFERRED))
        numbers[label] = next(number for number in order if number not in taken)
        taken.add(numbers[label])
    return numbers


def mix(colour: str, ground: str, share: float) -> str:
    """A colour thinned with that of the ground: `share` of the one, the rest of the other."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(ground[1:]))
    return "#" + bytes(round(share * over + (1 - share) * under) for over, under in pairs).hex()
