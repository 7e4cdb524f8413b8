"""Embeddings of word features that an encoder lacks (tags of the tokenizer's dictionary, word shapes, word vectors),
and the concatenation that adds them to another tok2vec."""

from typing import TypeAlias

from spacy.ml.models.tok2vec import MaxoutWindowEncoder, MultiHashEmbed, build_Tok2Vec_model
from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, chain, concatenate, ragged2list
from thinc.types import Floats2d

from ..settings import NotNegative, Positive, checked

Tok2Vec: TypeAlias = Model[list[Doc], list[Floats2d]]


@registry.architectures("spacy_mre.WordTags.v1")
@checked
def build_word_tags(width: Positive = 64, rows: Positive = 2000) -> Tok2Vec:
    """Build embeddings of the tag, first letter and suffix of each word. Sudachi's tags distinguish names of
    families, persons, countries and other locations, which the tok2vec of `ja_ginza` does not read. Documents must
    come from the tokenizer: documents that the corpus reader makes from gold tokens have no tags.

    width (int): Width of the vectors. Default: 64.
    rows (int): Rows of the hash tables of first letters and suffixes; the table of tags has half as many. Default:
        2000.
    RETURNS (Model[list[Doc], list[Floats2d]]): The embeddings.
    """
    return MultiHashEmbed(
        width, ["TAG", "PREFIX", "SUFFIX"], [max(rows // 2, 1), rows, rows], include_static_vectors=False
    )


@registry.architectures("spacy_mre.WordShapes.v1")
@checked
def build_word_shapes(width: Positive = 64, window_size: NotNegative = 1, rows: Positive = 2000) -> Tok2Vec:
    """Build a small tok2vec over the shapes ("Xxxx", "dd:dd"), first letters and suffixes of words, to use next to a
    transformer (`spacy_mre.EncoderBesideTok2Vec.v1`). Its learning rate is the `layer_learn_rate` of
    `spacy_mre.AdamW.v1`.

    width (int): Width of the vectors. Default: 64.
    window_size (int): How many words on each side are read. Default: 1.
    rows (int): Rows of the hash tables of shapes and suffixes; the table of first letters has half as many. Default:
        2000.
    RETURNS (Model[list[Doc], list[Floats2d]]): The tok2vec.
    """
    embed = MultiHashEmbed(
        width, ["SHAPE", "PREFIX", "SUFFIX"], [rows, max(rows // 2, 1), rows], include_static_vectors=False
    )
    return build_Tok2Vec_model(embed, MaxoutWindowEncoder(width, window_size=window_size, maxout_pieces=3, depth=1))


@registry.architectures("spacy_mre.WordVectors.v1")
@checked
def build_word_vectors(width: Positive = 128) -> Tok2Vec:
    """Build a linear layer over the word vectors of the vocabulary: a word has the same vector in every text. The mean
    of them tells the topic of a text. A word without a vector gets zeros.

    width (int): Width of the results. Default: 128.
    RETURNS (Model[list[Doc], list[Floats2d]]): The layer.
    """
    return chain(StaticVectors(width), ragged2list())


@registry.architectures("spacy_mre.Tok2VecBesideTok2Vec.v1")
def build_tok2vec_beside_tok2vec(first: Tok2Vec, second: Tok2Vec) -> Tok2Vec:
    """Build two tok2vecs whose vectors are concatenated. As the `embed` of a `spacy.Tok2Vec.v2` it lets an encoder
    read both; the encoder's width is then the sum of their widths.

    first (Model[list[Doc], list[Floats2d]]): A listener to a shared tok2vec, for example.
    second (Model[list[Doc], list[Floats2d]]): The other one.
    RETURNS (Model[list[Doc], list[Floats2d]]): From documents to the vectors of both.
    """
    return concatenate(first, second)
