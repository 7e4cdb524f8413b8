"""Figures of matplotlib, which only plots need."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Errors
from ..files import check_can_write, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_can_draw(path: Path, *, sources: Iterable[Path] = ()) -> None:
    """Check that a figure can be written, before the work that it shows. Nothing is created.

    path (Path): The image; its suffix is its format.
    sources (Iterable[Path]): What the work reads, and what the image must not replace.
    RAISES (ImportError): If matplotlib is not installed.
    RAISES (ValueError): If the file cannot be written, or its suffix is no format of images.
    """
    known = make_figure(1.0, 1.0).canvas.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in known:
        reason = f"'{path.suffix}' is not the suffix of an image: {', '.join(f'.{suffix}' for suffix in known)}"
        raise ValueError(Errors.M611.format(path=path, reason=reason))
    check_can_write(path, sources=sources)


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
