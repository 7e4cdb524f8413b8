"""The command `serve`."""

from typing import Annotated

import typer

from .app import app
from .listening import Host, Port, Token, log_requests


@app.command("serve")
def serve_cli(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL", help="The trained pipelines, packages or folders; NAME=MODEL gives one another name."
        ),
    ],
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    batch_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens in a batch. Fewer make small requests wait less.")
    ] = 2_000,
    queue: Annotated[int, typer.Option(min=1, help="Texts that may wait, for each pipeline.")] = 2_000,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds in which a request is answered.")] = 30.0,
    max_bytes: Annotated[int, typer.Option(min=1, help="The most bytes of a body.")] = 4 * 2**20,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads for each pipeline; 0 shares the processors among the pipelines.")
    ] = 0,
    int8: Annotated[bool, typer.Option("--int8", help="Run the transformers in int8, with the extra onnx.")] = False,
) -> None:
    """Serve trained pipelines over HTTP, until the process is stopped."""
    from ..serving.settings import Settings, check_packages

    check_packages()
    settings = Settings(host, port, token, batch_tokens, queue, timeout, max_bytes)
    from ..serving.server import serve

    log_requests()
    serve(models, settings, threads=threads, int8=int8, on_listen=_tell)


def _tell(url: str, names: list[str]) -> None:
    typer.echo(f"{', '.join(names)} on {url}", err=True)
