"""The rules by which the annotations of several annotators become one."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

Rule = Literal["union", "majority", "unanimous", "first"]
# Whether an annotation is kept: from its votes, the number of voters, and whether the first of them has it.
RULES: dict[Rule, Callable[[int, int, bool], bool]] = {
    "union": lambda votes, voters, first: True,
    "majority": lambda votes, voters, first: 2 * votes > voters,
    "unanimous": lambda votes, voters, first: votes == voters,
    "first": lambda votes, voters, first: first,
}


class Result(NamedTuple):
    """The result of a vote.

    voters (int): How many voted.
    kept (dict[Any, float]): What is kept, sorted, with its share of the votes; 1.0 under the rule "first".
    dropped (dict[Any, int]): What is not kept, sorted, with its votes.
    """

    voters: int
    kept: dict[Any, float]
    dropped: dict[Any, int]


def elect(ballots: Sequence[Collection[Any] | None], rule: Rule) -> Result | None:
    """Count the votes.

    ballots (Sequence[Collection[Any] | None]): What each annotator has; None for one without a vote.
    rule (Rule): What is kept.
    RETURNS (Result | None): The result; None if nobody has a vote.

    >>> elect(["ab", "a", None, "ac"], "majority")
    Result(voters=3, kept={'a': 1.0}, dropped={'b': 1, 'c': 1})
    """
    voters = [ballot for ballot in ballots if ballot is not None]
    if not voters:
        return None
    result = Result(len(voters), {}, {})
    for key, votes in sorted(Counter(chain.from_iterable(voters)).items()):
        if RULES[rule](votes, len(voters), key in voters[0]):
            result.kept[key] = 1.0 if rule == "first" else votes / len(voters)
        else:
            result.dropped[key] = votes
    return result
