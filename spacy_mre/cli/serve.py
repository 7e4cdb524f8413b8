"""The command `serve`."""

import logging
from typing import Annotated

import typer

from .app import app


@app.command("serve")
def serve_cli(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="The trained pipelines, packages or folders; NAME=MODEL gives one another name."
        ),
    ],
    host: Annotated[
        str, typer.Option(help="The address to listen on. One that other machines reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SPACY_MRE_TOKEN",
            show_envvar=True,
            help="What clients must send. Other users of this machine can read the option, but not the variable.",
        ),
    ] = None,
    batch_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens in a batch. Fewer make small requests wait less.")
    ] = 2_000,
    queue: Annotated[int, typer.Option(min=1, help="Texts that may wait, for each pipeline.")] = 2_000,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds in which a request is answered.")] = 30.0,
    max_bytes: Annotated[int, typer.Option(min=1, help="The most bytes of a body.")] = 4 * 2**20,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads for each pipeline; 0 shares the processors among the pipelines.")
    ] = 0,
) -> None:
    """Serve trained pipelines over HTTP, until the process is stopped."""
    from ..serving.settings import Settings, check_packages

    check_packages()
    settings = Settings(host, port, token, batch_tokens, queue, timeout, max_bytes)
    from ..serving.server import serve

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("spacy_mre.serving").setLevel(logging.INFO)
    serve(models, settings, threads=threads, on_listen=_tell)


def _tell(url: str, names: list[str]) -> None:
    typer.echo(f"{', '.join(names)} on {url}", err=True)
