"""Where the time of a prediction goes, stage by stage."""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from spacy.language import Language

from .measuring import Settings, measures
from .pipelines import CONLL04, OURS, load, read_texts

REST = "the rest: nlp.pipe, doc_cleaner"


class Stopwatch:
    """Time by stage. What a stage calls that is a stage itself counts for that one only."""

    def __init__(self) -> None:
        self.seconds: Counter = Counter()
        self.running: list[str] = []
        self.since = 0.0

    def watch(self, owner: Any, method: str, stage: str) -> None:
        """Count a method of an object for a stage, from now on."""
        call = getattr(owner, method)

        @wraps(call)
        def watched(*args, **kwargs):
            return self.time(stage, call, *args, **kwargs)

        setattr(owner, method, watched)

    def time(self, stage: str, call: Callable, *args, **kwargs) -> Any:
        self._switch()
        self.running.append(stage)
        try:
            return call(*args, **kwargs)
        finally:
            self._switch()
            self.running.pop()

    def _switch(self) -> None:
        now = time.perf_counter()
        if self.running:
            self.seconds[self.running[-1]] += now - self.since
        self.since = now


@measures("stages")
def stages(settings: Settings) -> dict[str, Any]:
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    nlp, stopwatch = load(settings.model, OURS), Stopwatch()
    watch_pipeline(nlp, stopwatch)
    list(nlp.pipe(texts))
    rounds = []
    for _ in range(settings.rounds):
        stopwatch.seconds.clear()
        stopwatch.time(REST, lambda: list(nlp.pipe(texts)))
        rounds.append(dict(stopwatch.seconds))
    seconds = {stage: statistics.median(of_round[stage] for of_round in rounds) for stage in rounds[0]}
    total = sum(seconds.values())
    return {"stages": [{"stage": stage, "seconds": value, "share": value / total} for stage, value in seconds.items()]}


def watch_pipeline(nlp: Language, stopwatch: Stopwatch) -> None:
    """Name the stages of the joint pipeline."""
    transformer, spert, textcat = (nlp.get_pipe(name) for name in ("transformer", "spert_mt", "mre_textcat"))
    heads = spert.model.get_ref("heads").shims[0].module
    for owner, method, stage in (
        (nlp, "make_doc", "tokens: the tokenizer"),
        (transformer, "predict", "transformer: windows, alignment, batches"),
        (transformer.model.tokenizer, "_batch_encode_plus", "transformer: wordpieces"),
        (transformer.model.transformer, "forward", "transformer: the encoder's forward"),
        (transformer, "set_annotations", "transformer: output per Doc"),
        (spert, "predict", "spert_mt: overlaps, pairs, contexts between them"),
        (spert.model.get_ref("encoder"), "_func", "spert_mt: pieces to tokens"),
        (heads, "score_all", "spert_mt: scores of all spans"),
        (heads, "score_spans", "spert_mt: labels of entities"),
        (heads, "score_mentions", "spert_mt: scores of pairs"),
        (heads, "score_contexts", "spert_mt: scores of pairs"),
        (spert, "set_annotations", "spert_mt: entities and relations on the Doc"),
        (textcat, "predict", "mre_textcat: text vectors and scores"),
        (textcat, "set_annotations", "mre_textcat: cats on the Doc"),
    ):
        stopwatch.watch(owner, method, stage)
