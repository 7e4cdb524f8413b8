"""The package as spaCy finds it: entry points, what an import loads, public names, numbered errors."""

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy
from spacy.util import registry

import spacy_mre

ROOT = Path(spacy_mre.__file__).parent.parent
PYPROJECT = (
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8")) if (ROOT / "pyproject.toml").exists() else {}
)
ENTRY_POINTS = [
    (group, name, value)
    for group, members in PYPROJECT.get("project", {}).get("entry-points", {}).items()
    for name, value in members.items()
]


@pytest.mark.parametrize("group, name, value", ENTRY_POINTS)
def test_every_entry_point_loads(group, name, value):
    module, attribute = value.split(":")
    made = getattr(import_module(module), attribute)
    assert callable(made)
    assert made.__module__ == module
    installed = [entry for entry in entry_points(group=group) if entry.name == name]
    assert [entry.load() for entry in installed] == [made]


@pytest.mark.parametrize(
    "group, name, value", [row for row in ENTRY_POINTS if row[0].startswith("spacy_") and row[0] != "spacy_factories"]
)
def test_every_registered_name_is_found_by_spacy(group, name, value):
    assert name.startswith("spacy_mre.") and name.endswith(".v1")
    if group == "spacy_span_getters":
        pytest.importorskip("spacy_transformers")  # which makes this registry
    found = registry.get(group.removeprefix("spacy_"), name)
    assert found.__module__ == value.split(":")[0]


def test_every_factory_is_found_by_spacy():
    nlp = spacy.blank("en")
    names = [name for group, name, _ in ENTRY_POINTS if group == "spacy_factories"]
    assert names
    for name in names:
        assert nlp.has_factory(name)
        assert nlp.get_factory_meta(name).factory == name


# Third-party modules that are loaded in addition to those of `import spacy`, and all modules that are.
TRACE = """
import json, sys
import spacy
before = set(sys.modules)
import spacy_mre
from importlib import import_module
for module in json.loads(sys.argv[1]):
    import_module(module)
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([sorted(new - set(sys.stdlib_module_names)), sorted(set(sys.modules) - before)]))
"""


def new_modules(modules):
    command = [sys.executable, "-c", TRACE, json.dumps(modules)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_factories_add_no_third_party_module_to_those_of_spacy():
    factories = sorted({value.split(":")[0] for group, _, value in ENTRY_POINTS if group == "spacy_factories"})
    assert factories
    top_level, _ = new_modules(factories)
    assert top_level == ["spacy_mre"]


def test_the_package_alone_is_light():
    top_level, names = new_modules([])
    assert top_level == ["spacy_mre"]
    rooms = {name for name in names if name.startswith("spacy_mre.")}
    assert not any(
        name.split(".")[1] in ("pipeline", "encoders", "training", "corpora", "visual", "evaluation", "cli")
        for name in rooms
    )


def test_the_extensions_are_there_after_import():
    from spacy.tokens import Doc

    assert Doc.has_extension("relations") and Doc.has_extension("triples")


def test_type_hints_are_for_users_too():
    assert (Path(spacy_mre.__file__).parent / "py.typed").exists()
    assert "py.typed" in PYPROJECT["tool"]["setuptools"]["package-data"]["spacy_mre"]


def test_what_the_package_offers():
    offered = {"Triple", "from_json", "load_docs", "make_relation", "merge_docs", "save_docs", "span_as_doc", "to_json"}
    assert offered | {"__version__"} == set(spacy_mre.__all__)
    assert all(hasattr(spacy_mre, name) for name in spacy_mre.__all__)
    assert all(getattr(spacy_mre, name).__doc__ for name in offered)


def test_error_texts_are_numbered():
    from spacy_mre.errors import Errors, Warnings

    for texts, letter in ((Errors, "M"), (Warnings, "W")):
        codes = [name for name in vars(texts) if not name.startswith("_")]
        assert codes
        for code in codes:
            assert code[0] == letter and code[1:].isdigit()
            assert getattr(texts, code).startswith(f"[{code}] ")
