"""A model in a folder of Hugging Face as an engine, on this machine."""

import json
import re
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ...errors import Errors
from .chat_completion import MAX_TOKENS, line_of
from .engine import Answer, Message, NoAnswer
from .hf_model import HfModel, digest_of
from .language_codes import find_prefix, find_token

# Seconds in which threads come with their next prompts, so that they are one batch. An answer takes longer.
GATHERING = 0.02
# Of the vocabulary of a model that wants the language before the text.
PREFIX = re.compile(r">>\w+<<|<2[a-z]{2,3}(_\w+)?>")


class HfEngine:
    """Answers with a causal model that has a chat template, or with a seq2seq model, at temperature 0. Nothing is
    downloaded. Threads may share it: what they ask at the same time is one batch.

    A translation model (NLLB, M2M100, mBART-50, OPUS-MT, MADLAD) follows no prompt: it gets the last message alone, or
    the strings in it if that is JSON. Other seq2seq models get all messages, one below the other.

    folder (Path): The folder.
    source (str): The language of the texts: "ja".
    target (str): The language to translate into.
    gpu (int): The GPU, or -1 for the CPU. Default: -1.
    max_tokens (int): The limit of tokens of an answer. Default: 4096.
    RAISES (ValueError): If transformers is not installed, the folder has no such model, or a translation model does not
        know a language.
    """

    def __init__(self, folder: Path, source: str, target: str, *, gpu: int = -1, max_tokens: int = MAX_TOKENS) -> None:
        folder = Path(folder).resolve()
        self._model = HfModel(folder, gpu, max_tokens)
        self._first_token: int | None = None
        self._prefix = ""
        self.is_translation_model = not self._model.is_causal and self._choose(folder, source, target)
        # The languages of a translation model are in no prompt.
        direction = f" {source}-{target}" if self.is_translation_model else ""
        self.name = f"{folder.name} {digest_of(folder)}{direction}"
        self._waiting: deque[tuple[Sequence[Message], Future[Answer]]] = deque()
        self._lock = Lock()

    def answer(self, messages: Sequence[Message]) -> Answer:
        """Answer a chat.

        messages (Sequence[Message]): The chat.
        RETURNS (Answer): The answer.
        RAISES (NoAnswer): If the chat is longer than what the model reads.
        RAISES (ValueError): If the GPU has too little memory.
        """
        future: Future[Answer] = Future()
        self._waiting.append((messages, future))
        with self._lock:
            if not future.done():
                time.sleep(GATHERING)
                self._answer_all([self._waiting.popleft() for _ in range(len(self._waiting))])
        return future.result()

    def _choose(self, folder: Path, source: str, target: str) -> bool:
        """Choose the languages of a translation model. False if it is none."""
        tokenizer = self._model.tokenizer
        # M2M100 has its languages apart.
        vocabulary = {**tokenizer.get_vocab(), **getattr(tokenizer, "lang_token_to_id", {})}
        if hasattr(tokenizer, "src_lang"):
            tokens = [_known(find_token(lang, vocabulary), lang, folder) for lang in (source, target)]
            tokenizer.src_lang = tokens[0].strip("_")
            self._first_token = vocabulary[tokens[1]]
            return True
        if any(PREFIX.fullmatch(token) for token in vocabulary):
            self._prefix = _known(find_prefix(target, vocabulary), target, folder) + " "
            return True
        return self._model.kind == "marian"

    def _answer_all(self, asked: Sequence[tuple[Sequence[Message], Future[Answer]]]) -> None:
        try:
            prompts = [self._prompt(messages) for messages, _ in asked]
            written = iter(self._model.generate([text for one in prompts for text in one.texts], self._first_token))
            for prompt, (_, future) in zip(prompts, asked, strict=True):
                found = [next(written) for _ in prompt.texts]
                fault = next((one for one in found if isinstance(one, NoAnswer)), None)
                if fault is None:
                    future.set_result(prompt.join([one for one in found if isinstance(one, Answer)]))
                else:
                    future.set_exception(fault)
        except BaseException as err:  # or else other threads would wait for good
            for _, future in asked:
                if not future.done():
                    future.set_exception(err)

    def _prompt(self, messages: Sequence[Message]) -> "_Prompt":
        if self._model.is_causal:
            return _Prompt([self._chat(messages)])
        if not self.is_translation_model:
            return _Prompt(["\n\n".join(message["content"] for message in messages)])
        prompt = _without_instructions(messages[-1]["content"])
        return _Prompt([self._prefix + text for text in prompt.texts], prompt.keys)

    def _chat(self, messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        write = self._model.tokenizer.apply_chat_template
        options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
        try:
            return write(list(messages), **options)
        except TemplateError:  # some know no system message
            system, first, *others = messages
            joined = Message(role="user", content=f"{system['content']}\n\n{first['content']}")
            return write([joined, *others], **options)


@dataclass(frozen=True)
class _Prompt:
    """What the model gets for a chat: one text; or, in mode "strings", the text and its entities.

    texts (list[str]): The texts.
    keys (Optional[list[str]]): The keys of the entities, which are all texts but the first. Default: None, one text.
    """

    texts: list[str]
    keys: list[str] | None = None

    def join(self, answers: Sequence[Answer]) -> Answer:
        """RETURNS (Answer): The answer to the chat, in the form that it asks for."""
        first, *others = [line_of(answer.text).strip() for answer in answers]
        if self.keys is not None:
            entities = dict(zip(self.keys, others, strict=True))
            first = json.dumps({"text": first, "entities": entities}, ensure_ascii=False)
        return Answer(
            first,
            any(answer.is_truncated for answer in answers),
            False,
            sum(answer.prompt_tokens for answer in answers),
            sum(answer.completion_tokens for answer in answers),
        )


def _without_instructions(content: str) -> _Prompt:
    """The last message as a translation model gets it: the line, without a second line that lists entities; or the
    strings of the mode "strings"."""
    try:
        given: Any = json.loads(content)
    except ValueError:
        given = None
    if not isinstance(given, dict) or set(given) != {"text", "entities"}:
        return _Prompt([content.partition("\n")[0]])
    return _Prompt([given["text"], *given["entities"].values()], list(given["entities"]))


def _known(token: str | None, lang: str, folder: Path) -> str:
    if token is None:
        raise ValueError(Errors.M282.format(folder=folder.name, lang=lang))
    return token
