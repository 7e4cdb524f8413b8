"""SVG elements: numbers, text and attributes that any XML reader accepts."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

# XML does not allow these characters, not even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Replace the characters that XML does not allow.

    text (str): Any text.
    RETURNS (str): The text with U+FFFD for each of them, and a space for a carriage return, which HTML changes.
    """
    return _FORBIDDEN.sub("\ufffd", text).replace("\r", " ")


def to_string(svg: ElementTree.Element) -> str:
    """Serialize an SVG.

    svg (ElementTree.Element): The `<svg>`.
    RETURNS (str): The XML.
    """
    return ElementTree.tostring(svg, encoding="unicode")


def add_element(
    parent: ElementTree.Element, tag: str, attrs: Mapping[str, object] | None = None, text: str | None = None
) -> ElementTree.Element:
    """Add a child element.

    parent (ElementTree.Element): The parent.
    tag (str): The tag of the child.
    attrs (Mapping[str, object] | None): Its attributes; floats are written with one decimal.
    text (str | None): Its text.
    RETURNS (ElementTree.Element): The child.
    """
    strings = {
        name: format_number(value) if isinstance(value, float) else printable(str(value))
        for name, value in (attrs or {}).items()
    }
    element = ElementTree.SubElement(parent, tag, strings)
    if text is not None:
        element.text = printable(text)
    return element


def fit_label(label: ElementTree.Element, width: float) -> None:
    """Make a label exactly as wide as it was laid out, in any font.

    label (ElementTree.Element): The `<text>`.
    width (float): The width. Labels of arcs get 2 less, which is the space around them.
    """
    if len(label.text or "") > 1:
        label.set("textLength", format_number(width - 2 if "arc-label" in label.get("class", "").split() else width))
        label.set("lengthAdjust", "spacingAndGlyphs")


def format_number(number: float) -> str:
    """Write a coordinate with at most one decimal.

    number (float): The number.
    RETURNS (str): The text.

    >>> format_number(3.0), format_number(2.345)
    ('3', '2.3')
    """
    return f"{number:.1f}".removesuffix(".0")
