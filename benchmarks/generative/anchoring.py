"""How many gold places come back exactly, when all that a string says is found again in its text?"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc

from spacy_mre.corpora import READERS, make_docs
from spacy_mre.pipeline.generative.formats import FORMATS
from spacy_mre.pipeline.generative.formats.anchoring import anchor
from spacy_mre.pipeline.generative.formats.from_docs import analysis_of, placed_items
from spacy_mre.pipeline.generative.strings import task_of_docs

MENTIONS, LINKS = "SCNM", "TCREE:RE"
CROSSRE = [("crossre", f"crossre/{lang}", {"part": "test"}, lang) for lang in ("en", "ja", "zh")]
# Reader, place in MRE_DATA, options of the reader, language of the words.
CORPORA = {
    MENTIONS: [
        ("stockmark", "stockmark_ner/ner.json", {}, "ja"),
        ("slots", "snips/test", {}, "en"),
        ("asdc", "asdc/data/main", {}, "ja"),
        ("genia", "genia/test.jsonlines", {}, "en"),
        *CROSSRE,
    ],
    LINKS: [("spert", "conll04/conll04_test.json", {}, "en"), ("asdc", "asdc/data/main", {}, "ja"), *CROSSRE],
}
ASSETS = Path("assets/compiled")


def anchoring() -> list[dict[str, Any]]:
    """Write, parse and anchor whole corpora.

    RETURNS (List[Dict[str, Any]]): For each corpus and template how many places there are, how many came back exactly, and why others did not.
    """
    return [measure(name, template, language, docs) for name, template, language, docs in corpora()]


def corpora() -> Iterator[tuple[str, str, str, list[Doc]]]:
    vocab = spacy.blank("xx")
    subprocess.run([sys.executable, "-m", "spacy", "project", "run", "compile", "."], check=True, stdout=sys.stderr)
    for template in (MENTIONS, LINKS):
        for language in ("ja", "en", "zh"):
            parts = [ASSETS / language / f"{part}.jsonl" for part in ("train", "dev", "test")]
            yield (
                f"assets ({language})",
                template,
                language,
                [doc for path in parts for doc in make_docs(READERS["jsonl"](path), vocab)],
            )
        for reader, place, options, language in CORPORA[template]:
            path = Path(os.environ.get("MRE_DATA", "assets/real")) / place
            if path.exists():
                yield place, template, language, list(make_docs(READERS[reader](path, **options), vocab))


def measure(name: str, template: str, language: str, docs: list[Doc]) -> dict[str, Any]:
    """One corpus in both formats; strings that do not say what was written are an error."""
    task = task_of_docs(docs, template, language)
    counts: Counter = Counter()
    for doc in docs:
        analysis = analysis_of(doc, task)
        for make in FORMATS.values():
            format = make(task)
            if format.parse(format.target(analysis)).analysis != analysis:
                raise ValueError(f"{name}: '{format.target(analysis)}' does not say what was written")
        anchored = anchor(doc.text, analysis)
        counts["dropped: not in the text"] += len(anchored.dropped)
        for item, gold in zip((*anchored.mentions, *anchored.links), placed_items(doc, task)):
            exact = item.places == gold.places
            counts[
                "exact" if exact else "the same words stand elsewhere, too" if item.ambiguous else "another place"
            ] += 1
    total = counts.total()
    return {
        "corpus": name,
        "template": template,
        "places": total,
        "exact": counts.pop("exact"),
        "others": {k: n for k, n in counts.items() if n},
    }
