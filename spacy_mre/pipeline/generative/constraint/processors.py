"""How much may a model decide? Three levels of constraint on what it writes, as logits processors of Hugging Face:
for greedy search, beam search and sampling.

    none Everything is left to the model. first_token It must begin as the format begins: with `<`, if that is SLG.
    The constraint mechanism of the paper (arXiv 2307.10291). grammar The model may write only what the format allows
    about the text (ours): every output can be read, every label is a known one, everything
                   copied occurs in the text as the tokenizer writes it, and the string is closed before the limit.
"""

from collections.abc import Collection, Sequence

import numpy
import torch
from torch import Tensor
from transformers import LogitsProcessor

from ....errors import Errors
from ..formats.grammar import Grammar
from .text_automata import AutomatonState, TextAutomata
from .token_automaton import TokenAutomaton
from .token_table import TokenTable

Borders = Sequence[Collection[int]]

LEVELS = ("none", "first_token", "grammar")


class Constraint:
    """The grammar of a format, compiled for a tokenizer; made once for both.

    grammar (Grammar): The strings that may be written.
    table (TokenTable): What the tokens write.
    end_token (int): The token that ends a string.
    RAISES (ValueError): A word of the format that the tokenizer cannot write.
    """

    def __init__(self, grammar: Grammar, table: TokenTable, end_token: int):
        self.automaton = TokenAutomaton(grammar, table, end_token)

    def begin(self, texts: Sequence[str], max_new_tokens: int, boundaries: Borders | None = None) -> TextAutomata:
        """Find out what can be written about some texts.

        texts (Sequence[str]): The texts, not the sources that a model reads.
        max_new_tokens (int): The most tokens to write about each, the end token among them.
        boundaries (Optional[Sequence[Collection[int]]]): For each text the offsets at which a name may begin and end;
            by default all.
        RETURNS (TextAutomata): Which tokens may come next.
        RAISES (ValueError): So few tokens that there is a text about which nothing can be written.
        """
        return TextAutomata(self.automaton, texts, max_new_tokens, boundaries)

    def processors(
        self, level: str, texts: Sequence[str], max_new_tokens: int, boundaries: Borders | None = None
    ) -> list[LogitsProcessor]:
        """What to give to `generate` for one batch. Processors with rules of their own, such as a ban on repetitions,
        have to be left out there.

        level (str): "none", "first_token" or "grammar".
        texts (Sequence[str]): The texts of the batch.
        max_new_tokens (int): As it is given to `generate`.
        boundaries (Optional[Sequence[Collection[int]]]): As in `begin`.
        RETURNS (list[LogitsProcessor]): The processors.
        RAISES (ValueError): An unknown level; or too few tokens, see `begin`.
        """
        if level not in LEVELS:
            raise ValueError(Errors.M001.format(setting="constraint", value=level, allowed=", ".join(LEVELS)))
        if level == "none":
            return []
        if level == "first_token":
            return [FirstTokenProcessor(self.automaton)]
        return [GrammarLogitsProcessor(self.begin(texts, max_new_tokens, boundaries))]


class GrammarLogitsProcessor(LogitsProcessor):
    """Allows only tokens with which the grammar can describe the texts. For one call of `generate`.

    automata (TextAutomata): The texts of the batch, in the order of its rows; each may have several rows, one after
        the other.
    """

    def __init__(self, automata: TextAutomata):
        self.automata = automata
        self._prompt: int | None = None
        self._states: dict[tuple[int, bytes], AutomatonState | None] = {}

    @property
    def unwritable(self) -> Sequence[str]:
        """RETURNS (Sequence[str]): For each text the characters that the tokenizer cannot write; nothing with them
        can be named."""
        return self.automata.unwritable

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Forbid tokens.

        input_ids (Tensor): What was read and written so far; rows x positions.
        scores (Tensor): Logits or log probabilities, rows x vocabulary.
        RETURNS (Tensor): The same with -inf for everything that may not come next.
        """
        if self._prompt is None:
            self._prompt = input_ids.shape[1]
            _check_size(self.automata.automaton.table, scores)
        written = input_ids[:, self._prompt :].cpu().numpy()
        rows_per_text = len(written) // len(self.automata)
        states: dict[tuple[int, bytes], AutomatonState | None] = {}
        allowed = []
        for row, tokens in enumerate(written):
            key = row // rows_per_text, tokens.tobytes()
            if key not in states:
                states[key] = self._state(key[0], tokens)
            allowed.append(self._allowed(states[key], len(tokens)))
        self._states = states
        return _only(scores, allowed)

    def _state(self, text: int, tokens: numpy.ndarray) -> AutomatonState | None:
        """The state behind some tokens; None where they left the grammar, as beams without any chance may do."""
        if not len(tokens):
            return self.automata.start(text)
        before = text, tokens[:-1].tobytes()
        state = self._states[before] if before in self._states else self._state(text, tokens[:-1])
        return None if state is None else self.automata.step(state, int(tokens[-1]))

    def _allowed(self, state: AutomatonState | None, written: int) -> numpy.ndarray:
        return (
            numpy.asarray([self.automata.automaton.end_token])
            if state is None
            else self.automata.allowed(state, written)
        )


class FirstTokenProcessor(LogitsProcessor):
    """Lets an output begin only as the format begins, and then everything pass. For one call of `generate`.

    automaton (TokenAutomaton): The grammar.
    """

    unwritable: Sequence[str] = ()  # what is named is the model's own choice

    def __init__(self, automaton: TokenAutomaton):
        self.automaton = automaton
        self._prompt: int | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Forbid tokens at the beginning.

        input_ids (Tensor): What was read and written so far; rows x positions.
        scores (Tensor): Logits or log probabilities, rows x vocabulary.
        RETURNS (Tensor): The same with -inf for tokens with which no output begins.
        """
        if self._prompt is None:
            self._prompt = input_ids.shape[1]
            _check_size(self.automaton.table, scores)
        if input_ids.shape[1] == self._prompt:
            states: list[int | None] = [self.automaton.start] * len(scores)
        elif self.automaton.restart is not None and input_ids.shape[1] == self._prompt + 1:
            # A token that writes nothing, as sentencepiece may put it in front, is no beginning yet.
            nothing = set(self.automaton.unwritten.tolist())
            states = [self.automaton.restart if token in nothing else None for token in input_ids[:, -1].tolist()]
        else:
            return scores
        everything = numpy.arange(scores.shape[1])
        return _only(
            scores, [everything if state is None else self.automaton.reached(state).tokens for state in states]
        )


def _check_size(table: TokenTable, scores: Tensor) -> None:
    if table.size > scores.shape[1]:
        raise ValueError(Errors.M923.format(tokens=table.size, scores=scores.shape[1]))


def _only(scores: Tensor, allowed: Sequence[numpy.ndarray]) -> Tensor:
    """Scores with -inf for all tokens but those allowed in each row. Of these, even one that something else forbade
    can be chosen."""
    firsts = numpy.repeat(numpy.arange(len(allowed)) * scores.shape[1], [len(tokens) for tokens in allowed])
    places = torch.from_numpy(numpy.concatenate(allowed) + firsts).to(scores.device)
    least = torch.finfo(scores.dtype).min
    masked = torch.full_like(scores, -torch.inf)
    masked.view(-1)[places] = scores.reshape(-1)[places].nan_to_num(nan=least, neginf=least)
    return masked
