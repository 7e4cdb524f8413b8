"""The span group of the entities of a file in spaCy's own forms. It is chosen once, so that a file does not mix two."""

from collections.abc import Collection, Iterable

from ..annotations.entities import DEFAULT_KEY


def choose_group(documents: Iterable[tuple[Collection[str], bool]]) -> str:
    """Choose the span group of the entities.

    documents (Iterable[tuple[Collection[str], bool]]): For each document its span groups, and whether it has other
        entities (`doc.ents`).
    RETURNS (str): "entities", if some document has this group; otherwise the only group of the file, from "sc" of a
        `spancat` for example, unless a document has entities, but not this group. If there is none, "entities" too:
        without it, the entities are those of `doc.ents`.

    >>> choose_group([(["sc"], True), (["sc"], False)]), choose_group([(["sc"], True), ([], True)])
    ('sc', 'entities')
    """
    found: set[str] = set()
    others: set[str] | None = None  # groups that every document with entities has
    for groups, has_entities in documents:
        found.update(groups)
        if has_entities:
            others = {*groups} if others is None else others.intersection(groups)
    if len(found) == 1 and DEFAULT_KEY not in found and (others is None or found == others):
        return found.pop()
    return DEFAULT_KEY
