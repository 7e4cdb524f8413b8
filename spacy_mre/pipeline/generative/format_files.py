"""The formats of a file of rows, or of a model that was trained on them, as JSON:

{"format": "oiellm", "tasks": [{"name": "SCNM", "language": "en", ...}, ...]}
"""

import json
from collections.abc import Sequence
from pathlib import Path

from ...corpora.reading import read_json
from ...corpora.record import CorpusError
from ...files import replacing
from .formats import Format, format_from_dict


def format_path(path: Path) -> Path:
    """RETURNS (Path): The format file of JSON lines: `train.format.json` for `train.jsonl`."""
    return Path(path).with_suffix(".format.json")


def save_formats(formats: Sequence[Format], path: Path) -> None:
    """Save formats as JSON.

    formats (Sequence[Format]): The formats of one or several tasks, which differ in the task only.
    path (Path): The file. Its folder is created if it does not exist.
    """
    data = formats[0].to_dict()
    del data["task"]
    data["tasks"] = [format.task.to_dict() for format in formats]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf8")


def load_formats(path: Path) -> list[Format]:
    """Load formats.

    path (Path): A file of `save_formats`.
    RETURNS (list[Format]): The formats, at least one.
    RAISES (CorpusError): If the file does not contain formats.
    """
    data = read_json(path)
    try:
        shared = {name: value for name, value in data.items() if name != "tasks"}
        formats = [format_from_dict({**shared, "task": task}) for task in data["tasks"]]
        if not formats:
            raise ValueError("no tasks")
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        reason = f"this is not a format file of 'strings' ({type(err).__name__}: {err})"
        raise CorpusError(Path(path), 0, reason) from None
    return formats
