"""How fast `annotate` is, and whether it survives: `python -m benchmarks.scale NAME`, which trains the pipeline of
this name (see trained.py) and writes results/scale.json.

The texts are sentences of the corpus in `assets/`, in which one name is replaced by a new one, so that new words never
end. `--part speed` compares one and two processes with `nlp.pipe`. The others annotate many single clauses with two
processes: `--part memory` watches their memory; `--part long` compares a run that is left alone with one that is killed
at random moments, with Ray and with Spark.
"""

import filecmp
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import numpy
import psutil
import pyarrow
import srsly
import torch
import typer
from pyarrow import parquet
from rich.console import Console

from spacy_mre.files import replacing
from spacy_mre.scale.analysis import LEVELS

from .results import RESULTS, get_commit
from .trained import PIPELINES, corpus_of, make_pipeline

console = Console()
KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモラリルレロ"
CLAUSE_END = re.compile(r"(?<=[、。，,;:.!?])")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ROUNDS = 3
KILLS = 5
ENGINES = ("ray", "spark")
# Rows that are compared at once.
COMPARED = 10_000
# Seconds between two looks at the memory.
INTERVAL = 2.0


def make_texts(
    corpus: Path, lang: str, count: int, *, are_short: bool = False, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Make texts from the corpus.

    corpus (Path): A file of JSON lines.
    lang (str): "ja", "en" or "zh".
    count (int): How many.
    are_short (bool): Only the clause with the new name. Default: False.
    seed (int): Of the random choices. Default: 0.
    YIELDS (dict[str, Any]): Their "id" and "text".
    """
    rng = random.Random(seed)
    records = list(srsly.read_jsonl(corpus))
    for number in range(count):
        record = rng.choice(records)
        text = record["text"]
        if record.get("entities"):
            entity = rng.choice(record["entities"])
            before, after = text[: entity["start"]], text[entity["end"] :]
            if are_short:
                before, after = CLAUSE_END.split(before)[-1], CLAUSE_END.split(after)[0]
            text = (before + _name(lang, rng) + after).strip()
        yield {"id": f"{lang}-{number}", "text": text}


def _name(lang: str, rng: random.Random) -> str:
    if lang == "en":
        return "".join(rng.choices(LETTERS, k=rng.randint(4, 9))).capitalize()
    return "".join(rng.choices(KANA, k=rng.randint(3, 7)))


def measure_speed(model: Path, texts: Path, *, rows: int) -> dict[str, Any]:
    """Compare `annotate` with `nlp.pipe` of the same texts, and two processes with one.

    model (Path): The pipeline.
    texts (Path): A file of JSON lines.
    rows (int): Texts per part.
    RETURNS (dict[str, Any]): Texts per second of one process with one thread of torch, of one process with as many as
        torch wants, and of two processes with one each; "scaling", the last divided by the first; and "overhead", the
        time of one part divided by that of `nlp.pipe`. The last two are the median, the least and the largest value.
    """
    rates: dict[str, list[float]] = {"one_thread": [], "one_process": [], "two_processes": []}
    for _ in range(ROUNDS):
        rates["one_thread"].append(_rate(model, texts, 1, rows, {"OMP_NUM_THREADS": "1"}))
        rates["one_process"].append(_rate(model, texts, 1, rows))
        rates["two_processes"].append(_rate(model, texts, 2, rows))
    scaling = [two / one for one, two in zip(rates["one_thread"], rates["two_processes"])]
    overhead = _overhead(model, texts, rows)
    return {
        "texts_per_second": {name: statistics.median(values) for name, values in rates.items()},
        "scaling": [statistics.median(scaling), min(scaling), max(scaling)],
        "overhead": [statistics.median(overhead), min(overhead), max(overhead)],
    }


def _rate(model: Path, texts: Path, workers: int, rows: int, environment: Mapping[str, str] | None = None) -> float:
    """Texts per second, from the first part that is written to the last one: without the time to load the pipeline."""
    with TemporaryDirectory() as name:
        folder, env = Path(name) / "out", {**os.environ, **(environment or {})}
        subprocess.run(_command(model, texts, folder, workers, rows), check=True, capture_output=True, env=env)
        ends = sorted(path.stat().st_mtime for path in folder.glob("part-*.parquet"))
        # The processes end their first parts at about the same time, and their last ones, too.
        first, last = ends[workers - 1], ends[-1]
        return (len(ends) - workers) * rows / (last - first)


def _overhead(model: Path, texts: Path, rows: int) -> list[float]:
    """The time of a part, as a multiple of that of `nlp.pipe`, for each part. Both in this process, each once before
    the other and once after it: the second one finds the texts in the caches."""
    from spacy_mre.scale.columns import output_schema
    from spacy_mre.scale.inputs import open_input
    from spacy_mre.scale.options import Options
    from spacy_mre.scale.parts import write_part
    from spacy_mre.scale.pipelines import load_pipeline
    from spacy_mre.scale.rows import Partition

    torch.set_num_threads(1)  # as each of two processes has
    nlp, options, ratios = load_pipeline(str(model)), Options("parquet", rows=rows), []
    with TemporaryDirectory() as name:

        def pipe(partition: Partition) -> float:
            started = time.perf_counter()
            with nlp.memory_zone():
                for _ in nlp.pipe([row.values["text"] for row in partition.rows]):
                    pass
            return time.perf_counter() - started

        def annotate(partition: Partition) -> float:
            started = time.perf_counter()
            write_part(nlp, partition, Path(name), options, schema, "stop")
            return time.perf_counter() - started

        partitions = list(open_input(texts, size=rows).partitions())
        pipe(partitions[0])  # the first call has more to do
        for partition in partitions:
            schema = output_schema(None, partition.rows, options)
            of_pipe, of_part = pipe(partition), annotate(partition)
            of_part += annotate(partition)
            of_pipe += pipe(partition)
            ratios.append(of_part / of_pipe)
    return ratios


def measure_memory(model: Path, texts: Path, *, rows: int) -> dict[str, Any]:
    """Watch the memory of two processes, and of the one that started them.

    model (Path): The pipeline.
    texts (Path): A file of JSON lines.
    rows (int): Texts per part.
    RETURNS (dict[str, Any]): "seconds"; and in MB, means over each tenth of the time: "rss", the sum over the
        processes, and "pss", in which a page that several of them share counts once.
    """
    with TemporaryDirectory(dir=".") as name:
        started, found = time.perf_counter(), []
        process = subprocess.Popen(_command(model, texts, Path(name) / "out", 2, rows))
        while process.poll() is None:
            time.sleep(INTERVAL)
            try:
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                memory = [one.memory_full_info() for one in family]
            except psutil.NoSuchProcess:
                continue
            if len(memory) > 1:
                found.append([sum(one.rss for one in memory) / 1e6, sum(one.pss for one in memory) / 1e6])
        if process.returncode:
            raise SystemExit(process.returncode)
    tenths = [[round(value, 1) for value in tenth.mean(axis=0)] for tenth in numpy.array_split(found, 10)]
    rss, pss = zip(*tenths)
    return {"seconds": round(time.perf_counter() - started, 1), "rss": rss, "pss": pss}


def measure_long(model: Path, texts: Path, *, rows: int, seed: int = 0) -> dict[str, Any]:
    """Annotate texts with two processes undisturbed, then killed at random moments, and on Ray and Spark.

    model (Path): The pipeline.
    texts (Path): A file of JSON lines.
    rows (int): Texts per part.
    seed (int): Of the moments.
    RETURNS (dict[str, Any]): "seconds"; "parts"; "kills"; "equal": whether the output of the killed run is the same
        byte for byte; and for each engine its "seconds", and what `compare` finds.
    """
    with TemporaryDirectory(dir=".") as name:
        whole, killed = Path(name) / "whole", Path(name) / "killed"
        found: dict[str, Any] = {"kills": KILLS, "seconds": _time(_command(model, texts, whole, 2, rows))}
        for engine in ENGINES:
            output = Path(name) / engine
            seconds = _time([*_command(model, texts, output, 2, rows), "--engine", engine])
            found[engine] = {"seconds": seconds, **compare(whole, output)}
            console.print(engine, found[engine])
        _annotate_killed(_command(model, texts, killed, 2, rows), killed, found["seconds"], random.Random(seed))
        names = sorted(path.name for path in whole.glob("part-*"))
        same, different, missing = filecmp.cmpfiles(whole, killed, names, shallow=False)
        is_equal = len(same) == len(names) == len(list(killed.glob("part-*"))) and not different + missing
        return {**found, "parts": len(names), "equal": is_equal}


def _time(command: list[str]) -> float:
    """Run a command. RETURNS: its seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return round(time.perf_counter() - started, 1)


def _annotate_killed(command: list[str], output: Path, seconds: float, rng: random.Random) -> None:
    """Run a command, kill it at random moments, and run it to its end."""
    for number in range(KILLS):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        # The runs together would have done about nine tenths.
        time.sleep(rng.uniform(0.5, 1.5) * 0.9 * seconds / KILLS)
        process.send_signal(signal.SIGKILL)
        process.wait()
        console.print(f"killed {number + 1} times: {len(list(output.glob('part-*')))} parts")
    subprocess.run(command, check=True)


def compare(first: Path, second: Path) -> dict[str, Any]:
    """Compare the rows of two outputs, in any order.

    first (Path): A folder of parquet files.
    second (Path): Another one.
    RETURNS (dict[str, Any]): "rows" of the second one; "different": how many of them differ in more than scores; and
        the largest "score_difference" of the others. Engines analyse texts in other batches, which changes the last
        bits of a score.
    """
    tables = [_read_sorted(first), _read_sorted(second)]
    different, largest = abs(tables[0].num_rows - tables[1].num_rows), 0.0
    for batches in zip(*(table.to_batches(max_chunksize=COMPARED) for table in tables)):
        for row, other in zip(*(batch.to_pylist() for batch in batches)):
            scores, of_other = _take_scores(row), _take_scores(other)
            if row != other:
                different += 1
            elif scores:
                largest = max(largest, *(abs(one - two) for one, two in zip(scores, of_other)))
    return {"rows": tables[1].num_rows, "different": different, "score_difference": largest}


def _read_sorted(folder: Path) -> pyarrow.Table:
    paths = sorted(path for path in folder.glob("*.parquet"))
    columns = ["id", "text", *LEVELS]
    table = pyarrow.concat_tables([parquet.read_table(path, columns=columns) for path in paths])
    # Chunks of one size, so that those of two tables have the same rows.
    return table.sort_by("id").combine_chunks()


def _take_scores(row: dict[str, Any]) -> list[float]:
    return [one.pop("score") for level in LEVELS for one in row[level] or ()]


def _command(model: Path, texts: Path, output: Path, workers: int, rows: int) -> list[str]:
    arguments = [str(model), str(texts), str(output), "--workers", str(workers), "--rows", str(rows)]
    return [sys.executable, "-m", "spacy_mre", "annotate", *arguments]


MEASURES = {"speed": measure_speed, "memory": measure_memory, "long": measure_long}


def main(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=f"Some of: {', '.join(PIPELINES)}.")],
    part: Annotated[Literal["speed", "memory", "long"], typer.Option(help="What to measure.")] = "speed",
    count: Annotated[int, typer.Option(help="The number of texts.")] = 10_000,
    rows: Annotated[int, typer.Option(help="Texts per part.")] = 1_000,
) -> None:
    """Measure `annotate`, and record it."""
    path = RESULTS / "scale.json"
    found = srsly.read_json(path) if path.exists() else {"rows": []}
    for pipeline in names:
        lang, model = PIPELINES[pipeline]["languages"][0], make_pipeline(pipeline)
        command = f"python -m benchmarks.scale {pipeline} --part {part} --count {count} --rows {rows}"
        about = {"part": part, "pipeline": pipeline, "texts": count, "command": command, "commit": get_commit()}
        with TemporaryDirectory(dir=".") as name:
            texts = Path(name) / f"{lang}.jsonl"
            srsly.write_jsonl(texts, make_texts(corpus_of(pipeline), lang, count, are_short=part != "speed"))
            row = {**about, **MEASURES[part](model, texts, rows=rows)}
        console.print(row)
        others = [old for old in found["rows"] if (old["part"], old["pipeline"]) != (part, pipeline)]
        found["rows"] = [*others, row]
    versions = {package: version(package) for package in ("spacy", "torch", "pyarrow", "sudachipy", "ray", "pyspark")}
    with replacing(path) as temporary:
        srsly.write_json(temporary, {"versions": versions, "rows": found["rows"]})


if __name__ == "__main__":
    typer.run(main)
