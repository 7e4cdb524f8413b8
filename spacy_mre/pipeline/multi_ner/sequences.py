"""Pairs of a question and a text as sequences of wordpieces, joined as the tokenizer does it: [CLS] question [SEP] text
[SEP]."""

from dataclasses import dataclass
from typing import Any

import numpy

from ...arrays import expand_ranges
from ...encoders.threads import encode
from .pieces import to_integers
from .windows import Windows

# Lengths of the question and text from which the positions of special pieces are read.
SAMPLE_LENGTHS = (2, 3)


@dataclass
class Template:
    """The special pieces of a pair.

    before, between, behind (numpy.ndarray): Ids of the special pieces before the question, between question and text,
        and after the text.
    types (list[int]): The token types of the five parts.
    """

    before: numpy.ndarray
    between: numpy.ndarray
    behind: numpy.ndarray
    types: list[int]

    @property
    def specials(self) -> int:
        """RETURNS (int): The number of special pieces."""
        return len(self.before) + len(self.between) + len(self.behind)


def read_template(tokenizer: Any) -> Template:
    """Read the special pieces and token types of pairs from a tokenizer.

    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    RETURNS (Template): The special pieces and token types.
    """
    parts: list[int | None]
    question_length, text_length = SAMPLE_LENGTHS
    if tokenizer.is_fast:
        # Encode a sample instead of calling the methods that add special pieces: a tokenizer without its own class
        # does not implement them.
        encoding = encode(tokenizer, ["a"] * question_length, ["a"] * text_length, is_split_into_words=True)
        parts = encoding.sequence_ids(0)
        ids = encoding["input_ids"]
        types = encoding.get("token_type_ids") or [0] * len(ids)
    else:
        question_ids, text_ids = [tokenizer.unk_token_id] * question_length, [tokenizer.unk_token_id] * text_length
        ids = tokenizer.build_inputs_with_special_tokens(question_ids, text_ids)
        types = tokenizer.create_token_type_ids_from_sequences(question_ids, text_ids)
        is_special = tokenizer.get_special_tokens_mask(question_ids, text_ids)
        parts = [None if special else 0 for special in is_special]
        after_question = is_special.index(0) + question_length
        text_start = after_question + is_special[after_question:].index(0)
        parts[text_start : text_start + text_length] = [1] * text_length
    question, text = parts.index(0), parts.index(1)
    question_end, text_end = len(parts) - parts[::-1].index(0), len(parts) - parts[::-1].index(1)
    first_pieces = (0, question, question_end, text, min(text_end, len(parts) - 1))
    return Template(
        before=to_integers(ids[:question]),
        between=to_integers(ids[question_end:text]),
        behind=to_integers(ids[text_end:]),
        types=[types[piece] for piece in first_pieces],
    )


class PairSequences:
    """All pairs of a question and a window. Sequence number `question * windows + window`.

    template (Template): The special pieces.
    questions (list[numpy.ndarray]): The pieces of each question.
    ids (numpy.ndarray): The pieces of all texts.
    windows (Windows): The windows of the texts.
    """

    def __init__(self, template: Template, questions: list[numpy.ndarray], ids: numpy.ndarray, windows: Windows):
        self.template, self.ids, self.windows = template, ids, windows
        self.prefixes = [numpy.concatenate([template.before, question, template.between]) for question in questions]
        self.prefix_lengths = to_integers([len(prefix) for prefix in self.prefixes])
        self.lengths = (self.prefix_lengths[:, None] + windows.sizes + len(template.behind)).reshape(-1)

    def __len__(self) -> int:
        return len(self.lengths)

    def inputs(self, group: numpy.ndarray, padding: int, with_types: bool) -> dict[str, numpy.ndarray]:
        """The padded input of a Hugging Face model.

        group (numpy.ndarray): Some sequence numbers.
        padding (int): The id of the padding.
        with_types (bool): Include token types.
        RETURNS (dict[str, numpy.ndarray]): Arguments of the model, sequences x longest.
        """
        shape = (len(group), int(self.lengths[group].max()))
        questions, windows = numpy.divmod(group, len(self.windows))
        text_starts = self.prefix_lengths[questions][:, None]
        sizes = self.windows.sizes[windows]
        text_ends = text_starts + sizes[:, None]
        columns = numpy.arange(shape[1])
        in_text = (columns >= text_starts) & (columns < text_ends)
        mask = columns < self.lengths[group][:, None]
        behind = mask & (columns >= text_ends)
        ids = numpy.full(shape, padding, dtype=numpy.int64)
        ids[columns < text_starts] = numpy.concatenate([self.prefixes[question] for question in questions])
        ids[in_text] = self.ids[expand_ranges(self.windows.starts[windows], sizes)]
        ids[behind] = numpy.tile(self.template.behind, len(group))
        inputs = {"input_ids": ids, "attention_mask": mask.astype(numpy.int64)}
        if with_types:
            before_type, question_type, between_type, text_type, behind_type = self.template.types
            types = numpy.full(shape, question_type, dtype=numpy.int64)
            types[:, : len(self.template.before)] = before_type
            types[columns >= text_starts - len(self.template.between)] = between_type
            types[in_text] = text_type
            types[behind] = behind_type
            types[~mask] = 0
            inputs["token_type_ids"] = types
        return inputs

    def rows(self, pieces: numpy.ndarray, starts: numpy.ndarray) -> numpy.ndarray:
        """Find the vectors of pieces of the texts among the vectors of all sequences.

        pieces (numpy.ndarray): The pieces.
        starts (numpy.ndarray): The row at which each sequence begins.
        RETURNS (numpy.ndarray): Rows, questions x pieces.
        """
        owners = self.windows.owners[pieces]
        sequences = numpy.arange(len(self.prefixes))[:, None] * len(self.windows) + owners
        return starts[sequences] + self.prefix_lengths[:, None] + (pieces - self.windows.starts[owners])
