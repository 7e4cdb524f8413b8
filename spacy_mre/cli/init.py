"""The command `init`."""

from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, PackageLoader, StrictUndefined

from ..errors import Errors
from ..files import NEW, check_can_write, replacing_files
from ..training.configs import read_config
from ..training.recipe import CONFIGS, choose_config
from .app import app
from .common import one_of
from .filled import write_filled

templates = Environment(
    loader=PackageLoader("spacy_mre.cli"), autoescape=False, keep_trailing_newline=True, undefined=StrictUndefined
)


@app.command("init")
def init_cli(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to make.", file_okay=False)],
    lang: Annotated[
        str, typer.Option(help=f"The language of the texts: {', '.join(CONFIGS)}.", parser=one_of(CONFIGS))
    ] = "ja",
    force: Annotated[
        bool, typer.Option("--force", "-F", help="Write to a folder that is not empty, and replace files there.")
    ] = False,
) -> None:
    """Make a folder for data of your own: a spaCy project that converts, trains, evaluates and packages.

    Replace its dozen example texts with yours.
    """
    check_can_write(folder, folder=True)
    if not force and _contents(folder):
        raise ValueError(Errors.M037.format(folder=folder, found=", ".join(_contents(folder)[:3])))
    config = choose_config(lang)
    with replacing_files(folder) as fresh:
        _write_project(fresh, lang, config)
    where = "" if folder.resolve() == Path.cwd() else f" {folder}"
    typer.echo(f"{folder} is a project for {lang}, with the config {config}. Its README.md explains it. Next:")
    typer.echo(f"python -m spacy project run all{where}")


def _contents(folder: Path) -> list[str]:
    """A new git repository counts as empty, and so does what a process left that was killed."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in found if path.name != ".git" and not path.name.startswith(NEW))


def _write_project(folder: Path, lang: str, config: str) -> None:
    texts = {
        "project.yml": "project.yml.jinja",
        "README.md": "README.md.jinja",
        ".gitignore": "gitignore",
        "data/example.jsonl": f"example_{lang}.jsonl",
    }
    for name, template in texts.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(templates.get_template(template).render(lang=lang, config=config), encoding="utf8")
    settings = read_config(config)
    settings["paths"].update({"train": "corpus/train.spacy", "dev": "corpus/dev.spacy"})
    write_filled(settings, folder / "config.cfg")
