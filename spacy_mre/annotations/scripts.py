"""Scripts that are written without blanks between words: Chinese characters, kana, their punctuation, fullwidth forms.

Other scripts of this kind, such as Thai, are not covered.
"""

import re
from collections.abc import Iterable, Sequence

# Hiragana and katakana, with the sound marks and the halfwidth forms.
_KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"
# Chinese characters and their parts, bopomofo, circled and squared forms, punctuation, fullwidth forms. Korean letters,
# halfwidth ones too, are written with blanks.
_OTHER = (
    "\u2e80-\u303f\u3100-\u312f\u3190-\u31ef\u3200-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe6f\uff00-\uff65\uffe0-\uffe6\U0001f200-\U0001f2ff\U00020000-\U0003ffff"
)
_CHARACTER = f"[{_KANA}{_OTHER}]"
KANA = re.compile(f"[{_KANA}]")
WITHOUT_BLANKS = re.compile(_CHARACTER)
# A variation selector may follow: it chooses the form of a Chinese character.
_AT_END = re.compile(rf"{_CHARACTER}[\ufe00-\ufe0f\U000e0100-\U000e01ef]*\Z")
# The share of the words of a text from which on it is Japanese or Chinese. In both, names and terms in Latin letters
# are common; in English, single words in Chinese characters or kana are.
MIN_WORDS = 0.25
# The share of the letters of a text from which on the text is mostly Japanese or Chinese.
MOSTLY = 0.5
# The share of kana in the letters of Japanese texts is about one half. In Chinese ones kana are names from Japan.
MIN_KANA = 0.05


def separators(words: Sequence[str]) -> list[str]:
    """Choose the text between each word and the next by their script: nothing between characters of a script without
    blanks, and a blank between others. Where the two meet there is nothing in a Japanese or Chinese text, and a blank
    in others, such as an English text with the Japanese name of a place.

    words (Sequence[str]): The words of one text.
    RETURNS (list[str]): Blanks and empty strings, one less than there are words.

    >>> separators(["東京", "Tower", "View", "は", "3", "階"])
    ['', ' ', '', '', '']
    >>> separators(["The", "city", "of", "青葉", "is", "green"])
    [' ', ' ', ' ', ' ', ' ']
    """
    if not any(map(WITHOUT_BLANKS.search, words)):
        return [" "] * (len(words) - 1)
    without_blanks = _is_without_blanks(words)
    if without_blanks and all(len(word) == 1 for word in words):
        return [""] * (len(words) - 1)
    ends = [bool(_AT_END.search(word)) for word in words]
    starts = [bool(WITHOUT_BLANKS.match(word)) for word in words]
    enough = any if without_blanks else all
    return ["" if enough(pair) else " " for pair in zip(ends, starts[1:])]


def is_without_blank(left: str, right: str) -> bool:
    """RETURNS (bool): Whether two texts that follow each other have no blank between them.

    >>> is_without_blank("東京です。", "大阪です。"), is_without_blank("東京です。", "Lima.")
    (True, False)
    """
    return bool(_AT_END.search(left) and WITHOUT_BLANKS.match(right))


def language_of(texts: Iterable[str]) -> tuple[str, int]:
    """Test whether texts are Japanese or Chinese.

    texts (Iterable[str]): The texts.
    RETURNS (tuple[str, int]): "ja" or "zh", and the number of texts that are mostly in a script without blanks; an
        empty string and 0 if there are none.

    >>> language_of(["東京に行く。", "Ida lives in Lima.", "The word こころ means heart."])
    ('ja', 1)
    """
    count = letters = kana = 0
    for text in texts:
        if WITHOUT_BLANKS.search(text):
            in_script = sum(map(str.isalpha, WITHOUT_BLANKS.findall(text)))
            if in_script and in_script >= MOSTLY * sum(map(str.isalpha, text)):
                count += 1
                letters += in_script
                kana += sum(map(str.isalpha, KANA.findall(text)))
    if not count:
        return "", 0
    return ("ja" if kana >= MIN_KANA * letters else "zh"), count


def main_language(texts: Iterable[str]) -> str:
    """Choose the language of most texts.

    texts (Iterable[str]): The texts.
    RETURNS (str): "ja" or "zh" if most texts are in it, otherwise "en", which stands for all others.

    >>> main_language(["東京に行く。", "雨だ。", "It rained."])
    'ja'
    """
    texts = list(texts)
    lang, count = language_of(texts)
    return lang if 2 * count > len(texts) else "en"


def _is_without_blanks(words: Sequence[str]) -> bool:
    """Whether a text is Japanese or Chinese, by its words. Signs and numbers are those of any script."""
    spelt = [word for word in words if any(map(str.isalpha, word))]
    return sum(bool(WITHOUT_BLANKS.search(word)) for word in spelt) >= MIN_WORDS * len(spelt)
