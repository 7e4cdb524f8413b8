"""Sentences about who lives where, with what a person would save."""

NAMES = ("Ida", "Tom")
PLACES = ("Lima", "Oslo", "Rome", "Bern", "Riga")


def sentence(name, place, more=""):
    text = f"{name} lives{more} in {place} ."
    start = text.index(place)
    person, city = {"start": 0, "end": 3, "label": "person"}, {"start": start, "end": start + 4, "label": "place"}
    relations = [{"head": 0, "tail": 1, "label": "lives_in"}]
    return text, {"entities": [person, city], "relations": relations, "cats": ["people"]}


def corpus():
    more = ("", " now", " still", " again")
    return [sentence(name, place, word) for name in NAMES for place in PLACES for word in more]
