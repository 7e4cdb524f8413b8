"""Windows of wordpieces, as many as the model can read, and the pieces of each token. test_component.py compares them
with those of spacy-transformers."""

import numpy
import pytest
import spacy
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

transformers = pytest.importorskip("transformers")

from spacy_mre.encoders.transformer.wordpieces import count_positions, tokenize_windows  # noqa: E402

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


@pytest.mark.parametrize(
    ("model_type", "limit"),
    [
        ("bert", 24),
        ("electra", 24),
        ("roberta", 22),
        ("xlm-roberta", 22),
        ("camembert", 22),
        ("mpnet", 22),
        ("albert", 24),
        # Models with relative positions or rotations read any number of pieces.
        ("deberta-v2", None),
        ("modernbert", None),
    ],
)
def test_the_most_pieces_that_a_model_can_read(model_type, limit):
    extra = {"deberta-v2": {"relative_attention": True, "position_biased_input": False}}.get(model_type, {})
    config = transformers.AutoConfig.for_model(
        model_type, **SMALL, pad_token_id=1, max_position_embeddings=24, embedding_size=16, **extra
    )
    model = transformers.AutoModel.from_config(config).eval()
    assert count_positions(model) == limit
    model(input_ids=torch.full((1, limit or 60), 5))
    if limit:
        with pytest.raises((RuntimeError, IndexError)):
            model(input_ids=torch.full((1, limit + 1), 5))


WORDS = ["\u2581Bo", "\u2581met", "\u2581I", "da", "\u2581", ".", "a", "B", "o", "m", "e", "t", "I", "d"]
CHARACTERS = ["\u0120", "B", "o", "m", "e", "t", "I", "d", "a", "."]


def make_tokenizer(kind):
    """A tokenizer whose pieces may begin with the space before a word; the space is in their offsets, too."""
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram([("<pad>", -9.0), *((word, -float(5 - len(word))) for word in WORDS)], 0))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    else:
        ids = {word: index for index, word in enumerate(["<pad>", *CHARACTERS, "\u0120m", "\u0120I"])}
        tokenizer = Tokenizer(models.BPE(ids, [("\u0120", "m"), ("\u0120", "I")]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", model_max_length=512)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("unigram", "Bo met Ida.", ["\u2581Bo", "\u2581met", "\u2581I da", "."]),
        ("byte-level", "Bo met Ida.", ["B o", "\u0120m e t", "\u0120I d a", "."]),
        # A token of white space has the piece that it shares its space with.
        ("byte-level", "Bo  met", ["B o \u0120", "\u0120m", "\u0120m e t"]),
        # A piece that is only the space after a token belongs to the token.
        ("unigram", "Ida Bo ", ["\u2581I da", "\u2581Bo \u2581"]),
        ("byte-level", "Ida Bo ", ["I d a \u0120", "B o \u0120"]),
    ],
)
def test_a_word_does_not_get_the_piece_of_the_next_one(kind, text, expected):
    tokenizer = make_tokenizer(kind)
    nlp = spacy.blank("en")
    # The second text is there because the characters of a batch are numbered consecutively.
    docs = [nlp(text), nlp("Bo met Ida.")]
    pieces = tokenize_windows(docs, lambda docs: [[_whole(doc)] for doc in docs], tokenizer)
    strings = numpy.array(tokenizer.convert_ids_to_tokens(pieces.ids.tolist()))
    found = [" ".join(strings[rows]) for rows in numpy.split(pieces.rows, numpy.cumsum(pieces.counts)[:-1])]
    assert found[: len(docs[0])] == expected
    assert len(found) == len(docs[0]) + len(docs[1])


def _whole(doc):
    """All of a document. The text of its Span would lack the space at the end."""

    class Whole:
        text, start_char = doc.text, 0

        def __len__(self):
            return len(doc)

    return Whole()
