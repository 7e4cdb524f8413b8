"""What commands share that ask a language model: options, the server, a batch file, and what it costs."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown

from ..corpora.report import Report
from ..corpora.translation.cache import CachedEngine
from ..corpora.translation.engine import Message
from ..corpora.translation.http_client import describe_retries
from ..corpora.translation.http_engine import HttpEngine
from ..corpora.translation.replay_engine import id_of, write_prompts
from ..corpora.translation.spending import Spending, cost_of, count_tokens
from .common import counted

# The file with the answers of earlier runs, in the folder that is written.
CACHE = "answers.sqlite"
OPENAI = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"

BaseUrl = Annotated[str, typer.Option(help="The address of the server, up to /v1.")]
KeyVariable = Annotated[str, typer.Option(metavar="VAR", help="The environment variable with the key.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="The limit of tokens of an answer.")]
Budget = Annotated[float | None, typer.Option(min=0.0, help="Ask nothing more once this much has been spent.")]
PriceIn = Annotated[float, typer.Option(min=0.0, help="The price of a million tokens of prompts.")]
PriceOut = Annotated[float, typer.Option(min=0.0, help="The price of a million tokens of answers.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print the number of texts, tokens and the cost.")]
Prompts = Annotated[
    Path | None,
    typer.Option(help="Only write a batch file with the prompts for --model that have no answer yet."),
]


def check_budget(budget: float | None, price_in: float, price_out: float) -> None:
    """Refuse a budget that nothing would be counted against.

    budget (float | None): The budget.
    price_in (float): The price of a million tokens of prompts.
    price_out (float): The price of a million tokens of answers.
    RAISES (typer.BadParameter): If there is a budget without prices.
    """
    if budget and not (price_in or price_out):
        raise typer.BadParameter("--budget needs prices: --price-in, --price-out, or both")


def open_server(base_url: str, model: str, key_env: str, **options: Any) -> HttpEngine:
    """Make an engine that asks a server, and say where texts go.

    base_url (str): The address.
    model (str): The name of the model at the server.
    key_env (str): The environment variable with the key.
    **options (Any): Those of `HttpEngine`.
    RETURNS (HttpEngine): The engine.
    RAISES (ValueError): See `HttpEngine`.
    """
    engine = HttpEngine(base_url, model, key=os.environ.get(key_env, ""), **options)
    typer.echo(f"Texts go to {base_url}", err=True)
    return engine


def each_once(chats: Iterable[Sequence[Message]]) -> list[Sequence[Message]]:
    """RETURNS (list[Sequence[Message]]): The different prompts: equal texts have equal ones, which are asked once.

    chats (Iterable[Sequence[Message]]): The prompts of all texts.
    """
    return list({id_of(chat): chat for chat in chats}.values())


def write_missing(chats: Sequence[Sequence[Message]], path: Path, model: str, *, known: int, **options: Any) -> None:
    """Write a batch file with the prompts that have no answer, and print their number.

    chats (Sequence[Sequence[Message]]): The prompts without an answer.
    path (Path): The file.
    model (str): The name of the model at the service.
    known (int): How many others have an answer.
    **options (Any): Those of `write_prompts`.
    """
    count = write_prompts(chats, path, model, **options)
    others = f"; {known} have an answer" if known else ""
    typer.echo(f"{counted(count, 'prompt')} in {path}{others}")


def tell_estimate(
    what: str, chats: Iterable[Sequence[Message]], written: int, *, price_in: float, price_out: float
) -> None:
    """Print what a run would read, write and cost.

    what (str): What is asked about.
    chats (Iterable[Sequence[Message]]): The prompts.
    written (int): About the tokens of all answers.
    price_in (float): The price of a million tokens of prompts.
    price_out (float): The price of a million tokens of answers.
    """
    read = sum(map(count_tokens, chats))
    cost = cost_of(read, written, price_in, price_out)
    typer.echo(f"{what}: about {read:,} tokens to read and {written:,} to write, for {cost:.2f}")


def tell_costs(engines: Sequence[CachedEngine], paid: Spending | None, retries: Counter[str]) -> None:
    """Print how many prompts were asked, and what they cost.

    engines (Sequence[CachedEngine]): The engines that were asked.
    paid (Spending | None): What has counted the costs; None to print none.
    retries (Counter[str]): How often prompts were sent again, by reason.
    """
    calls, hits = sum(one.calls for one in engines), sum(one.hits for one in engines)
    costs = "" if paid is None else f"; {paid.describe()}"
    typer.echo(f"{calls} asked, {hits} known{costs}{describe_retries(retries)}")


def show_reports(markdown: Path, *losses: Report) -> None:
    """Print the report of a run, and what was lost.

    markdown (Path): The file with the report.
    *losses (Report): What was lost. Empty ones are left out.
    """
    console = Console()
    console.print(Markdown(markdown.read_text(encoding="utf8")))
    for report in losses:
        if report.lost:
            console.print(report.table())
