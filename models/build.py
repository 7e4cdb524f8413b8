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
    RETURNS (dict[str, Any]): The commit it was trained at, the number of its training texts, its scores by part and
        language, its speed, and its wheels by precision, with their names and sizes.
    """
    spec, folder = table["pipelines"][name], WORK / name
    write_corpus(spec, folder)
    model = train(spec, folder)
    results = folder / "results.json"
    if not results.exists():
        texts = sum(1 for _ in load_docs(folder / "train.spacy"))
        made = {"training_texts": texts, **evaluate(spec, folder, model), **measure_speed(spec, folder, model)}
        with replacing(results) as temporary:
            srsly.write_json(temporary, made)
    found = srsly.read_json(results)
    wheels = {"fp32": package(name, name, spec, table, model, found)}
    if "int8" in found:
        quantized = quantize(folder, model)
        wheels["int8"] = package(f"{name}_int8", name, spec, table, quantized, found, precision="int8")
        shutil.rmtree(quantized)
    commit = (model.parent / COMMIT).read_text(encoding="utf8")
    sizes = {precision: {"name": one.name, "megabytes": _megabytes(one)} for precision, one in wheels.items()}
    return {"commit": commit, **found, "wheels": sizes}


def _megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)


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
        swaps = ["--corpora.train.swap_mentions", spec.get("swap_mentions", 0.0)]
        call("spacy", "train", config, "--output", unfinished, *paths, *swaps)
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
        quantized = quantize(folder, model)
        found["int8"] = {f"test-{lang}": _evaluate(quantized, folder, f"test-{lang}") for lang in spec["languages"]}
        shutil.rmtree(quantized)
    return found


def quantize(folder: Path, model: Path) -> Path:
    """Save a pipeline in int8. RETURNS (Path): Its folder."""
    quantized = folder / "int8"
    spacy.load(model, config=INT8).to_disk(quantized)
    return quantized


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


def package(
    name: str,
    base: str,
    spec: dict[str, Any],
    table: dict[str, Any],
    model: Path,
    found: dict[str, Any],
    *,
    precision: str = "fp32",
) -> Path:
    """Write the model card, build the wheel, and write the checksums of all wheels.

    name (str): The name of the wheel, for example "ja_mre_e5_int8".
    base (str): The name of the pipeline, for example "ja_mre_e5".
    spec, table, found (dict[str, Any]): The entry of the pipeline, the content of models.yml, and what was measured.
    model (Path): The folder of the pipeline, in this precision.
    precision (str): "fp32" or "int8". Default: "fp32".
    RETURNS (Path): The wheel.
    """
    folder, rest = WORK / base, name.partition("_")[2]
    about = folder / "about.yml"
    srsly.write_yaml(about, _about(spec, table, found, precision))
    scores, of = folder / "scores.json", found["int8" if precision == "int8" else "scores"]
    srsly.write_json(scores, _mean([of[f"test-{lang}"] for lang in spec["languages"]]))
    version = table["version"]
    call("spacy_mre", "card", model, scores, "--about", about, "--name", rest, "--version", version)
    WHEELS.mkdir(parents=True, exist_ok=True)
    call("spacy", "package", model, folder, "--build", "wheel", "--force")
    (built,) = (folder / f"{name}-{version}" / "dist").glob("*.whl")
    wheel = WHEELS / built.name
    with replacing(wheel) as temporary:
        shutil.copyfile(built, temporary)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(WHEELS.glob("*.whl"))]
    with replacing(SUMS) as temporary:
        temporary.write_text("".join(lines), encoding="utf8")
    return wheel


def _about(spec: dict[str, Any], table: dict[str, Any], found: dict[str, Any], precision: str) -> dict[str, Any]:
    languages = [LANGUAGES[lang] for lang in spec["languages"]]
    encoder = table["encoders"][spec["encoder"]]
    on = encoder["name"] + (" in int8" if precision == "int8" else "")
    return {
        **{key: table[key] for key in ("license", "author", "use", "limits")},
        "data": table["data"].format(texts=f"{found['training_texts']:,}"),
        "description": f"Entities, relations and the topic of texts in {', '.join(languages)}, on {on}.",
        "languages": spec["languages"],
        "example": table["examples"][spec["languages"][0]],
        "sources": [table["corpus"], encoder],
        "speed": _speed_text(found["speed"], precision),
        "tables": [_scores_table(spec, found)],
    }


def _speed_text(speed: dict[str, Any], precision: str) -> str:
    lines = [
        f"- {name}: {row['texts_per_second']:,.0f} texts or {row['characters_per_second']:,} characters per second"
        for name, row in speed.items()
    ]
    note = "On one thread of a CPU, on the test part."
    if precision == "int8":
        note += " This pipeline is in int8 and needs the extra `onnx`."
    elif "int8" in speed:
        note += " The same pipeline in int8 is a wheel of its own, whose name ends in `_int8`."
    return "\n".join([note, "", *lines])


def _scores_table(spec: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for lang in spec["languages"]:
        test = found["scores"][f"test-{lang}"]
        rows.append([f"{LANGUAGES[lang]}, test", *_row(test)])
        if "int8" in found:
            rows.append([f"{LANGUAGES[lang]}, test, int8", *_row(found["int8"][f"test-{lang}"])])
        rows.append([f"{LANGUAGES[lang]}, test, gazetteer", *_row(test, "baseline_")])
        rows.append([f"{LANGUAGES[lang]}, independent texts", *_row(found["scores"][f"check-{lang}"])])
    return {"title": "By language", "columns": ["", "entities", "relations", "strict", "topic"], "rows": rows}


def _row(scores: dict[str, Any], prefix: str = "") -> list[str]:
    return [percent(scores.get(f"{prefix}{key}")) for key in SHOWN]


def _mean(scores: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of scores by language, of those that all have."""
    if len(scores) == 1:
        return scores[0]
    mean: dict[str, Any] = {}
    for key, value in scores[0].items():
        values: list[Any] = [one.get(key) for one in scores]
        if isinstance(value, dict):
            mean[key] = _mean([one or {} for one in values])
        elif all(isinstance(one, (int, float)) for one in values):
            mean[key] = statistics.fmean(values)
    return mean
