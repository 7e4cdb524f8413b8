"""The model card of a pipeline: what it is for, what it was trained on, and what it finds.

The card is Markdown with a header in YAML, as the Hugging Face hub reads it. Its sections are those of Mitchell et al.
2019, "Model cards for model reporting".
"""

from collections.abc import Iterator
from types import NoneType
from typing import Any

import srsly
from jinja2 import Environment, PackageLoader

from ..annotations.entities import DEFAULT_KEY
from .evaluate import BASELINE, Scores

# The title of a score, and its key.
HEADLINES = (
    ("entities", f"spans_{DEFAULT_KEY}_f"),
    ("relations", "rel_f"),
    ("relations, strict", "rel_strict_f"),
    ("text label, macro F1", "cats_macro_f"),
)
BY_LABEL = (
    ("Entities", f"spans_{DEFAULT_KEY}_per_type"),
    ("Relations, strict", "rel_strict_per_type"),
    ("Text labels", "cats_f_per_type"),
)
# What is not known is left out of the card.
templates = Environment(loader=PackageLoader("spacy_mre.evaluation"), trim_blocks=True, lstrip_blocks=True)
FROM_AUTHOR = ("description", "author", "email", "url", "license", "sources")
# The task names of the hub.
TASKS = (
    ("token-classification", "NER", f"spans_{DEFAULT_KEY}_f"),
    ("text-classification", "text label", "cats_macro_f"),
)


def describe(meta: dict[str, Any], about: dict[str, Any], scores: Scores) -> dict[str, Any]:
    """Complete the metadata of a pipeline.

    meta (dict[str, Any]): `nlp.meta`. It is not changed.
    about (dict[str, Any]): What only its author knows: "description", "author", "email", "url", "license", and
        "sources", a list of {"name", "license", "url", "author"}. All are optional.
    scores (dict[str, Any]): The result of `evaluate` on the test part.
    RETURNS (dict[str, Any]): The metadata, with the scores as "performance".
    """
    known: dict[str, Any] = {key: about[key] for key in FROM_AUTHOR if key in about}
    performance = {key: value for key, value in scores.items() if not key.startswith(BASELINE)}
    return {**meta, **known, "performance": performance}


def are_scores(value: Any) -> bool:
    """RETURNS (bool): Whether the content of a JSON file has the form of the result of `evaluate`, as far as the card
    reads it."""
    if not isinstance(value, dict):
        return False
    tables = [value.get(key) or {} for _, key in BY_LABEL]
    rows = value.get("mmm", [])
    if not isinstance(rows, list) or not all(isinstance(table, dict) for table in tables):
        return False
    of_labels = [scores for table in tables for scores in table.values()]
    return (
        all(isinstance(value.get(key), (int, float, NoneType)) for _, key in HEADLINES)
        and all(
            isinstance(scores, dict) and all(isinstance(scores.get(key), (int, float)) for key in "prf")
            for scores in of_labels
        )
        and all(isinstance(row, dict) and {"data", "texts"} <= row.keys() for row in rows)
    )


def write_card(meta: dict[str, Any], about: dict[str, Any]) -> str:
    """Write the card of a pipeline.

    meta (dict[str, Any]): The metadata that `describe` returned.
    about (dict[str, Any]): As for `describe`, also "languages" and "example", the Markdown texts "use" (intended
        use), "data", "limits" and "speed", and "tables", a list of {"title", "columns", "rows"}. All are optional.
    RETURNS (str): Markdown. A section without content is left out.
    """
    scores = meta["performance"]
    name = f"{meta['lang']}_{meta['name']}"
    languages = about.get("languages", [meta["lang"]])
    front = {
        "tags": ["spacy", "token-classification", "text-classification", "relation-extraction"],
        "language": languages,
        "license": (meta.get("license") or "other").lower(),
        "library_name": "spacy",
        "model-index": [{"name": name, "results": list(_results(scores))}],
    }
    return templates.get_template("card.md.jinja").render(
        front=srsly.yaml_dumps(front).strip(),
        name=name,
        meta=meta,
        about=about,
        texts=sum({row["data"]: row["texts"] for row in scores.get("mmm", ())}.values()),
        headlines=[(title, scores[key]) for title, key in HEADLINES if scores.get(key) is not None],
        by_label=[(title, sorted(scores[key].items())) for title, key in BY_LABEL if scores.get(key)],
    )


def _results(scores: Scores) -> Iterator[dict[str, Any]]:
    """The results in the header, for the tables of the hub."""
    for task, title, key in TASKS:
        if scores.get(key) is not None:
            yield {
                "task": {"name": title, "type": task},
                "dataset": {"name": "test", "type": "test"},
                "metrics": [{"name": "F1", "type": "f1", "value": round(scores[key], 4)}],
            }
