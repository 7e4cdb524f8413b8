"""Question and text in pieces, joined as the tokenizer joins a pair; windows of long texts."""

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.multi_ner.pieces import cut_questions, cut_texts, cut_windows, read_template

pytest.importorskip("transformers")

WORDS = ["ida", "lives", "in", "tom", "os", "##lo", "li", "##ma", "and", "the", "of", "who", "?"]
LETTERS = "abcdefghijklmnopqrstuvwxyz.東京"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = ["Ida lives in Lima .", "", " \n ", "Tom", "  Ida\n\nlives  in Oslo", "東京 and Lima", "Ida\u200bTom 🎉"]


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """Three ways to cut and to join: BERT, fast and slow, and a byte-level BPE in RoBERTa's form."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import BertTokenizer, BertTokenizerFast, RobertaTokenizerFast

    folder = tmp_path_factory.mktemp("tokenizers")
    vocab = [*SPECIAL, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(vocab), encoding="utf8")
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        TEXTS * 3, vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    bpe.save_model(str(folder))
    return {
        "bert": BertTokenizerFast(str(folder / "vocab.txt")),
        "slow bert": BertTokenizer(str(folder / "vocab.txt")),
        "roberta": RobertaTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), add_prefix_space=True),
    }


@pytest.fixture(params=["bert", "slow bert", "roberta"])
def tokenizer(request, tokenizers):
    return tokenizers[request.param]


def make_docs(texts=TEXTS):
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in texts]


def pieces_of(pieces, tokenizer, token):
    first, last = pieces.firsts[token], pieces.lasts[token]
    return [] if first < 0 else tokenizer.convert_ids_to_tokens(pieces.ids[first : last + 1].tolist())


# Texts


def test_pieces_of_tokens(tokenizers):
    (doc,) = make_docs(["Ida lives  in Lima."])
    for name in ("bert", "slow bert"):
        pieces = cut_texts([doc], tokenizers[name])
        found = [pieces_of(pieces, tokenizers[name], token) for token in range(len(doc))]
        assert found == [["ida"], ["lives"], [], ["in"], ["li", "##ma"], ["."]]
        assert pieces.counts.tolist() == [6]


def test_tokens_have_their_pieces_whatever_stands_around_them(tokenizer):
    docs = make_docs()
    together = cut_texts(docs, tokenizer)
    assert together.counts.sum() == len(together.ids)
    offsets = numpy.cumsum(together.counts) - together.counts
    token = 0
    for doc, offset in zip(docs, offsets):
        alone = cut_texts([doc], tokenizer)
        for i in range(len(doc)):
            assert pieces_of(alone, tokenizer, i) == pieces_of(together, tokenizer, token)
            if alone.firsts[i] >= 0:
                assert together.firsts[token] == alone.firsts[i] + offset
            token += 1
    assert token == len(together.firsts)


def test_no_letter_is_without_a_piece(tokenizer):
    for doc in make_docs():
        pieces = cut_texts([doc], tokenizer)
        assert all(pieces.firsts[token.i] >= 0 for token in doc if token.text.isalnum())
        assert (pieces.firsts <= pieces.lasts).all()


def test_no_texts(tokenizer):
    assert not cut_texts([], tokenizer).ids.size
    assert cut_texts(make_docs(["", " "]), tokenizer).counts[0] == 0


# Questions and the template


def test_the_pair_is_joined_as_the_tokenizer_joins_it(tokenizer):
    question, text = "who lives in Lima ?", "Ida and Tom"
    template = read_template(tokenizer)
    (ids,) = cut_questions([question], tokenizer, 20)
    pieces = cut_texts(make_docs([text]), tokenizer)
    joined = numpy.concatenate([template.before, ids, template.between, pieces.ids, template.behind])
    expected = tokenizer(question, text)
    assert joined.tolist() == expected["input_ids"]
    lengths = [len(template.before), len(ids), len(template.between), len(pieces.ids), len(template.behind)]
    if "token_type_ids" in expected:
        assert numpy.repeat(template.types, lengths).tolist() == expected["token_type_ids"]
    assert template.specials == len(expected["input_ids"]) - len(ids) - len(pieces.ids)


def test_a_question_that_is_too_long_is_named(tokenizers):
    with pytest.raises(ValueError, match="M833.*ida ida.*12 pieces.*only 11"):
        cut_questions(["who ?", "ida " * 12], tokenizers["bert"], 11)


# Windows


def test_windows_by_hand():
    windows = cut_windows(numpy.array([4, 0, 10]), room=6, overlap=2)
    assert list(zip(windows.starts.tolist(), windows.ends.tolist())) == [(0, 4), (4, 10), (8, 14)]
    assert (
        windows.owners.tolist() == [0] * 4 + [1] * 5 + [2] * 5
    )  # 8 and 9 stand in both: each is read where it is farther from the border


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 40), max_size=5), st.integers(2, 12), st.integers(0, 6))
def test_windows_cover_texts(counts, room, overlap):
    overlap = min(overlap, room // 2)
    counts = numpy.array(counts, dtype=numpy.int64)
    windows = cut_windows(counts, room, overlap)
    borders = numpy.cumsum([0, *counts])
    sizes = windows.ends - windows.starts
    assert (sizes > 0).all() and (sizes <= room).all()
    for begin, end in zip(borders, borders[1:]):
        mine = [(a, b) for a, b in zip(windows.starts.tolist(), windows.ends.tolist()) if begin <= a < end]
        assert (mine[0][0], mine[-1][1]) == (begin, end) if end > begin else mine == []
        assert all(after[0] <= before[1] - overlap for before, after in zip(mine, mine[1:]))
        assert len(mine) == 1 or all(b - a == room for a, b in mine)
    pieces = numpy.arange(int(counts.sum()))
    starts, ends = windows.starts[windows.owners], windows.ends[windows.owners]
    assert ((starts <= pieces) & (pieces < ends)).all()
    for piece in pieces.tolist():
        text = numpy.searchsorted(borders, piece, side="right") - 1

        def context(start, end):
            """How far the next border is that cuts the text."""
            left = piece - start if start > borders[text] else 10**6
            return min(left, end - 1 - piece if end < borders[text + 1] else 10**6)

        best = max(context(a, b) for a, b in zip(windows.starts.tolist(), windows.ends.tolist()) if a <= piece < b)
        assert context(int(starts[piece]), int(ends[piece])) == best
