"""The wheel of this package, and an environment with what pip would install for some wheels, and nothing else: links to
the files of this environment.

A real installation downloads hundreds of megabytes, and takes minutes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def build_wheel(source: Path, output: Path) -> Path:
    """Make the wheel of this package from its source distribution.

    source (Path): An empty folder to build in.
    output (Path): The folder for the wheel.
    RETURNS (Path): The wheel.
    """
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("spacy_mre", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    # setuptools is there, because torch requires it.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = output.glob("*.whl")
    return path


def install(wheels: Iterable[Path], folder: Path, requirements: Iterable[str] = ()) -> Path:
    """Install wheels without what they require, and link what they require.

    wheels (Iterable[Path]): The wheels.
    folder (Path): Where to install.
    requirements (Iterable[str]): Further requirements, as in `Requires-Dist`.
    RETURNS (Path): The same folder.
    RAISES (AssertionError): If a requirement is not satisfied by this environment.
    """
    files = list(map(str, wheels))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, *files]
    subprocess.run(command, check=True)
    needed = [*requirements, *(line for info in folder.glob("*.dist-info") for line in _requires_of(info))]
    for name in _closure(needed, {_name_of(info) for info in folder.glob("*.dist-info")}):
        for path in {Path(str(file)).parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
            if not (folder / path).exists():
                (folder / path).symlink_to(distribution(name).locate_file(path))
    return folder


def run_installed(folder: Path, code: str, *arguments: object) -> str:
    """Run Python code that finds the standard library and the packages in a folder, and nothing else.

    folder (Path): The folder with the packages.
    code (str): The code.
    arguments (object): For `sys.argv`.
    RETURNS (str): What it printed.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-S", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=folder.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _closure(lines: Iterable[str], installed: set[str]) -> list[str]:
    """The distributions that some requirements need, with the requirements of these, as pip finds them."""
    waiting, seen, names = list(map(Requirement, lines)), set(), []
    while waiting:
        needed = waiting.pop()
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(needed.name)
        if name in installed or name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        assert needed.specifier.contains(found.version, prereleases=True), (str(needed), found.version)
        names.append(name)
        waiting.extend(map(Requirement, found.requires or ()))
    return names


def _requires_of(info: Path) -> list[str]:
    lines = (info / "METADATA").read_text(encoding="utf8").splitlines()
    return [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]


def _name_of(info: Path) -> str:
    return canonicalize_name(info.name.partition("-")[0])
