"""One question per entity type, as data: a JSON file per label set, in the language of the texts."""

import warnings
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ...corpora.reading import read_json
from ...corpora.record import CorpusError
from ...errors import Errors, Warnings
from ...settings import as_table
from .settings import QuestionPairs, Questions

SETS = files(__package__) / "question_sets"

# Made from a label's name if no questions are given.
DEFAULT_QUESTIONS = {
    "en": "Find every mention of the type {name}.",
    "ja": "「{name}」に当たる表現をすべて探す。",
    "zh": "找出所有属于“{name}”的表达。",
}


def question_sets() -> list[str]:
    """RETURNS (list[str]): The names of the question sets in this package."""
    return sorted(file.name.removesuffix(".json") for file in SETS.iterdir() if file.name.endswith(".json"))


def read_questions(source: str) -> Questions:
    """Read a question set.

    source (str): The name of a set in this package (see `question_sets`), or the path of a JSON file in the same
        format: an object of questions by label. Types are predicted in the order of the file.
    RETURNS (dict[str, str]): The question of each label.
    RAISES (ValueError): If there is no such set or file, it has another format, or two labels have the same question.
    """
    path = SETS / f"{source}.json" if source in question_sets() else Path(source)
    if not path.is_file():
        raise ValueError(Errors.M830.format(source=source, names=", ".join(question_sets())))
    try:
        questions = read_json(Path(str(path)))  # refuses a label that occurs twice
    except CorpusError as error:
        raise ValueError(Errors.M836.format(source=source, reason=error)) from None
    if not isinstance(questions, dict):
        raise ValueError(Errors.M836.format(source=source, reason="it is not an object of questions by label"))
    return check_questions(questions, source)


def check_questions(questions: Questions, source: str) -> Questions:
    """Refuse questions that cannot tell types apart.

    questions (dict[str, str]): The question of each label.
    source (str): Where they come from, for the error message.
    RETURNS (dict[str, str]): The same questions, without white space around them.
    RAISES (ValueError): If a question is empty or not a string, or two labels have the same question.
    """
    labels: dict[str, str] = {}
    for label, question in questions.items():
        if not isinstance(question, str) or not question.strip() or not label.strip():
            reason = f"the question of the label '{label}' is {question!r}"
            raise ValueError(Errors.M836.format(source=source, reason=reason))
        other = labels.setdefault(question.strip(), label)
        if other != label:
            raise ValueError(Errors.M835.format(source=source, one=other, other=label, question=question.strip()))
    return {label: question.strip() for label, question in questions.items()}


def given_questions(source: str | Questions | QuestionPairs | None, name: str) -> Questions:
    """Read the setting `questions`.

    source (Optional[Union[str, dict[str, str], list[list[str]]]]): As for `choose_questions`.
    name (str): The name of the component, for the error message.
    RETURNS (dict[str, str]): The question of each label; empty if there are none.
    RAISES (ValueError): If they cannot be read.
    """
    if isinstance(source, str):
        return read_questions(source)
    return check_questions(as_table("questions", source or {}), name)


def default_questions(labels: Iterable[str], lang: str) -> Questions:
    """Make questions from the names of labels.

    labels (Iterable[str]): The labels.
    lang (str): The language of the texts. Languages other than ja and zh get English questions.
    RETURNS (dict[str, str]): The question of each label.
    """
    pattern = DEFAULT_QUESTIONS.get(lang, DEFAULT_QUESTIONS["en"])
    return {label: pattern.format(name=label.replace("_", " ")) for label in labels}


def choose_questions(
    source: str | Questions | QuestionPairs | None, labels: Iterable[str], lang: str, name: str
) -> Questions:
    """The questions of the labels in the training data.

    source (Optional[Union[str, dict[str, str], list[list[str]]]]): A table of questions, the list of its pairs, or what
        `read_questions` reads. None: make them from the names of the labels, and warn.
    labels (Iterable[str]): The labels in the training data.
    lang (str): The language of the texts.
    name (str): The name of the component, for the messages.
    RETURNS (dict[str, str]): The question of each label, in the order of `source`.
    RAISES (ValueError): If the questions cannot be used, or a label has none.
    """
    wanted = sorted(labels)
    if source is None:
        made = default_questions(wanted, lang)
        if made:
            example = {"label": wanted[0], "question": made[wanted[0]]}
            warnings.warn(Warnings.W831.format(name=name, count=len(made), **example), stacklevel=2)
        return made
    known = given_questions(source, name)
    shown = source if isinstance(source, str) else "the table of questions"
    missing = [label for label in wanted if label not in known]
    if wanted and len(missing) == len(wanted):
        about = {"asked": ", ".join(known), "labels": ", ".join(wanted)}
        raise ValueError(Errors.M832.format(source=shown, name=name, **about))
    if missing:
        raise ValueError(Errors.M831.format(source=shown, labels=", ".join(missing)))
    unused = [label for label in known if label not in wanted]
    if unused and wanted:
        message = Warnings.W832.format(name=name, count=len(unused), source=shown, labels=", ".join(unused))
        warnings.warn(message, stacklevel=2)
    return {label: question for label, question in known.items() if label in wanted}
