"""The arguments of Prodigy's relations: spans, by their offsets or by their last token."""

from collections.abc import Sequence
from typing import Any

from .reading import Location

SPAN_KEYS = {
    *("start", "end", "token_start", "token_end", "label", "text", "type", "score", "pattern", "source", "id"),
    *("color", "rank", "input_hash", "answer", "disabled", "priority"),
}
RELATION_KEYS = {"head", "child", "head_span", "child_span", "label", "color", "score", "text"}
NOT_A_SPAN = "of a token that is no span"
NOT_CLEAR = "of a token at which several spans end"


class Spans:
    """The spans of a text, by their offsets and by their last tokens.

    spans (Sequence[dict[str, Any]]): The spans.
    """

    def __init__(self, spans: Sequence[dict[str, Any]]) -> None:
        self.spans = spans
        self.by_place: dict[Any, list[int]] = {}
        self.by_token: dict[Any, list[int]] = {}
        for i, span in enumerate(spans):
            self.by_place.setdefault((span["start"], span["end"]), []).append(i)
            if type(span.get("token_end")) is int:
                self.by_token.setdefault(span["token_end"], []).append(i)

    def find(self, relation: dict[str, Any], key: str, location: Location) -> int | str:
        """Find an argument of a relation.

        relation (dict[str, Any]): The relation.
        key (str): "head" or "child".
        location (Location): Where it was read.
        RETURNS (int | str): The index of the span, or why there is none.
        RAISES (CorpusError): If the relation is malformed, or has a span with a label that is not one of the spans.
        """
        if relation.get(f"{key}_span") is not None:
            wanted = location.get(relation, f"{key}_span", dict)
            place = location.get(wanted, "start", int), location.get(wanted, "end", int)
            same = self.by_place.get(place, [])
            labelled = [i for i in same if self.spans[i].get("label") == wanted.get("label")]
            if labelled or (same and wanted.get("label") is None):
                return (labelled or same)[0]
            if wanted.get("label") is not None:
                raise location.error(
                    f"the {key}_span of a relation, from {place[0]} to {place[1]}, is none of the spans"
                )
            return NOT_A_SPAN
        ending = self.by_token.get(location.get(relation, key, int), [])
        if len(ending) > 1:
            return NOT_CLEAR
        return ending[0] if ending else NOT_A_SPAN
