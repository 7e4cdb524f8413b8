"""Records as odd as annotation tools can make them: every script, line end and label, and layers that are absent."""

from itertools import pairwise

from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord, Record, RelationRecord

PIECES = [
    "Ada", "met", "Bo", ".", "7", "京都", "は", "𠮷野", "青葉市", "里山", "ﾊﾞﾝﾄﾞ", "がっこう", "か\u3099",
    "e\u0301", "한국", "ไทย", "عربي", "שלום", "\u200f", "\u202e", "ß", "İ", "ǆ", "𝒳", "🙂", "👩\u200d🚀", "🇯🇵",
    "👍🏽", "❤\ufe0f", "🏴\U000e0067\U000e007f", " ", "  ", "\t", "\n", "\r\n", "\r", "\n\n", "\u3000", "\xa0",
    "\u200b", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "|", "\\", "\\n", '"', "'", "#", "[", "]", "{", "<b>",
    "&amp;", ";", "_", "*", "->", "\ufeff", "\x00", "\x1f", "\uffff",
]  # fmt: skip
LABELS = [
    "person", "place of birth", "bio:gene", "a/b", "B-x", "地名", "ｶﾅ", "🙂", "e\u0301", "a|b", "a[1]", "*",
    "_", "O", "7", "a_b", "->", '"', "\\", "#x", "a;b", "<x>", "&lt;", "a=b", "{x}", " x", "x ", "\t",
    "two\nlines", "\r", "\u2028", "\x00", "\x1f", "\uffff", "T1", "R1", "None", "null", "x" * 300,
]  # fmt: skip
NAMES = [
    "a", "b", "A", "日本", "a/b", "a:b", "a|b", " a", "a ", "a b", "..", "/a", "7", "1", "\ufeffa", "🙂",
    "a\nb", "a\tb", "", "null", "x" * 300, "a.txt", "\x1f", "record-1",
]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(["", "x", "日本🙂", "two\nlines", 0, 1, -1.5, True, None, "\x1f"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "日", ""]), inner, max_size=2),
    max_leaves=4,
)
KEYS = [
    "by", "日本", "text", "id", "label", "entities", "meta", "record_id", "group", "cats", "spans", "source",
    "", "a\tb",
]  # fmt: skip

names = st.sampled_from(NAMES)
labels = st.sampled_from(LABELS)
scores = st.sampled_from([1.0, 1.0, 0.5, 0.0])
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@st.composite
def wild_records(draw):
    """A record with any of its parts."""
    text = draw(texts)
    entities = draw(st.none() | st.just([]) | _entities(text)) if text else draw(st.sampled_from([None, []]))
    relations = draw(st.none() | st.just([]))
    if entities:
        places = st.integers(0, len(entities) - 1)
        relation = st.builds(RelationRecord, places, places, labels, scores)
        relations = draw(st.none() | st.lists(relation, max_size=4))
    boundaries = sorted({0, len(text), *draw(st.sets(st.integers(0, len(text)), max_size=8))})
    tokens = [pair for pair in pairwise(boundaries) if draw(st.booleans())] if draw(st.booleans()) else None
    return Record(
        text=text,
        id=draw(names),
        entities=entities,
        relations=relations,
        cats=draw(st.none() | st.dictionaries(labels, st.sampled_from([1.0, 1.0, 0.0, 0.4]), max_size=3)),
        tokens=tokens,
        group=draw(st.just("") | names),
        meta=draw(st.just({}) | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)),
    )


def _entities(text):
    """Nested, crossing and equal ones, also with white space at their ends."""
    place = st.integers(0, len(text))
    spans = st.tuples(place, place).filter(lambda pair: pair[0] != pair[1]).map(sorted)
    entity = st.builds(lambda span, label, score: EntityRecord(*span, label, score), spans, labels, scores)
    return st.lists(entity, min_size=1, max_size=5)


files = st.lists(wild_records(), min_size=1, max_size=5)
