"""A batch service: it reads a batch file and writes its output."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def line_of(prompt: str, body: Any = None, *, status: int = 200, error: Any = None) -> dict[str, Any]:
    """A line of the output, as services write it."""
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": prompt, "response": None if error else response, "error": error}


def completion(content: str | None, **choice: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": "stop", **choice}]
    return {"model": "m-2026", "choices": choices, "usage": {"prompt_tokens": 10, "completion_tokens": 5}}


def serve_batch(prompts: Path, output: Path, answer: Callable[[str], str]) -> None:
    """Answer all prompts of a file, in another order, as services do."""
    rows = [
        line_of(
            item["custom_id"],
            completion(json.dumps({"translation": answer(item["body"]["messages"][-1]["content"])})),
        )
        for item in read_lines(prompts)
    ]
    write_lines(reversed(rows), output)


def write_lines(rows: Any, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
