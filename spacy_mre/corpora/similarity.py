"""Detection of near duplicates: with near duplicates in train and test, scores measure memorization."""

from collections.abc import Sequence


def near_duplicates(texts: Sequence[str], threshold: float, *, n: int = 3) -> list[tuple[int, int, float]]:
    """Find pairs of texts that share most of their character n-grams.

    texts (Sequence[str]): The texts.
    threshold (float): The minimum Jaccard similarity of a pair, between 0 and 1.
    n (int): The number of characters in an n-gram. A shorter text is one n-gram.
    RETURNS (list[tuple[int, int, float]]): The indices of both texts and their similarity, most similar first.

    >>> near_duplicates(["Ida lives in Lima", "Tom left", "Ida lived in Lima"], 0.5)
    [(0, 2, 0.6666666666666666)]
    """
    grams = [_ngrams(text, n) for text in texts]
    pairs = []
    for j, right in enumerate(grams):
        for i, left in enumerate(grams[:j]):
            # The similarity is at most the ratio of the sizes.
            if min(len(left), len(right)) < threshold * max(len(left), len(right)):
                continue
            shared = len(left & right)
            similarity = shared / (len(left) + len(right) - shared)
            if similarity >= threshold:
                pairs.append((i, j, similarity))
    return sorted(pairs, key=_by_similarity)


def _by_similarity(pair: tuple[int, int, float]) -> float:
    return -pair[2]


def _ngrams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(max(1, len(text) - n + 1))}
