"""The labels of `multi_ner` with their questions, and how a trained component gets new ones."""

import warnings
from collections.abc import Iterable
from typing import ClassVar

from spacy.training import Example

from ...errors import Errors, Warnings
from ..base import MREPipe
from ..spans.overlap import wider_policy
from .questions import check_questions, default_questions, given_questions
from .settings import QuestionPairs, Questions
from .survey import Survey


class LabelledMultiNER(MREPipe):
    """A component with a question for each label."""

    calls_to_add: ClassVar[dict[str, str]] = {"entity": "add_question('{label}', question)"}
    questions: str | Questions | QuestionPairs | None
    spans_key: str
    one_type_per_span: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The labels, in the order of their questions."""
        return tuple(self.cfg["questions"])

    @property
    def label_data(self) -> Questions:
        """RETURNS (dict[str, str]): The question of each label: what `spacy init labels` stores and `initialize`
        takes."""
        return dict(self.cfg["questions"])

    def add_label(self, label: str) -> int:
        """Not supported: a label needs a question, see `add_question`.

        RAISES (NotImplementedError): Always.
        """
        raise NotImplementedError(Errors.M838.format(label=label))

    def add_question(self, label: str, question: str) -> None:
        """Add an entity type to a trained model, and train it like any other type. If all types share their scorers
        (`heads = "shared"`), it is predicted without further training too.

        Without attention between types the old types are predicted as before. With it they also attend to the new
        type.

        label (str): The new label.
        question (str): Its question.
        RAISES (ValueError): If the component is not initialized; or the label or the question exists already, or is
            empty.
        """
        self._check_initialized()
        questions = self.label_data
        if label in questions:
            raise ValueError(Errors.M842.format(label=label, question=questions[label]))
        self.cfg["questions"] = check_questions({**questions, label: question}, self.name)
        sizes = self.model.get_ref("heads").attrs["labels"] = {"types": len(self.labels)}
        if self._shim.module.per_type:
            self._shim.grow(self._shim.module.grown_state(self._shim.make(types=1)), **sizes)

    def add_labels_of(self, examples: Iterable[Example]) -> list[str]:
        """Add the labels of some examples that the trained component lacks. Their questions are those of the
        component's `questions`; a question that is not there is made from the name of the label, with a warning.

        examples (Iterable[Example]): The examples.
        RETURNS (list[str]): The labels that were added.
        RAISES (ValueError): If the component is not initialized.
        """
        self._check_initialized()
        survey = Survey(self.spans_key, self.one_type_per_span)
        for eg in examples:
            survey.add(eg)
        new = sorted(survey.labels - set(self.labels))
        # A trained component has its questions, and perhaps not their file any more.
        known = given_questions(self.questions, self.name) if new else {}
        made = default_questions([label for label in new if label not in known], self.vocab.lang or "")
        if made:
            warnings.warn(Warnings.W833.format(name=self.name, labels=", ".join(made)), stacklevel=2)
        for label in new:
            self.add_question(label, {**made, **known}[label])
        self.cfg["overlap"] = wider_policy(self.cfg["overlap"], survey.nesting.policy)
        return new
