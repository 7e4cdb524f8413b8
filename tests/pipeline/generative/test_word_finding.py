"""A tokenizer that does not find the words of the texts is refused at initialization and counted at prediction."""

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre.pipeline.generative.word_finding import has_clauses_as_tokens, texts_with_clauses

BART = {
    "model_type": "bart",
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "max_position_embeddings": 192,
}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 192,
}
TOKENIZER = {"kind": "bpe", "vocab_size": 320}
MODELS = {
    "slg": {"@architectures": "spacy_mre.Seq2SeqLM.v1", "config": BART, "tokenizer": TOKENIZER},
    "oiellm": {"@architectures": "spacy_mre.CausalLM.v1", "config": LLAMA, "tokenizer": TOKENIZER},
}
JA = ["私は昨日東京の美術館に行った。", "田中さんは青葉山の頂上まで歩いた。"]
ZH = ["我昨天和张伟去了东京的美术馆。"]


def make_nlp(factory, lang, **settings):
    nlp = spacy.blank(lang)
    nlp.add_pipe(factory, config={"model": MODELS[factory], "language": "ja", "max_new_tokens": 8, **settings})
    return nlp


def examples(nlp, texts, words=None):
    made = []
    for text in texts:
        doc = Doc(nlp.vocab, words=list(text), spaces=[False] * len(text)) if words == "characters" else nlp(text)
        gold = doc.copy()
        gold.cats = {"society": 1.0, "nature": 0.0}
        made.append(Example(doc, gold))
    return made


@pytest.mark.parametrize("factory", sorted(MODELS))
@pytest.mark.parametrize("texts, lang", [(JA, "ja"), (ZH, "zh")])
def test_such_texts_are_refused(factory, texts, lang):
    nlp = make_nlp(factory, "en")
    blank = spacy.blank("en")
    with pytest.raises(
        ValueError, match=rf"\[M950\] In {len(texts)} of {len(texts)} texts for '{factory}'.*--lang {lang}"
    ):
        nlp.initialize(lambda: examples(blank, texts))


@pytest.mark.parametrize("factory", sorted(MODELS))
def test_such_texts_are_counted_at_prediction(factory):
    nlp = make_nlp(factory, "en")
    blank = spacy.blank("en")
    nlp.initialize(lambda: examples(blank, JA, "characters"))  # tokens of the source
    pipe = nlp.get_pipe(factory)
    with pytest.warns(UserWarning, match=r"W930.*text whose words the tokenizer does not find.*私は昨日"):
        list(nlp.pipe([*JA, "Ida left.", "東京。"]))
    assert pipe.left_out["text whose words the tokenizer does not find"] == 2


def test_text_labels_need_no_words():
    nlp = make_nlp("oiellm", "en", parts="text")
    nlp.initialize(lambda: examples(spacy.blank("en"), JA))
    assert not nlp.get_pipe("oiellm").left_out


@pytest.mark.parametrize("lang, texts", [("zh", ZH), ("en", ["Ida lives in Lima.", "The word こころ means heart."])])
def test_suitable_tokenizers(lang, texts):
    nlp = spacy.blank(lang)
    assert not any(has_clauses_as_tokens(nlp(text)) for text in texts)
    assert texts_with_clauses(map(nlp, texts)) == ("", 0, len(texts))


def test_quotations_and_names_are_no_reason():
    nlp = spacy.blank("en")
    assert texts_with_clauses(map(nlp, [JA[0], *["Ida left."] * 20])) == ("", 1, 21)
    assert not has_clauses_as_tokens(nlp("フロリダ・ディズニー・ワールド"))
