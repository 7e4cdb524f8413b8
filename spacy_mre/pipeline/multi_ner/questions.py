"""What is asked of a text? One question per entity type, as data: a JSON file per label set, in the language of the texts."""

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ...errors import Errors

SETS = files(__package__) / "question_sets"

# Made of a label's name where nobody wrote a question.
DEFAULT_QUESTIONS = {
    "en": "Find every mention of the type {name}.",
    "ja": "「{name}」に当たる表現をすべて探す。",
    "zh": "找出所有属于“{name}”的表达。",
}


def read_questions(source: str) -> dict[str, str]:
    """Read a question set.

    source (str): The name of a set that comes with this package (see `question_sets`), or the path of a JSON file of the same form: an object of
        questions by label, in the order in which the types are asked for.
    RETURNS (Dict[str, str]): The question of each label.
    RAISES (ValueError): No such set or file, a file of another form, or two labels with the same question.
    """
    path = SETS / f"{source}.json" if source in question_sets() else Path(source)
    if not path.is_file():
        raise ValueError(Errors.M830.format(source=source, names=", ".join(question_sets())))
    try:
        pairs = json.loads(path.read_text(encoding="utf8"), object_pairs_hook=_Pairs)
    except ValueError as err:
        raise ValueError(Errors.M836.format(source=source, reason=err)) from None
    if not isinstance(pairs, _Pairs):
        raise ValueError(Errors.M836.format(source=source, reason="it is no object of questions by label"))
    labels = [label for label, _ in pairs]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(Errors.M836.format(source=source, reason=f"the label '{label}' stands in it twice"))
    return check_questions(dict(pairs), source)


def check_questions(questions: dict[str, str], source: str) -> dict[str, str]:
    """Refuse questions that cannot tell types apart.

    questions (Dict[str, str]): The question of each label.
    source (str): Where they come from, for the message.
    RETURNS (Dict[str, str]): The same questions without white space around them.
    RAISES (ValueError): An empty question, something that is no text, or two labels with the same question.
    """
    asked: dict[str, str] = {}
    for label, question in questions.items():
        if not isinstance(question, str) or not question.strip() or not label.strip():
            raise ValueError(
                Errors.M836.format(source=source, reason=f"the label '{label}' has no question, but {question!r}")
            )
        same = asked.setdefault(question.strip(), label)
        if same != label:
            raise ValueError(Errors.M835.format(source=source, one=same, other=label, question=question.strip()))
    return {label: question.strip() for label, question in questions.items()}


def default_questions(labels: Iterable[str], lang: str) -> dict[str, str]:
    """Questions made of the names of labels.

    labels (Iterable[str]): The labels.
    lang (str): The language of the texts; one without a pattern of its own gets the English one.
    RETURNS (Dict[str, str]): The question of each label.
    """
    pattern = DEFAULT_QUESTIONS.get(lang, DEFAULT_QUESTIONS["en"])
    return {label: pattern.format(name=label.replace("_", " ")) for label in labels}


def question_sets() -> list[str]:
    """RETURNS (List[str]): The names of the sets that come with this package."""
    return sorted(file.name.removesuffix(".json") for file in SETS.iterdir() if file.name.endswith(".json"))


class _Pairs(list):
    """A JSON object that has kept its doubles."""
