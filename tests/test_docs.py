"""Code blocks of the README and the docs run, examples in docstrings run, and docstrings become API pages."""

import doctest
import inspect
import json
import logging
import re
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.util import registry

import spacy_mre
from spacy_mre.pipeline.spert_mt.settings import PRESETS

ROOT = Path(__file__).parent.parent
PACKAGE = Path(spacy_mre.__file__).parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)
FACTORIES = ("mre_textcat", "mre_transformer", "multi_ner", "oiellm", "slg", "spert_mt")
# Pages with a table of settings: the component, and the architecture of its model unless it is another package's.
SETTINGS_PAGES = [
    ("spert_mt.md", "spert_mt", "spacy_mre.SpertMT.v1"),
    ("mre_textcat.md", "mre_textcat", "spacy_mre.TextCat.v1"),
    ("mre_transformer.md", "mre_transformer", None),
]
ROW = re.compile(r"^\| `(?P<name>[\w.]+)` \| `?(?P<default>[^|]*?)`? \|", re.MULTILINE)
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def count_examples() -> dict[str, int]:
    """The number of statements in examples of each module that has any."""
    counts = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        counts[name] = len(EXAMPLE.findall(path.read_text(encoding="utf8")))
    return {name: count for name, count in counts.items() if count}


EXAMPLES = count_examples()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    blocks = BLOCK.findall(page.read_text(encoding="utf8"))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)


def test_there_are_blocks():
    assert sum(len(BLOCK.findall(page.read_text(encoding="utf8"))) for page in PAGES) >= 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    if name.endswith("on_spark"):
        pytest.importorskip("pyspark")
    module = import_module(name)
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted == EXAMPLES[name], "doctest does not find every example"
    assert not results.failed


def test_public_functions_of_the_package_have_examples():
    assert {"spacy_mre.annotations.relations", "spacy_mre.annotations.storage"} <= set(EXAMPLES)


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_component_has_an_example(factory):
    component = type(spacy.blank("en").create_pipe(factory))
    assert EXAMPLE.search(component.__doc__)


def test_all_factories_are_checked():
    assert sorted(FACTORIES) == sorted(name for name in registry.factories.get_all() if is_ours(name))


def is_ours(factory):
    return registry.factories.get(factory).__module__.startswith("spacy_mre.")


def arguments_of(function, *, without=()):
    return {name: p.default for name, p in inspect.signature(function).parameters.items() if name not in without}


@pytest.mark.parametrize("page, factory, architecture", SETTINGS_PAGES)
def test_settings_tables_are_complete_and_true(page, factory, architecture):
    documented = dict(ROW.findall((ROOT / "docs" / page).read_text(encoding="utf8")))
    component = type(spacy.blank("en").create_pipe(factory))
    if architecture is None:
        defaults = dict(spacy.blank("en").get_factory_meta(factory).default_config)
    else:
        defaults = arguments_of(component.__init__, without=("self", "nlp", "name", "model"))
        model = arguments_of(registry.architectures.get(architecture))
        defaults |= {f"model.{name}": default for name, default in model.items()}
    assert set(documented) == set(defaults)
    for name, default in defaults.items():
        if name not in ("model", "model.encoder", "scorer", "set_extra_annotations"):
            assert json.loads(documented[name]) == default, name


def test_the_table_of_presets_is_true():
    page = (ROOT / "docs" / "spert_mt.md").read_text(encoding="utf8")
    rows = re.findall(r'^\| `"(\w+)"` \| [^|]* \| (.*) \|$', page, re.MULTILINE)
    assert [mode for mode, _ in rows] == list(PRESETS)
    for mode, cells in rows:
        values = [json.loads(cell.strip("` ")) for cell in cells.split("|")]
        preset = PRESETS[mode]
        decoding = [preset.entity_threshold, preset.relation_threshold, preset.overlap, preset.constraints]
        assert values == [*decoding, preset.scope, preset.max_distance]


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
        ("api/index.md", "[a](../formats.md)", "[a](../formats.md)"),
        ("formats.md", "[a](../spacy_mre/corpora/jsonl.py)", "[a](api/corpora.md#spacy_mre.corpora.jsonl)"),
        ("formats.md", "![a](images/example.svg)", "![a](images/example.svg)"),
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


def test_fences_are_those_that_the_site_recognizes(site_module):
    hooks = site_module("site_hooks")
    page = SimpleNamespace(file=SimpleNamespace(src_uri="formats.md"))
    source = "```python no-run\nnlp\n```\n1. Then:\n\n    ```python no-run\n    nlp\n    ```\n"
    assert hooks.on_page_markdown(source, page) == source.replace(" no-run", "")


def test_unrecognized_fences_are_reported(site_module, caplog):
    hooks = site_module("site_hooks")
    page = SimpleNamespace(file=SimpleNamespace(src_uri="formats.md"))
    with caplog.at_level(logging.WARNING):
        hooks.on_page_content("<pre><code>nlp</code></pre>", page)
        assert not caplog.records
        hooks.on_page_content("<p>```python no-run nlp</p>", page)
    assert "formats.md" in caplog.text
