"""What commands that listen on an address share."""

import logging
from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="The address to listen on. One that other machines reach needs a token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="SPACY_MRE_TOKEN",
        show_envvar=True,
        help="What clients must send. Other users of this machine can read the option, but not the variable.",
    ),
]


def log_requests() -> None:
    """Write the log of the server to standard error."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("spacy_mre.serving").setLevel(logging.INFO)
