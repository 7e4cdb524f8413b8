"""Which strings count as the same."""


def fold(string: str) -> str:
    """RETURNS (str): A string without differences of case and white space.

    >>> fold("New  Lima ")
    'new lima'
    """
    return " ".join(string.casefold().split())
