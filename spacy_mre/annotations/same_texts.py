"""The texts that several files have in common: those of several annotators, for example."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence

# The id and the text of a document.
Named = tuple[str, str]


def match_texts(files: Sequence[Sequence[Named]]) -> list[dict[int, int]]:
    """Find the same texts: those with the same id and text, then those with the same text. White space may differ. If a
    text occurs several times in a file, each is used once, in the order of the file.

    files (Sequence[Sequence[tuple[str, str]]]): The id and the text of each document of each file.
    RETURNS (list[dict[int, int]]): For each text the numbers of the files that have it, and its place in each of them.
        In the order of the first file, then those that only later files have.

    >>> match_texts([[("1", "Rain"), ("2", "Wind")], [("7", "Wind"), ("8", "Sun")]])
    [{0: 0}, {0: 1, 1: 0}, {1: 1}]
    """
    with_id: dict[tuple[str, str, int], dict[int, int]] = {}
    for number, texts in enumerate(files):
        seen = Counter[Named]()
        for place, (id, text) in enumerate(texts):
            name = (id, "".join(text.split()))
            with_id.setdefault((*name, seen[name]), {})[number] = place
            seen[name] += 1
    return _join_same_texts([(text, found) for (_, text, _), found in with_id.items()])


def _join_same_texts(found: Sequence[tuple[str, dict[int, int]]]) -> list[dict[int, int]]:
    """Join what has the same text in different files. The first that is possible is taken."""
    joined: dict[int, dict[int, int]] = {}
    # For each text, by the files that have it, what can still be joined.
    waiting: dict[str, dict[frozenset[int], deque[int]]] = defaultdict(lambda: defaultdict(deque))
    for index, (text, places) in enumerate(found):
        possible = [numbers for files, numbers in waiting[text].items() if numbers and files.isdisjoint(places)]
        first = min(possible, key=lambda numbers: numbers[0], default=None)
        joined_to = index if first is None else first.popleft()
        joined.setdefault(joined_to, {}).update(places)
        waiting[text][frozenset(joined[joined_to])].append(joined_to)
    return list(joined.values())
