"""SLG, sentence-to-label generation (Gan et al. 2023, arXiv 2307.10291).

    source    TEXT<CLASS><CLASS>TEXTPROMPT:TYPE;:TYPE;:NONE;
    target    <CLASS>PROMPT:TYPE;NAME:TYPE;NAME                 or, where nothing is found, <CLASS>PROMPT:NONE;

The order of the source's parts is that of the authors' code. Our choice: a task without text labels has the text once
and no options of classes; one without word-level labels ends behind the options of classes.
"""

from typing import Any

from .analysis import FormatError
from .base import StringFormat
from .escaping import escape
from .task import Task


class SLGFormat(StringFormat):
    """The strings of SLG.

    task (Task): What is asked for, and in which words.
    prompt_words (bool): Whether the prompt word comes before the word-level part, in sources and targets.
    """

    name = "slg"
    open = "<"
    close = ">"

    def __init__(self, task: Task, prompt_words: bool = True):
        super().__init__(task)
        self.prompt_words = prompt_words
        self.lead = escape(task.prompt_word) if prompt_words and task.labels else ""
        self._class_options = "".join(f"<{escape(word)}>" for word in task.classes.values())
        self._item_options = self.lead + self._items.options() if task.labels else ""

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The format as plain JSON."""
        return {**super().to_dict(), "prompt_words": self.prompt_words}

    def source(self, text: str) -> str:
        """Write what the model reads.

        text (str): The text.
        RETURNS (str): The text with the classes and once more with the word-level labels. Nothing is escaped in the
            text.
        """
        classes = text + self._class_options if self.task.classes else ""
        items = text + self._item_options if self.task.labels else ""
        return classes + items

    def read_source(self, source: str) -> str:
        """Take the question away again.

        source (str): What `source` wrote.
        RETURNS (str): The text.
        RAISES (FormatError): A string that `source` cannot have written with this task.
        """
        copies = bool(self.task.classes) + bool(self.task.labels)
        text = source[: (len(source) - len(self._class_options) - len(self._item_options)) // copies]
        if self.source(text) != source:
            raise FormatError(source, len(text), "a text with the classes and labels of this task was expected")
        return text
