"""The table of relations in documents."""

from ..results import read
from .formatting import LANGUAGES, group, markdown, no_runs, scores, versions

COLUMNS = {
    "spans_entities_f": "entities",
    "rel_p": "relations P",
    "rel_r": "relations R",
    "rel_f": "relations F",
}


def scopes() -> str:
    """Scores on single texts and on documents, with a learned scope and without a scope, by what the encoder reads."""
    results = read("documents")
    if not results["rows"]:
        return no_runs("python -m benchmarks.documents")
    rows = []
    for (lang, scope, unit), runs in group(results["rows"], "lang", "scope", "unit").items():
        for prefix, texts in (("", "single texts"), ("documents_", "documents of ten")):
            rows.append(
                [LANGUAGES[lang], f'`"{scope}"`', unit, texts, *scores(runs, *(f"{prefix}{name}" for name in COLUMNS))]
            )
    table = markdown(["", "`scope`", "the encoder reads a", "evaluated on", *COLUMNS.values()], rows)
    return f"{table}\n\n`{results['command']}`. Commit {results['commit']}. Versions: {versions(results)}."
