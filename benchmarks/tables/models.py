"""The table of the pipelines that people can install."""

from typing import Any

from ..results import read
from .formatting import LANGUAGES, calibration_error, markdown, no_runs, percent, versions

SCORES = ("spans_entities_f", "rel_strict_f", "cats_macro_f")
COLUMNS = ("entities", "relations, strict", "topic")
ABOUT = ("characters/s", "MB", "trained on")
LEVELS = ("entities", "relations", "cats")
PARTS = {"test": "test part", "check": "independent texts"}


def pipelines() -> str:
    """Scores by pipeline, language and part, beside a gazetteer and int8, with speed and size."""
    results = read("models")
    if not results["rows"]:
        return no_runs("python -m models")
    rows = [line for row in results["rows"] for line in _lines(row)]
    table = markdown(["pipeline", "language", "texts", *COLUMNS, *ABOUT], rows)
    commits = ", ".join(dict.fromkeys(row["commit"] for row in results["rows"]))
    return f"{table}\n\n`{results['command']}`. Commits: {commits}. Versions: {versions(results)}."


def calibration() -> str:
    """The expected calibration error of each level on the test parts, beside that of exact probabilities."""
    results = read("models")
    if not results["rows"]:
        return no_runs("python -m models")
    lines = []
    for row in results["rows"]:
        for part, scores in row["scores"].items():
            kind, _, lang = part.partition("-")
            if kind == "test":
                found = [scores["calibration"].get(level) for level in LEVELS]
                errors = [calibration_error(one["error"], one["chance"]) if one else "-" for one in found]
                lines.append([f"`{row['name']}`", LANGUAGES[lang], *errors])
    return markdown(["pipeline", "language", *COLUMNS], lines)


def _lines(row: dict[str, Any]) -> list[list[str]]:
    lines: list[list[str]] = []
    for part, scores in row["scores"].items():
        kind, _, lang = part.partition("-")
        speed = f"{row['speed']['fp32']['characters_per_second']:,}" if not lines else ""
        size = f"{row['wheels']['fp32']['megabytes']:.0f}" if not lines else ""
        texts = f"{row['training_texts']:,} texts" if not lines else ""
        lines.append([f"`{row['name']}`", LANGUAGES[lang], PARTS[kind], *_scores(scores), speed, size, texts])
        if kind == "test":
            if "int8" in row:
                fast = f"{row['speed']['int8']['characters_per_second']:,}" if len(lines) == 1 else ""
                small = f"{row['wheels']['int8']['megabytes']:.0f}" if fast and "int8" in row["wheels"] else ""
                lines.append(["in int8", LANGUAGES[lang], PARTS[kind], *_scores(row["int8"][part]), fast, small, ""])
            lines.append(["gazetteer", LANGUAGES[lang], PARTS[kind], *_scores(scores, "baseline_"), "", "", ""])
    return lines


def _scores(scores: dict[str, Any], prefix: str = "") -> list[str]:
    return [percent(scores.get(f"{prefix}{name}")) for name in SCORES]
