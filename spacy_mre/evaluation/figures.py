"""Figures of matplotlib, which only plots need."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Errors
from ..files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def make_figure(width: float, height: float) -> "Figure":
    """Make an empty figure.

    width, height (float): Its size in inches.
    RETURNS (Figure): It arranges its axes without overlaps.
    RAISES (ImportError): If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise ImportError(Errors.M514) from err
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure. An SVG has no date, so that equal figures are equal files.

    figure (Figure): The figure.
    path (Path): The image; its suffix is its format. Its folder is made.
    """
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None} if path.suffix == ".svg" else None)
