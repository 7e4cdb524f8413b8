"""OIELLM, open information extraction with a large language model (Gan et al. 2024, arXiv 2407.10953).

    source    TEXT/TASK
    target    CLASS/TASK/:TYPE;NAME:TYPE;NAME       relations   CLASS/TASK/:HEAD;LABEL;TAIL

The format is that of the examples on the authors' model cards. Our choice: a marker for no entities, as in SLG;
without text labels in the task, the target has no class; without word-level labels, it ends after the task.
"""

import re

from .analysis import FormatError
from .base import StringFormat
from .escaping import escape
from .scanning import narrowed
from .task import Task


class OIELLMFormat(StringFormat):
    """The format of OIELLM.

    >>> format = OIELLMFormat(Task.of_labels("SCNM", "en", classes=["travel"], labels=["place"]))
    >>> format.source("A ferry to Lima")
    'A ferry to Lima/NER'
    >>> format.parse("travel/NER/:Location;Lima").analysis
    Analysis(label='travel', items=(EntityText(label='place', text='Lima'),))

    task (Task): The labels and their words.
    """

    name = "oiellm"

    def __init__(self, task: Task):
        super().__init__(task)
        self.lead = f"/{escape(task.task_word)}/"
        self._question = self.lead[:-1]

    def source(self, text: str) -> str:
        """Write the source.

        text (str): The text. It is not escaped.
        RETURNS (str): The text and the task.
        """
        return text + self._question

    def read_source(self, source: str) -> str:
        """Find the text in a source.

        source (str): What `source` returned.
        RETURNS (str): The text.
        RAISES (FormatError): If the string is not a source of this task.
        """
        if not source.endswith(self._question):
            raise FormatError(source, len(source), f"'{self._question}' was expected at the end")
        return source.removesuffix(self._question)

    def _text_beside_question(self, source: str) -> str:
        words = "|".join(re.escape(word) for word in (self.task.task_word, self.task.prompt_word))
        form = narrowed(source)
        before = re.match(rf"[\s/:]*(?:{words})[\s/:]+", form, re.IGNORECASE)
        after = re.search(rf"[\s/:]+(?:{words})[\s/:]*\Z", form, re.IGNORECASE)
        if before:
            return source[before.end() :].strip()
        return source[: after.start()].strip() if after else ""
