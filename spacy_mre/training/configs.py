"""The training configs that come with the package."""

from pathlib import Path

from ..errors import Errors
from ..files import replacing

PACKAGE = Path(__file__).parents[1]
# In a clone, also with an editable installation, the folder is beside the package, not in it.
FOLDER = next((path for path in (PACKAGE / "configs", PACKAGE.parent / "configs") if path.is_dir()), PACKAGE)
SUFFIX = ".cfg"


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
    text = config_path(name).read_text(encoding="utf8")
    if not force and Path(output).exists():
        raise ValueError(Errors.M031.format(path=output))
    with replacing(output) as temporary:
        temporary.write_text(text.replace(f"configs/{name}{SUFFIX}", str(output)), encoding="utf8")
