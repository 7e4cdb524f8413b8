"""Are two texts nearly the same? A corpus with near duplicates on both sides of a split measures memory."""

from collections.abc import Sequence


def near_duplicates(texts: Sequence[str], threshold: float, *, n: int = 3) -> list[tuple[int, int, float]]:
    """Find pairs of texts that share most of their character n-grams.

    texts (Sequence[str]): The texts.
    threshold (float): The least Jaccard similarity to tell, between 0 and 1.
    n (int): How many characters a gram has; a shorter text is one gram.
    RETURNS (List[Tuple[int, int, float]]): The places of both texts and their similarity, the most similar first.
    """
    grams = [_grams(text, n) for text in texts]
    found = []
    for j, right in enumerate(grams):
        for i, left in enumerate(grams[:j]):
            if min(len(left), len(right)) < threshold * max(len(left), len(right)):
                continue
            shared = len(left & right)
            similarity = shared / (len(left) + len(right) - shared)
            if similarity >= threshold:
                found.append((i, j, similarity))
    return sorted(found, key=lambda pair: -pair[2])


def _grams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(max(1, len(text) - n + 1))}
