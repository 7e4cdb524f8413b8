import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.lang.ja import JapaneseTokenizer

from spacy_mre.tokenization.japanese import MAX_BYTES, LongJapaneseTokenizer, _split_text, make_japanese_tokenizer

pytest.importorskip("sudachipy")

SENTENCE = "アオバ町の山田花子さんは、２０２３年に東京でラーメンを食べました。 「おいしい！」と 言いました。\n"


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("ja")


@pytest.fixture(scope="module")
def tokenizer(nlp):
    return make_japanese_tokenizer()(nlp)


@pytest.fixture(scope="module")
def long_text():
    text = SENTENCE * (60_000 // len(SENTENCE) + 1)
    assert len(text) >= 60_000 and len(text.encode("utf8")) > MAX_BYTES
    return text


def read(doc):
    return [(t.text, t.whitespace_, t.tag_, t.pos_, t.lemma_, t.norm_, str(t.morph)) for t in doc]


def test_text_beyond_the_limit_of_sudachi(nlp, tokenizer, long_text):
    stock = JapaneseTokenizer(nlp.vocab, "C")
    with pytest.raises(Exception, match=r"(?i)too long|too large|49149"):
        stock(long_text)
    doc = tokenizer(long_text)
    assert doc.text == long_text
    one = read(stock(SENTENCE))
    # The first copies of the sentence are tokenized like the sentence alone.
    assert read(doc)[: len(one)] == one
    assert read(doc) == read(tokenizer(long_text))
    for annotation in ("TAG", "POS", "LEMMA", "MORPH", "SENT_START", "ENT_IOB", "DEP"):
        assert doc.has_annotation(annotation) == stock(SENTENCE).has_annotation(annotation), annotation


@pytest.mark.parametrize(
    "text", ["", " ", "東京", SENTENCE, "  二つの 空白\n\n\t と改行 ", "English words と日本語", "😀𠮷野家"]
)
@pytest.mark.parametrize("mode", [None, "A", "B", "C"])
def test_short_text_is_tokenized_as_by_spacy(nlp, text, mode):
    ours, stock = make_japanese_tokenizer(split_mode=mode)(nlp), JapaneseTokenizer(nlp.vocab, mode)
    assert read(ours(text)) == read(stock(text))
    assert ours(text).text == text


def test_text_without_sentence_ends_is_split_anywhere(tokenizer):
    text = "青い空と白い雲" * 3000
    doc = tokenizer(text)
    assert doc.text == text
    assert all(len(part.encode("utf8")) <= MAX_BYTES for part in _split_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "あ。" * 30_000,
        "あ" * 30_000,
        "😀" * 20_000,
        "a b" * 30_000,
        "\n" * 60_000,
        ("い" * 13_000 + "。") * 3,
        "う！？" * 20_000,
    ],
)
def test_parts_are_below_the_limit_and_form_the_text(text):
    parts = _split_text(text)
    assert "".join(parts) == text
    assert len(parts) > 1 and all(parts)
    assert all(len(part.encode("utf8")) <= MAX_BYTES for part in parts)


def test_parts_end_with_sentences():
    parts = _split_text(SENTENCE * 1000)
    assert all(part[-1] in "。！\n" for part in parts)


