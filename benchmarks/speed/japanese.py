"""Prediction of the Japanese pipeline for CPUs, `ja_cpu`, trained on the corpus in `assets/`."""

from typing import Any

import spacy
import srsly

from ..trained import corpus_of, make_pipeline
from .measuring import Settings, alternate, measures, ratio_row

NAME = "ja_cpu"


@measures("predict_vs_ja_ginza_ner", "fast_tok2vec_speedup")
def japanese_on_a_cpu(settings: Settings) -> dict[str, Any]:
    """The whole pipeline against the entities of `ja_ginza`, which has the same tok2vec, and against itself with the
    layers of thinc as they are. Its readings and inflections are left out, as `annotate` does. All get batches of the
    size of ours."""
    path = make_pipeline(NAME)
    texts = [record["text"] for record in srsly.read_jsonl(corpus_of(NAME))][: settings.pick(400, 20)]
    nlp, by_thinc = spacy.load(path), spacy.load(path, config={"nlp": {"after_pipeline_creation": None}})
    ginza = spacy.load("ja_ginza", enable=["tok2vec", "ner"])
    for each in (nlp, by_thinc):
        tokenizer: Any = each.tokenizer
        tokenizer.readings = False
    calls = [lambda each=each: list(each.pipe(texts, batch_size=nlp.batch_size)) for each in (nlp, ginza, by_thinc)]
    ours, of_ginza, of_thinc = alternate(settings.rounds, *calls)
    note = "entities, relations and text labels (ja_cpu.cfg) / tok2vec and ner of ja_ginza, same batches"
    return {
        "rows": [
            ratio_row("predict_vs_ja_ginza_ner", ours, of_ginza, note=note),
            ratio_row("fast_tok2vec_speedup", of_thinc, ours, note="ja_cpu.cfg without / with fast_tok2vec"),
        ]
    }
