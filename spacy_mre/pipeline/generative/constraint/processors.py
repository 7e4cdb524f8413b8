"""Constraints on the output of a model, as logits processors of Hugging Face for greedy search, beam search and
sampling.

`none` has no constraint.

`first_token` restricts the first token to those with which the format can start: with `<`, for SLG. This is the
constraint mechanism of the paper (arXiv 2307.10291).

`grammar` (ours) restricts every token, so that each output can be parsed, has known labels only (or short ones, if
labels are open), copies only strings of the text (as the tokenizer writes it), with the same label no more often than
the text contains them, and ends within the limit.
"""

from collections.abc import Collection, Sequence
from struct import Struct
from typing import get_args

import numpy
import torch
from torch import Tensor
from transformers import LogitsProcessor

from ....errors import Errors
from ..formats.grammar import Grammar
from ..settings import ConstraintKind
from .automaton_state import NONE
from .row_automata import RowAutomata, RowState
from .token_automaton import TokenAutomaton
from .token_table import TokenTable

LEVELS: tuple[str, ...] = get_args(ConstraintKind)

TOKEN = Struct("q")

# The offsets in each text at which a copy may start and end.
Boundaries = Sequence[Collection[int]]


class Constraint:
    """The grammar of a format, compiled for a tokenizer.

    grammar (Grammar): The allowed strings.
    table (TokenTable): The strings of the tokens.
    end_token (int): The token that ends a string.
    RAISES (ValueError): If the tokenizer cannot write a word of the format.
    """

    def __init__(self, grammar: Grammar, table: TokenTable, end_token: int):
        self.grammar = grammar
        self.automaton = TokenAutomaton(grammar, table, end_token)

    def begin(self, texts: Sequence[str], max_new_tokens: int, boundaries: Boundaries | None = None) -> RowAutomata:
        """Join the grammar with the texts of a batch.

        texts (Sequence[str]): The texts (not the sources).
        max_new_tokens (int): The most tokens to generate for each, including the end token.
        boundaries (Optional[Sequence[Collection[int]]]): For each text the offsets at which a copy may start and end.
            Default: all offsets.
        RETURNS (RowAutomata): The tokens that may come next.
        RAISES (ValueError): If there is no string for a text within the limit.
        """
        return RowAutomata(self.grammar, self.automaton, texts, max_new_tokens, boundaries)

    def processors(
        self, level: str, texts: Sequence[str], max_new_tokens: int, boundaries: Boundaries | None = None
    ) -> list[LogitsProcessor]:
        """The logits processors for one call of `generate`. They must not be combined with other restrictions, such as
        a ban on repetitions.

        level (str): "none", "first_token" or "grammar".
        texts (Sequence[str]): The texts of the batch.
        max_new_tokens (int): The argument of `generate`.
        boundaries (Optional[Sequence[Collection[int]]]): See `begin`.
        RETURNS (list[LogitsProcessor]): The processors.
        RAISES (ValueError): If the level is unknown, or the limit is too low (see `begin`).
        """
        if level not in LEVELS:
            raise ValueError(Errors.M001.format(setting="constraint", value=level, allowed=", ".join(LEVELS)))
        if level == "none":
            return []
        if level == "first_token":
            return [FirstTokenProcessor(self.automaton)]
        return [GrammarLogitsProcessor(self.begin(texts, max_new_tokens, boundaries))]


