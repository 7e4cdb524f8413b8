"""The command `studio`."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .listening import Host, Port, Token, log_requests


@app.command("studio")
def studio_cli(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The trained pipeline, a package or a folder.")],
    texts: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXTS",
            help="A .jsonl, .csv, .tsv or .txt file (also .gz, .bz2, .zst), a .parquet or .spacy file, or a folder of "
            "such files. Without it, texts are typed or pasted into the page.",
        ),
    ] = None,
    gold: Annotated[
        Path, typer.Option(help="The file of the decisions. It only grows; the next run continues it.")
    ] = Path("studio/gold.jsonl"),
    other: Annotated[
        str | None, typer.Option(help="A second pipeline, to see where the two disagree: a package or a folder.")
    ] = None,
    text: Annotated[str, typer.Option(help="The column of the texts.")] = "text",
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    show: Annotated[bool, typer.Option("--show", help="Open the page in a browser.")] = False,
) -> None:
    """Look at what a pipeline finds, correct it, save gold, and let the pipeline learn from it, in a browser."""
    from ..serving.settings import PACKAGES, Settings, check_packages

    check_packages([*PACKAGES, "filelock"])
    # A text that is slow keeps nobody waiting but the person who opened it.
    settings = Settings(host, port, token, timeout=600.0)
    from ..serving.studio.server import serve_studio
    from ..serving.studio.tools import Tools
    from .studio_files import FORMS, export_gold, make_gold_docs

    def tell(url: str) -> None:
        typer.echo(f"studio on {url}" + ("/#token=... (the token)" if token else ""), err=True)
        if show:  # without the token: other users could read it in the options of the browser's process
            webbrowser.open(url)

    log_requests()
    tools = Tools(make_gold_docs, export_gold, FORMS)
    serve_studio(model, texts, gold, settings, tools, other=other, text=text, on_listen=tell)
