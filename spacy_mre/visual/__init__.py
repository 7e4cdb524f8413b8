"""What a person looks at: entities, relations and categories as one HTML page or one SVG."""

from .attention import Attention, measure_attention, write_attention
from .page import display, render, render_svg, write_page

__all__ = ["Attention", "display", "measure_attention", "render", "render_svg", "write_attention", "write_page"]