class GrammarLogitsProcessor(LogitsProcessor):
    """Allows only tokens that the grammar allows. For one call of `generate`.

    automata (RowAutomata): The texts of the batch, in the order of its rows. Each text may have several adjacent rows.
    """

    def __init__(self, automata: RowAutomata):
        self.automata = automata
        self._mask = Mask()
        self._prompt_length: int | None = None
        self._states: dict[tuple[int, bytes], RowState | None] = {}

    @property
    def unwritable(self) -> Sequence[str]:
        """RETURNS (Sequence[str]): The characters of each text that the tokenizer cannot write and that no copy can
        contain."""
        return self.automata.texts.unwritable

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Mask tokens.

        input_ids (Tensor): The prompt and the tokens generated so far; rows x positions.
        scores (Tensor): Logits or log probabilities, rows x vocabulary.
        RETURNS (Tensor): The scores, with -inf for tokens that are not allowed. The next call changes it.
        """
        if self._prompt_length is None:
            self._prompt_length = input_ids.shape[1]
            _check_size(self.automata.automaton.table, scores)
        written = input_ids[:, self._prompt_length :].cpu().numpy().astype(numpy.int64)
        rows_per_text, size = len(written) // len(self.automata), written[:1].nbytes
        data = written.tobytes()  # one string to cut is faster than many arrays
        states: dict[tuple[int, bytes], RowState | None] = {}
        allowed = []
        for row in range(len(written)):
            key = row // rows_per_text, data[row * size : (row + 1) * size]
            if key not in states:
                states[key] = self._state(*key)
            allowed.append(self._allowed(states[key], written.shape[1]))
        self._states = states
        return self._mask(scores, allowed)

    def _state(self, text: int, written: bytes) -> RowState | None:
        """The state after tokens, of 8 bytes each; None if they are not in the grammar, which happens to beams of
        probability 0."""
        if not written:
            return self.automata.start(text)
        before = text, written[: -TOKEN.size]
        state = self._states[before] if before in self._states else self._state(*before)
        return None if state is None else self.automata.step(state, *TOKEN.unpack(written[-TOKEN.size :]))

    def _allowed(self, state: RowState | None, written: int) -> numpy.ndarray:
        if state is None:
            return numpy.asarray([self.automata.automaton.end_token])
        return self.automata.allowed(state, written)


class FirstTokenProcessor(LogitsProcessor):
    """Restricts the first token to those with which the format can start. For one call of `generate`.

    automaton (TokenAutomaton): The grammar.
    """

    unwritable: Sequence[str] = ()  # copies are not restricted

    def __init__(self, automaton: TokenAutomaton):
        self.automaton = automaton
        self._mask = Mask()
        self._prompt_length: int | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Mask first tokens.

        input_ids (Tensor): The prompt and the tokens generated so far; rows x positions.
        scores (Tensor): Logits or log probabilities, rows x vocabulary.
        RETURNS (Tensor): The scores, with -inf for tokens with which no string starts.
        """
        if self._prompt_length is None:
            self._prompt_length = input_ids.shape[1]
            _check_size(self.automaton.table, scores)
        if input_ids.shape[1] == self._prompt_length:
            states: list[int | None] = [self.automaton.start] * len(scores)
        elif self.automaton.restart is not None and input_ids.shape[1] == self._prompt_length + 1:
            # Sentencepiece may start with a token for an empty string. Then the next token is restricted, too.
            empty = set(self.automaton.empty_tokens.tolist())
            states = [self.automaton.restart if token in empty else None for token in input_ids[:, -1].tolist()]
        else:
            return scores
        all_tokens = numpy.arange(scores.shape[1])
        allowed = [all_tokens if state is None else self.automaton.transitions(state).tokens for state in states]
        return self._mask(scores, allowed)


def _check_size(table: TokenTable, scores: Tensor) -> None:
    if table.size > scores.shape[1]:
        raise ValueError(Errors.M923.format(tokens=table.size, scores=scores.shape[1]))


class Mask:
    """Masks scores at every step of a generation, in one tensor for all steps: with a large vocabulary a new one takes
    longer than all else here."""

    def __init__(self) -> None:
        self._masked: Tensor | None = None
        # The places that are not -inf, and further rows that are full of them.
        self._filled: Tensor | None = None
        self._full: list[int] = []
        # The tokens that are not allowed in such rows, by the memory that contains the allowed ones.
        self._forbidden: dict[tuple[int, int], tuple[numpy.ndarray, Tensor]] = {}

    def __call__(self, scores: Tensor, allowed: Sequence[numpy.ndarray]) -> Tensor:
        """Mask the tokens that are not allowed in their row. An allowed token always has a finite score, so that
        generation cannot get stuck.

        scores (Tensor): Rows x vocabulary.
        allowed (Sequence[numpy.ndarray]): The tokens that are allowed in each row.
        RETURNS (Tensor): The scores, with -inf for other tokens. The next call changes it.
        """
        full = [row for row, tokens in enumerate(allowed) if len(tokens) > scores.shape[1] // 8]
        few = [NONE if row in full else tokens for row, tokens in enumerate(allowed)] if full else allowed
        firsts = numpy.repeat(numpy.arange(len(few)) * scores.shape[1], [len(tokens) for tokens in few])
        places = torch.from_numpy(numpy.concatenate(few) + firsts).to(scores.device)
        masked = self._masked
        if masked is None or (masked.shape, masked.dtype, masked.device) != (scores.shape, scores.dtype, scores.device):
            masked = torch.full_like(scores, -torch.inf, memory_format=torch.contiguous_format)
        elif self._filled is not None:
            masked.view(-1)[self._filled] = -torch.inf
            for row in self._full:
                masked[row] = -torch.inf
        least = torch.finfo(scores.dtype).min
        masked.view(-1)[places] = scores.reshape(-1)[places].nan_to_num(nan=least, neginf=least)
        for row in full:
            torch.nan_to_num(scores[row], nan=least, neginf=least, out=masked[row])
            masked[row].masked_fill_(self._forbidden_of(allowed[row], scores), -torch.inf)
        self._masked, self._filled, self._full = masked, places, full
        return masked

    def _forbidden_of(self, tokens: numpy.ndarray, scores: Tensor) -> Tensor:
        """Whether each token is not among these. Parts of the automaton are the same in many rows."""
        key = tokens.ctypes.data, len(tokens)
        if key in self._forbidden:
            return self._forbidden[key][1]
        forbidden = numpy.ones(scores.shape[1], dtype=bool)
        forbidden[tokens] = False
        made = torch.from_numpy(forbidden).to(scores.device)
        if tokens.base is not None:
            self._forbidden[key] = tokens, made
        return made
