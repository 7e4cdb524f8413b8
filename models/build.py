"""Builds one pipeline: corpus, training, scores, model card, wheel. What is finished is not made again."""

import hashlib
import shutil
import statistics
import time
from functools import cache
from pathlib import Path
from typing import Any

import spacy
import srsly
import torch

from benchmarks.calling import call
from benchmarks.results import get_commit
from benchmarks.tables.formatting import LANGUAGES, percent
from spacy_mre.annotations.storage import load_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.jsonl import write_records
from spacy_mre.corpora.markup import read_markup
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.splits import split_records
from spacy_mre.files import replacing

WORK = Path("training/models")
WHEELS = Path("packages/models")
SUMS = WHEELS / "SHA256SUMS"
CHECK = Path("assets/check")
SHOWN = ("spans_entities_f", "rel_f", "rel_strict_f", "cats_macro_f")
INT8 = {"components.transformer.engine": "onnx", "components.transformer.precision": "int8"}
ROUNDS = 5
COMMIT = "commit.txt"


def build(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Build a pipeline and its wheel.

    name (str): Its name, for example "ja_mre_sm".
    table (dict[str, Any]): The content of models.yml.
    RETURNS (dict[str, Any]): The commit it was trained at, its scores by part and language, its speed, and the size of
        its wheel.
    """
    spec, folder = table["pipelines"][name], WORK / name
    write_corpus(spec, folder)
    model = train(spec, folder)
    results = folder / "results.json"
    if not results.exists():
        made = {**evaluate(spec, folder, model), **measure_speed(spec, folder, model)}
        with replacing(results) as temporary:
            srsly.write_json(temporary, made)
    found = srsly.read_json(results)
    wheel = package(name, spec, table, model, found)
    commit = (model.parent / COMMIT).read_text(encoding="utf8")
    return {"commit": commit, **found, "wheel": wheel.name, "megabytes": round(wheel.stat().st_size / 1e6, 1)}


@cache
def _corpus() -> dict[str, list[Record]]:
    return read_corpus(Path("assets/corpus"), read_labels(Path("assets/corpus/labels.json")))


def write_corpus(spec: dict[str, Any], folder: Path) -> None:
    """Write train.spacy and dev.spacy of all languages, and test-LANGUAGE.spacy and check-LANGUAGE.spacy."""
    parts: dict[str, list[Record]] = {"train": [], "dev": []}
    for lang in spec["languages"]:
        split = split_records(_corpus()[lang], "number")
        for part in ("train", "dev"):
            parts[part] += split[part]
        parts[f"test-{lang}"] = split["test"]
        parts[f"check-{lang}"] = read_markup(CHECK / f"{lang}.mre")[lang]
    for part, records in parts.items():
        path = folder / f"{part}.spacy"
        if not path.exists():
            lines = folder / f"{part}.jsonl"
            write_records(records, lines)
            call("spacy_mre", "convert", "jsonl", lines, path, "--nlp", spec["config"])


def train(spec: dict[str, Any], folder: Path) -> Path:
    """Train. RETURNS (Path): The folder of the best pipeline."""
    trained, config = folder / "trained", folder / "config.cfg"
    if not trained.exists():
        commit = get_commit()
        fit = ["--fit", folder / "train.spacy", "--updates", spec["updates"]]
        call("spacy_mre", "config", spec["config"], "-o", config, "--force", *fit)
        unfinished = folder / "trained.unfinished"
        paths = ["--paths.train", folder / "train.spacy", "--paths.dev", folder / "dev.spacy"]
        call("spacy", "train", config, "--output", unfinished, *paths)
        (unfinished / COMMIT).write_text(commit, encoding="utf8")
        unfinished.rename(trained)
    return trained / "model-best"


def evaluate(spec: dict[str, Any], folder: Path, model: Path) -> dict[str, Any]:
    """Evaluate on the test parts and on the check texts; a transformer in int8 too.

    RETURNS (dict[str, Any]): "scores" by part and language, and "int8".
    """
    parts = [f"{part}-{lang}" for part in ("test", "check") for lang in spec["languages"]]
    found: dict[str, Any] = {"scores": {part: _evaluate(model, folder, part, baseline=True) for part in parts}}
    if spec["encoder"] != "ja_ginza":
        quantized = folder / "int8"
        spacy.load(model, config=INT8).to_disk(quantized)
        found["int8"] = {f"test-{lang}": _evaluate(quantized, folder, f"test-{lang}") for lang in spec["languages"]}
        shutil.rmtree(quantized)
    return found


def _evaluate(model: Path, folder: Path, part: str, *, baseline: bool = False) -> dict[str, Any]:
    output = folder / "scores.json"
    options = ["--per-type", "--calibration", *(["--baseline", folder / "train.spacy"] if baseline else [])]
    call("spacy_mre", "evaluate", model, folder / f"{part}.spacy", *options, "--output", output)
    return srsly.read_json(output)


def measure_speed(spec: dict[str, Any], folder: Path, model: Path) -> dict[str, Any]:
    """Measure texts and characters per second on one thread: the median of five rounds over the test parts."""
    torch.set_num_threads(1)
    paths = [folder / f"test-{lang}.spacy" for lang in spec["languages"]]
    texts = [doc.text for path in paths for doc in load_docs(path)]
    found = {}
    for precision, config in (("fp32", {}), ("int8", INT8)):
        if precision == "int8" and spec["encoder"] == "ja_ginza":
            continue
        nlp = spacy.load(model, config=config)
        list(nlp.pipe(texts))
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for _ in nlp.pipe(texts):
                pass
            times.append(time.perf_counter() - start)
        seconds = statistics.median(times)
        found[precision] = {
            "texts_per_second": round(len(texts) / seconds, 1),
            "characters_per_second": round(sum(map(len, texts)) / seconds),
            "slowest_to_fastest": round(max(times) / min(times), 2),
        }
    return {"speed": found}


def package(name: str, spec: dict[str, Any], table: dict[str, Any], model: Path, found: dict[str, Any]) -> Path:
    """Write the model card, build the wheel, and write the checksums of all wheels. RETURNS (Path): The wheel."""
    rest = name.partition("_")[2]
    about = WORK / name / "about.yml"
    srsly.write_yaml(about, _about(spec, table, found))
    scores = WORK / name / "scores.json"
    srsly.write_json(scores, _mean([found["scores"][f"test-{lang}"] for lang in spec["languages"]]))
    version = table["version"]
    call("spacy_mre", "card", model, scores, "--about", about, "--name", rest, "--version", version)
    WHEELS.mkdir(parents=True, exist_ok=True)
    call("spacy", "package", model, WORK / name, "--build", "wheel", "--force")
    (built,) = (WORK / name / f"{name}-{version}" / "dist").glob("*.whl")
    wheel = WHEELS / built.name
    with replacing(wheel) as temporary:
        shutil.copyfile(built, temporary)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(WHEELS.glob("*.whl"))]
    with replacing(SUMS) as temporary:
        temporary.write_text("".join(lines), encoding="utf8")
    return wheel


def _about(spec: dict[str, Any], table: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    languages = [LANGUAGES[lang] for lang in spec["languages"]]
    encoder = table["encoders"][spec["encoder"]]
    return {
        **{key: table[key] for key in ("license", "author", "use", "data", "limits")},
        "description": f"Entities, relations and the topic of texts in {', '.join(languages)}, on {encoder['name']}.",
        "languages": spec["languages"],
        "example": table["examples"][spec["languages"][0]],
        "sources": [table["corpus"], encoder],
        "speed": _speed_text(found["speed"]),
        "tables": [_scores_table(spec, found)],
    }


def _speed_text(speed: dict[str, Any]) -> str:
    lines = [
        f"- {precision}: {row['texts_per_second']:,.0f} texts or {row['characters_per_second']:,} characters per second"
        for precision, row in speed.items()
    ]
    note = "On one thread of a CPU, on the test part."
    if "int8" in speed:
        note += f" In int8, with the extra `onnx`, after `spacy.load(NAME, config={srsly.json_dumps(INT8)})`."
    return "\n".join([note, "", *lines])


def _scores_table(spec: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for lang in spec["languages"]:
        test = found["scores"][f"test-{lang}"]
        rows.append([f"{LANGUAGES[lang]}, test", *_row(test)])
        if "int8" in found:
            rows.append([f"{LANGUAGES[lang]}, test, int8", *_row(found["int8"][f"test-{lang}"])])
        rows.append([f"{LANGUAGES[lang]}, test, gazetteer", *_row(test, "baseline_")])
        rows.append([f"{LANGUAGES[lang]}, texts of another hand", *_row(found["scores"][f"check-{lang}"])])
    return {"title": "By language", "columns": ["", "entities", "relations", "strict", "topic"], "rows": rows}


def _row(scores: dict[str, Any], prefix: str = "") -> list[str]:
    return [percent(scores.get(f"{prefix}{key}")) for key in SHOWN]


def _mean(scores: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of scores by language, of those that all have."""
    if len(scores) == 1:
        return scores[0]
    mean = {}
    for key, value in scores[0].items():
        values = [one.get(key) for one in scores]
        if isinstance(value, dict):
            mean[key] = _mean([one or {} for one in values])
        elif all(isinstance(one, (int, float)) for one in values):
            mean[key] = statistics.fmean(values)
    return mean
