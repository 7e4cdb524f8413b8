"""Requests to a server with the interface of OpenAI that generates strings of a grammar, and its answers."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from ...corpora.translation.chat_completion import LIMIT, TEMPERATURE, make_body, read_answer, whole
from ...corpora.translation.engine import Message
from ...corpora.translation.http_client import HttpClient
from .settings import Endpoint, GrammarField

# The fields of a request that take the Lark dialect of llguidance; the others take GBNF.
LARK_FIELDS = ("structured_outputs", "guided_grammar")
PROBABILITIES = "logprobs"
UNREADABLE = "\ufffd"


class Asked(NamedTuple):
    """A prompt.

    source (str): The source.
    grammar (str): The grammar of the answer; empty for none.
    max_tokens (int): The most tokens of the answer.
    """

    source: str
    grammar: str
    max_tokens: int


class Written(NamedTuple):
    """An answer.

    string (str): The string.
    is_truncated (bool): It ended at the limit of tokens.
    is_refused (bool): The server refused to answer.
    tokens (list[tuple[str, float]]): Each token with its log probability; empty if the server gives none.
    """

    string: str
    is_truncated: bool = False
    is_refused: bool = False
    tokens: list[tuple[str, float]] = []  # noqa: RUF012


@dataclass(frozen=True)
class RequestForm:
    """How a server is asked.

    model (str): The name of the model at the server.
    endpoint (Literal): "completions": the model continues the source; "chat": the source is a message.
    grammar (Literal): The field with the grammar.
    instruction (str): What is before the source: the beginning of the prompt, or the system message.
    separator (str): What is between the source and the answer in a completion.
    """

    model: str
    endpoint: Endpoint
    grammar: GrammarField
    instruction: str
    separator: str

    def request(self, asked: Asked, left_out: frozenset[str]) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The JSON of a request, without the options that the server does not take."""
        messages = [Message(role="system", content=self.instruction)] if self.instruction else []
        messages.append(Message(role="user", content=asked.source))
        body = make_body(self.model, messages, max_tokens=asked.max_tokens, is_plain=True, left_out=left_out)
        if self.endpoint == "completions":
            del body["messages"]
            body["prompt"] = f"{self.instruction}{asked.source}{self.separator}"
        if PROBABILITIES not in left_out:
            body[PROBABILITIES] = True if self.endpoint == "chat" else 1
        if asked.grammar:
            in_object = self.grammar == "structured_outputs"
            body[self.grammar] = {"grammar": asked.grammar} if in_object else asked.grammar
        return body

    def read(self, body: Any) -> Written | None:
        """RETURNS (Optional[Written]): The answer in the JSON of a response; None if it is something else."""
        if self.endpoint == "chat":
            answer = read_answer(body)
            if answer is None:
                return None
            return Written(answer.text, answer.is_truncated, answer.is_refused, _tokens(body["choices"][0]))
        try:
            choice = body["choices"][0]
            string, finish = choice["text"], choice.get("finish_reason")
        except (LookupError, TypeError, AttributeError):
            return None
        if not isinstance(string, str):
            return None
        return Written(whole(string), finish == "length", finish == "content_filter", _tokens(choice))


class GeneratingClient(HttpClient[Asked, Written]):
    """Asks a server for strings. A server that does not take the grammar is not asked without it.

    base_url (str): The address, up to "/v1".
    form (RequestForm): How it is asked.
    settings (Any): See `HttpClient`.
    """

    options = (TEMPERATURE, LIMIT, PROBABILITIES)

    def __init__(self, base_url: str, form: RequestForm, **settings: Any) -> None:
        super().__init__(base_url, "/chat/completions" if form.endpoint == "chat" else "/completions", **settings)
        self.form = form

    def make_request(self, prompt: Asked, left_out: frozenset[str]) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The JSON of a request, without the options that the server does not take."""
        return self.form.request(prompt, left_out)

    def read_response(self, body: Any) -> Written | None:
        """RETURNS (Optional[Written]): The answer in the JSON of a response; None if it is something else."""
        return self.form.read(body)

    def refusal(self) -> Written:
        """RETURNS (Written): The answer if a filter does not let a prompt through."""
        return Written("", is_refused=True)


def token_ends(string: str, tokens: list[tuple[str, float]]) -> list[int] | None:
    """Align tokens with the string that they write.

    string (str): The string.
    tokens (list[tuple[str, float]]): The tokens, the end token possibly among them.
    RETURNS (Optional[list[int]]): The number of bytes of the string up to the end of each token; None if they write
        something else.
    """
    data = string.encode("utf8")
    ends: list[int] = []
    # Servers show a token for a part of a character as U+FFFD. Such tokens share what the next one leaves.
    unreadable = position = 0
    for number, (token, _) in enumerate(tokens, start=1):
        written = token.encode("utf8", "replace")
        if UNREADABLE in token and not data.startswith(written, position):
            unreadable += 1
            continue
        start = data.find(written, position + 1) if unreadable else position
        if start < 0 or not data.startswith(written, start):
            if number < len(tokens) or not (unreadable or position == len(data)):
                return None
            written, start = b"", len(data)  # the end token
        ends += _shared(position, start, unreadable)
        position, unreadable = start + len(written), 0
        ends.append(position)
    ends += _shared(position, len(data), unreadable)
    return ends if ends and ends[-1] == len(data) else None


def _shared(start: int, end: int, count: int) -> list[int]:
    return [start + (end - start) * (i + 1) // count for i in range(count)]


def _tokens(choice: dict[str, Any]) -> list[tuple[str, float]]:
    """The tokens of an answer, in the form of chats or the older one of completions."""
    found = choice.get(PROBABILITIES)
    try:
        if not isinstance(found, dict):
            return []
        if isinstance(found.get("content"), list):
            return [(str(token["token"]), float(token["logprob"])) for token in found["content"]]
        pairs = zip(found["tokens"], found["token_logprobs"])
        return [(str(token), float(log_prob)) for token, log_prob in pairs]
    except (LookupError, TypeError, ValueError):
        return []
