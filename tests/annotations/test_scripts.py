import pytest

from spacy_mre.annotations.scripts import language_of
from spacy_mre.corpora.reading import join_words


@pytest.mark.parametrize(
    "tokens, text",
    [
        ("東京 は 晴れ 。", "東京は晴れ。"),
        ("「 マイ ・ ツアー 」 、 第 ２ 回", "「マイ・ツアー」、第２回"),
        ("我 在 谷歌 工作 。", "我在谷歌工作。"),
        ("ｱｵﾊﾞ 市", "ｱｵﾊﾞ市"),
        ("𠮷野 家", "𠮷野家"),
        ("葛\U000e0100 城 市", "葛\U000e0100城市"),  # with a variation selector
        # Latin words and numbers in Japanese and Chinese: blanks only between each other.
        ("東京 Tower View は 2010 年", "東京Tower Viewは2010年"),
        ("C C 社 が iPhone 12 を 売る", "C C社がiPhone 12を売る"),
        ("我 在 Google 工作", "我在Google工作"),
        ("2010 年", "2010年"),
        ("10 ％", "10％"),
        # One token for each character.
        ("看 C C T V 6 频 道", "看CCTV6频道"),
        ("看 C C T V 6 频道", "看C C T V 6频道"),
        # A single name in a text that is written with blanks.
        ("the city of 青葉 is green", "the city of 青葉 is green"),
        ("the city of 青 葉 is very green today", "the city of 青葉 is very green today"),
        ("中 정부 는 오늘 발표 했다", "中 정부 는 오늘 발표 했다"),
        # Scripts with blanks.
        ("play old songs !", "play old songs !"),
        ("서울 은 맑다", "서울 은 맑다"),
        ("ﾡ ﾢ", "ﾡ ﾢ"),  # halfwidth Korean letters
        ("Москва , عر", "Москва , عر"),
        ("雨", "雨"),
        ("", ""),
    ],
)
def test_blanks_follow_the_script(tokens, text):
    words = tokens.split(" ") if tokens else []
    joined, offsets = join_words(words)
    assert joined == text
    assert [joined[start:end] for start, end in offsets] == words


def test_a_given_separator_is_used_for_every_pair():
    assert join_words(["東京", "は"], " ")[0] == "東京 は"
    assert join_words(["c", "c", "t", "v"], "") == ("cctv", [(0, 1), (1, 2), (2, 3), (3, 4)])


@pytest.mark.parametrize(
    "texts, found",
    [
        (["東京に行く。", "山田さん"], ("ja", 2)),
        (["我在北京工作。"], ("zh", 1)),
        (["我在北京买了の字的书，因为很便宜而且很好看，大家都喜欢。"], ("zh", 1)),
        # One text in English, and one word in Japanese.
        (["Ida lives in Lima.", "東京に行く。"], ("ja", 1)),
        (["The word こころ means heart."], ("", 0)),
        (["１０，０００％。"], ("", 0)),
        (["서울은 맑다", "Lima", "", "42"], ("", 0)),
    ],
)
def test_the_language_of_texts(texts, found):
    assert language_of(texts) == found
