"""What a pipeline that was trained on single texts finds in documents of ten: `python -m benchmarks.documents`.

Trains on the hand-written corpus, in Japanese, English and Chinese, and evaluates on single texts and on documents. Run
`python -m spacy project run compile` before. A run that has a file is not made again.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import srsly
from spacy.util import load_config

from .calling import call
from .results import RESULTS, get_commit

LANGUAGES = ("ja", "en", "zh")
SENTENCE_TOK2VEC = "spacy_mre.SentenceTok2Vec.v1"
ENCODER = "components.spert_mt.model.encoder.tok2vec.@architectures"
# What is changed in configs/LANGUAGE_cpu.cfg. `unit`: what the encoder reads at once.
VARIANTS: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("learned", "text"): {"ja": {}, "en": {}, "zh": {}},
    ("learned", "sentence"): {
        "ja": {ENCODER: SENTENCE_TOK2VEC},
        "en": {"components.transformer.model.get_spans.@span_getters": "spacy_mre.sentence_spans.v1"},
        "zh": {ENCODER: SENTENCE_TOK2VEC, "components.tok2vec.model.@architectures": SENTENCE_TOK2VEC},
    },
    ("document", "text"): {lang: {"components.spert_mt.scope": "document"} for lang in LANGUAGES},
}
SEEDS = (0,)
UPDATES = 500
TEXTS = 10
SCORES = ("spans_entities_f", "rel_p", "rel_r", "rel_f", "rel_strict_f")
RUNS = Path("benchmarks/runs/documents")


def run(lang: str, scope: str, unit: str, seed: int) -> dict[str, float]:
    """Train and evaluate.

    RETURNS (dict[str, float]): The scores on single texts, and those on documents with the prefix "documents_".
    """
    folder = RUNS / f"{lang}-{scope}-{unit}-{seed}"
    scores = folder / "scores.json"
    if not scores.exists():
        config = f"configs/{lang}_cpu.cfg"
        corpus = {part: RUNS / lang / f"{part}.spacy" for part in ("train", "dev", "test")}
        for part, path in corpus.items():
            if not path.exists():
                call("spacy_mre", "convert", "jsonl", f"assets/compiled/{lang}/{part}.jsonl", path, "--nlp", config)
        if not folder.exists():
            _train(config, corpus, folder, {"system.seed": seed, **VARIANTS[scope, unit][lang]})
        evaluate = ["spacy_mre", "evaluate", folder / "model-best", corpus["test"]]
        call(*evaluate, "--documents", TEXTS, "--output", scores)
    found = srsly.read_json(scores)
    return {f"{prefix}{name}": found[f"{prefix}{name}"] for prefix in ("", "documents_") for name in SCORES}


def _train(config: str, corpus: dict[str, Path], folder: Path, changes: dict[str, object]) -> None:
    training = {
        "paths.train": corpus["train"],
        "paths.dev": corpus["dev"],
        "training.max_steps": UPDATES,
        "training.eval_frequency": UPDATES // 5,
        **{f"training.optimizer.{rate}.warmup_steps": UPDATES // 10 for rate in _rates(config)},
        **changes,
    }
    overrides = [part for name, value in training.items() for part in (f"--{name}", str(value))]
    # Renamed at the end, so that a training that was killed is repeated.
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    call("spacy", "train", config, "--output", unfinished, *overrides)
    unfinished.rename(folder)


def _rates(config: str) -> list[str]:
    """The learning rates with a schedule."""
    optimizer = load_config(config)["training"]["optimizer"]
    return [name for name, value in optimizer.items() if isinstance(value, dict)]


if __name__ == "__main__":
    rows = [
        {"lang": lang, "scope": scope, "unit": unit, "seed": seed, **run(lang, scope, unit, seed)}
        for seed in SEEDS
        for lang in LANGUAGES
        for scope, unit in VARIANTS
    ]
    results = {
        "command": "python -m benchmarks.documents",
        "commit": get_commit(),
        "versions": {name: version(name) for name in ("spacy", "torch")},
        "rows": rows,
    }
    srsly.write_json(RESULTS / "documents.json", results)
