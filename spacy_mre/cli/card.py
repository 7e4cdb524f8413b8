"""The command `card`."""

from pathlib import Path
from typing import Annotated

import srsly
import typer

from ..corpora import CorpusError
from ..corpora.reading import read_json
from ..evaluation.card import are_scores, describe, write_card
from ..files import replacing
from .app import app
from .common import read_yaml


@app.command("card")
def card_cli(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="The folder of a trained pipeline.", exists=True, file_okay=False),
    ],
    scores: Annotated[
        Path,
        typer.Argument(metavar="SCORES", help="The file that `evaluate --output` wrote.", exists=True, dir_okay=False),
    ],
    about: Annotated[
        Path | None,
        typer.Option(
            help="A YAML file with description, author, email, url, license, sources, languages, example, use, data, "
            "limits, speed and tables, as far as they are known.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The name of the pipeline, after the language.")] = None,
    version: Annotated[str | None, typer.Option(help="Its version.")] = None,
) -> None:
    """Write the model card of a pipeline: MODEL/README.md and MODEL/meta.json, which `spacy package` takes into the
    wheel."""
    known = read_yaml(about) if about else {}
    measured = read_json(scores)
    if not are_scores(measured):
        raise CorpusError(scores, 0, "expected the scores that evaluate --output wrote")
    meta = read_json(model / "meta.json")
    meta.update({key: value for key, value in (("name", name), ("version", version)) if value})
    meta = describe(meta, known, measured)
    card = write_card(meta, known)
    with replacing(model / "meta.json") as temporary:
        srsly.write_json(temporary, meta)
    with replacing(model / "README.md") as temporary:
        temporary.write_text(card, encoding="utf8")
    typer.echo(f"The card: {model / 'README.md'}")
