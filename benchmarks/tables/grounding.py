"""The tables of the grounding test."""

from typing import Any

from ..results import read
from .formatting import markdown, no_runs, versions

COLUMNS = {
    "lost": "entities lost",
    "shifted": "shifted",
    "relations_lost": "relations lost",
    "labels_lost": "labels lost",
    "texts_changed": "texts changed",
    "counted": "counted",
}
LANGUAGES = {"ja": "Japanese", "zh": "Chinese", "mixed": "mixed"}
COMMAND = "python -m benchmarks.grounding"
CONTROLS = ("char_span", "utf16")
# What the offsets of formats count whose files were not rewritten, if it is not characters.
OWN_UNITS = {"cas": "UTF-16", "webanno": "UTF-16", "conllu": "tokens", "docred": "tokens", "spacy": "tokens"}


def ways() -> str:
    """What is lost in each format, by what the offsets in the file count."""
    results = read("grounding")
    rows = results["rows"]
    if not rows:
        return no_runs(COMMAND)
    lines = [[f"`{row['format']}`", _offsets(row), *(f"{row[key]:,}" for key in COLUMNS)] for row in rows]
    about = f"Each line: {_amounts(rows[0])}, seed {results['seed']}. "
    about += "`conllu`: the entities of `doc.ents` only, no relations."
    about += f" `{results['command']}`. Commit {results['commit']}. Versions: {versions(results)}."
    return f"{markdown(['format', 'offsets in the file', *COLUMNS.values()], lines)}\n\n{about}"


def controls() -> str:
    """What converters lose that are often written by hand."""
    found = read("grounding").get("controls")
    if not found:
        return no_runs(COMMAND)
    lines = []
    for lang, language in LANGUAGES.items():
        skipped, taken = (next(r for r in found if (r["control"], r["lang"]) == (name, lang)) for name in CONTROLS)
        counts = [skipped["entities"], skipped["off_tokens"], skipped["overlapping"], taken["shifted"]]
        lines.append([language, *(f"{count:,}" for count in counts)])
    columns = [
        "texts",
        "entities",
        "`char_span` is None",
        "left out by `filter_spans`",
        "shifted: UTF-16 as characters",
    ]
    return markdown(columns, lines)


def _offsets(row: dict[str, Any]) -> str:
    """What the offsets in the file count. "characters" in the results means: as the format was written."""
    return row["offsets"] if row["offsets"] != "characters" else OWN_UNITS.get(row["format"], "characters")


def _amounts(row: dict[str, Any]) -> str:
    return f"{row['texts']:,} texts with {row['entities']:,} entities and {row['relations']:,} relations"
