"""The labels of a data set and the words for them: a template in Japanese, English or Chinese, filled with labels.

The templates are in `templates/ja.json`, `en.json` and `zh.json`. Published words are the Japanese ones of SCNM (Gan et
al. 2023, arXiv 2307.10291) and the English task words and examples of OIELLM (Gan et al. 2024, arXiv 2407.10953, and
its model cards). All others are our choice: every Chinese word, the Japanese task words, the classes of SCPOS and the
words for no result.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

from ....errors import Errors
from .analysis import Analysis, EntityText, EventText, Item, RelationText
from .escaping import is_free_word

TemplateLanguage = Literal["ja", "en", "zh"]
WordLevel = Literal["entities", "relations", "events"]
LANGUAGES: tuple[str, ...] = get_args(TemplateLanguage)
WORD_LEVELS: tuple[str, ...] = get_args(WordLevel)
_ITEMS = {"entities": EntityText, "relations": RelationText, "events": EventText}


@dataclass(frozen=True)
class Task:
    """The labels that a format writes, and the words for them.

    name (str): The name of the template, such as "SCNM".
    language (str): The language of its words: "ja", "en" or "zh".
    word_level (Literal): The content of the word-level part: "entities", "relations" or "events".
    task_word (str): The name of the task in OIELLM.
    prompt_word (str): The name of the task in SLG.
    none_word (str): The word for no result.
    classes (dict[str, str]): The word of each text label; empty if there are no text labels.
    labels (dict[str, str]): The word of each word-level label, for events of each type; empty if there are only text
        labels.
    roles (dict[str, str]): The word of each role of an argument; empty except for events.
    open_labels (bool): Whether there are other word-level labels than those, each of which is its own word. Default:
        False.
    RAISES (ValueError): If the word level is unknown, a word is empty or has white space at its ends, two labels have
        the same word, or there are no labels.
    """

    name: str
    language: str
    word_level: WordLevel
    task_word: str
    prompt_word: str
    none_word: str
    classes: dict[str, str]
    labels: dict[str, str]
    roles: dict[str, str] = field(default_factory=dict)
    open_labels: bool = False

    def __post_init__(self) -> None:
        if self.word_level not in WORD_LEVELS:
            raise ValueError(
                Errors.M001.format(value=self.word_level, setting="word_level", allowed=", ".join(WORD_LEVELS))
            )
        if not self.classes and not self.labels:
            raise ValueError(Errors.M903.format(name=self.name))
        _check_words(self.name, {"(the task word)": self.task_word})
        _check_words(self.name, {"(the prompt word)": self.prompt_word})
        _check_words(self.name, self.classes)
        _check_words(self.name, {**self.labels, "(where nothing is found)": self.none_word})
        _check_words(self.name, self.roles)

    @classmethod
    def of_template(cls, name: str, language: str) -> "Task":
        """Make a task with all labels of a template.

        name (str): The name of the template; see `template_names`.
        language (str): The language: "ja", "en" or "zh".
        RETURNS (Task): The task.
        RAISES (ValueError): If there is no such template, or it has no labels.
        """
        return cls(name=name, language=language, **get_template(name, language))

    @classmethod
    def of_labels(
        cls,
        name: str,
        language: str,
        classes: Iterable[str] = (),
        labels: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> "Task":
        """Make a task with the words of a template and the labels of a corpus.

        >>> Task.of_labels("SCNM", "en", labels=["place", "ship"]).labels
        {'place': 'Location', 'ship': 'ship'}

        name (str): The name of the template.
        language (str): The language: "ja", "en" or "zh".
        classes (Iterable[str]): The text labels. Default: none.
        labels (Iterable[str]): The word-level labels. Default: none.
        roles (Iterable[str]): The roles of the arguments of events. Default: none.
        RETURNS (Task): The task. A label that is not in the template is used as its word.
        RAISES (ValueError): If there is no such template, or two labels have the same word.
        """
        template = get_template(name, language)
        given = {"classes": classes, "labels": labels, "roles": roles}
        words = {part: template.pop(part, {}) for part in given}
        chosen = {part: {label: words[part].get(label, label) for label in given[part]} for part in given}
        return cls(**{"name": name, "language": language, **template, **chosen})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Task":
        """RETURNS (Task): The task that `to_dict` returned. Without "open_labels" they are as in the template."""
        template = load_templates(data["language"]).get(data["name"], {}) if data["language"] in LANGUAGES else {}
        return cls(**{"open_labels": template.get("open_labels", False), **data})

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The task as plain JSON."""
        return asdict(self)

    def extended(self, analyses: Iterable[Analysis]) -> "Task":
        """Add the unknown labels of analyses, so that they can be written.

        analyses (Iterable[Analysis]): The analyses.
        RETURNS (Task): The extended task; this task itself if there are no unknown labels. A new label is used as its
            word, with apostrophes if the word exists already.
        """
        analyses = list(analyses)
        new_classes = {analysis.label for analysis in analyses if analysis.label is not None} if self.classes else set()
        new_labels = {item.label for analysis in analyses for item in analysis.items or ()} if self.labels else set()
        new_roles = set()
        if self.labels:
            events = [item for analysis in analyses for item in analysis.items or () if isinstance(item, EventText)]
            new_roles = {argument.role for event in events for argument in event.arguments}
        classes, labels = _with_new(self.classes, new_classes), _with_new(self.labels, new_labels, self.none_word)
        roles = _with_new(self.roles, new_roles)
        if (classes, labels, roles) == (self.classes, self.labels, self.roles):
            return self
        return replace(self, classes=classes, labels=labels, roles=roles)

    def complete(self, analysis: Analysis) -> bool:
        """RETURNS (bool): Whether an analysis has gold for all parts of this task."""
        return not (self.classes and analysis.label is None) and not (self.labels and analysis.items is None)

    def word_of(self, label: str) -> str | None:
        """RETURNS (Optional[str]): The word of a word-level label; None if it cannot be written."""
        if label in self.labels or not (self.labels and self.open_labels):
            return self.labels.get(label)
        taken = label == self.none_word or label in self.labels.values()
        return label if is_free_word(label) and not taken else None

    def can_write(self, item: Item) -> bool:
        """RETURNS (bool): Whether an item is of this task's word level."""
        return isinstance(item, _ITEMS[self.word_level])


