"""Writing of JSON lines, which several formats are."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..files import replacing


def write_json_lines(items: Iterable[Any], path: Path) -> int:
    """Write values of JSON, one per line.

    items (Iterable[Any]): The values.
    path (Path): The file; its folder is created.
    RETURNS (int): The number of values.

    >>> write_json_lines([{"text": "Ada"}], Path("a.jsonl"))
    1
    """
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf8", newline="\n") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
            count += 1
    return count
