"""The tasks of a generative component, each with its labels, and the formats and questions that are made from them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc

from ...annotations.scripts import language_of
from ...errors import Errors
from ...settings import Positive
from ..base import MREPipe
from .asking import Question
from .formats import FORMATS, Format, Task
from .formats.task import LANGUAGES, TemplateLanguage, template_names
from .formats.task_gold import TaskGold
from .settings import Parts

if TYPE_CHECKING:  # torch and transformers are loaded only when a model is made
    from .language_model import LanguageModel

# The kinds of labels of a task: text labels; labels of entities or relations, or types of events; roles of arguments.
LEVELS = ("classes", "labels", "roles")
# For each level the labels.
Labels = dict[str, list[str]]


class TaskPipe(MREPipe):
    """A component with one or several tasks. `cfg` contains the labels of each.

    format_name (str): "slg" or "oiellm".
    """

    format_name: str
    tasks: Sequence[str]
    language: TemplateLanguage | None
    parts: Parts
    spans_key: str
    max_new_tokens: Positive | None
    _cache: dict[Any, Any]
    _pipeline_language: str

    @property
    def classes(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): The text labels of all tasks."""
        return self._labels("classes")

    @property
    def word_labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): The labels of entities and relations, and the types of events, of all tasks."""
        return self._labels("labels")

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): The text labels, then the others."""
        return self.classes + self.word_labels

    @property
    def label_data(self) -> dict[str, Labels]:
        """RETURNS (dict[str, dict[str, list[str]]]): For each task its "classes", "labels" and "roles": what `spacy
        init labels` stores and `initialize` takes."""
        return {name: {level: list(labels) for level, labels in self._labels_of(name).items()} for name in self.tasks}

    @property
    def format_options(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The arguments of the format, besides the task."""
        return {}

    @property
    def gold(self) -> TaskGold:
        """RETURNS (TaskGold): Where the labels of each task are in a Doc."""
        key = ("gold", tuple(self.tasks), self.spans_key)
        if key not in self._cache:
            self._cache[key] = TaskGold(self.tasks, self.spans_key)
        return self._cache[key]

    @property
    def format(self) -> Format:
        """RETURNS (Format): The format of the strings of the only task, or of the first one.

        RAISES (ValueError): If there are no labels.
        """
        return self.format_of(self.tasks[0])

    def format_of(self, task: str, text: str = "") -> Format:
        """Make the format of a task, with the words of its template.

        task (str): The task.
        text (str): The text, which determines the language of the words if the settings do not.
        RETURNS (Format): The format.
        RAISES (ValueError): If the task has no labels.
        """
        format = self._format(task, self.language_of(text), self.parts != "words", self.parts != "text")
        if format is None:
            raise ValueError(Errors.M803.format(name=self.name))
        return format

    def language_of(self, text: str) -> str:
        """RETURNS (str): The language of the template's words for a text: that of the settings or of the pipeline, or,
        if the pipeline is of another language, that of the text, or else English.

        text (str): The text.
        """
        if self.language or self._pipeline_language in LANGUAGES:
            return self.language or self._pipeline_language
        return language_of([text])[0] or "en"

    def _languages(self) -> list[str]:
        """The languages of the words of templates."""
        return [self.language_of("")] if self.language or self._pipeline_language in LANGUAGES else list(LANGUAGES)

    def _check_tasks(self) -> None:
        for name in self.tasks:
            if name not in template_names():
                allowed = ", ".join(template_names())
                raise ValueError(Errors.M001.format(value=name, setting="tasks", allowed=allowed))
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise ValueError(Errors.M953.format(name=self.name, tasks=self.tasks))

    def _labels_of(self, task: str) -> Labels:
        """The labels of a task by level, which can be changed."""
        return self.cfg["tasks"].setdefault(task, {level: [] for level in LEVELS})

    def _labels(self, level: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label for name in self.tasks for label in self._labels_of(name)[level]))

    def _format(self, name: str, language: str, text: bool, words: bool) -> Format | None:
        """The format of one part of a task or of both; None if no labels are left."""
        found = self._labels_of(name)
        classes = found["classes"] if text and self.parts != "words" else []
        labels = found["labels"] if words and self.parts != "text" else []
        if not classes and not labels:
            return None
        options = self.format_options
        key = ("format", name, language, bool(classes), bool(labels), *options.values())
        if key not in self._cache:
            task = Task.of_labels(name, language, classes, labels, found["roles"] if labels else [])
            self._cache[key] = FORMATS[self.format_name](task, **options)
        return self._cache[key]

    def _question(self, format: Format) -> Question:
        """The question that is answered by strings of a format."""
        key = ("question", format)
        if key not in self._cache:
            self._cache[key] = Question(format, self._lm)
        return self._cache[key]

    def _questions(self) -> list[Question]:
        """The questions of all tasks, in each language that a text can have."""
        found = [
            self._format(name, language, self.parts != "words", self.parts != "text")
            for name in self.tasks
            for language in self._languages()
        ]
        return [self._question(format) for format in found if format is not None]

    def _has_labels(self, doc: Doc, name: str) -> bool:
        return self._format(name, self.language_of(doc.text), True, True) is not None

    @property
    def _lm(self) -> "LanguageModel":
        lm = self.model.shims[0].lm
        if lm is None or not self.labels:
            raise ValueError(Errors.M803.format(name=self.name))
        return lm

    def _check_room(self) -> None:
        """Check that the labels leave room for a text."""
        lm, new_tokens = self._lm, self.max_new_tokens
        if new_tokens and (new_tokens > lm.target_limit or lm.source_limit(new_tokens) <= 0):
            raise ValueError(Errors.M942.format(value=new_tokens, limit=lm.target_limit))
        for question in self._questions():
            limit = lm.source_limit(new_tokens or question.allowance(question.overhead))
            if question.overhead >= limit:
                raise ValueError(Errors.M940.format(name=self.name, needed=question.overhead, limit=limit))
