"""The arguments of Prodigy's relations: spans, by their offsets or by their last token."""

from typing import Any

from .reading import Location

SPAN_KEYS = {
    *("start", "end", "token_start", "token_end", "label", "text", "type", "score", "pattern", "source", "id"),
    *("color", "rank", "input_hash", "answer", "disabled", "priority"),
}
RELATION_KEYS = {"head", "child", "head_span", "child_span", "label", "color", "score", "text"}
NOT_A_SPAN = "of a token that is no span"
NOT_CLEAR = "of a token at which several spans end"


def find_span(relation: dict[str, Any], key: str, spans: list[dict[str, Any]], location: Location) -> int | str:
    """Find an argument of a relation.

    relation (dict[str, Any]): The relation.
    key (str): "head" or "child".
    spans (list[dict[str, Any]]): The spans of the text.
    location (Location): Where it was read.
    RETURNS (int | str): The index of the span, or why there is none.
    RAISES (CorpusError): If the relation is malformed, or has a span with a label that is not one of the spans.
    """
    if relation.get(f"{key}_span") is not None:
        wanted = location.get(relation, f"{key}_span", dict)
        place = location.get(wanted, "start", int), location.get(wanted, "end", int)
        same = [i for i, span in enumerate(spans) if (span["start"], span["end"]) == place]
        labelled = [i for i in same if spans[i].get("label") == wanted.get("label")]
        if labelled or (same and wanted.get("label") is None):
            return (labelled or same)[0]
        if wanted.get("label") is not None:
            raise location.error(f"the {key}_span of a relation, from {place[0]} to {place[1]}, is none of the spans")
        return NOT_A_SPAN
    token = location.get(relation, key, int)
    ending = [i for i, span in enumerate(spans) if span.get("token_end") == token]
    if len(ending) > 1:
        return NOT_CLEAR
    return ending[0] if ending else NOT_A_SPAN
