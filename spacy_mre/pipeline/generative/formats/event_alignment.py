"""Aligns events with the occurrences of their strings: triggers like entities, then the arguments of each; see
`anchoring`."""

from collections.abc import Sequence
from heapq import nsmallest
from typing import NamedTuple

from ....annotations.entities import Offsets
from .analysis import EntityText, EventText
from .anchored import AnchoredArgument, AnchoredEvent, Order, order_of_entity
from .entity_alignment import NOT_IN_TEXT, anchor_entities
from .occurrences import SearchedText
from .relation_alignment import BEAM, MAX_PAIRS, OUT_OF_ORDER, cost_of_argument, distance_cost


class _Hypothesis(NamedTuple):
    """An alignment of the first arguments.

    cost (float): Its cost.
    arguments (tuple[tuple[int, int], ...]): The offsets of each argument.
    known (frozenset[tuple[int, int]]): The offsets of triggers and of all arguments so far.
    last (Optional[tuple]): The sort key of the last argument of the same event.
    """

    cost: float
    arguments: tuple[Offsets, ...]
    known: frozenset[Offsets]
    last: tuple[Order, str] | None


def anchor_events(
    searched: SearchedText, events: Sequence[tuple[int, EventText]]
) -> tuple[tuple[AnchoredEvent, ...], list[tuple[int, str]]]:
    """Align events.

    searched (SearchedText): The text.
    events (Sequence[tuple[int, EventText]]): The events, each with its index in the analysis.
    RETURNS (tuple[tuple[AnchoredEvent, ...], list[tuple[int, str]]]): The events of which the trigger was found, and
        the index of each trigger and argument that was not, with the reason.
    """
    triggers, lost = anchor_entities(searched, [(item, EntityText(event.label, event.text)) for item, event in events])
    by_item = dict(events)
    beam = [_Hypothesis(0.0, (), frozenset((trigger.start, trigger.end) for trigger in triggers), None)]
    found: list[list[str]] = []
    ambiguous: set[int] = set()
    for trigger in triggers:
        beam = [hypothesis._replace(last=None) for hypothesis in beam]
        found.append([])
        for role, text in by_item[trigger.item].arguments:
            near = nsmallest(
                MAX_PAIRS,
                [(distance_cost((trigger.start, trigger.end), place), place) for place in searched.places(text)],
            )
            if not near:
                lost.append((trigger.item, NOT_IN_TEXT))
                continue
            found[-1].append(role)
            ambiguous.update([trigger.item] if len(near) > 1 else [])
            extended = [_extend(searched, hypothesis, *place, role) for hypothesis in beam for place in near]
            beam = nsmallest(BEAM, extended, key=_cost_and_arguments)
    offsets = iter(beam[0].arguments)
    anchored = []
    for trigger, roles in zip(triggers, found):
        arguments = tuple(AnchoredArgument(*next(offsets), role) for role in roles)
        is_ambiguous = trigger.ambiguous or trigger.item in ambiguous
        anchored.append(AnchoredEvent(trigger.start, trigger.end, trigger.label, arguments, trigger.item, is_ambiguous))
    return tuple(anchored), lost


def _extend(searched: SearchedText, hypothesis: _Hypothesis, cost: float, place: Offsets, role: str) -> _Hypothesis:
    cost += hypothesis.cost
    if place not in hypothesis.known:
        cost += cost_of_argument(searched, place, hypothesis.known)
    order = order_of_entity(place, role)
    if hypothesis.last is not None and order <= hypothesis.last:
        cost += OUT_OF_ORDER
    return _Hypothesis(cost, (*hypothesis.arguments, place), hypothesis.known | {place}, order)


def _cost_and_arguments(hypothesis: _Hypothesis) -> tuple:
    return hypothesis.cost, hypothesis.arguments
