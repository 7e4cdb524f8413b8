"""What a person looks at: entities, relations and categories as one HTML page or one SVG."""

from .page import display, render, render_svg, write_page

__all__ = ["display", "render", "render_svg", "write_page"]