@lru_cache
def load_templates(language: str) -> dict[str, dict[str, Any]]:
    """Load all templates of a language.

    language (str): "ja", "en" or "zh".
    RETURNS (dict[str, dict[str, Any]]): The arguments of `Task` by the name of the template.
    RAISES (ValueError): If there are no templates in this language.
    """
    if language not in LANGUAGES:
        raise ValueError(Errors.M001.format(value=language, setting="language", allowed=", ".join(LANGUAGES)))
    return json.loads((files(__package__) / "templates" / f"{language}.json").read_text(encoding="utf8"))


def template_names() -> list[str]:
    """RETURNS (list[str]): The names of all templates, which are the same in each language."""
    return list(load_templates(LANGUAGES[0]))


def get_template(name: str, language: str) -> dict[str, Any]:
    """Find a template.

    name (str): The name of the template.
    language (str): "ja", "en" or "zh".
    RETURNS (dict[str, Any]): The arguments of `Task`, without name and language.
    RAISES (ValueError): If there is no such template.
    """
    templates = load_templates(language)
    if name not in templates:
        raise ValueError(Errors.M001.format(value=name, setting="template", allowed=", ".join(templates)))
    return dict(templates[name])


def _with_new(words: dict[str, str], labels: Iterable[str], *taken: str) -> dict[str, str]:
    """The words by label, with a new one for each new label."""
    extended = dict(words)
    for label in sorted(set(labels).difference(words)):
        word = label.strip()
        while not word or word in taken or word in extended.values():
            word += "'"
        extended[label] = word
    return extended


def _check_words(name: str, words: dict[str, str]) -> None:
    owners: dict[str, str] = {}
    for label, word in words.items():
        if not word or word != word.strip():
            raise ValueError(Errors.M904.format(name=name, label=label, word=word))
        if word in owners:
            raise ValueError(Errors.M905.format(name=name, word=word, first=owners[word], second=label))
        owners[word] = label
