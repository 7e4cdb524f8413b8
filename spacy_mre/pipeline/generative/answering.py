"""What a generative component asks about texts, and what the model answers."""

from collections.abc import Iterable, Sequence
from itertools import chain, groupby

from spacy.tokens import Doc

from ...errors import Errors
from ...settings import Positive
from .asking import Answer, Prompt
from .formats import Analysis, Format, FormatError, Parsed
from .formats.anchored import Anchored
from .formats.anchoring import anchor
from .formats.from_docs import token_boundaries
from .labels import LabelledPipe
from .settings import ConstraintKind
from .word_finding import has_clauses_as_tokens

# The answers about one document, by task.
Answers = dict[str, Answer]


class AnsweringPipe(LabelledPipe):
    """A component that asks a language model about each task of each text."""

    constraint: ConstraintKind
    strict: bool
    num_beams: Positive
    batch_tokens: Positive

    def predict(self, docs: Iterable[Doc]) -> list[Answers]:
        """Generate a string for each task of each document of a batch, without changing the Docs. The questions of all
        tasks share the batches of the model.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[dict[str, Answer]]): For each document the answer of each task; empty for a document without text.
        RAISES (ValueError): If the component is not initialized, or if the labels leave no room for a text.
        """
        from .batches import batches

        docs = list(docs)
        answers: list[Answers] = [{} for _ in docs]
        asked = [(i, name) for i, doc in enumerate(docs) if doc.text.strip() for name in self._asked_tasks(doc)]
        prompts = self._prompts([(docs[i], name) for i, name in asked])
        # The rows of a question are adjacent in a batch, so that each question restricts its own.
        order: dict[int, int] = {}
        for prompt in prompts:
            order.setdefault(id(prompt.question), len(order))
        sizes = [(prompt.new_tokens, len(prompt.source)) for prompt in prompts]
        # Each beam is a row of the model. A server batches by itself.
        most = self.batch_tokens // self.num_beams
        all_rows = [range(len(prompts))] if prompts and self._lm.is_served else batches(sizes, most)
        for batch in all_rows:
            rows = sorted(batch, key=lambda row: order[id(prompts[row].question)])
            for row, answer in zip(rows, self._answers([prompts[row] for row in rows])):
                i, name = asked[row]
                if answer is not None:
                    answers[i][name] = answer
        return answers

    def _asked_tasks(self, doc: Doc) -> list[str]:
        """The tasks that have labels. An error if none has."""
        asked = [name for name in self.tasks if self._has_labels(doc, name)]
        if not asked:
            raise ValueError(Errors.M803.format(name=self.name))
        return asked

    def _prompts(self, asked: list[tuple[Doc, str]]) -> list[Prompt]:
        docs = {id(doc): doc for doc, _ in asked}
        boundaries = {key: token_boundaries(doc) for key, doc in docs.items()}
        for doc in docs.values():
            if self.parts != "text" and has_clauses_as_tokens(doc):
                self._count_left_out("text whose words the tokenizer does not find", example=doc.text)
        questions = [self._question(self.format_of(name, doc.text)) for doc, name in asked]
        sources = self._lm.source_ids(
            [question.format.source(doc.text) for question, (doc, _) in zip(questions, asked)]
        )
        prompts = []
        for question, source, (doc, _) in zip(questions, sources, asked):
            text, new_tokens = doc.text, self.max_new_tokens or question.allowance(len(source))
            limit = self._lm.source_limit(new_tokens)
            if len(source) > limit:
                text, source = question.truncate(doc, limit, self.name)
                self._count_left_out("text longer than the model reads", example=doc.text)
            prompts.append(Prompt(question, text, source, new_tokens, boundaries[id(doc)]))
        return prompts

    def _answers(self, prompts: list[Prompt]) -> Sequence[Answer | None]:
        """Generate the strings of a batch, all with the same number of new tokens, and with the prompts of a question
        next to one another. Only a server may fail to answer."""
        from .mixed_rows import MixedRows

        lm, new_tokens = self._lm, prompts[0].new_tokens
        groups = [list(group) for _, group in groupby(prompts, key=lambda prompt: id(prompt.question))]
        if lm.is_served:
            return [answer for group in groups for answer in self._ask_server(group)]
        # A string that begins or ends within a token of the Doc could not be written to it.
        of_groups = [
            group[0].question.constraint.processors(
                self.constraint,
                [prompt.text for prompt in group],
                new_tokens,
                [prompt.boundaries for prompt in group],
            )
            for group in groups
        ]
        for processor in chain.from_iterable(of_groups):
            for characters in filter(None, processor.unwritable):
                self._count_left_out("character that the tokenizer cannot write", len(characters), example=characters)
        sizes = [len(group) for group in groups]
        generated = lm.generate(
            [prompt.source for prompt in prompts],
            max_new_tokens=new_tokens,
            num_beams=self.num_beams,
            processors=of_groups[0] if len(groups) == 1 else [MixedRows(sizes, of_groups)],
        )
        return [
            Answer(prompt.text, lm.decode(tokens), log_probs, lm.ends_of(tokens))
            for prompt, (tokens, log_probs) in zip(prompts, generated)
        ]

    def _ask_server(self, prompts: list[Prompt]) -> list[Answer | None]:
        """Ask one question about some texts."""
        if self.constraint not in ("grammar", "none"):
            raise ValueError(Errors.M963.format(name=self.name, setting="constraint", value=self.constraint))
        if self.num_beams != 1:
            raise ValueError(Errors.M963.format(name=self.name, setting="num_beams", value=self.num_beams))
        server = self.model.shims[0].lm
        answers = []
        results = server.answers(prompts[0].question.format, prompts, has_grammar=self.constraint == "grammar")
        for prompt, (answer, problem) in zip(prompts, results):
            if problem:
                self._count_left_out(problem, example=prompt.text)
            answers.append(answer)
        return answers

    def _parse(self, answer: Answer, format: Format) -> tuple[Parsed, bool]:
        """The content of a string, and whether the string differs from the format."""
        try:
            return format.parse(answer.string), False
        except FormatError:
            if self.strict:
                self._count_left_out("string that is not in the format", example=answer.string)
                return Parsed(Analysis(None, ()), []), True
            parsed = format.parse(answer.string, strict=False)
            # The first problem is that the string is not in the format at all.
            self._count_left_out(
                "part of a string that is not in the format", max(len(parsed.problems) - 1, 1), example=answer.string
            )
            return parsed, True

    def _anchor(self, doc: Doc, answer: Answer, analysis: Analysis) -> Anchored:
        return anchor(answer.text, analysis, normalize=self._lm.table.normalize, boundaries=token_boundaries(doc))
