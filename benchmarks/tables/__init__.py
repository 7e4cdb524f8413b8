"""The tables of README.md and docs/, each between the comments `<!-- table: NAME -->` and `<!-- end -->`."""

import re
from collections.abc import Callable
from pathlib import Path

from spacy_mre.files import replacing

from . import (
    accuracy,
    curves,
    documents,
    filters,
    formats,
    generative,
    grounding,
    models,
    multi_ner,
    multilingual,
    reinforcement,
    reliability,
    scale,
    serving,
    speed,
    training_memory,
)

TABLES: dict[str, Callable[[], str]] = {
    "headline": accuracy.headline,
    "accuracy": accuracy.test,
    "ideas": accuracy.ideas,
    "reads_text": accuracy.reads_text,
    "training_options": accuracy.options,
    "training_times": accuracy.times,
    "seen": accuracy.seen,
    "calibration": accuracy.calibration,
    "mistakes": accuracy.mistakes,
    "boundaries": accuracy.boundaries,
    "swaps": accuracy.swaps,
    "multilingual": multilingual.languages,
    "curves": curves.curves,
    "reinforcement": reinforcement.reinforcement,
    "multi_ner": multi_ner.scores,
    "multi_ner_types": multi_ner.types,
    "multi_ner_mistakes": multi_ner.mistakes,
    "multi_ner_speed": speed.types,
    "generative": generative.models,
    "generative_ablation": generative.ablation,
    "generative_architectures": generative.architectures,
    "generative_languages": generative.languages,
    "generative_few_shot": generative.few_shot,
    "generative_levels": generative.levels,
    "generative_tasks": generative.tasks,
    "generative_multilingual": generative.multilingual,
    "generative_adapted": generative.adapted,
    "generative_anchoring": generative.anchoring,
    "training_memory": training_memory.memory,
    "speed": speed.ratios,
    "growth": speed.growth,
    "documents": documents.scopes,
    "filters": filters.dropped,
    "formats": formats.kept,
    "grounding": grounding.ways,
    "grounding_controls": grounding.controls,
    "models": models.pipelines,
    "models_calibration": models.calibration,
    "reliability": reliability.tests,
    "scale": scale.speed,
    "scale_long": scale.long,
    "scale_memory": scale.memory,
    "serving": serving.ways,
    "serving_check": serving.check,
}
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write_tables() -> list[Path]:
    """Write all tables into their pages.

    RETURNS (list[Path]): The pages that changed.
    RAISES (KeyError): If a page has a table that does not exist.
    """
    changed = []
    for page in (Path("README.md"), *sorted(Path("docs").rglob("*.md"))):
        text = page.read_text(encoding="utf8")
        filled = PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", text)
        if filled != text:
            with replacing(page) as temporary:
                temporary.write_text(filled, encoding="utf8")
            changed.append(page)
    return changed
