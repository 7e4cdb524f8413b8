"""A small transformer, seeds and threads."""

import pytest
import torch
from spacy.util import fix_random_seed

from tests.pipeline.multi_ner.pipelines import QUESTIONS, fit, make_nlp


@pytest.fixture(autouse=True)
def one_thread_and_one_seed():
    torch.set_num_threads(1)
    fix_random_seed(0)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A BERT with two layers and random weights. Its tokenizer has a few words; it splits all others into letters."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("spacy_transformers")
    folder = tmp_path_factory.mktemp("tiny_bert")
    letters = "abcdefghijklmnopqrstuvwxyz.?"
    words = ["ida", "lives", "in", "tom", "os", "##lo", "li", "##ma", "and", "the", "of", "find", "who", "old"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    transformers.BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.1,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def trained():
    """A pipeline that overfits the texts, with scorers that all types share. Tests must not change it."""
    fix_random_seed(0)
    nlp = make_nlp(model={"heads": "shared"})
    fit(nlp, steps=80)
    return nlp


@pytest.fixture
def copy_of_trained(trained):
    """The same, for tests that change it."""
    nlp = make_nlp(model={"heads": "shared"}).from_bytes(trained.to_bytes())
    assert nlp.get_pipe("multi_ner").label_data == QUESTIONS
    return nlp
