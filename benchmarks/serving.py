"""How fast the server is: `python -m benchmarks.serving NAME`, which trains the pipeline of this name (see
trained.py) and writes results/serving.json.

Three ways to analyse texts are compared: `serve`; `plain`, an application that calls `nlp(text)` for each request in
the threads of FastAPI, without batches; and `loop`, which calls `nlp(text)` one by one without a server. The clients
are in a process of their own, on the same machine.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy
import psutil
import srsly
import typer
from rich.console import Console

from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.files import replacing
from spacy_mre.serving.client import Client, ServingError

from .results import RESULTS, get_commit
from .trained import PIPELINES, make_pipeline

CORPUS = Path("assets/corpus")
PACKAGES = ("spacy", "torch", "fastapi", "starlette", "uvicorn")
WAYS = ("serve", "plain", "loop")
# Texts that are joined to a long one.
JOINED = 20
TEXTS = 500
# Seconds for a server to load a pipeline.
PATIENCE = 120
# How often the memory is read.
LOOKS = 10
console = Console()


def make_texts(lang: str) -> dict[str, list[str]]:
    """RETURNS (dict[str, list[str]]): "short" texts of the corpus in `assets/`, and "long" ones that join twenty."""
    records = read_corpus(CORPUS, read_labels(CORPUS / "labels.json"))
    texts = [record.text for record in records.get(lang, records["en"])][: TEXTS * JOINED]
    joined = (" ".join(islice(cycle(texts), start, start + JOINED)) for start in range(0, len(texts), JOINED))
    return {"short": texts[:TEXTS], "long": list(joined)}


def summarize(seconds: Sequence[float], errors: int, wall: float) -> dict[str, Any]:
    """Summarize a run.

    seconds (Sequence[float]): The time of each request.
    errors (int): How many others had no answer.
    wall (float): The time of all, in seconds.
    RETURNS (dict[str, Any]): "requests", "errors", "rate" (requests per second) and percentiles in milliseconds.
    """
    p50, p95, p99 = numpy.percentile(seconds, (50, 95, 99)) * 1000 if len(seconds) else (float("inf"),) * 3
    times = {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "p99": round(float(p99), 1)}
    return {"requests": len(seconds), "errors": errors, "rate": round(len(seconds) / wall, 1), **times}


@contextmanager
def serving(way: str, *models: str, threads: int = 0) -> Iterator[tuple[str, psutil.Process]]:
    """Run a server.

    way (str): "serve" or "plain".
    *models (str): The pipelines; a single one for "plain".
    threads (int): Threads of torch. Default: 0, for its default.
    YIELDS (tuple[str, psutil.Process]): Its URL and its process.
    """
    module = ["spacy_mre", "serve", *models, "--port", "0", "--threads", str(threads), "--timeout", "60"]
    plain = ["benchmarks.serving_plain", *models, str(threads)]
    command = [sys.executable, "-m", *(module if way == "serve" else plain)]
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            yield _wait_for(Path(log.name), process), psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(log: Path, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        first, line_break, _ = log.read_text(encoding="utf8").partition("\n")
        if line_break:
            url = first.rpartition(" on ")[2]
            Client(url, patience=PATIENCE).analyse("warm up")
            return url
        time.sleep(0.1)
    raise SystemExit(f"The server did not start:\n{log.read_text(encoding='utf8')}")


def measure_server(url: str, texts: list[str], clients: int, seconds: float) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): See `summarize`. Some clients ask one text after the other."""
    with TemporaryDirectory() as folder:
        given, found = Path(folder) / "texts.json", Path(folder) / "seconds.json"
        srsly.write_json(given, texts)
        arguments = [url, str(given), str(found), str(clients), str(seconds)]
        command = [sys.executable, "-m", "benchmarks.serving_clients", *arguments]
        subprocess.run(command, check=True, timeout=seconds + PATIENCE)
        return summarize(**srsly.read_json(found))


def measure_loop(model: str, texts: list[str], seconds: float, threads: int) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): See `summarize`. `nlp(text)` is called one by one, in this process."""
    import torch
    from spacy.util import load_model

    if threads:
        torch.set_num_threads(threads)
    nlp = load_model(model)
    nlp("warm up")
    times: list[float] = []
    started = time.perf_counter()
    for text in cycle(texts):
        begun = time.perf_counter()
        nlp(text)
        times.append(time.perf_counter() - begun)
        if time.perf_counter() - started > seconds:
            break
    return summarize(times, 0, time.perf_counter() - started)


def measure_memory(url: str, process: psutil.Process, texts: list[str], requests: int) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): "requests", and "rss": the memory of the server in MB, at equal distances. Each text
    has words that no other has."""
    client, rss, errors = Client(url), [], 0
    for number, text in enumerate(islice(cycle(texts), requests)):
        if number % max(requests // LOOKS, 1) == 0:
            rss.append(round(process.memory_info().rss / 1e6, 1))
        try:
            client.analyse(f"{text} new{number}a new{number}b")
        except ServingError:
            errors += 1
    return {"requests": requests, "errors": errors, "rss": [*rss, round(process.memory_info().rss / 1e6, 1)]}


def measure(name: str, model: str, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Measure a pipeline in all ways.

    name (str): Its name in the results.
    model (str): The pipeline.
    settings (dict[str, Any]): "clients" (numbers), "seconds", "memory" (requests) and "threads".
    YIELDS (dict[str, Any]): Rows.
    """
    texts = make_texts(PIPELINES[name]["languages"][0])
    seconds, threads = settings["seconds"], settings["threads"]
    for kind in texts:
        about = {"pipeline": name, "texts": kind, "way": "loop", "clients": 1}
        yield {**about, **measure_loop(model, texts[kind], seconds, threads)}
    for way in ("serve", "plain"):
        with serving(way, model, threads=threads) as (url, process):
            for kind in texts:
                for clients in settings["clients"]:
                    about = {"pipeline": name, "texts": kind, "way": way, "clients": clients}
                    yield {**about, **measure_server(url, texts[kind], clients, seconds)}
        with serving(way, model, threads=threads) as (url, process):
            yield {"pipeline": name, "way": way, **measure_memory(url, process, texts["short"], settings["memory"])}


def main(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=f"Some of: {', '.join(PIPELINES)}.")],
    clients: Annotated[list[int] | None, typer.Option(help="A number of clients. Can be repeated.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each is measured.")] = 10.0,
    memory: Annotated[int, typer.Option(help="The requests between which the memory is read.")] = 10_000,
    threads: Annotated[int, typer.Option(help="Threads of torch; 0 for the default of each way.")] = 0,
    output: Annotated[Path, typer.Option(help="The file to write.")] = RESULTS / "serving.json",
) -> None:
    """Measure the server, and record it."""
    settings = {"clients": clients or [1, 8, 64], "seconds": seconds, "memory": memory, "threads": threads}
    rows = []
    for name in names:
        for row in measure(name, str(make_pipeline(name)), settings):
            console.print(row)
            rows.append(row)
    results = {
        "command": f"python -m benchmarks.serving {' '.join(names)} --seconds {seconds:g} --memory {memory}",
        "commit": get_commit(),
        "versions": {package: version(package) for package in PACKAGES},
        "processors": psutil.cpu_count(),
        "settings": settings,
        "rows": rows,
    }
    with replacing(output) as temporary:
        srsly.write_json(temporary, results)


if __name__ == "__main__":
    typer.run(main)
