"""How long an answer may be."""

STEP = 64


def tokens_allowed(text_length: int) -> int:
    """The most tokens of an answer: 64, and 2 for each token of the text, rounded up to a multiple of 64, so that it
    does not depend on the batch. The rule is ours.

    text_length (int): The number of tokens of the text.
    RETURNS (int): The most tokens.

    >>> [tokens_allowed(length) for length in (0, 1, 32, 33)]
    [64, 128, 128, 192]
    """
    return -(-(STEP + 2 * text_length) // STEP) * STEP
