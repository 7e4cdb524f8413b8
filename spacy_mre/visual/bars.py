"""The text labels of a document, as bars below the text."""

import math
from collections.abc import Mapping
from xml.etree import ElementTree

from .markup import add_element, fit_label
from .names import Names
from .shapes import LABEL_SIZE
from .widths import text_width

LEFT = 20.0
ROW_HEIGHT = 20.0
BAR_WIDTH = 150.0
COLUMN_GAP = 28.0
PERCENT_WIDTH = 38.0


def draw_bars(
    group: ElementTree.Element, cats: Mapping[str, float], names: Names, *, top: float, width: float
) -> float:
    """Draw the bars, best first, in as many columns as fit.

    group (ElementTree.Element): Where to add them.
    cats (Mapping[str, float]): The score of each category.
    names (Names): The display names.
    top (float): The y of the first bar.
    width (float): The width of the picture.
    RETURNS (float): The height of the bars.
    """
    if not cats:
        return 0.0
    shown = [(names.of("cats", cat), score) for cat, score in best_first(cats)]
    label_width = min(max(text_width(name, LABEL_SIZE) for name, _ in shown) + 4, width / 2)
    column = label_width + 8 + BAR_WIDTH + PERCENT_WIDTH + COLUMN_GAP
    columns = max(1, min(int((width - LEFT) // column), math.ceil(len(shown) / 3)))
    rows = math.ceil(len(shown) / columns)
    for number, (name, score) in enumerate(shown):
        x, y = LEFT + column * (number // rows), top + ROW_HEIGHT * (number % rows)
        row = add_element(group, "g", {"class": "cat best" if number == 0 else "cat"})
        _draw_bar(row, name, score, x=x, y=y, label_width=label_width)
    return ROW_HEIGHT * rows + 8


def percent(score: float) -> str:
    """Format a score as a whole percentage. Only 0 is shown as 0%, and only 1 as 100%.

    score (float): The score.
    RETURNS (str): The percentage; a dash for NaN and infinity.

    >>> percent(0.424), percent(0.001), percent(0.9999)
    ('42%', '<1%', '>99%')
    """
    if not math.isfinite(score):
        return "–"
    if 0 < score < 0.005:
        return "<1%"
    if 0.995 <= score < 1:
        return ">99%"
    return f"{100 * score:.0f}%"


def best_first(cats: Mapping[str, float]) -> list[tuple[str, float]]:
    """Sort categories by score, then by name.

    cats (Mapping[str, float]): The score of each category.
    RETURNS (list[tuple[str, float]]): Category and score.
    """
    return sorted(cats.items(), key=lambda item: (-item[1], item[0]))


def _draw_bar(row: ElementTree.Element, name: str, score: float, *, x: float, y: float, label_width: float) -> None:
    left = x + label_width + 8
    filled = BAR_WIDTH * min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0
    place = {"x": x + label_width, "y": y + 11, "text-anchor": "end"}
    label = add_element(row, "text", {"class": "cat-label", **place}, text=name)
    fit_label(label, min(label_width, text_width(name, LABEL_SIZE)))
    box = {"x": left, "y": y + 3, "width": BAR_WIDTH, "height": 9}
    add_element(row, "rect", {"class": "rail", **box, "rx": 3})
    add_element(row, "rect", {"class": "bar", **box, "width": filled, "rx": min(3.0, filled / 2)})
    add_element(row, "text", {"class": "percent", "x": left + BAR_WIDTH + 6, "y": y + 11}, text=percent(score))
