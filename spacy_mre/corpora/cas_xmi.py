"""The XMI of UIMA CAS, which INCEpTION exports as "UIMA CAS XMI" beside a TypeSystem.xml."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

from .cas_names import is_name, usable
from .cas_places import Ids, Places
from .reading import DIGITS, Location, read_text
from .record import CorpusError
from .report import Report

XMI, CAS = "{http://www.omg.org/XMI}", "{http:///uima/cas.ecore}"
DECLARATION = re.compile(r"\s*<\?xml\b([^>]*)\?>")
ENCODING = re.compile(r"""encoding\s*=\s*["']([^"']*)["']""")
TYPE_SYSTEM = "TypeSystem.xml"


def is_xmi(text: str) -> bool:
    """RETURNS (bool): Whether a text begins as XMI does."""
    return text.lstrip().startswith("<") and "http://www.omg.org/XMI" in text[:10_000]


def load_types(folder: Path, path: Path) -> Any:
    """Read the types beside a file.

    folder (Path): The folder of the file.
    path (Path): The file, for errors.
    RETURNS (TypeSystem): The type system of `cassis`.
    RAISES (CorpusError): If there is none, or it is malformed.
    """
    import cassis
    from lxml import etree

    beside = [file for file in sorted(folder.iterdir()) if file.name.lower() == TYPE_SYSTEM.lower()]
    if not beside:
        raise CorpusError(path, 0, f"there is no {TYPE_SYSTEM} beside it, which describes its layers; export it too")
    root = _parse(beside[0])
    for element in root.iter("{*}typeDescription", "{*}featureDescription"):
        name = (element.findtext("{*}name") or "").strip()
        if not is_name(name):
            raise CorpusError(beside[0], element.sourceline or 0, f"invalid name of a type or feature '{name[:40]}'")
    for named in root.iterfind(".//{*}featureDescription/{*}name"):
        named.text = usable((named.text or "").strip())
    try:
        return cassis.load_typesystem(BytesIO(etree.tostring(root)))
    except Exception as err:  # whatever a malformed file leads to
        raise CorpusError(beside[0], 0, f"these are no valid types: {type(err).__name__} {str(err)[:80]}") from None


def load_xmi(path: Path, types: Any, report: Report) -> Any:
    """Read a CAS.

    path (Path): The file.
    types (TypeSystem): The type system of `cassis`.
    report (Report): Counts annotations that are in no view.
    RETURNS (Cas): The CAS of `cassis`.
    RAISES (CorpusError): If it is malformed.
    """
    import cassis
    from lxml import etree

    root = _parse(path)
    if root.tag != f"{XMI}XMI":
        raise CorpusError(path, 1, "expected xmi:XMI, as in the export 'UIMA CAS XMI'")
    _check(root, path, report)
    for element in root:
        _rename(element)
    try:
        return cassis.load_cas_from_xmi(BytesIO(etree.tostring(root, encoding="utf8")), types)
    except KeyError as err:
        what = "has no Sofa" if err.args == (None,) else f"refers to {err}, which is not in the file"
        raise CorpusError(path, 0, f"an annotation {what}") from None
    except Exception as err:  # whatever a malformed file leads to
        raise CorpusError(path, 0, f"this is not a valid CAS: {type(err).__name__} {str(err)[:120]}") from None


def _rename(element: Any) -> None:
    """Give the features of an annotation names that `cassis` can use."""
    for name, value in element.attrib.items():
        if usable(name) != name:
            del element.attrib[name]
            element.set(usable(name), value)
    for child in element:  # the elements of an array
        if isinstance(child.tag, str):
            child.tag = usable(child.tag)


def _parse(path: Path) -> Any:
    """The root of an XML file."""
    from lxml import etree

    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CorpusError(path, 0, "the file has a DOCTYPE, which a CAS does not need; XML entities are not read")
    declaration = DECLARATION.match(text)
    if declaration:
        encoding = ENCODING.search(declaration[1])
        if encoding and encoding[1].lower() not in ("utf-8", "utf8", "us-ascii"):
            raise CorpusError(path, 1, f"the file is said to be in {encoding[1][:40]}; convert it to UTF-8 first")
        text = text.replace(declaration[0], "", 1)
    data = text.lstrip().encode("utf8")
    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as err:
        line = (err.lineno or 0) + (declaration[0].count("\n") if declaration else 0)
        raise CorpusError(path, line, f"invalid XML: {err.msg}") from None


def _check(root: Any, path: Path, report: Report) -> None:
    ids = Ids(Location(path, name="the CAS"))
    elements = [(element, _location(element, path)) for element in root if isinstance(element.tag, str)]
    structures = [(e, location) for e, location in elements if e.tag not in (f"{CAS}NULL", f"{CAS}View")]
    for element, location in structures:
        ids.add(_int(element.get(f"{XMI}id")), location, needs_view="sofa" in element.attrib)
    sofas = {_int(e.get(f"{XMI}id")): e.get("sofaString") for e, _ in structures if e.tag == f"{CAS}Sofa"}
    places = Places({id: text for id, text in sofas.items() if text is not None}, "utf16")
    for element, location in structures:
        if "begin" in element.attrib or "end" in element.attrib:
            start, end, sofa = (_int(element.get(name)) for name in ("begin", "end", "sofa"))
            places.in_utf16(start, end, sofa, location)
    for element, _ in elements:
        if element.tag == f"{CAS}View":
            members = [_int(member) for member in element.get("members", "").split()]
            ids.add_members(members, f"of Sofa {element.get('sofa')}")
    ids.lose_others(report)


def _location(element: Any, path: Path) -> Location:
    name = f"{element.tag.rsplit('}', 1)[-1][:40]} {str(element.get(f'{XMI}id'))[:40]}"
    return Location(path, name=name)


def _int(value: str | None) -> int | str | None:
    """A number, or what is there instead, for the error."""
    return int(value) if value is not None and DIGITS.match(value) else value
