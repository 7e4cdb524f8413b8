import pytest

from spacy_mre.corpora import EntityRecord
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.translation.filters import check_row
from spacy_mre.corpora.translation.row import Reason, Translated


def checked(before, after, source="ja", target="en", *, entities=None, known=None):
    row = Translated(Record(before, entities=entities), Record(after))
    check_row(row, source, target, known if known is not None else {})
    return list(zip(row.reasons, row.details))


@pytest.mark.parametrize(
    "before, after, source, target, part",
    [
        ("仙台で会った。", "We met in せんだい.", "ja", "en", "せんだい"),
        ("仙台で会った。", "We met in 仙台.", "ja", "en", "仙台"),
        ("センターで会った。", "在センター见面。", "ja", "zh", "センター"),
        ("仙台で会った。", "센다이에서 만났다 ｾﾝﾀﾞｲ", "ja", "ko", "ｾﾝﾀﾞｲ"),
        ("서울에서 만났다.", "We met in 서울.", "ko", "en", "서울"),
        ("「東京」と書いた。", 'I wrote "東京".', "ja", "en", "東京"),
        ("港で会った。", "We met in the 港", "ja", "en", "港"),
        ("「港で」", '"In the 港"', "ja", "en", "港"),
        ("We met in Lima.", "Nous etc. in Lima", "en", "ja", "Nous etc. in Lima"),
        ("We met in Lima.", "We did in Lima.", "en", "ru", "We did in Lima."),
        ("We met in Lima.", "We met in Lima. ", "en", "fr", "We met in Lima. "),
    ],
)
def test_untranslated(before, after, source, target, part):
    assert (Reason.UNTRANSLATED, part) in checked(before, after, source, target)


@pytest.mark.parametrize(
    "before, after, source, target",
    [
        ("仙台で会った。", "在仙台见面。", "ja", "zh"),
        ("We met in Lima.", "リマで会った。", "en", "ja"),
        ("NHK", "NHK", "en", "ja"),
        ("10/4", "10/4", "en", "fr"),
        ("気温は四℃です。", "气温是四ﾟC。", "ja", "zh"),
        ("ジョン・スミス", "约翰・史密斯", "ja", "zh"),
        ("「邉」と書く。", 'It is written "邉".', "ja", "en"),
        ("「す」が三回出た。", "“す”出了三次。", "ja", "zh"),
    ],
)
def test_translated(before, after, source, target):
    entities = [EntityRecord(0, len(before), "name")] if before == "NHK" else None
    assert checked(before, after, source, target, entities=entities) == []


def test_a_name_may_stay_as_it_is():
    name = [EntityRecord(0, 10, "band")]
    assert checked("Kraftwerk!", "Kraftwerk!", "de", "en", entities=name) == []
    assert checked("Kraftwerk!", "Kraftwerk!", "de", "en") == [(Reason.UNTRANSLATED, "Kraftwerk!")]


def test_the_length_ratio():
    before = "九月の市長選で初当選した三枝美咲さんは、隣の鳴瀬町で生まれ育った。"
    after = "Misaki Saegusa, who won September's mayoral race, was born and raised in the neighbouring town of Naruse."
    assert checked(before, after) == []
    assert checked(before, after[:30])[0][0] is Reason.LENGTH_RATIO
    assert checked(before, after * 2 + after) == [(Reason.LENGTH_RATIO, "33 -> 315 characters, 2.91 of what is usual")]
    assert checked("はい。", "Yes.") == checked("Yes.", "はい。", "en", "ja") == []
    # As many characters as the source, which would be far too few in English, but not in Chinese.
    chinese = "九月市长选举中首次当选的三枝美咲，是在邻近的鸣濑町出生长大的。"
    assert checked(before, chinese, "ja", "zh") == []


@pytest.mark.parametrize(
    "after, target",
    [
        ("之后上台的是 Dara Quill、Nim Averley、The Orchard Wolves 和 Second Hand Weather。", "zh"),
        ("続いて Dara Quill、Nim Averley、The Orchard Wolves、Second Hand Weather が登場した。", "ja"),
    ],
)
def test_names_in_latin_letters_are_not_taken_for_a_long_translation(after, target):
    before = "Next on stage were Dara Quill, Nim Averley, The Orchard Wolves and Second Hand Weather."
    assert checked(before, after, "en", target) == [] == checked(after, before, target, "en")


def test_duplicates():
    known = {}
    assert checked("はい。", "Yes.", known=known) == checked("はい。", "Yes.", known=known) == []
    assert checked("ええ。", "Yes.", known=known) == [(Reason.DUPLICATE, "はい。")]
    # A row that is dropped is not in the corpus, so that the next one with its text is not a duplicate.
    assert checked("仙台", "仙台!", known=known)[0][0] is Reason.UNTRANSLATED
    assert known == {"Yes.": "はい。"}


def test_a_row_without_a_text():
    row = Translated(Record("はい。"))
    check_row(row, "ja", "en", {})
    assert row.is_kept
