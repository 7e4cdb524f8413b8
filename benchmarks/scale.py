"""How fast `annotate` is, and whether it survives: `python -m benchmarks.scale NAME`, which trains the pipeline of
this name (see trained.py) and writes results/scale.json.

The texts are sentences of the corpus in `assets/`, in which one name is replaced by a new one, so that new words never
end. `--part speed` compares one and two processes with `nlp.pipe`; `--part long` annotates many texts twice, once
undisturbed, while the memory is watched, and once killed at random moments. Its texts are single clauses.
"""

import filecmp
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy
import psutil  # type: ignore[import-untyped]
import srsly
import torch
import typer
from rich.console import Console

from spacy_mre.files import replacing

from .results import RESULTS, get_commit
from .trained import PIPELINES, make_pipeline

console = Console()
KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモラリルレロ"
CLAUSE_END = re.compile(r"(?<=[、。，,;:.!?])")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ROUNDS = 3
KILLS = 5
# Seconds between two looks at the memory.
INTERVAL = 0.5


def make_texts(
    corpus: Path, lang: str, count: int, *, are_short: bool = False, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Make texts from the corpus.

    corpus (Path): A file of JSON lines of `python -m spacy_mre compile-assets`.
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
    RETURNS (dict[str, Any]): Texts per second with 1 and 2 processes; "scaling", the second divided by the first; and
        "overhead", the median over parts of the time of one part divided by that of `nlp.pipe`, each with its range.
    """
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for workers in rates:
            rates[workers].append(_rate(model, texts, workers, rows))
    scaling = [two / one for one, two in zip(rates[1], rates[2])]
    overhead = _overhead(model, texts, rows)
    return {
        "texts_per_second": statistics.median(rates[1]),
        "texts_per_second_2": statistics.median(rates[2]),
        "scaling": [statistics.median(scaling), min(scaling), max(scaling)],
        "overhead": [statistics.median(overhead), min(overhead), max(overhead)],
    }


def _rate(model: Path, texts: Path, workers: int, rows: int) -> float:
    """Texts per second, from the first part that is written to the last one: without the time to load the pipeline."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "out"
        subprocess.run([*_command(model, texts, folder, workers, rows)], check=True, capture_output=True)
        ends = sorted(path.stat().st_mtime for path in folder.glob("part-*.parquet"))
        # The processes end their first parts at about the same time, and their last ones, too.
        first, last = ends[workers - 1], ends[-1]
        return (len(ends) - workers) * rows / (last - first)


def _overhead(model: Path, texts: Path, rows: int) -> list[float]:
    """The time of a part, as a multiple of that of `nlp.pipe`, for each part. Both in this process, in turn."""
    from spacy_mre.scale.columns import output_schema
    from spacy_mre.scale.inputs import open_input
    from spacy_mre.scale.options import Options
    from spacy_mre.scale.parts import write_part
    from spacy_mre.scale.pipelines import load_pipeline

    torch.set_num_threads(1)  # as each of two processes has
    nlp, options, ratios = load_pipeline(str(model)), Options("parquet", rows=rows), []
    with TemporaryDirectory() as name:
        schema = None
        for partition in open_input(texts, size=rows).partitions():
            schema = schema or output_schema(None, partition.rows, options)
            started = time.perf_counter()
            with nlp.memory_zone():
                for _ in nlp.pipe([row.values["text"] for row in partition.rows]):
                    pass
            of_pipe = time.perf_counter() - started
            started = time.perf_counter()
            write_part(nlp, partition, Path(name), options, schema, "stop")
            ratios.append((time.perf_counter() - started) / of_pipe)
            if len(ratios) == 2 * ROUNDS:
                break
    return ratios


def measure_long(model: Path, texts: Path, *, rows: int, seed: int = 0) -> dict[str, Any]:
    """Annotate texts with two processes, once undisturbed, and once killed at random moments.

    model (Path): The pipeline.
    texts (Path): A file of JSON lines.
    rows (int): Texts per part.
    seed (int): Of the moments.
    RETURNS (dict[str, Any]): "seconds"; "memory", of all processes together in each tenth of the time, in MB; "kills";
        and "equal": whether both outputs are the same byte for byte.
    """
    rng = random.Random(seed)
    with TemporaryDirectory(dir=".") as name:
        whole, killed = Path(name) / "whole", Path(name) / "killed"
        seconds, memory = _watch(_command(model, texts, whole, 2, rows))
        for number in range(KILLS):
            process = subprocess.Popen(_command(model, texts, killed, 2, rows), stderr=subprocess.DEVNULL)
            # The runs together would have done about nine tenths.
            time.sleep(rng.uniform(0.5, 1.5) * 0.9 * seconds / KILLS)
            process.send_signal(signal.SIGKILL)
            process.wait()
            console.print(f"killed {number + 1} times: {len(list(killed.glob('part-*')))} parts")
        subprocess.run(_command(model, texts, killed, 2, rows), check=True)
        names = sorted(path.name for path in whole.glob("part-*"))
        same, different, missing = filecmp.cmpfiles(whole, killed, names, shallow=False)
        return {
            "seconds": round(seconds, 1),
            "memory": [round(float(tenth.mean()), 1) for tenth in numpy.array_split(memory, 10)],
            "kills": KILLS,
            "parts": len(names),
            "equal": len(same) == len(names) == len(list(killed.glob("part-*"))) and not different + missing,
        }


def _watch(command: list[str]) -> tuple[float, list[float]]:
    """Run a command. RETURNS: its seconds, and the memory of its processes (proportional, in MB) once all run."""
    started, memory = time.perf_counter(), []
    process = subprocess.Popen(command)
    while process.poll() is None:
        time.sleep(INTERVAL)
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            if len(family) > 1:
                memory.append(sum(one.memory_full_info().pss for one in family) / 1e6)
        except psutil.NoSuchProcess:
            continue
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - started, memory


def _command(model: Path, texts: Path, output: Path, workers: int, rows: int) -> list[str]:
    arguments = [str(model), str(texts), str(output), "--workers", str(workers), "--rows", str(rows)]
    return [sys.executable, "-m", "spacy_mre", "annotate", *arguments]


def main(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=f"Some of: {', '.join(PIPELINES)}.")],
    part: Annotated[str, typer.Option(help="speed or long.")] = "speed",
    count: Annotated[int, typer.Option(help="The number of texts.")] = 10_000,
    rows: Annotated[int, typer.Option(help="Texts per part.")] = 1_000,
) -> None:
    """Measure `annotate`, and record it."""
    path = RESULTS / "scale.json"
    found = srsly.read_json(path) if path.exists() else {"rows": []}
    with TemporaryDirectory(dir=".") as name:
        compiled = Path(name) / "compiled"
        subprocess.run(
            [sys.executable, "-m", "spacy_mre", "compile-assets", "assets/corpus", str(compiled)],
            check=True,
            capture_output=True,
        )
        for pipeline in names:
            lang, model = PIPELINES[pipeline]["languages"][0], make_pipeline(pipeline)
            texts = Path(name) / f"{lang}.jsonl"
            srsly.write_jsonl(texts, make_texts(compiled / lang / "train.jsonl", lang, count, are_short=part == "long"))
            measure = measure_long if part == "long" else measure_speed
            command = f"python -m benchmarks.scale {pipeline} --part {part} --count {count} --rows {rows}"
            about = {"part": part, "pipeline": pipeline, "texts": count, "command": command, "commit": get_commit()}
            row = {**about, **measure(model, texts, rows=rows)}
            console.print(row)
            others = [old for old in found["rows"] if (old["part"], old["pipeline"]) != (part, pipeline)]
            found["rows"] = [*others, row]
    versions = {package: version(package) for package in ("spacy", "torch", "pyarrow", "sudachipy")}
    with replacing(path) as temporary:
        srsly.write_json(temporary, {"versions": versions, "rows": found["rows"]})


if __name__ == "__main__":
    typer.run(main)
