"""Code blocks of the README and the docs run, examples in docstrings run, and docstrings become API pages."""

import doctest
import re
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

import spacy_mre

ROOT = Path(__file__).parent.parent
PACKAGE = Path(spacy_mre.__file__).parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
MODULES_WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if re.search(r"^ *>>> ", path.read_text(encoding="utf8"), re.MULTILINE)
)
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    blocks = BLOCK.findall(page.read_text(encoding="utf8"))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)


def test_there_are_blocks():
    assert sum(len(BLOCK.findall(page.read_text(encoding="utf8"))) for page in PAGES) >= 3


@pytest.mark.parametrize("name", MODULES_WITH_EXAMPLES)
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    module = import_module(name)
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted
    assert not results.failed


def test_public_functions_of_the_package_have_examples():
    assert {"spacy_mre.annotations.relations", "spacy_mre.annotations.storage"} <= set(MODULES_WITH_EXAMPLES)


def test_public_names_are_on_the_api_page():
    page = (ROOT / "docs" / "api" / "index.md").read_text(encoding="utf8")
    (members,) = re.findall(r"members: \[(.*)\]", page)
    assert {"__version__", *members.split(", ")} == set(spacy_mre.__all__)


def test_every_room_has_an_api_page():
    for room in ROOMS:
        assert f"::: spacy_mre.{room}\n" in (ROOT / "docs" / "api" / f"{room}.md").read_text(encoding="utf8")


@pytest.fixture
def site_module(monkeypatch):
    """Imports a module of the folder of the docs."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    imported = []

    def load(name):
        imported.append(name)
        return import_module(name)

    yield load
    for name in imported:
        sys.modules.pop(name)


@pytest.fixture
def parse_docstring(site_module):
    pytest.importorskip("griffe")
    return site_module("griffe_spacy").parse_docstring


DOCSTRING = """Write entities.

Spans (of any width) are replaced.

doc (Doc): The document.
shape (tuple[int, int] | None): Its shape. It may
    take two lines (and brackets).
**kwargs (Any): More.
RETURNS (list[Span]): The spans.
RAISES (ValueError): If there are none.

>>> 1 + 1
2
>>> "RETURNS (int): no field"
'RETURNS (int): no field'

The end."""


def test_docstrings_become_sections(parse_docstring):
    sections = parse_docstring(DOCSTRING.splitlines())
    kinds = ["text", "text", "parameters", "returns", "raises", "examples", "text"]
    assert [section.kind.value for section in sections] == kinds
    parameters = [(field.name, field.annotation, field.description) for field in sections[2].value]
    assert parameters == [
        ("doc", "Doc", "The document."),
        ("shape", "tuple[int, int] | None", "Its shape. It may take two lines (and brackets)."),
        ("**kwargs", "Any", "More."),
    ]
    assert [(field.annotation, field.description) for field in sections[3].value] == [("list[Span]", "The spans.")]
    assert [field.annotation for field in sections[4].value] == ["ValueError"]
    assert sections[5].value[0][1].count("\n") == 3


def test_fields_of_a_class_are_attributes(parse_docstring):
    sections = parse_docstring(["A span.", "", "start (int): Its start."], has_attributes=True)
    assert [section.kind.value for section in sections] == ["text", "attributes"]


@pytest.mark.parametrize(
    "page, link, adapted",
    [
        ("training.md", "[a](performance.md#growth)", "[a](performance.md#growth)"),
        ("training.md", "[a](https://spacy.io)", "[a](https://spacy.io)"),
        ("training.md", "[a](../README.md#install)", "[a](index.md#install)"),
        ("training.md", "[`a`](../tests/conftest.py)", "`a`"),
        ("api/index.md", "[a](../data.md)", "[a](../data.md)"),
        ("data.md", "[a](../spacy_mre/corpora/jsonl.py)", "[a](api/corpora.md#spacy_mre.corpora.jsonl)"),
        ("data.md", "![a](images/example.svg)", "![a](images/example.svg)"),
    ],
)
def test_links_lead_to_pages_of_the_site(page, link, adapted, site_module):
    on_page_markdown = site_module("site_hooks").on_page_markdown
    assert on_page_markdown(link, SimpleNamespace(file=SimpleNamespace(src_uri=page))) == adapted


def test_the_home_page_is_the_readme(site_module):
    on_page_markdown = site_module("site_hooks").on_page_markdown
    home = on_page_markdown("", SimpleNamespace(file=SimpleNamespace(src_uri="index.md")))
    assert home.startswith("# spacy_mre")
    assert "](images/example.svg)" in home and "](docs/" not in home
