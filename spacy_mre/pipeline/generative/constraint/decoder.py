"""The decoder of a tokenizer: how its tokens are joined to a string."""

import json
import re
from typing import Any

from tokenizers import Tokenizer

from ....errors import Errors

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class Decoder:
    """The rules by which a tokenizer of the `tokenizers` library joins its tokens.

    byte_level (bool): Tokens consist of characters that represent bytes.
    prefix (str): The prefix of a token that continues a word; empty if tokens are joined without spaces.
    strips (bool): One space at the start of a string is removed.
    """

    def __init__(self, backend: Tokenizer, name: str):
        self.byte_level = self.strips = self._falls_back = False
        self.prefix = ""
        self._space_signs: list[str] = []
        if backend.decoder is None:
            raise ValueError(
                Errors.M920.format(name=name, reason="it has no decoder, which defines how tokens are joined")
            )
        for step in _steps(backend.decoder):
            kind = step["type"]
            if kind == "ByteLevel":
                self.byte_level = True
            elif kind == "Metaspace":
                self._space_signs.append(step["replacement"])
                self.strips = step.get("prepend_scheme", "always") != "never"
            elif kind == "Replace" and len(step["pattern"].get("String", "")) == 1 and step["content"] == " ":
                self._space_signs.append(step["pattern"]["String"])
            elif kind == "Strip" and step["content"] == " " and not step["stop"]:
                self.strips = bool(step["start"])
            elif kind == "WordPiece":
                self.prefix = step["prefix"]
            elif kind == "ByteFallback":
                self._falls_back = True
            elif kind != "Fuse":
                raise ValueError(
                    Errors.M920.format(name=name, reason=f"its decoder has the step '{kind}', which is not supported")
                )
        if self.byte_level and backend.pre_tokenizer is not None:
            self.strips = any(
                step["type"] == "ByteLevel" and step["add_prefix_space"] for step in _steps(backend.pre_tokenizer)
            )

    def bytes_of(self, token: str) -> bytes:
        """RETURNS (bytes): The string of a token that follows another one."""
        if self.byte_level and all(char in BYTE_SIGNS for char in token):
            return bytes(BYTE_SIGNS[char] for char in token)
        byte = BYTE_TOKEN.fullmatch(token) if self._falls_back else None
        return bytes([int(byte[1], 16)]) if byte else self.with_spaces(token).encode("utf8")

    def with_spaces(self, string: str) -> str:
        """RETURNS (str): The string with the tokenizer's signs for spaces replaced by spaces."""
        for sign in self._space_signs:
            string = string.replace(sign, " ")
        return string


def _steps(part: Any) -> list[dict[str, Any]]:
    """The settings of a decoder or pre-tokenizer, or those of each part of a sequence."""

    def flat(settings: dict[str, Any]) -> list[dict[str, Any]]:
        parts = settings.get("decoders") or settings.get("pretokenizers") or ()
        return [step for one in parts for step in flat(one)] if settings["type"] == "Sequence" else [settings]

    return flat(json.loads(part.__getstate__()))


def _byte_signs() -> dict[str, int]:
    """The byte of each character in byte-level tokens, as in GPT-2: printable bytes are themselves, the others start at
    U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + i): byte for i, byte in enumerate(others)}}


BYTE_SIGNS = _byte_signs()
