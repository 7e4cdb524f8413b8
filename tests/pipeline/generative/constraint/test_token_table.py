"""Every kind of tokenizer, tiny and trained here: what its tokens write, and how a text looks in its writing."""

from functools import lru_cache

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, BertJapaneseTokenizer, BertTokenizer, PreTrainedTokenizerFast, T5TokenizerFast

from spacy_mre.pipeline.generative.constraint.token_table import BEGIN, OTHER, WORD, TokenTable, add_characters
from spacy_mre.pipeline.generative.constraint.token_trie import NOWHERE, TokenTrie
from spacy_mre.pipeline.generative.tokenizer import train_tokenizer

TEXTS = [
    "Hello, New York: this is a test of small tokens; Newark <b> and/or C:\\dir.",
    "東京タワーは1958年にできた。大阪の太郎さんが東京へ行く。",
    "上海和北京是大城市，他住在上海。",
    "Zoë ate 3 crêpes, 5€ each — naïve?  Two  spaces & a tab\there.",
    "ｆｕｌｌ　ｗｉｄｔｈ ㍿ ﬁne 한국어 текст 🙂👍🏽",
]
TARGETS = [
    "<News>NER:City;New York:Person;太郎",
    "<Sport>NER:none;",
    "<News>NER:City;東京:City;大阪:Product Name;C\\:\\\\dir",
    "<社会>固有表現抽出:人名;太郎",
    "News/NER/:City;Newark",
    "NER:a;b;c:News;a;York",
]
CORPUS = TEXTS * 6 + TARGETS * 12 + [";a", ":a:", "a;", "York:", "s:City;"] * 30
KINDS = ("bpe", "crossing_bpe", "unigram_bytes", "unigram", "t5", "llama2", "wordpiece", "uncased_wordpiece")
# Those that write any character after any other.
FREE = ("bpe", "crossing_bpe", "unigram_bytes")


@lru_cache
def tokenizer_of(kind):
    if kind in ("bpe", "unigram_bytes"):
        return train_tokenizer(CORPUS, kind="bpe" if kind == "bpe" else "unigram", vocab_size=420)
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    if kind == "crossing_bpe":  # merges run over words and delimiters: `;a`, `York:`
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=700, special_tokens=[*names.values()], initial_alphabet=alphabet, show_progress=False
        )
    elif kind in ("unigram", "t5"):
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        metaspace = pre_tokenizers.Metaspace()
        tokenizer.pre_tokenizer = (
            pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace]) if kind == "t5" else metaspace
        )
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=400, special_tokens=[*names.values()], unk_token="<unk>", show_progress=False
        )
    elif kind == "llama2":
        tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        tokenizer.decoder = decoders.Sequence(steps)
        fallback = [f"<0x{byte:02X}>" for byte in range(256)]
        trainer = trainers.BpeTrainer(
            vocab_size=600, special_tokens=[*names.values(), *fallback], limit_alphabet=60, show_progress=False
        )
    else:
        names = {"pad_token": "[PAD]", "sep_token": "[SEP]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        lower = kind == "uncased_wordpiece"
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=lower)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=[*names.values()], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    if kind == "llama2":  # bytes are ordinary pieces there
        tokenizer = _without_added(tokenizer, fallback)
    return (T5TokenizerFast if kind == "t5" else PreTrainedTokenizerFast)(
        tokenizer_object=tokenizer, extra_ids=0, **names
    )


def _without_added(tokenizer, pieces):
    import json

    settings_ = json.loads(tokenizer.to_str())
    settings_["added_tokens"] = [token for token in settings_["added_tokens"] if token["content"] not in pieces]
    return Tokenizer.from_str(json.dumps(settings_))


def end_of(tokenizer):
    return tokenizer.sep_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id


def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


texts = st.one_of(
    st.text(max_size=25), st.text(alphabet="ab :;<>/\\ 東京のé\u0301ｱ　Y", max_size=25), st.sampled_from(TEXTS)
)


# Writing and reading


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(text=texts)
def test_decoding_the_tokens_of_a_text_gives_its_surface(kind, text):
    tokenizer = tokenizer_of(kind)
    table, ids = TokenTable.of(tokenizer), ids_of(tokenizer, text)
    if tokenizer.unk_token_id not in ids:
        assert table.decode(ids) == table.surface(text).string


