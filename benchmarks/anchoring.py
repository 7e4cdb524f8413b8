"""How many gold offsets are found again when a corpus is written as strings and parsed:
`python -m benchmarks.anchoring`, which writes results/anchoring.json.
"""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import srsly
from rich.progress import track
from spacy.tokens import Doc

from spacy_mre.annotations.entities import DEFAULT_KEY
from spacy_mre.annotations.scripts import main_language
from spacy_mre.annotations.storage import load_docs
from spacy_mre.corpora import Report
from spacy_mre.corpora.splits import PARTS
from spacy_mre.files import replacing
from spacy_mre.pipeline.generative.formats import OIELLMFormat
from spacy_mre.pipeline.generative.strings import string_rows, task_of_docs

from .grid import Grid
from .results import RESULTS, get_commit

SUITE = "anchoring"
# By template, the corpora of the grid, and the part that is written if it is not the whole.
OF_BOTH = dict.fromkeys(("own_ja", "own_en", "own_zh", "crossre_en", "crossre_ja", "crossre_zh", "asdc"), "all")
CORPORA = {
    "SCNM": {**OF_BOTH, "stockmark": "all", "snips": "test", "genia": "test"},
    "TCREE:RE": {**OF_BOTH, "conll04": "test"},
}
FOUND = "with offsets that are found again"
OTHERS = "offsets of one of the "


def read_corpus(name: str, part: str) -> Iterator[Doc]:
    """YIELDS (Doc): The documents of a corpus of the grid.

    name (str): The corpus.
    part (str): "train", "dev" or "test"; "all" for all of them.
    """
    folder = Grid.load().prepare_corpus(name)
    for one in PARTS if part == "all" else (part,):
        yield from load_docs(folder / f"{one}.spacy")


def measure(docs: list[Doc], template: str) -> dict[str, Any]:
    """Write documents as strings, and find the names in them again.

    docs (list[Doc]): The documents.
    template (str): The name of a template.
    RETURNS (dict[str, Any]): "places", the number of offsets; "exact", those that are found again; "others", the
        number of others by reason.
    """
    language = main_language(doc.text for doc in docs)
    report = Report()
    format = OIELLMFormat(task_of_docs(docs, template, language))
    for _ in string_rows(docs, format, spans_key=DEFAULT_KEY, keep_order=False, report=report):
        pass
    exact = sum(count for what, count in report.kept.items() if what.endswith(FOUND))
    others = {reason.partition(": ")[2]: count for reason, count in report.lost.items() if reason.startswith(OTHERS)}
    return {"places": exact + sum(others.values()), "exact": exact, "others": others}


def main() -> None:
    """Measure and record all corpora."""
    todo = [(template, *of) for template, corpora in CORPORA.items() for of in corpora.items()]
    rows = [
        {"corpus": name, "part": part, "template": template, **measure(list(read_corpus(name, part)), template)}
        for template, name, part in track(todo, "corpora")
    ]
    about = {
        "command": f"python -m benchmarks.{SUITE}",
        "commit": get_commit(),
        "versions": {"spacy": version("spacy")},
    }
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        srsly.write_json(temporary, {**about, "rows": rows})


if __name__ == "__main__":
    main()
