"""A language model on the loopback address, with faults."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "secret-key-of-a-test"


class Loopback:
    """Answers chat completions.

    answer (Callable[[str], str]): From the last message to the answer.
    faults (Mapping[str, list[Any]]): For a last message, the faults of its first requests: a status ("429", "500"),
        "time-out", "closed", "nonsense", "truncated" or "refused"; or a status and its error. "*": for any.
    unknown (Sequence[str]): Options that the server does not take.
    retry_after (str): What 429 comes with.
    """

    def __init__(
        self,
        answer: Callable[[str], str],
        faults: Mapping[str, list[Any]] | None = None,
        *,
        unknown: Sequence[str] = (),
        retry_after: str = "0",
    ) -> None:
        self.answer = answer
        self.faults = {prompt: list(of_prompt) for prompt, of_prompt in (faults or {}).items()}
        self.unknown = unknown
        self.retry_after = retry_after
        self.requests: list[dict[str, Any]] = []
        self.statuses: Counter[int] = Counter()
        self.url = ""
        self.is_over = threading.Event()
        self._lock = threading.Lock()

    def next_fault(self, prompt: str) -> Any:
        with self._lock:
            for name in (prompt, "*"):
                if self.faults.get(name):
                    return self.faults[name].pop(0)
        return ""


@contextmanager
def running(server: Loopback) -> Iterator[Loopback]:
    """Run the server; `url` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append({**body, "authorization": self.headers.get("Authorization")})
            prompt = body["messages"][-1]["content"]
            unknown = [name for name in server.unknown if name in body]
            if unknown:
                self._send(400, {"error": {"message": f"Unsupported parameter: '{unknown[0]}'"}})
                return
            fault = server.next_fault(prompt)
            if fault == "time-out":
                server.is_over.wait(5)
                return
            if fault == "closed":
                return
            if isinstance(fault, tuple):
                self._send(int(fault[0]), {"error": fault[1]})
                return
            if fault[:3].isdigit():
                status, _, message = fault.partition(" ")
                self._send(int(status), {"error": {"message": message or f"fault {fault}"}})
                return
            if fault == "nonsense":
                self._send(200, {"choices": []})
                return
            content = server.answer(prompt)
            if "response_format" in body:
                content = json.dumps({"translation": content})
            choice: dict[str, Any] = {"message": {"content": content}, "finish_reason": "stop"}
            if fault == "truncated":
                choice = {"message": {"content": content[: len(content) // 2]}, "finish_reason": "length"}
            if fault == "refused":
                choice["message"] = {"content": None, "refusal": "I cannot do that."}
            usage = {"prompt_tokens": 10, "completion_tokens": 5}
            self._send(200, {"choices": [choice], "usage": usage})

        def _send(self, status: int, body: Any) -> None:
            server.statuses[status] += 1
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("Retry-After", server.retry_after)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        server.is_over.set()
        http.shutdown()
        http.server_close()
