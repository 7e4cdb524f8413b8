"""A server on the loopback address that reads the grammar of each request with llguidance, and answers by a script."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import llguidance

BYTES = llguidance.LLTokenizer("byte")
# How the servers read a grammar. vLLM finds out which notation it is.
DIALECTS = {"structured_outputs": "grammar", "guided_grammar": "grammar", "ebnf": "gbnf", "grammar": "gbnf"}


class GrammarServer:
    """Answers completions and chats. An answer that the grammar does not have is cut where it leaves it, as by a server
    that restricts its output.

    answer (Callable[[str], Any]): From the source to the answer; or to a fault: a status, "time-out" or "refused".
    piece (int): The number of bytes of a token; 0 for an answer without probabilities.
    """

    def __init__(self, answer: Callable[[str], Any], piece: int = 3) -> None:
        self.answer = answer
        self.piece = piece
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self.is_over = threading.Event()

    def respond(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        is_chat = path == "/v1/chat/completions"
        assert is_chat or path == "/v1/completions", path
        found = self.answer(body["messages"][-1]["content"] if is_chat else body["prompt"])
        if isinstance(found, int):
            return found, {"error": {"message": f"fault {found}"}}
        if found == "refused":
            message = {"content": None, "refusal": "No."}
            return 200, {"choices": [{"message": message, "text": "", "finish_reason": "content_filter"}]}
        limit = body["max_tokens"] * max(self.piece, 1)
        data = found.encode()[: accepted(body, found.encode())]
        string, finish = data[:limit].decode("utf8", "ignore"), "length" if len(data) > limit else "stop"
        pieces = [data[:limit][i : i + self.piece] for i in range(0, min(len(data), limit), self.piece or 1)]
        tokens = [piece.decode("utf8", "replace") for piece in pieces] + ["</s>"] * (finish == "stop")
        content = [{"token": token, "logprob": -0.5 * number} for number, token in enumerate(tokens)]
        probabilities: Any = {"content": content}
        if not is_chat:
            probabilities = {"tokens": tokens, "token_logprobs": [token["logprob"] for token in content]}
        choice = {"message": {"content": string}} if is_chat else {"text": string}
        return 200, {
            "choices": [{**choice, "finish_reason": finish, "logprobs": probabilities if self.piece else None}]
        }


def accepted(body: dict[str, Any], data: bytes) -> int:
    """How many bytes of an answer the grammar of the request has."""
    (field,) = [field for field in DIALECTS if field in body] or [""]
    if not field:
        return len(data)
    given = body[field]["grammar"] if field == "structured_outputs" else body[field]
    matcher = llguidance.LLMatcher(BYTES, llguidance.grammar_from(DIALECTS[field], given), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    return matcher.try_consume_tokens(list(data))


@contextmanager
def serving(server: GrammarServer) -> Iterator[GrammarServer]:
    """Run the server; `url` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append({**body, "path": self.path, "authorization": self.headers.get("Authorization")})
            try:
                status, answer = server.respond(self.path, body)
            except TimeoutError:
                server.is_over.wait(5)
                return
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        server.is_over.set()
        http.shutdown()
        http.server_close()
