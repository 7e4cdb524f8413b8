"""Whether many clients get right answers, and whether the memory of the server stays level: `python -m
benchmarks.serving_check NAME...`, which trains the pipelines of these names (see trained.py) and writes
results/serving_check.json.

One server has all pipelines. Its clients ask one text after the other, each text with a new name. The right answers are
those of `nlp(text)`.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import psutil
import srsly
import torch
import typer
from rich.console import Console
from rich.progress import track
from spacy.util import load_model

from spacy_mre.files import replacing
from spacy_mre.scale.analysis import make_reader
from spacy_mre.serving.client import Client, ServingError

from .results import RESULTS, get_commit
from .scale import make_texts
from .serving import PACKAGES, serving
from .trained import PIPELINES, corpus_of, make_pipeline

# Scores depend on the batch in their last digits.
TOLERANCE = 1e-4
# Requests with the same texts.
TIMES = 4
TENTHS = 10
# Seconds without a request before the memory is read. Batches that are being analysed need some for a moment.
RESTS = 2.0
console = Console()


class Asked(NamedTuple):
    """A text for a pipeline, and the right answer."""

    pipeline: str
    text: str
    wanted: dict[str, Any]


def make_asked(name: str, model: Path, count: int) -> list[Asked]:
    """RETURNS (list[Asked]): Texts for a pipeline, which has analysed them one by one."""
    nlp, read = load_model(model), make_reader("entities")
    texts = make_texts(corpus_of(name), PIPELINES[name]["languages"][0], count)
    asked = (one["text"] for one in texts)
    return [Asked(name, text, read(0, nlp(text))) for text in track(asked, name, count, console=console)]


def differs(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """RETURNS (bool): Whether an answer has other entities, relations or text labels, or a score is another one."""
    (rest, scores), (right, right_scores) = _split(found), _split(wanted)
    return rest != right or any(abs(one - other) > TOLERANCE for one, other in zip(scores, right_scores))


def _split(analysis: dict[str, Any]) -> tuple[dict[str, Any], list[float]]:
    """An analysis without its scores, and the scores."""
    rest: dict[str, Any] = {}
    scores: list[float] = []
    for level, found in analysis.items():
        if isinstance(found, dict):
            rest[level] = [*found]
            scores += found.values()
        elif isinstance(found, list):
            rest[level] = [{name: value for name, value in one.items() if name != "score"} for one in found]
            scores += [one["score"] for one in found]
        else:
            rest[level] = found
    return rest, scores


def check(client: Client, process: psutil.Process, asked: Sequence[Asked], clients: int) -> dict[str, Any]:
    """Ask from several threads.

    client (Client): Of the server.
    process (psutil.Process): The server.
    asked (Sequence[Asked]): The requests.
    clients (int): The number of threads.
    RETURNS (dict[str, Any]): How many answers were "wrong", how many requests had none ("errors"), and "rss": the
        memory of the server at rest, in MB, after each tenth.
    """

    def ask(one: Asked) -> str:
        try:
            (found,) = client.analyse(one.text, one.pipeline)
        except ServingError:
            return "errors"
        return "wrong" if differs(found, one.wanted) else "right"

    results: list[str] = []
    rss: list[float] = []
    size = len(asked) // TENTHS
    with ThreadPoolExecutor(clients) as pool:
        for tenth in track(range(TENTHS), "tenths", console=console):
            results += pool.map(ask, asked[tenth * size : (tenth + 1) * size])
            time.sleep(RESTS)
            rss.append(round(process.memory_info().rss / 1e6, 1))
    return {"requests": len(results), "wrong": results.count("wrong"), "errors": results.count("errors"), "rss": rss}


def main(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=f"Some of: {', '.join(PIPELINES)}.")],
    requests: Annotated[int, typer.Option(help="The number of requests.")] = 20_000,
    clients: Annotated[int, typer.Option(help="The number of threads that ask.")] = 16,
) -> None:
    """Check the answers and the memory of the server, and record them."""
    torch.set_num_threads(1)
    models = {name: make_pipeline(name) for name in names}
    each = requests // len(names) // TIMES
    lists = [make_asked(name, model, each) for name, model in models.items()]
    # The pipelines take turns.
    asked = [one for turn in zip(*lists) for one in turn] * TIMES
    with serving("serve", *(f"{name}={model}" for name, model in models.items())) as (url, process):
        row = check(Client(url, patience=60), process, asked, clients)
    results = {
        "command": f"python -m benchmarks.serving_check {' '.join(names)} --requests {requests} --clients {clients}",
        "commit": get_commit(),
        "versions": {package: version(package) for package in PACKAGES},
        "rows": [{"pipelines": names, "clients": clients, "texts": len(names) * each, **row}],
    }
    console.print(results)
    with replacing(RESULTS / "serving_check.json") as temporary:
        srsly.write_json(temporary, results)


if __name__ == "__main__":
    typer.run(main)
