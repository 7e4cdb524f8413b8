"""Checks of translated texts: whether they are in the target language, of a usual length, and new."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from .row import Reason, Translated

# Scripts, by the first word of the Unicode names of their letters, and the languages that are written in them. A letter
# of them in a text of another language was not translated.
SCRIPTS_OF_FEW = {
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "CJK": ("ja", "zh", "ko"),
    "IDEOGRAPHIC": ("ja", "zh", "ko"),
    "HANGUL": ("ko",),
}
# The scripts of languages. A text of some length without a letter of them was not translated.
OWN_SCRIPTS = {
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "zh": ("CJK",),
    "ko": ("HANGUL",),
    "th": ("THAI",),
    "hi": ("DEVANAGARI",),
    "he": ("HEBREW",),
    "el": ("GREEK",),
    **dict.fromkeys(("ar", "fa"), ("ARABIC",)),
    **dict.fromkeys(("bg", "mk", "ru", "uk"), ("CYRILLIC",)),
    **dict.fromkeys(("ca", "cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it"), ("LATIN",)),
    **dict.fromkeys(("lt", "lv", "ms", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sv", "tr", "vi"), ("LATIN",)),
}
# A single letter between two of them is what the text is about, as in: the character "邉".
QUOTES = frozenset("\"'“”„‘’«»‹›「」『』〈〉《》")
# Shorter texts may be names, such as "NHK", which stay as they are.
MIN_LETTERS = 10
# How many characters of English a letter of these languages stands for. Japanese and Chinese: the means of the 4,000
# texts of assets/, in which all other characters, such as digits and Latin names, count as one. Korean: an estimate, as
# a letter is a syllable. Letters of other languages differ less than the limits below allow for.
LETTER_WEIGHTS = {"ja": 3.0, "zh": 4.0, "ko": 2.0}
# Of the texts of assets/, those whose length is furthest from what is expected are 0.58 and 1.73 times as long, in any
# direction between English, Japanese and Chinese.
MIN_RATIO, MAX_RATIO = 0.5, 2.0
# Added to both lengths, in characters of English: the lengths of short texts vary more. 0.58 and 1.73 include it.
MARGIN = 20


def check_row(row: Translated, source: str, target: str, known: dict[str, str]) -> None:
    """Check a translated text, and note the reasons to drop it.

    row (Translated): The text and its translation. Nothing is checked if it has none.
    source (str): The language of the text.
    target (str): The language of the translation.
    known (dict[str, str]): The translations of the kept rows so far, and their sources. A row that passes is added.

    >>> from spacy_mre.corpora.record import Record
    >>> row = Translated(Record("仙台で会った。"), Record("We met in 仙台."))
    >>> check_row(row, "ja", "en", {})
    >>> row.reasons, row.details
    ([<Reason.UNTRANSLATED: 'untranslated'>], ['仙台'])
    """
    if row.record is None:
        return
    before, after = row.source.text, row.record.text
    untranslated = _find_untranslated(row, target)
    if untranslated:
        row.drop(Reason.UNTRANSLATED, untranslated)
    ratio = _length_ratio(before, after, source, target)
    if not MIN_RATIO <= ratio <= MAX_RATIO:
        row.drop(Reason.LENGTH_RATIO, f"{len(before)} -> {len(after)} characters, {ratio:.2f} of what is usual")
    if known.get(after, before) != before:
        row.drop(Reason.DUPLICATE, known[after])
    if row.is_kept:
        known[after] = before


def _find_untranslated(row: Translated, target: str) -> str:
    """The first part of the translation that was not translated; an empty string if there is none."""
    before, after = row.source.text, row.record.text if row.record else ""
    for part in _foreign_parts(after, target):
        # Sound marks alone are used as signs, such as that of degrees.
        if any(unicodedata.category(char) == "Lo" for char in part):
            return part
    letters = sum(map(str.isalpha, before))
    own = OWN_SCRIPTS.get(target)
    if own and letters >= MIN_LETTERS and not any(_script(char) in own for char in after):
        return after
    is_name = any(entity.end - entity.start == len(before.strip()) for entity in row.source.entities or ())
    if letters and before.strip() == after.strip() and not is_name:
        return after
    return ""


def _foreign_parts(text: str, target: str) -> Iterator[str]:
    """The parts in scripts that the language is not written in, but for single letters in quotation marks."""
    start = 0
    for end in range(len(text) + 1):
        if end < len(text) and _is_foreign(text[end], target):
            continue
        around = text[start - 1 : start] + text[end : end + 1]
        is_quoted_letter = end - start == 1 and len(around) == 2 and QUOTES.issuperset(around)
        if start < end and not is_quoted_letter:
            yield text[start:end]
        start = end + 1


def _is_foreign(char: str, target: str) -> bool:
    languages = SCRIPTS_OF_FEW.get(_script(char))
    return languages is not None and target not in languages


def _length_ratio(before: str, after: str, source: str, target: str) -> float:
    return (_length(after, target) + MARGIN) / (_length(before, source) + MARGIN)


def _length(text: str, lang: str) -> float:
    """The length of a text, in characters of English."""
    weight = LETTER_WEIGHTS.get(lang, 1.0)
    return sum(weight if _script(char) in SCRIPTS_OF_FEW else 1.0 for char in text)


@lru_cache(maxsize=8192)
def _script(char: str) -> str:
    """The script of a letter; an empty string for other characters."""
    if not char.isalpha():
        return ""
    name = unicodedata.name(char, "")
    return name.removeprefix("HALFWIDTH ").removeprefix("FULLWIDTH ").partition(" ")[0].partition("-")[0]
