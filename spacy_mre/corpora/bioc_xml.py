"""The documents of a BioC file in XML, or the line on which it is wrong, which the package `bioc` does not say."""

import re
from pathlib import Path
from typing import Any

from .record import CorpusError

# What the package reads: attributes that must be there, and the elements with an offset as a child.
ATTRIBUTES = {"annotation": ("id",), "location": ("offset", "length"), "node": ("refid", "role"), "infon": ("key",)}
WITH_OFFSET = ("passage", "sentence")
NUMBERS = ("offset", "length")
# The text is decoded already, and always read as UTF-8.
ENCODING = re.compile(r"""(?<=<\?xml)([^>]*?)\sencoding\s*=\s*(?:"[^"]*"|'[^']*')""")


def read_xml_documents(path: Path, text: str) -> list[Any]:
    """Read the documents of a collection.

    path (Path): The file, for messages.
    text (str): Its content.
    RETURNS (list[bioc.BioCDocument]): The documents.
    RAISES (CorpusError): If the file is not XML, or not BioC, with the line; or if it defines entities.
    """
    from bioc import biocxml
    from lxml.etree import XMLSyntaxError

    if "<!ENTITY" in text:
        raise CorpusError(path, 0, "the file defines XML entities, which BioC does not need; they are not read")
    content = ENCODING.sub(r"\1", text.lstrip(), count=1)
    skipped = text[: len(text) - len(text.lstrip())].count("\n")
    try:
        return list(biocxml.loads(content).documents)
    except XMLSyntaxError as err:
        raise CorpusError(path, (err.lineno or 0) + skipped, f"invalid XML: {err.msg}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        line, reason = _find_wrong(content)
        raise CorpusError(path, line + skipped, reason) from None


def _find_wrong(content: str) -> tuple[int, str]:
    """RETURNS (tuple[int, str]): The line and the reason of the first element that the package cannot read."""
    from lxml import etree

    for element in etree.fromstring(content.encode("utf8")).iter(*ATTRIBUTES, *WITH_OFFSET):
        values = {name: element.get(name) for name in ATTRIBUTES.get(element.tag, ())}
        if element.tag in WITH_OFFSET:
            values["offset"] = element.findtext("offset")
        for name, value in values.items():
            if value is None:
                return element.sourceline, f"'{element.tag}' has no '{name}'"
            if name in NUMBERS and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
                return element.sourceline, f"'{name}' of '{element.tag}' must be a whole number, not {value[:40]!r}"
    return 0, "this is not a BioC collection"
