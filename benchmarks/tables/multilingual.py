"""The table of one pipeline for three languages."""

from ..results import read
from .accuracy import COMPARED
from .formatting import LANGUAGES, commits, group, markdown, no_runs, scores, versions


def languages() -> str:
    """CrossRE by language: pipelines for one language, and one for all three."""
    results, accuracy = read("multilingual"), read("accuracy")["rows"]
    if not results["rows"]:
        return no_runs("python -m benchmarks.multilingual")
    lines = []
    for lang in LANGUAGES:
        alone = [row for row in accuracy if (row["dataset"], row["variant"]) == (f"crossre_{lang}_e5", "spert_mt")]
        for (updates,), own in group([row for row in alone if row["phase"] in ("long", "longer")], "updates").items():
            cells = [f"`{lang}_e5`", f"{updates:,}", str(len(own)), *scores(own, *COMPARED), commits(own)]
            lines.append([LANGUAGES[lang], "one language", *cells])
        for (updates,), own in group([row for row in results["rows"] if row["language"] == lang], "updates").items():
            for prefix, suffix in (("", ""), ("int8_", ", in int8")):
                found = scores(own, *(f"{prefix}{name}" for name in COMPARED))
                cells = [f"`{own[0]['config']}`{suffix}", f"{updates:,}", str(len(own)), *found, commits(own)]
                lines.append([LANGUAGES[lang], "all three", *cells])
    columns = ["test part in", "trained on", "config", "updates", "seeds", "entities", "relations, strict", "commit"]
    return f"{markdown(columns, lines)}\n\n`{results['command']}`. Versions: {versions(results)}."
