"""Entities, relations and text labels as an HTML page or an SVG."""

from .attention import Attention, measure_attention, write_attention
from .mistakes_page import render_mistakes, write_mistakes_page
from .page import display, render, render_svg, write_page
from .translations import Pair, translations_page, write_translations_page

__all__ = [
    "Attention",
    "Pair",
    "display",
    "measure_attention",
    "render",
    "render_mistakes",
    "render_svg",
    "translations_page",
    "write_attention",
    "write_mistakes_page",
    "write_page",
    "write_translations_page",
]
