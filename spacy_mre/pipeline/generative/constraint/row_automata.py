"""The tokens that may come next, if nothing is written more often than the text contains it.

`TextAutomata` has the tokens of the grammar and of the text; a row of a batch adds what it has written. A copy must not
end with a name that was written as often as it may be, and no token may lead to where all names are of that kind. Both
concern few tokens. All others need one comparison: as long as more names can be written than are banned after the same
beginning, there is a way to the end.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy

from ....arrays import concatenate
from ..formats.escaping import MAX_WORD
from ..formats.grammar import Grammar
from .automaton_state import NONE, AutomatonState
from .text_automata import TextAutomata
from .token_automaton import ENDED, UNREACHABLE, TokenAutomaton
from .written import Written


class RowState(NamedTuple):
    """The state of a row.

    text (int): The index of its text.
    place (AutomatonState): Where the row is in the grammar and in its text.
    written (Written): What it has written.
    """

    text: int
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
        return RowState(text, self.texts.start(text), Written(self.grammar))

    def step(self, state: RowState, token: int) -> RowState | None:
        """The state after a token.

        state (RowState): The state before it.
        token (int): The token.
        RETURNS (Optional[RowState]): The next state; None if the token is not allowed. After the end token, all tokens
            are allowed.
        """
        text, place, written = state
        if place is self.texts.end_state:
            return state
        following = self.texts.step(text, place, token)
        if following is None:
            return None
        if following is self.texts.end_state:
            return None if written.copied in written.banned_here else RowState(text, following, written)
        after = self._write(text, written, token)
        return None if after is None else RowState(text, following, after)

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
        tried = [token for token, end in unsure if self._leads_on(state, token, end, left)]
        return concatenate([*sure, numpy.asarray(tried, dtype=numpy.int64)])

    def _write(self, text: int, written: Written, token: int) -> Written | None:
        names = self.texts.names
        return written.after(token, self.automaton.table, self.grammar, lambda name: len(names.places(text, name)))

    def _look(self, state: RowState, left: int) -> tuple[list[numpy.ndarray], list[tuple[int, int]]]:
        """The tokens that are certainly allowed, in parts; and those that have to be tried, one by one, with the states
        to which they lead."""
        text, place, written = state
        names = self.texts.names
        most, least = written.most_banned, names.cost(text, 0)
        # Of the next copy, within the current repetition and after it.
        cost = names.cost(text, most)
        cost_after = names.cost(text, most + 1) if place.counted else cost
        few, few_after = cost >= UNREACHABLE > least, cost_after >= UNREACHABLE > least
        length = written.word_length
        too_long = place.lengths is not None and length + place.longest > MAX_WORD
        far = _pairs(place.far)
        is_near_banned = most > 0 and written.is_near_banned
        if not (is_near_banned or few or few_after or too_long):
            if left > self.texts.longest_path(text, cost_after):
                return [place.tokens, place.near[0]] if len(place.near[0]) else [place.tokens], far
            near, unsure = place.near[0][self.texts.bounds(cost_after)[place.near[1]] < left], far
        else:
            near, unsure = NONE, _pairs(place.near) + far
        size = place.firsts[-1]
        copied, others = slice(size), slice(size, None)
        sure = numpy.zeros(len(place.tokens), dtype=bool)
        if place.counted:
            sure[copied] = self._within(text, place, copied, least if few else cost, left)
            if is_near_banned:
                self._ban(sure, state, least if few else cost, left)
        elif few:
            unsure += _pairs((place.tokens[copied], place.ends[copied]))
        else:
            sure[copied] = self._within(text, place, copied, cost, left)
        if not place.copying or written.copied not in written.banned_here:
            if few_after:
                self._look_at_words(sure, unsure, state, left)
            else:
                sure[others] = self._within(text, place, others, cost_after, left)
        if too_long and place.lengths is not None:
            sure[others] &= place.lengths + length <= MAX_WORD
        return [place.tokens[sure], near], unsure

    def _look_at_words(self, sure: numpy.ndarray, unsure: list[tuple[int, int]], state: RowState, left: int) -> None:
        """Where all names can be banned after a beginning, other tokens have to be tried, except those that continue a
        free word: another character makes another beginning."""
        text, place, written = state
        names, first = self.texts.names, place.firsts[-1]
        ends = place.ends[first:]
        most = next(n for n in range(written.most_banned, -1, -1) if names.cost(text, n) < UNREACHABLE)
        in_word = self.automaton.in_word[ends]
        needed = self.texts.bounds(names.cost(text, most))[ends] + 1
        sure[first:] = in_word & (needed < left)
        if place.lengths is not None:
            sure[first:] &= place.lengths + written.word_length < MAX_WORD
        unsure += _pairs((place.tokens[first:][~in_word], ends[~in_word]))

    def _within(self, text: int, place: AutomatonState, edges: slice, cost: int, left: int) -> numpy.ndarray | bool:
        """Whether tokens lead to where the string can end within the limit."""
        if left > self.texts.longest_path(text, cost):
            return True
        return self.texts.bounds(cost)[place.ends[edges]] < left

    def _ban(self, sure: numpy.ndarray, state: RowState, cost: int, left: int) -> None:
        """Correct what is certainly allowed, for the places in the text at which a banned name starts."""
        text, place, written = state
        length = len(written.copied or b"")
        for start in self.texts.names.ends_of(text, written.banned_here):
            row = int(numpy.searchsorted(place.positions, start + length))
            if row == len(place.positions) or place.positions[row] != start + length:
                continue
            for edge in range(place.firsts[row], place.firsts[row + 1]):
                sure[edge] = self._needed(text, written, start, int(place.ends[edge]), cost) < left

    def _needed(self, text: int, written: Written, start: int, end: int, cost: int) -> int:
        """The fewest tokens to the end from a position in a copy with which a banned name starts, or another one."""
        copy, position = self.texts.position(end)
        after = int(self.automaton.distances(cost)[self.automaton.leaving[copy]])
        banned = self.texts.names.ends_of(text, written.banned_here).get(start, (-1,))
        return self.texts.names.distance(start, position, banned) + after

    def _leads_on(self, state: RowState, token: int, end: int, left: int) -> bool:
        """Whether the string can end within the limit after a token."""
        text, place, written = state
        if end == ENDED:
            return left > 0 and written.copied not in written.banned_here
        after = self._write(text, written, token)
        if after is None:
            return False
        names, in_copy = self.texts.names, end >= len(self.automaton)
        cost = names.cost(text, after.most_banned)
        if not in_copy and after.word_length + self.automaton.needed[end] > MAX_WORD:
            return False
        if in_copy and after.banned_here:
            start = self.texts.position(end)[1] - len(after.copied or b"")
            usable = cost if cost < UNREACHABLE else names.cost(text, 0)
            return self._needed(text, after, start, end, usable) < left
        if cost < UNREACHABLE and not after.banned_here:
            return bool(self.texts.bounds(cost)[end] < left)
        following = self.texts.step(text, place, token)
        return following is not None and self._can_end(RowState(text, following, after), left - 1)

    def _can_end(self, state: RowState, left: int) -> bool:
        key = (state.text, id(state.place), left, state.written.key)
        if key not in self._ending:
            sure, unsure = self._look(state, left)
            certain = left > 0 and any(map(len, sure))
            self._ending[key] = certain or (left > 0 and any(self._leads_on(state, *edge, left) for edge in unsure))
        return self._ending[key]


def _pairs(edges: tuple[numpy.ndarray, numpy.ndarray]) -> list[tuple[int, int]]:
    return list(zip(edges[0].tolist(), edges[1].tolist()))
