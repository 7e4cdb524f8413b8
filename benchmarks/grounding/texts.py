"""Synthetic texts in Japanese, Chinese and mixed scripts, with nested entities, relations and labels.

They contain what makes offsets differ between programs: emoji of several characters, flags, characters beyond the basic
plane, half-width kana, combining marks, full-width blanks, and line ends of one and of two characters.
"""

import random
from collections.abc import Sequence

from spacy_mre.corpora import EntityRecord, Record, RelationRecord

LANGUAGES = ("ja", "zh", "mixed")
# A family name, what is between, a given name.
FAMILIES = {
    "ja": ("木村", "𠮷田", "髙橋", "ﾊﾞﾝﾄﾞ", "渡邉", "𩸽沢", "が\u3099んだ", "鈴木"),
    "zh": ("王", "李", "欧阳", "𠮷", "陈", "𡈽屋"),
    "mixed": ("Bell", "Müller", "Zoe\u0308", "木村", "O’Neil", "𝒳u"),
}
GIVEN = {
    "ja": ("アヤ", "花子", "ｼﾞｮﾝ", "か\u3099く", "𠮷乃", "ひろし"),
    "zh": ("小明", "丽华", "𠀀文", "伟"),
    "mixed": ("Anna", "Rene\u0301", "ﾏﾘｱ", "🙂子"),
}
BETWEEN = {"ja": ("", "\u3000", "・"), "zh": ("", "·"), "mixed": (" ", "\u3000", "\xa0")}
PLACES = {
    "ja": ("青葉市", "里山町", "𠮷野", "ｶﾓﾒ島", "は\u309aーく通り"),
    "zh": ("青叶市", "新河", "𠮷林", "东湖"),
    "mixed": (
        "Aoba",
        "São Bento",
        "青葉",
        "Zu\u0308rich 🇨🇭",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f City",
    ),
}
# What follows a place, or a blank and what follows it, in the name of an organization.
ORGANIZATIONS = {
    "ja": ("大学", "駅前商店街", "ﾊﾞﾝｸ", "🎓研究所"),
    "zh": ("大学", "图书馆", "🏥医院"),
    "mixed": (" University", " ☕\ufe0f Club", "大学"),
}
# Sentences: P is a person, Q another person, L a place, O an organization.
SENTENCES = {
    "ja": ("PはOでQに会った", "PがLへ行った", "Oの本部はLにある", "PとQはLで働く"),
    "zh": ("P在O见到了Q", "P去了L", "O在L", "P和Q住在L"),
    "mixed": ("P met Q at O", "Pは L に行った🚀", "O 在 L", "P ❤\ufe0f Q"),
}
RELATIONS = {("P", "Q"): "met", ("P", "O"): "seen_at", ("P", "L"): "moved:to", ("O", "L"): "is/in"}
ENDS = ("。", "！", ".", "…🙂", "👩\u200d👩\u200d👧。", "👍🏽", "🇯🇵🇨🇳。", "ﾟ。", "𠮷。")
GAPS = ("", " ", "\u3000", "\n", "\r\n", "\r\n\r\n", "\n\n", " \r\n", "\t", "\u200b")
LABELS = ("diary", "news", "旅")


def make_texts(number: int, seed: int = 0) -> list[Record]:
    """Make annotated texts.

    number (int): How many; a third in each language.
    seed (int): The same seed gives the same texts.
    RETURNS (list[Record]): The texts. Their ids begin with the language, and are in alphabetical order for each.
    """
    generator = random.Random(seed)
    return [_make_text(f"{LANGUAGES[i * len(LANGUAGES) // number]}-{i:06}", generator) for i in range(number)]


def language(record: Record) -> str:
    """RETURNS (str): "ja", "zh" or "mixed"."""
    return record.id.split("-")[0]


def _make_text(name: str, generator: random.Random) -> Record:
    record = Record("", id=name, entities=[], relations=[])
    lang = language(record)
    record.text = generator.choice(("", "", "🙂", "\u3000", "「"))
    for _ in range(generator.randint(1, 4)):
        _add_sentence(record, lang, generator)
        record.text += generator.choice(ENDS) + generator.choice(GAPS)
    held = generator.choice(LABELS)
    record.cats = {label: float(label == held) for label in LABELS}
    return record


def _add_sentence(record: Record, lang: str, generator: random.Random) -> None:
    places: dict[str, int] = {}
    for char in generator.choice(SENTENCES[lang]):
        if char in "PQ":
            places[char] = _add(record, "person", _person(lang, generator))
        elif char == "L":
            places[char] = _add(record, "place", [(generator.choice(PLACES[lang]), "")])
        elif char == "O":
            parts = [(generator.choice(PLACES[lang]), "place"), (generator.choice(ORGANIZATIONS[lang]), "")]
            places[char] = _add(record, "organization", parts)
        else:
            record.text += char
    for (head, tail), label in RELATIONS.items():
        if head in places and tail in places:
            assert record.relations is not None
            record.relations.append(RelationRecord(places[head], places[tail], label))


def _person(lang: str, generator: random.Random) -> list[tuple[str, str]]:
    """Family and given name are entities inside of a person."""
    family, given = generator.choice(FAMILIES[lang]), generator.choice(GIVEN[lang])
    parts = [(family, "family_name"), (generator.choice(BETWEEN[lang]), ""), (given, "given_name")]
    return parts if lang != "mixed" else parts[::-1]


def _add(record: Record, label: str, parts: Sequence[tuple[str, str]]) -> int:
    """Add an entity to the text, with entities inside of it: the parts that have a label.

    RETURNS (int): Its index.
    """
    assert record.entities is not None
    first = len(record.text)
    for text, inner in parts:
        if inner:
            record.entities.append(EntityRecord(len(record.text), len(record.text) + len(text), inner))
        record.text += text
    record.entities.append(EntityRecord(first, len(record.text), label))
    return len(record.entities) - 1