def test_text_at_the_limit_is_one_part():
    assert _split_text("あ" * (MAX_BYTES // 3)) == ["あ" * (MAX_BYTES // 3)]
    assert len(_split_text("あ" * (MAX_BYTES // 3 + 1))) == 2


def test_sub_tokens_are_set_only_if_requested(nlp, tokenizer, long_text):
    text = "選挙管理委員会"
    assert "sub_tokens" not in tokenizer(text).user_data
    tokenizer(text).to_bytes()
    asked = make_japanese_tokenizer(sub_tokens=True)(nlp)
    assert asked(text).user_data["sub_tokens"] == JapaneseTokenizer(nlp.vocab, "C")(text).user_data["sub_tokens"]
    doc = asked(long_text)
    assert len(doc.user_data["sub_tokens"]) == len(doc)
    assert "sub_tokens" not in tokenizer(long_text).user_data


@pytest.mark.parametrize("sub_tokens", [False, True])
@pytest.mark.parametrize("is_long", [False, True])
def test_readings_are_left_out(nlp, long_text, is_long, sub_tokens):
    text = long_text if is_long else SENTENCE + "選挙管理委員会"
    tokenizer = make_japanese_tokenizer(sub_tokens=sub_tokens)(nlp)
    full = tokenizer(text)
    assert full.has_annotation("MORPH") and full[0].morph.get("Reading") == ["アオバ"]
    tokenizer.readings = False
    bare = tokenizer(text)
    assert not bare.has_annotation("MORPH") and not any(token.has_morph() for token in bare)
    assert [values[:-1] for values in read(bare)] == [values[:-1] for values in read(full)]
    if sub_tokens:
        shorter = [without_readings(units) for units in full.user_data["sub_tokens"]]
        assert any(shorter) and bare.user_data["sub_tokens"] == shorter
    assert bare.user_data.keys() == full.user_data.keys()
    tokenizer.readings = True
    assert read(tokenizer(text)) == read(full)


def without_readings(units):
    return units and [[unit._replace(inf="", reading="") for unit in of_mode] for of_mode in units]


@given(
    st.text(st.sampled_from("アオ町山田は、２食べました。「 」\n\t\u3000…=|ﾗ😀𠮷abC1.e\u0301")), st.sampled_from("ABC")
)
@settings(deadline=None, max_examples=300)
def test_any_text_without_readings_has_the_words_of_spacy(text, mode):
    vocab = spacy.blank("ja").vocab
    tokenizer = LongJapaneseTokenizer(vocab, mode, readings=False)
    try:
        expected = [values[:-1] for values in read(JapaneseTokenizer(vocab, mode)(text))]
    except ValueError as err:  # Sudachi changes some characters, which spaCy refuses
        with pytest.raises(ValueError, match=r"\[E194\]"):
            tokenizer(text)
        assert "[E194]" in str(err)
    else:
        assert [values[:-1] for values in read(tokenizer(text))] == expected


def test_readings_are_a_setting(nlp):
    tokenizer = make_japanese_tokenizer(readings=False)(nlp)
    assert not tokenizer("東京").has_annotation("MORPH")
    assert not pickle.loads(pickle.dumps(tokenizer))("東京").has_annotation("MORPH")
    assert make_japanese_tokenizer()(nlp).readings


def make_names(number):
    draw, kana = random.Random(0), "アイウエカキクケサシスセタチツテナニヌネハヒフヘマミムメラリルレ"
    return ["".join(draw.choices(kana, k=7)) for _ in range(number)]


def kept_after(readings, names, size=500):
    """How many strings, lexemes and bytes of morphs spaCy keeps of some names that are read in memory zones."""
    nlp = spacy.blank("ja")
    tokenizer = make_japanese_tokenizer(readings=readings)(nlp)
    tokenizer(SENTENCE + " ".join(names[:size]))
    counts = []
    for texts in ([], [" ".join(names[i : i + size]) for i in range(size, len(names), size)]):
        for text in texts:
            with nlp.memory_zone():
                assert len(tokenizer(text)) >= size
        # The length of a vocabulary counts all lexemes that ever were in it.
        lexemes = sum(1 for _ in nlp.vocab)
        counts.append((len(nlp.vocab.strings), lexemes, nlp.vocab.morphology.mem.size))
    return [after - before for before, after in zip(*counts)]


def test_nothing_is_kept_without_readings():
    assert kept_after(False, make_names(100_500)) == [0, 0, 0]


def test_readings_are_kept():
    strings, lexemes, morphs = kept_after(True, make_names(2_500))
    assert strings > 1_900 and lexemes == 0 and morphs > 1_900 * 8


@pytest.mark.parametrize("sub_tokens", [False, True])
def test_pickling_keeps_the_settings(nlp, sub_tokens):
    tokenizer = make_japanese_tokenizer(split_mode="B", sub_tokens=sub_tokens)(nlp)
    loaded = pickle.loads(pickle.dumps(tokenizer))
    assert type(loaded) is LongJapaneseTokenizer
    assert (loaded.split_mode, loaded.sub_tokens, loaded.need_subtokens) == ("B", sub_tokens, sub_tokens)
    assert read(loaded(SENTENCE)) == read(tokenizer(SENTENCE))


@pytest.mark.parametrize("sub_tokens", [False, True])
def test_threads_share_one_tokenizer(nlp, tmp_path, sub_tokens):
    tokenizer = make_japanese_tokenizer(sub_tokens=sub_tokens)(nlp)
    tokenizer.to_disk(tmp_path / "tokenizer")
    texts = [SENTENCE * (1 + i % 3) + str(i) for i in range(60)]
    expected = [(read(doc), doc.user_data) for doc in map(tokenizer, texts)]
    from_bytes = make_japanese_tokenizer(sub_tokens=sub_tokens)(nlp).from_bytes(tokenizer.to_bytes())
    from_disk = make_japanese_tokenizer(sub_tokens=sub_tokens)(nlp).from_disk(tmp_path / "tokenizer")
    for shared in (tokenizer, from_bytes, from_disk, pickle.loads(pickle.dumps(tokenizer))):
        with ThreadPoolExecutor(8) as threads:
            assert [(read(doc), doc.user_data) for doc in threads.map(shared, texts)] == expected


def test_config_and_saving(tmp_path):
    config = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1", "split_mode": "A"}}}
    made = spacy.blank("ja", config=config)
    made.to_disk(tmp_path)
    for nlp in (made, spacy.load(tmp_path)):
        assert type(nlp.tokenizer) is LongJapaneseTokenizer
        assert [token.text for token in nlp("選挙管理委員会")] == ["選挙", "管理", "委員", "会"]
