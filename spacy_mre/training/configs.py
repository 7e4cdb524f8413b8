"""The training configs that come with the package."""

from collections.abc import Sequence
from configparser import Error as ConfigError
from pathlib import Path
from typing import Any

from confection import Config, ConfigValidationError
from spacy.util import load_config

from ..errors import Errors
from ..files import replacing

PACKAGE = Path(__file__).parents[1]
# In a clone, also with an editable installation, the folder is beside the package, not in it.
FOLDER = next((path for path in (PACKAGE / "configs", PACKAGE.parent / "configs") if path.is_dir()), PACKAGE)
SUFFIX = ".cfg"
# What a config needs to be trained with, and for its components to be adapted to texts.
NEEDED = (
    *("nlp.pipeline", "components", "corpora"),
    *("training.train_corpus", "training.dev_corpus"),
    *("training.optimizer.@optimizers", "training.batcher.@batchers"),
)


def config_names() -> list[str]:
    """List the training configs that come with the package.

    RETURNS (list[str]): Their names, sorted.

    >>> "ja_cpu" in config_names()
    True
    """
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def config_path(name: str | Path) -> Path:
    """Find a training config.

    name (str | Path): The name of a config that comes with the package, or the path of any .cfg file.
    RETURNS (Path): The file.
    RAISES (ValueError): If there is neither.

    >>> config_path("ja_cpu").name
    'ja_cpu.cfg'
    """
    path = Path(name)
    if path.suffix == SUFFIX and path.is_file():
        return path
    if str(name) in config_names():
        return FOLDER / f"{name}{SUFFIX}"
    known = "".join(f"\n{known}: {config_purpose(known)}" for known in config_names())
    raise ValueError(Errors.M030.format(name=name, known=known))


def config_text(name: str | Path) -> str:
    """Read a training config as text.

    name (str | Path): Its name or path; see `config_path`.
    RETURNS (str): What the file contains.
    RAISES (ValueError): If there is none, or it is not UTF-8.
    """
    path = config_path(name)
    try:
        return path.read_text(encoding="utf8")
    except UnicodeDecodeError as err:
        raise ValueError(Errors.M613.format(path=path, reason=f"byte {err.start} is not UTF-8")) from None


def read_config(name: str | Path, *, needed: Sequence[str] = NEEDED) -> Config:
    """Read a training config, without replacing its variables.

    name (str | Path): Its name or path; see `config_path`.
    needed (Sequence[str]): The sections and settings that it must have, as dotted keys. Default: those of a training.
    RETURNS (Config): The config.
    RAISES (ValueError): If there is none, it is not UTF-8 or not in the syntax of configs, or lacks something.

    >>> read_config("ja_cpu")["nlp"]["lang"]
    'ja'
    """
    text, path = config_text(name), config_path(name)
    try:
        config = load_config(path) if text.strip() else Config()
    except (ConfigError, ConfigValidationError) as err:
        # Without the headings, and the name of the string that was parsed.
        lines = [line for line in str(err).splitlines() if not line.startswith(("Config validation", "Make sure"))]
        reason = " ".join(" ".join(lines).replace("file: '<string>', ", "").replace("'<string>' ", "").split())
        raise ValueError(Errors.M613.format(path=path, reason=reason)) from None
    names = config.get("nlp", {}).get("pipeline", [])
    missing = [key for key in needed if not _has(config, key)]
    if "components" in needed and not missing and isinstance(names, list):
        missing = [f"components.{name}" for name in names if not _has(config, f"components.{name}")]
    if missing:
        lacking = ", ".join(f"[{key}]" for key in missing)
        raise ValueError(Errors.M613.format(path=path, reason=f"it lacks {lacking}"))
    return config


def _has(config: Config, key: str) -> bool:
    section: Any = config
    for part in key.split("."):
        if isinstance(section, str) and section.startswith("${"):
            return True  # what a variable stands for is not looked up
        if not isinstance(section, dict) or section.get(part) is None:
            return False
        section = section[part]
    return True


def config_purpose(name: str) -> str:
    """Read what a config that comes with the package is for.

    name (str): Its name.
    RETURNS (str): The first line of the file.

    >>> config_purpose("en_cpu")
    'English on a CPU: the packaged MiniLM, shared by entities, relations and text labels.'
    """
    with config_path(name).open(encoding="utf8") as file:
        return file.readline().removeprefix("# ").rstrip()


def write_config(name: str, output: str | Path, *, force: bool = False) -> None:
    """Copy a config that comes with the package, to change it.

    name (str): Its name.
    output (str | Path): The file to write. The command at the beginning of the config names it.
    force (bool): Whether an existing file is replaced. Default: False.
    RAISES (ValueError): If there is no config of this name, or the file exists.

    >>> write_config("ja_cpu", "my.cfg")
    >>> print(Path("my.cfg").read_text(encoding="utf8"))
    # Japanese on a CPU: ...
    # python -m spacy train my.cfg --paths.train corpus/train.spacy ...
    """
    text = config_text(name)
    if not force and Path(output).exists():
        raise ValueError(Errors.M031.format(path=output))
    with replacing(output) as temporary:
        temporary.write_text(text.replace(f"configs/{name}{SUFFIX}", str(output)), encoding="utf8")
