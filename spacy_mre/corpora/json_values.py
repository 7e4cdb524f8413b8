"""JSON of unknown origin. What Python's own reader accepts although it is wrong is refused: repeated keys, NaN, numbers
that are too large for a float, and halves of surrogate pairs, which cannot be stored as UTF-8.
"""

import json
import math
import re
from typing import Any

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class InvalidJSON(ValueError):
    """A text that is not valid JSON.

    reason (str): What is wrong.
    line (int): The line, counted from 1; 0 if it is not known.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def parse_json(text: str) -> Any:
    """Parse one JSON value.

    text (str): The JSON.
    RETURNS (Any): The value.
    RAISES (InvalidJSON): If it is not valid JSON.

    >>> parse_json('{"label": "person"}')
    {'label': 'person'}
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
        if SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf8")
    except json.JSONDecodeError as err:
        raise InvalidJSON(f"invalid JSON: {err.msg} at column {err.colno}", err.lineno) from None
    except RecursionError:
        raise InvalidJSON("invalid JSON: too many levels of brackets") from None
    except UnicodeEncodeError as err:
        half = ascii(err.object[err.start])
        raise InvalidJSON(f"invalid JSON: {half} is half of a surrogate pair, not a character") from None
    except InvalidJSON:
        raise
    except ValueError:
        # Python limits the digits of an integer; it gives no other ValueError.
        raise InvalidJSON("invalid JSON: an integer has too many digits") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise InvalidJSON(f"invalid JSON: an object contains the key '{repeated}' twice")
    return values


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidJSON(f"invalid JSON: the number {digits[:20]} is too large")
    return number


def _constant(name: str) -> None:
    raise InvalidJSON(f"invalid JSON: {name} is not a number of JSON")
