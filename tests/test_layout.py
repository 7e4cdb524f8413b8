"""The layout of the package: which room may import which, how long files are, and what an import loads.

A room is a folder or a file at the top of the package. `errors.py` and `about.py` are tables that all rooms read, not
rooms.
"""

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import spacy_mre

PACKAGE = Path(spacy_mre.__file__).parent
ROOT = PACKAGE.parent
NOT_ROOMS = ("__init__", "__main__", "about", "errors")
# From the bottom to the top. A room imports only from its own level and from lower ones.
LEVELS = (
    ("arrays", "errors", "files", "unpacking", "settings", "requirements", "about"),
    ("annotations",),
    ("tokenization", "training", "corpora", "visual", "evaluation"),
    ("encoders",),
    ("pipeline",),
    ("scale",),
    ("serving",),
    ("cli",),
)
# Of rooms, and of imports between them.
MAX_ROOMS, MAX_ARROWS = 16, 47
MEDIAN_LINES, MAX_LINES = 110, 350
# With the reason.
LONG_FILES: dict[str, str] = {"errors.py": "a table of texts"}
HEAVY = ("torch", "transformers")

Graph = dict[str, set[str]]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(name: str, path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, in functions too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *filter(None, [node.module])])
            if base.split(".")[0] == PACKAGE.name:
                for alias in node.names:
                    submodule = f"{base}.{alias.name}"
                    yield submodule if submodule in FILES else base


def file_imports() -> Graph:
    return {name: {other for other in imported_modules(name, path) if other != name} for name, path in FILES.items()}


def room_of(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def room_imports() -> Graph:
    rooms: Graph = {room_of(name): set() for name in FILES if room_of(name) not in NOT_ROOMS}
    for name, others in file_imports().items():
        if room_of(name) in rooms:
            rooms[room_of(name)] |= {room_of(other) for other in others if room_of(other) in rooms} - {room_of(name)}
    return rooms


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf8").splitlines())


def test_there_are_few_rooms_and_few_arrows():
    rooms = room_imports()
    assert len(rooms) <= MAX_ROOMS, sorted(rooms)
    assert sum(map(len, rooms.values())) <= MAX_ARROWS, rooms


def test_every_room_has_a_level():
    assert {room for level in LEVELS for room in level} >= set(room_imports())


def test_no_circle_between_rooms():
    assert find_circle(room_imports()) == []


def test_no_circle_between_files():
    assert find_circle(file_imports()) == []


def test_no_import_goes_up():
    height = {room: number for number, level in enumerate(LEVELS) for room in level}
    upward = [
        (name, other)
        for name, others in file_imports().items()
        if room_of(name) in height
        for other in others
        if height.get(room_of(other), 0) > height[room_of(name)]
    ]
    assert upward == []


def test_circles_and_upward_imports_would_be_found():
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    source = FILES["spacy_mre.pipeline.textcat.component"]
    assert "spacy_mre.pipeline.base" in imported_modules("spacy_mre.pipeline.textcat.component", source)
    assert "spacy_mre.annotations.entities" in file_imports()["spacy_mre.pipeline.spert_mt.component"]


def test_files_are_short():
    lines = {str(path.relative_to(PACKAGE)): count_lines(path) for path in FILES.values() if count_lines(path)}
    assert statistics.median(lines.values()) <= MEDIAN_LINES
    assert {name: number for name, number in lines.items() if number > MAX_LINES and name not in LONG_FILES} == {}


LOADED = """
import json, sys
from importlib import import_module
for module in json.loads(sys.argv[1]):
    import_module(module)
print(json.dumps(sorted(sys.modules)))
"""


def heavy_modules(*modules: str) -> set[str]:
    """The modules of torch and transformers that are loaded after imports, in a new process."""
    command = [sys.executable, "-c", LOADED, json.dumps(modules)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return {name for name in json.loads(done.stdout) if name.split(".")[0] in HEAVY}


@pytest.fixture(scope="module")
def heavy_in_spacy() -> set[str]:
    return heavy_modules("spacy")


def test_the_package_loads_no_torch(heavy_in_spacy):
    assert heavy_modules("spacy", "spacy_mre") == heavy_in_spacy


def test_factories_load_no_torch(heavy_in_spacy):
    factories = {
        entry.module for entry in entry_points(group="spacy_factories") if entry.module.startswith("spacy_mre")
    }
    assert factories
    assert heavy_modules("spacy", *sorted(factories)) == heavy_in_spacy


def test_a_heavy_import_would_be_found(heavy_in_spacy):
    assert heavy_modules("spacy", "transformers.modeling_utils") > heavy_in_spacy
