"""The prompts of `translate`."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ...errors import Errors
from ..markup import read_blocks, read_markup
from .engine import Message
from .label_table import LabelTable
from .marking import Marked, read_marks

Mode = Literal["markers", "strings"]
MODES = ("markers", "strings")
LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ms": "Malay",
    "nb": "Norwegian Bokmål",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}

# The system message does not depend on the text, so that servers can keep what they have computed for it.
MARKERS = (
    "Translate the text from {source} into {target}. Entities are marked as [word:key|text]; marks may be nested. Keep "
    "each mark exactly once, with its word and key unchanged, around the translation of its text. Do not mark anything "
    "else. Keep the backslash in \\[ \\] \\| \\\\ and write line breaks as \\n. Answer with the translated line and "
    'nothing else. If the answer must be JSON, the line is its field "translation".'
)
OTHERS = (
    " A second line lists entities without a mark, as JSON by key. Answer with a second line of the same form: each "
    "entity exactly as it stands in your translation."
)
STRINGS = (
    "Translate the text from {source} into {target}. The input is JSON: the text, and its entities by key. Answer "
    "with JSON of the same form and with the same keys, and nothing else: the translated text, and each entity exactly "
    'as it stands in the translated text. If the answer must have a field "translation", this JSON is its value, as a '
    "string."
)
# An escaped character, or the beginning of a mark with its label.
LABEL = re.compile(r"(\\.)|\[([a-z_]+)(?=:)")


def make_messages(
    marked: Marked, source: str, target: str, example: tuple[str, str] | None = None, mode: Mode = "markers"
) -> list[Message]:
    """Make the prompt for a text.

    marked (Marked): The text.
    source (str): Its language.
    target (str): The language to translate into.
    example (tuple[str, str] | None): A text with marks and its translation. Default: None, no example.
    mode (Mode): "markers": the entities are marked in the text. "strings": the text and the strings of its entities are
        JSON.
    RETURNS (list[Message]): The messages; the last one contains the text.
    RAISES (ValueError): If the mode is unknown.

    >>> marked = Marked("[place:a|Lima]", "Lima", {"a": 0}, {}, {"a": "place"}, {"a": "Lima"})
    >>> [message["content"] for message in make_messages(marked, "en", "ja", mode="strings")][1]
    '{"text": "Lima", "entities": {"a": "Lima"}}'
    """
    if mode not in MODES:
        raise ValueError(Errors.M001.format(value=mode, setting="mode", allowed=", ".join(MODES)))
    system = STRINGS if mode == "strings" else MARKERS
    system = system.format(source=LANGUAGES.get(source, source), target=LANGUAGES.get(target, target))
    if mode == "markers" and marked.others:
        system += OTHERS
    messages = [Message(role="system", content=system)]
    if example is not None:
        asked, answered = example if mode == "markers" else map(_line_as_strings, example)
        messages += [Message(role="user", content=asked), Message(role="assistant", content=answered)]
    messages.append(Message(role="user", content=_request(marked, mode)))
    return messages


def read_example(path: Path, source: str, target: str, table: LabelTable | None = None) -> tuple[str, str]:
    """Read the first text of a mark-up file that has both languages.

    path (Path): The `.mre` file.
    source (str): The source language.
    target (str): The target language.
    table (LabelTable | None): Labels that are in it are replaced by its words, as in the texts to translate.
    RETURNS (tuple[str, str]): The text with marks in both languages.
    RAISES (CorpusError): If the file is malformed.
    RAISES (ValueError): If no text has both languages.
    """
    path = Path(path)
    # Finds entities that differ between the languages, for example; the blocks are not parsed.
    read_markup(path)
    words = table.words if table is not None else {}
    for block in read_blocks(path):
        if source in block.fields and target in block.fields:
            return _with_words(block.fields[source][1], words), _with_words(block.fields[target][1], words)
    raise ValueError(Errors.M279.format(path=path, source=source, target=target))


def _request(marked: Marked, mode: Mode) -> str:
    if mode == "strings":
        return _as_strings(marked.text, marked.strings)
    if marked.others:
        return f"{marked.line}\n{_as_json({key: marked.strings[key] for key in marked.others})}"
    return marked.line


def _line_as_strings(line: str) -> str:
    text, marks = read_marks(line)
    return _as_strings(text, {mark.key: text[mark.start : mark.end] for mark in marks})


def _as_strings(text: str, strings: Mapping[str, str]) -> str:
    return _as_json({"text": text, "entities": dict(strings)})


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _with_words(line: str, words: Mapping[str, str]) -> str:
    return LABEL.sub(lambda match: match[1] or f"[{words.get(match[2], match[2])}", line)
