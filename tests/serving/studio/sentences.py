"""Sentences, with what a person would save."""

NAMES = ("Ida", "Tom")
PLACES = ("Lima", "Oslo", "Rome", "Bern", "Riga")
JAPANESE_NAMES = ("佐藤健一", "鈴木花子")
COMPANIES = ("山田電機", "北海銀行", "大和製薬", "東洋自動車", "日本製紙")


def sentence(name, place, more=""):
    """Who lives where."""
    text = f"{name} lives{more} in {place} ."
    return text, gold(text, (name, "person"), (place, "place"), "lives_in", "people")


def employment(name, company):
    """Who works for which company, in Japanese."""
    text = f"{name}は{company}に勤めている。"
    return text, gold(text, (name, "person"), (company, "company"), "works_for", "society")


def gold(text, head, tail, relation, cat):
    entities = [
        {"start": text.index(words), "end": text.index(words) + len(words), "label": label}
        for words, label in (head, tail)
    ]
    return {"entities": entities, "relations": [{"head": 0, "tail": 1, "label": relation}], "cats": [cat]}


def corpus():
    more = ("", " now", " still", " again")
    return [sentence(name, place, word) for name in NAMES for place in PLACES for word in more]


def japanese_corpus():
    return [employment(name, company) for name in JAPANESE_NAMES for company in COMPANIES]
