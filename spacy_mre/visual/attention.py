"""The attention between entity types in `multi_ner` as a heat map: an image, or a section of the page."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from spacy.language import Language

from ..errors import Errors
from ..files import replacing
from .markup import printable
from .names import Names
from .palette import HUES

# In inches.
CELL, MARGIN, LETTER = 0.42, 1.9, 0.08
MAX_LABEL = 30  # characters of a label in the image
# Those that are installed are used, in this order.
FONTS = [
    "Arial",
    "Helvetica",
    "Liberation Sans",
    "DejaVu Sans",
    "Hiragino Sans",
    "Yu Gothic",
    "PingFang SC",
    "Noto Sans CJK JP",
    "Noto Sans JP",
]


class Attention(NamedTuple):
    """Attention weights between entity types.

    labels (Sequence[str]): The types.
    weights (numpy.ndarray): Of shape (types, types). Each row belongs to a type that attends, and sums to 1.
    """

    labels: Sequence[str]
    weights: numpy.ndarray


def measure_attention(nlp: Language, texts: Iterable[str]) -> Attention:
    """Compute the attention between types in a trained pipeline.

    nlp (Language): A pipeline with `multi_ner`.
    texts (Iterable[str]): Texts. The weights are averages over their tokens.
    RETURNS (Attention): The weights.
    RAISES (ValueError): If no component has attention between types.
    """
    name = next((name for name, pipe in nlp.pipeline if hasattr(pipe, "type_attention")), None)
    if name is None:
        raise ValueError(Errors.M844.format(names=", ".join(nlp.pipe_names)))
    # Components after it, such as doc_cleaner, may remove what it reads.
    disabled = nlp.pipe_names[nlp.pipe_names.index(name) :]
    component: Any = nlp.get_pipe(name)
    return Attention(component.labels, component.type_attention(list(nlp.pipe(texts, disable=disabled))))


def write_attention(attention: Attention, path: str | Path, *, labels: Any = None, lang: str = "en") -> None:
    """Draw the heat map as an image.

    attention (Attention): The weights.
    path (str | Path): The file. Its suffix is its format: .svg, .png or .pdf. Its folder is made if it does not exist.
    labels (Mapping | None): Display names, as for `render`.
    lang (str): The language of the display names.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    names = Names(labels, lang)
    shown = [_shorten(printable(names.of("entities", label))) for label in attention.labels]
    side = max(MARGIN, 0.5 + LETTER * max(map(len, shown), default=0)) + CELL * len(shown)
    path = Path(path)
    # Text stays text in an SVG, so that the reader's fonts are used. With a fixed salt the file is the same each time.
    installed = [font for font in FONTS if font in fontManager.get_font_names()]
    settings = {"font.family": installed, "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "attention"}
    with rc_context(settings), warnings.catch_warnings():
        if path.suffix == ".svg":
            warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(side + 0.6, side), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        colours = LinearSegmentedColormap.from_list("attention", ["#ffffff", HUES[0].light])
        image = axes.imshow(attention.weights, cmap=colours, vmin=0.0)
        # Dollar signs in labels are no mathematics.
        axes.set_xticks(range(len(shown)), shown, rotation=90, parse_math=False)
        axes.set_yticks(range(len(shown)), shown, parse_math=False)
        axes.set_xlabel(names.words["attended"])
        axes.set_ylabel(names.words["attends"])
        figure.colorbar(image, ax=axes, shrink=0.7)
        with replacing(path) as temporary:
            figure.savefig(temporary, metadata={"Date": None} if path.suffix == ".svg" else None)


def attention_rows(attention: Attention, names: Names) -> dict[str, Any]:
    """Make the heat map for the template of the page.

    attention (Attention): The weights.
    names (Names): The display names.
    RETURNS (dict[str, Any]): The names of the columns, and the name and cells of each row. The share of a cell is its
        percentage of the largest weight, which has the full colour.
    """
    shown = [printable(names.of("entities", label)) for label in attention.labels]
    largest = float(numpy.max(attention.weights, initial=0.0)) or 1.0
    rows: list[Mapping[str, Any]] = [
        {
            "name": name,
            "cells": [{"weight": f"{weight:.2f}", "share": round(100 * weight / largest)} for weight in weights],
        }
        for name, weights in zip(shown, numpy.asarray(attention.weights).tolist())
    ]
    return {"columns": shown, "rows": rows}


def _shorten(label: str) -> str:
    label = " ".join(label.split())
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"