@pytest.mark.parametrize("kind", ["bpe", "crossing_bpe", "unigram_bytes", "unigram", "t5", "llama2"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(ids=st.lists(st.integers(0, 399), max_size=12))
def test_decoding_is_that_of_the_tokenizer(kind, ids):
    tokenizer = tokenizer_of(kind)
    ids = [token for token in ids if token not in tokenizer.all_special_ids and token < len(tokenizer)]
    if kind in ("unigram", "t5") and ids and len(tokenizer.convert_ids_to_tokens(ids[0])) > 1:
        ids = ids[1:]  # the library takes every sign for a space away from a first token
    expected = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    if kind == "llama2" and "\ufffd" in expected:
        return  # bytes that are no character are one sign each there
    assert TokenTable.of(tokenizer).decode(ids) == expected


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=texts)
def test_a_surface_knows_the_characters_of_its_text(kind, text):
    string, starts, ends = TokenTable.of(tokenizer_of(kind)).surface(text)
    assert len(string) == len(starts) == len(ends)
    assert all(0 <= start <= end <= len(text) for start, end in zip(starts, ends))
    assert starts == sorted(starts) and ends == sorted(ends)
    if kind in ("bpe", "unigram_bytes"):
        assert (string, starts) == (text, list(range(len(text))))
    normalizer = tokenizer_of(kind).backend_tokenizer.normalizer
    for char, start, end in zip(string, starts, ends):
        if not char.isspace():
            # What a character stands for becomes it again, alone or together with the characters it is composed with.
            assert char in (text[start:end] if normalizer is None else normalizer.normalize_str(text[start:end]))


def test_the_surface_of_word_pieces_has_no_spaces_around_marks_and_ideographs():
    table = TokenTable.of(tokenizer_of("uncased_wordpiece"))
    assert table.surface("New  York, 東京 タワー: C / d . e").string == "new york,東京タワー:c/d.e"
    string, starts, ends = table.surface("Zoë , New")
    assert string == "zoe,new"
    assert [(start, end) for start, end in zip(starts, ends)] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (4, 5),
        (6, 7),
        (7, 8),
        (8, 9),
    ]


def test_word_pieces_write_a_space_only_between_words():
    tokenizer = tokenizer_of("wordpiece")
    table = TokenTable.of(tokenizer)
    for text in ("<News>NER:City;New York:Person;太郎", "Hello, New York"):
        assert table.decode(ids_of(tokenizer, text)) == table.surface(text).string
    assert table.decode(ids_of(tokenizer, "<News>NER:City;New York")) == "<News>NER:City;New York"
    token = tokenizer.convert_tokens_to_ids("a")
    assert [table.writes(token, context) for context in (BEGIN, WORD, OTHER)] == [b"a", b" a", b"a"]
    token = tokenizer.convert_tokens_to_ids("##a")
    assert [table.writes(token, context) for context in (BEGIN, WORD, OTHER)] == [b"a", b"a", b"a"]


def test_compositions_are_whole():
    table = TokenTable.of(tokenizer_of("unigram"))
    string, starts, ends = table.surface("か\u3099 ㍿e\u0301")
    assert string == "が 株式会社é"
    assert list(zip(starts, ends)) == [(0, 2), (2, 3), (3, 4), (3, 4), (3, 4), (3, 4), (4, 6)]


def test_special_tokens_write_nothing_but_added_ones_do():
    tokenizer = train_tokenizer(CORPUS, vocab_size=300)
    table = TokenTable.of(tokenizer)
    assert table is TokenTable.of(tokenizer)
    assert table.decode(tokenizer.all_special_ids) == ""
    tokenizer.add_tokens(["<é>"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<mark>"]})
    renewed = TokenTable.of(tokenizer)
    assert renewed is not table
    assert renewed.decode(tokenizer.convert_tokens_to_ids(["<é>", "<mark>"])) == "<é>"


def test_lone_surrogates_do_no_harm():
    assert TokenTable.of(tokenizer_of("bpe")).surface("a\ud800b").string == "a\ufffdb"


# Tokenizers of several kinds


def test_slow_tokenizers_by_their_fast_version(tmp_path):
    (tmp_path / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "new", "york", "##s", ","]) + "\n"
    )
    tokenizer = BertTokenizer(tmp_path / "vocab.txt")
    table = TokenTable.of(tokenizer)
    assert not tokenizer.is_fast
    assert (
        table.decode(ids_of(tokenizer, "New Yorks, new")) == table.surface("New Yorks, new").string == "new yorks,new"
    )


