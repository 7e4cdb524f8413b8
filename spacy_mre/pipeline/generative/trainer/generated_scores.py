"""Scores of the strings that a model generates for dev rows while it is trained.

The loss says how probable the right string is, not whether the model writes it.
"""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from ..asking import Question
from ..batches import batches
from ..formats import Format, FormatError
from ..language_model import LanguageModel
from ..rows import Row, TokenizedRow
from ..scorer import score_parsed

if TYPE_CHECKING:
    from transformers import TrainingArguments

# As the default of the components.
BATCH_TOKENS = 16384
SCORES = {"tl_f": "TL", "wl_f": "WL", "all_acc": "ALL"}


def is_readable(row: Row, format: Format) -> bool:
    """Whether a row is in a format, so that its strings can be restricted and scored.

    row (tuple[str, str]): Input and output.
    format (Format): The format.
    RETURNS (bool): Whether both can be read.
    """
    try:
        format.find_text(row[0])
        format.parse(row[1])
    except FormatError:
        return False
    return True


class GeneratedScores:
    """Generates strings with the grammar of the components, and scores them.

    lm (LanguageModel): The model, with adapters if it has some.
    rows (Sequence[TokenizedRow]): The dev rows. Those that are not in the format are not used.
    format (Format): The format.
    most (int): The most rows, which are drawn with a fixed seed; 0 for all.
    RAISES (ValueError): If the tokenizer cannot write a label.
    """

    def __init__(self, lm: LanguageModel, rows: Sequence[TokenizedRow], format: Format, most: int):
        rows = [row for row in rows if is_readable(row.row, format)]
        self.rows = Random(0).sample(rows, most) if 0 < most < len(rows) else rows
        self._lm = lm
        self._question = Question(format, lm)
        self._question.check()
        self._texts = [format.find_text(row.row[0]) for row in self.rows]
        # A source and its allowance may be longer than the model; the gold string always fits.
        lengths = [len(row.source) for row in self.rows]
        allowances = [self._question.allowance(length) for length in lengths]
        self._new_tokens = [new - max(0, length - lm.source_limit(new)) for new, length in zip(allowances, lengths)]

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
        # Gold is spelled as the tokenizer can write it: in lower case, if it is uncased.
        pairs = [(self._lm.spell(row.row[1]), strings[i]) for i, row in enumerate(self.rows)]
        scores = score_parsed(pairs, self._question.format)
        found = {name: scores[name] for name in SCORES if scores[name] is not None}
        f1 = [found[name] for name in ("tl_f", "wl_f") if name in found]
        return {**found, "f1": sum(f1) / max(len(f1), 1)}

    def _strings(self, indices: Sequence[int]) -> list[tuple[int, str]]:
        sizes = [(self._new_tokens[i], len(self.rows[i].source)) for i in indices]
        strings = []
        for batch in batches(sizes, BATCH_TOKENS):
            chosen, new_tokens = [indices[i] for i in batch], sizes[batch[0]][0]
            processors = self._question.constraint.processors("grammar", [self._texts[i] for i in chosen], new_tokens)
            generated = self._lm.generate(
                [self.rows[i].source for i in chosen], max_new_tokens=new_tokens, processors=processors
            )
            strings += [(i, self._lm.decode(row.tokens)) for i, row in zip(chosen, generated)]
        return strings
