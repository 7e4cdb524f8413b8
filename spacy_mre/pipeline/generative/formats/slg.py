"""SLG, sentence-to-label generation (Gan et al. 2023, arXiv 2307.10291).

    source    TEXT<CLASS><CLASS>TEXTPROMPT:TYPE;:TYPE;:NONE;
    target    <CLASS>PROMPT:TYPE;NAME:TYPE;NAME                 or, without entities, <CLASS>PROMPT:NONE;

The order of the source's parts is that of the authors' code. Our choice: without text labels in the task, the source
has the text only once and no classes; without word-level labels, it ends after the classes.
"""

import re
from typing import Any

from .analysis import FormatError
from .base import StringFormat
from .escaping import escape
from .scanning import NONE_WORDS, narrowed, normalized
from .task import Task

# One option of a source: a class or a label.
_OPTION = re.compile(r"<([^<>:;]+)>|:([^<>:;]+);")


class SLGFormat(StringFormat):
    """The format of SLG.

    >>> task = Task.of_labels("SCNM", "en", classes=["travel", "music"], labels=["place"])
    >>> format = SLGFormat(task)
    >>> format.source("A ferry to Lima")
    'A ferry to Lima<travel><music>A ferry to LimaNamed Entity Recognition:Location;:None;'
    >>> format.parse("<travel>Named Entity Recognition:Location;Lima").analysis
    Analysis(label='travel', items=(EntityText(label='place', text='Lima'),))

    task (Task): The labels and their words.
    prompt_words (bool): Put the prompt word before the word-level part, in source and target. Default: True.
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
        """Write the source.

        text (str): The text. It is not escaped.
        RETURNS (str): The text with the classes, and again with the word-level labels.
        """
        classes = text + self._class_options if self.task.classes else ""
        items = text + self._item_options if self.task.labels else ""
        return classes + items

    def read_source(self, source: str) -> str:
        """Find the text in a source.

        source (str): What `source` returned.
        RETURNS (str): The text.
        RAISES (FormatError): If the string is not a source of this task.
        """
        copies = bool(self.task.classes) + bool(self.task.labels)
        text = source[: (len(source) - len(self._class_options) - len(self._item_options)) // copies]
        if self.source(text) != source:
            raise FormatError(source, len(text), "a text with the classes and labels of this task was expected")
        return text

    def _text_beside_question(self, source: str) -> str:
        classes = {normalized(word) for word in self.task.classes.values()}
        words = (*self.task.labels.values(), *self.task.roles.values(), self.task.none_word)
        labels = {normalized(word) for word in words} | NONE_WORDS
        form = narrowed(source)
        pieces: list[str] = []
        start = 0
        for option in _OPTION.finditer(form):
            known = classes if option.group(1) else labels
            if normalized(option.group(option.lastindex or 0)) in known:
                pieces.append(source[start : option.start()])
                start = option.end()
        word = re.escape(self.task.prompt_word)
        prompt = re.compile(rf"\A\s*{word}|{word}\s*\Z")
        texts = {prompt.sub("", piece).strip() for piece in (*pieces, source[start:])} - {""}
        # The text is given once or twice; anything else is not a source of this task.
        return texts.pop() if pieces and len(texts) == 1 else ""