def test_japanese_word_pieces(tmp_path):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "東京", "##タ", "##ワー", "で", "<", ">", "x", "##y"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocab) + "\n")
    tokenizer = BertJapaneseTokenizer(tmp_path / "vocab.txt", word_tokenizer_type="basic")
    table = TokenTable.of(tokenizer)
    assert (
        table.decode(ids_of(tokenizer, "<東京タワー で xy x>"))
        == table.surface("<東京タワー で xy x>").string
        == "<東京タワーでxy x>"
    )
    tokenizer = BertJapaneseTokenizer(
        tmp_path / "vocab.txt", word_tokenizer_type="basic", subword_tokenizer_type="character"
    )
    with pytest.raises(ValueError, match=r"M920.*character"):
        TokenTable(tokenizer)


def test_tokenizers_that_are_not_understood():
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    with pytest.raises(ValueError, match=r"M920.*no decoder"):
        TokenTable(PreTrainedTokenizerFast(tokenizer_object=tokenizer))
    tokenizer.decoder = decoders.BPEDecoder()
    with pytest.raises(ValueError, match=r"M920.*BPEDecoder"):
        TokenTable(PreTrainedTokenizerFast(tokenizer_object=tokenizer))


@pytest.mark.parametrize("kind", ["t5", "wordpiece"])
def test_characters_can_be_added(kind, tmp_path):
    tokenizer = Tokenizer.from_str(tokenizer_of(kind).backend_tokenizer.to_str())
    names = (
        {"pad_token": "[PAD]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
        if kind == "wordpiece"
        else {"unk_token": "<unk>", "extra_ids": 3}
    )
    tokenizer = (T5TokenizerFast if kind == "t5" else PreTrainedTokenizerFast)(tokenizer_object=tokenizer, **names)
    size, before = len(tokenizer), ids_of(tokenizer, "New York")
    assert add_characters(tokenizer, "аб<а") == 2  # Cyrillic; the second is known already
    assert add_characters(tokenizer, "аб<а") == 0
    tokenizer.save_pretrained(tmp_path)
    for loaded in (tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
        assert len(loaded) == size + (2 if kind == "t5" else 4)
        assert ids_of(loaded, "New York") == before
        assert TokenTable.of(loaded).decode(ids_of(loaded, "<аба>York")) == "<аба>York"
        assert loaded.convert_ids_to_tokens(range(size)) == tokenizer.convert_ids_to_tokens(range(size))


# The trie


strings = st.dictionaries(
    st.integers(0, 50), st.binary(min_size=1, max_size=4).map(lambda data: bytes(byte % 3 for byte in data))
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(strings, min_size=1, max_size=3), st.binary(max_size=5).map(lambda data: bytes(byte % 3 for byte in data))
)
def test_walking_down_the_trie_finds_the_tokens(written, data):
    trie = TokenTrie(written)
    nodes = numpy.arange(len(written))
    for depth in range(len(data) + 1):
        for root, node in enumerate(nodes.tolist()):
            expected = sorted(token for token, string in written[root].items() if string == data[:depth])
            has_longer = any(
                string.startswith(data[:depth]) and len(string) > depth for string in written[root].values()
            )
            if node >= 0:
                assert sorted(trie.tokens(numpy.asarray([node])).tolist()) == expected
                assert trie.counts[node] == len(expected) and trie.grows[node] == has_longer
            else:
                assert not expected and not has_longer
        if depth < len(data):
            alive = nodes >= 0
            nodes = numpy.where(
                alive, trie.children(numpy.where(alive, nodes, 0), numpy.full(len(nodes), data[depth])), -1
            )


def test_nothing_is_found_after_the_end_of_a_text():
    trie = TokenTrie([{0: b"\x00", 1: b"\xff"}])
    assert trie.children(numpy.asarray([0, 0]), numpy.asarray([NOWHERE, 255])).tolist() == [-1, 2]
