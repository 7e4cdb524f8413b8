"""Measure grounding and write results/grounding.json: `python -m benchmarks.grounding`."""

from importlib.metadata import version

import srsly

from spacy_mre.files import replacing

from ..results import RESULTS, get_commit
from .measure import annotate, by_char_span, by_utf16, through_format, ways
from .texts import LANGUAGES, make_texts

TEXTS = 1000
SEED = 0

if __name__ == "__main__":
    texts = make_texts(TEXTS, SEED)
    docs = annotate(texts)
    results = {
        "command": "python -m benchmarks.grounding",
        "commit": get_commit(),
        "versions": {name: version(name) for name in ("spacy", "SudachiPy")},
        "seed": SEED,
        "rows": [through_format(texts, docs, *way) for way in ways()],
        "controls": [control(texts, lang) for control in (by_char_span, by_utf16) for lang in LANGUAGES],
    }
    with replacing(RESULTS / "grounding.json") as temporary:
        srsly.write_json(temporary, results)
