"""OIELLM, open information extraction with a large language model (Gan et al. 2024, arXiv 2407.10953).

    source    TEXT/TASK
    target    CLASS/TASK/:TYPE;NAME:TYPE;NAME       relations   CLASS/TASK/:HEAD;LABEL;TAIL

The form is that of the examples on the authors' model cards. Our choice: where nothing is found, a marker as in SLG
is; a task without text labels leaves the class out, and one without word-level labels all that follows the task.
"""

from .analysis import FormatError
from .base import StringFormat
from .escaping import escape
from .task import Task


class OIELLMFormat(StringFormat):
    """The strings of OIELLM.

    task (Task): What is asked for, and in which words.
    """

    name = "oiellm"

    def __init__(self, task: Task):
        super().__init__(task)
        self.lead = f"/{escape(task.task_word)}/"
        self._question = self.lead[:-1]

    def source(self, text: str) -> str:
        """Write what the model reads.

        text (str): The text.
        RETURNS (str): The text and the task. Nothing is escaped in the text.
        """
        return text + self._question

    def read_source(self, source: str) -> str:
        """Take the question away again.

        source (str): What `source` wrote.
        RETURNS (str): The text.
        RAISES (FormatError): A string that `source` cannot have written with this task.
        """
        if not source.endswith(self._question):
            raise FormatError(source, len(source), f"'{self._question}' was expected at the end")
        return source.removesuffix(self._question)
