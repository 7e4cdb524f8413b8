"""Texts and questions as wordpieces, and the template of pairs."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_mre.pipeline.multi_ner.pieces import count_cut, cut_questions, cut_texts
from spacy_mre.pipeline.multi_ner.sequences import read_template

pytest.importorskip("transformers")

WORDS = ["ida", "lives", "in", "tom", "os", "##lo", "li", "##ma", "and", "the", "of", "who", "?"]
LETTERS = "abcdefghijklmnopqrstuvwxyz.東京"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = ["Ida lives in Lima .", "", " \n ", "Tom", "  Ida\n\nlives  in Oslo", "東京 and Lima", "Ida\u200bTom 🎉"]


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """BERT, fast and slow, and a byte-level BPE with the special pieces of RoBERTa."""
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


def test_pieces_of_tokens_do_not_depend_on_the_batch(tokenizer):
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


def test_every_letter_has_a_piece(tokenizer):
    for doc in make_docs():
        pieces = cut_texts([doc], tokenizer)
        assert all(pieces.firsts[token.i] >= 0 for token in doc if token.text.isalnum())
        assert (pieces.firsts <= pieces.lasts).all()


def test_no_texts(tokenizer):
    assert not cut_texts([], tokenizer).ids.size
    assert cut_texts(make_docs(["", " "]), tokenizer).counts[0] == 0


def test_tokens_without_pieces_are_counted_but_not_those_that_are_not_seen(tokenizers):
    docs = make_docs(["Ida \u200b Tom", " \n ", "Tom"])
    assert count_cut(docs, cut_texts(docs, tokenizers["bert"]).firsts).tolist() == [0, 0, 0]
    docs.append(Doc(Vocab(), words=["Ida", "\n", "\x07"]))  # without a language, no word is white space
    assert count_cut(docs, numpy.full(sum(map(len, docs)), -1)).tolist() == [2, 0, 1, 1]


# Questions and the template


def test_pairs_are_joined_as_by_the_tokenizer(tokenizer):
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


def test_a_question_that_is_too_long(tokenizers):
    with pytest.raises(ValueError, match=r"M833.*ida ida.*12 wordpieces.*room for 11"):
        cut_questions(["who ?", "ida " * 12], tokenizers["bert"], 11)
