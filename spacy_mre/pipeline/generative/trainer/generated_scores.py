"""Scores of the strings that a model generates for dev rows while it is trained.

The loss says how probable the right string is, not whether the model writes it.
"""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from ..asking import Question
from ..batches import batches
from ..formats import Format
from ..formats.analysis import can_read
from ..language_model import LanguageModel
from ..rows import Row
from ..scorer import score_parsed

if TYPE_CHECKING:
    from transformers import TrainingArguments

# As the default of the components.
BATCH_TOKENS = 16384
SCORES = ("tl_f", "wl_f", "all_acc")


def format_of_row(row: Row, formats: Sequence[Format]) -> Format | None:
    """Find the format of a row.

    row (tuple[str, str]): Input and output.
    formats (Sequence[Format]): The formats of all tasks and languages.
    RETURNS (Optional[Format]): The first one in which the input is exactly a source and the output can be read; or the
        first one in which both can be read; None if there is none.
    """
    readable = [format for format in formats if is_readable(row, format)]
    return next(
        (format for format in readable if can_read(format.read_source, row[0])), readable[0] if readable else None
    )


def of_the_same_tasks(formats: Sequence[Format], others: Sequence[Format]) -> list[Format]:
    """RETURNS (list[Format]): The formats of the tasks and languages that others have.

    formats, others (Sequence[Format]): The formats.
    """
    keys = set(map(_key, others))
    return [format for format in formats if _key(format) in keys]


def is_readable(row: Row, format: Format) -> bool:
    """Whether a row is in a format.

    row (tuple[str, str]): Input and output.
    format (Format): The format.
    RETURNS (bool): Whether both can be read.
    """
    return can_read(format.find_text, row[0]) and can_read(format.parse, row[1])


class GeneratedScores:
    """Asks the model as the components do, with the grammar, and scores what it writes.

    lm (LanguageModel): The model, with adapters if it has some.
    rows (Sequence[tuple[str, str]]): The dev rows in this format.
    format (Format): The format of the training data.
    read_with (Format): The format of the dev rows. It may have other labels, which are then missed.
    most (int): The most rows, which are drawn with a fixed seed; 0 for all.
    RAISES (ValueError): If the tokenizer cannot write a label.
    """

    def __init__(self, lm: LanguageModel, rows: Sequence[Row], format: Format, read_with: Format, most: int):
        self.rows = Random(0).sample(rows, most) if 0 < most < len(rows) else rows
        self._lm = lm
        self._question = Question(format, lm)
        self._question.check()
        self._texts = [read_with.find_text(source) for source, _ in self.rows]
        self._sources = self._question.sources(self._texts)
        analyses = [read_with.parse(target).analysis for _, target in self.rows]
        writer = format.with_task(format.task.extended(analyses))
        # Spelled as the tokenizer can write them: in lower case, if it is uncased.
        self._gold = [lm.spell(writer.target(analysis)) for analysis in analyses]
        self._gold_format = Question(writer, lm).format
        allowances = [self._question.allowance(len(source)) for source in self._sources]
        # The allowance may be larger than the room that is left.
        self._new_tokens = [
            new - max(0, len(source) - lm.source_limit(new)) for new, source in zip(allowances, self._sources)
        ]

    def __call__(self, arguments: "TrainingArguments") -> dict[str, float]:
        """Generate and score. With several processes each generates a part, and all get the same scores.

        arguments (TrainingArguments): The arguments of the Trainer, which know the processes.
        RETURNS (dict[str, float]): F1 of text labels ("tl_f") and of entities or relations ("wl_f"), the share of
            texts with everything right ("all_acc"), and "f1", the mean of both F1 scores. What is not part of the task
            is missing.
        """
        from accelerate.utils import gather_object

        mine = range(arguments.process_index, len(self.rows), arguments.world_size)
        strings = dict(gather_object(self._strings(mine)))
        pairs = [(gold, strings[i]) for i, gold in enumerate(self._gold)]
        scores = score_parsed(pairs, self._gold_format)
        found = {name: scores[name] for name in SCORES if scores[name] is not None}
        f1 = [found[name] for name in ("tl_f", "wl_f") if name in found]
        return {**found, "f1": sum(f1) / max(len(f1), 1)}

    def _strings(self, indices: Sequence[int]) -> list[tuple[int, str]]:
        sizes = [(self._new_tokens[i], len(self._sources[i])) for i in indices]
        strings = []
        for batch in batches(sizes, BATCH_TOKENS):
            chosen, new_tokens = [indices[i] for i in batch], sizes[batch[0]][0]
            processors = self._question.constraint.processors("grammar", [self._texts[i] for i in chosen], new_tokens)
            sources = [self._sources[i] for i in chosen]
            generated = self._lm.generate(sources, max_new_tokens=new_tokens, processors=processors)
            strings += [(i, self._lm.decode(row.tokens)) for i, row in zip(chosen, generated)]
        return strings


class ScoresOfTasks:
    """The means of the scores of several tasks.

    lm (LanguageModel): The model, with adapters if it has some.
    rows (Sequence[tuple[str, str]]): The dev rows. Those that are in none of the formats are not used.
    formats (Sequence[Format]): The formats of the training data.
    read_with (Sequence[Format]): The formats of the dev rows.
    most (int): The most rows of all tasks together, but at least one of each; 0 for all.
    RAISES (ValueError): If the tokenizer cannot write a label.
    """

    def __init__(
        self, lm: LanguageModel, rows: Sequence[Row], formats: Sequence[Format], read_with: Sequence[Format], most: int
    ):
        asked = {_key(format): format for format in formats}
        groups: dict[Format, list[Row]] = {}
        for row in rows:
            format = format_of_row(row, read_with)
            if format is not None and _key(format) in asked:
                groups.setdefault(format, []).append(row)
        share = max(most // max(len(groups), 1), 1) if most else 0
        self.tasks = [GeneratedScores(lm, group, asked[_key(one)], one, share) for one, group in groups.items()]

    def __call__(self, arguments: "TrainingArguments") -> dict[str, float]:
        """Generate and score.

        arguments (TrainingArguments): The arguments of the Trainer.
        RETURNS (dict[str, float]): See `GeneratedScores`: each is the mean over the tasks that have it.
        """
        values: dict[str, list[float]] = {}
        for scores in self.tasks:
            for name, score in scores(arguments).items():
                values.setdefault(name, []).append(score)
        return {name: sum(found) / len(found) for name, found in values.items()}


def _key(format: Format) -> tuple[str, str]:
    return format.task.name, format.task.language
