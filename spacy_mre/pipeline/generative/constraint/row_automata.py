"""The tokens that may come next, if nothing is written more often than the text contains it.

`TextAutomata` has the tokens of the grammar and of the text; a row of a batch adds what it has written. A copy must not
end with a name that was written as often as it may be, and no token may lead to where all names are of that kind. Both
concern few tokens. All others need one comparison: as long as more names can be written than are banned after the same
beginning, there is a way to the end.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy

from ..formats.escaping import MAX_WORD
from ..formats.grammar import Grammar
from .text_automata import AutomatonState, TextAutomata
from .token_automaton import ENDED, UNREACHABLE, TokenAutomaton
from .written import Written


class RowState(NamedTuple):
    """The state of a row.

    place (AutomatonState): Where the row is in the grammar and in its text.
    written (Written): What it has written.
    """

    place: AutomatonState
    written: Written


class RowAutomata:
    """The tokens that may come next in the rows of a batch.

    grammar (Grammar): The grammar over characters.
    automaton (TokenAutomaton): The grammar over tokens.
    texts (Sequence[str]): The texts.
    max_new_tokens (int): The most tokens to generate, including the end token.
    boundaries (Optional[Sequence[Collection[int]]]): For each text the offsets at which a copy may start and end, such
        as word boundaries. Default: all offsets.
    RAISES (ValueError): If there is no string for a text, or none within the limit.
    """

    def __init__(
        self,
        grammar: Grammar,
        automaton: TokenAutomaton,
        texts: Sequence[str],
        max_new_tokens: int,
        boundaries: Sequence[Collection[int]] | None = None,
    ):
        self.grammar, self.automaton, self.max_new_tokens = grammar, automaton, max_new_tokens
        self.texts = TextAutomata(automaton, texts, max_new_tokens, boundaries)
        self._ending: dict[tuple, bool] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def start(self, text: int) -> RowState:
        """RETURNS (RowState): The state before the first token, for the text with this index."""
        return RowState(self.texts.start(text), Written(self.grammar))

    def step(self, state: RowState, token: int) -> RowState | None:
        """The state after a token.

        state (RowState): The state before it.
        token (int): The token.
        RETURNS (Optional[RowState]): The next state; None if the token is not allowed. After the end token, all tokens
            are allowed.
        """
        place, written = state
        if place is self.texts.end_state:
            return state
        following = self.texts.step(place, token)
        if following is None:
            return None
        if following is self.texts.end_state:
            return None if written.copied in written.banned_here else RowState(following, written)
        after = self._write(place.text, written, token)
        return None if after is None else RowState(following, after)

    def allowed(self, state: RowState, written: int) -> numpy.ndarray:
        """The tokens that may come next, so that the string can end within the limit.

        state (RowState): The state.
        written (int): The number of tokens generated so far.
        RETURNS (numpy.ndarray): The tokens, some more than once. Never empty if only allowed tokens were generated.
        """
        place, left = state.place, self.max_new_tokens - written
        if place is self.texts.end_state:
            return place.tokens
        sure, unsure = self._look(state, left)
        tokens = place.tokens if sure is None else place.tokens[sure]
        tried = [token for token, end in unsure if self._leads_on(state, token, end, left)]
        return numpy.concatenate([tokens, numpy.asarray(tried)]) if tried else tokens

    def _write(self, text: int, written: Written, token: int) -> Written | None:
        names = self.texts.names
        return written.after(token, self.automaton.table, self.grammar, lambda name: len(names.places(text, name)))

    def _look(self, state: RowState, left: int) -> tuple[numpy.ndarray | None, list[tuple[int, int]]]:
        """Which of the tokens that cross no border of a copy are certainly allowed, None for all of them; and the
        tokens that have to be tried, one by one."""
        place, written = state
        text, names = place.text, self.texts.names
        most, least = written.most_banned, names.cost(text, 0)
        # Of the next copy, within the current repetition and after it.
        cost = names.cost(text, most)
        cost_after = names.cost(text, most + 1) if place.counted and place.copying else cost
        few, few_after = cost >= UNREACHABLE > least, cost_after >= UNREACHABLE > least
        unsure = _pairs(place.crossing)
        length = written.word_length
        too_long = place.lengths is not None and length + place.longest > MAX_WORD
        if not (most or few_after or too_long) and left > self.texts.longest_path(text, cost_after):
            return None, unsure
        size = place.firsts[-1]
        copied, others = slice(size), slice(size, None)
        sure = numpy.zeros(len(place.tokens), dtype=bool)
        if place.counted:
            sure[copied] = self._within(place, copied, least if few else cost, left)
            self._ban(sure, state, least if few else cost, left)
        elif few:
            unsure += _pairs((place.tokens[copied], place.ends[copied]))
        else:
            sure[copied] = self._within(place, copied, cost, left)
        if not place.copying or written.copied not in written.banned_here:
            if few_after:
                self._look_at_words(sure, unsure, state, left)
            else:
                sure[others] = self._within(place, others, cost_after, left)
        if too_long:
            sure[others] &= place.lengths + length <= MAX_WORD
        return sure, unsure

    def _look_at_words(self, sure: numpy.ndarray, unsure: list[tuple[int, int]], state: RowState, left: int) -> None:
        """Where all names can be banned after a beginning, other tokens have to be tried, except those that continue a
        free word: another character makes another beginning."""
        place, written = state
        names, first = self.texts.names, place.firsts[-1]
        ends = place.ends[first:]
        most = next(n for n in range(written.most_banned, -1, -1) if names.cost(place.text, n) < UNREACHABLE)
        in_word = self.automaton.in_word[ends]
        needed = self.texts.bounds(names.cost(place.text, most))[ends] + 1
        sure[first:] = in_word & (needed < left)
        if place.lengths is not None:
            sure[first:] &= place.lengths + written.word_length < MAX_WORD
        unsure += _pairs((place.tokens[first:][~in_word], ends[~in_word]))

    def _within(self, place: AutomatonState, edges: slice, cost: int, left: int) -> numpy.ndarray | bool:
        """Whether tokens lead to where the string can end within the limit."""
        if left > self.texts.longest_path(place.text, cost):
            return True
        return self.texts.bounds(cost)[place.ends[edges]] < left

    def _ban(self, sure: numpy.ndarray, state: RowState, cost: int, left: int) -> None:
        """Correct what is certainly allowed, for the places in the text at which a banned name starts."""
        place, written = state
        banned = written.banned_here
        if not banned:
            return
        names, offset = self.texts.names, self.texts.offset(place.copy)
        after = int(self.automaton.distances(cost)[self.automaton.leaving[place.copy]])
        length = len(written.copied or b"")
        for start, ends in names.ends_of(place.text, banned).items():
            row = int(numpy.searchsorted(place.positions, start + length))
            if row == len(place.positions) or place.positions[row] != start + length:
                continue
            for edge in range(place.firsts[row], place.firsts[row + 1]):
                needed = names.distance(start, int(place.ends[edge]) - offset, ends) + after
                sure[edge] = needed < min(left, UNREACHABLE)

    def _leads_on(self, state: RowState, token: int, end: int, left: int) -> bool:
        """Whether the string can end within the limit after a token."""
        place, written = state
        if end == ENDED:
            return left > 0 and written.copied not in written.banned_here
        after = self._write(place.text, written, token)
        if after is None:
            return False
        cost = self.texts.names.cost(place.text, after.most_banned)
        if end < len(self.automaton) and after.word_length + self.automaton.needed[end] > MAX_WORD:
            return False
        if cost < UNREACHABLE and not after.banned_here:
            return bool(self.texts.bounds(cost)[end] < left)
        following = self.texts.step(place, token)
        return following is not None and self._can_end(RowState(following, after), left - 1)

    def _can_end(self, state: RowState, left: int) -> bool:
        key = (id(state.place), left, state.written.key)
        if key not in self._ending:
            sure, unsure = self._look(state, left)
            certain = left > 0 and (sure is None or bool(sure.any()))
            self._ending[key] = certain or (left > 0 and any(self._leads_on(state, *edge, left) for edge in unsure))
        return self._ending[key]


def _pairs(edges: tuple[numpy.ndarray, numpy.ndarray]) -> list[tuple[int, int]]:
    return list(zip(edges[0].tolist(), edges[1].tolist()))
