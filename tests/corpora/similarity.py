"""Detection of near duplicates: with near duplicates in train and test, scores measure memorization."""

from collections import Counter
from collections.abc import Sequence


def near_duplicates(texts: Sequence[str], threshold: float, *, n: int = 3) -> list[tuple[int, int, float]]:
    """Find pairs of texts that share most of their character n-grams.

    texts (Sequence[str]): The texts.
    threshold (float): The minimum Jaccard similarity of a pair, above 0 and at most 1.
    n (int): The number of characters in an n-gram. A shorter text is one n-gram.
    RETURNS (list[tuple[int, int, float]]): The indices of both texts and their similarity, most similar first.

    >>> near_duplicates(["Ida lives in Lima", "Tom left", "Ida lived in Lima"], 0.5)
    [(0, 2, 0.6666666666666666)]
    """
    grams = [_ngrams(text, n) for text in texts]
    with_gram: dict[str, list[int]] = {}
    pairs = []
    for j, found in enumerate(grams):
        shared: Counter[int] = Counter()
        for gram in found:
            earlier = with_gram.setdefault(gram, [])
            shared.update(earlier)
            earlier.append(j)
        for i, count in shared.items():
            similarity = count / (len(grams[i]) + len(found) - count)
            if similarity >= threshold:
                pairs.append((i, j, similarity))
    return sorted(pairs, key=_by_similarity)


def _by_similarity(pair: tuple[int, int, float]) -> tuple[float, int, int]:
    return -pair[2], pair[1], pair[0]


def _ngrams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(max(1, len(text) - n + 1))}
