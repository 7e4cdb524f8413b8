"""What the tokenizer's dictionary knows of a word, beside what a trained tok2vec makes of it."""

from spacy.ml.models.tok2vec import MaxoutWindowEncoder, MultiHashEmbed, build_Tok2Vec_model
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, concatenate
from thinc.types import Floats2d

Tok2Vec = Model[list[Doc], list[Floats2d]]


@registry.architectures("spacy_mre.WordTags.v1")
def build_word_tags(width: int = 64, rows: int = 2000) -> Tok2Vec:
    """Embeddings of the tag of each word, of its first letter and of its suffix, mixed. Sudachi's tags tell kinds of names apart (names of families and
    persons, of countries and other places, others), which a tok2vec like that of `ja_ginza` does not read.

    width (int): Of its vectors. Default: 64.
    rows (int): Of the hash tables of first letters and suffixes; that of tags has half of them. Default: 2000.
    RETURNS (Model[List[Doc], List[Floats2d]]): The embeddings. They need documents from the tokenizer: those made of gold tokens have no tags.
    """
    return MultiHashEmbed(
        width, ["TAG", "PREFIX", "SUFFIX"], [max(rows // 2, 1), rows, rows], include_static_vectors=False
    )


@registry.architectures("spacy_mre.Tok2VecBesideTok2Vec.v1")
def build_tok2vec_beside_tok2vec(first: Tok2Vec, second: Tok2Vec) -> Tok2Vec:
    """Two tok2vecs side by side: each token has the vectors of both, one behind the other. As the `embed` of a `spacy.Tok2Vec.v2` it lets an encoder read
    both; the encoder's width is then the sum of theirs.

    first (Model[List[Doc], List[Floats2d]]): A listener to a shared one, say.
    second (Model[List[Doc], List[Floats2d]]): What stands beside it.
    RETURNS (Model[List[Doc], List[Floats2d]]): From documents to both.
    """
    return concatenate(first, second)


@registry.architectures("spacy_mre.WordShapes.v1")
def build_word_shapes(width: int = 64, window_size: int = 1, rows: int = 2000) -> Model[list[Doc], list[Floats2d]]:
    """A small tok2vec over the shapes ("Xxxx", "dd:dd"), first letters and suffixes of words, to stand beside a transformer
    (`spacy_mre.EncoderBesideTok2Vec.v1`). Its learning rate is the `layer_learn_rate` of `spacy_mre.AdamW.v1`.

    width (int): Of its vectors. Default: 64.
    window_size (int): So many words to either side are seen. Default: 1.
    rows (int): Of the hash tables of shapes and suffixes; that of first letters has half of them. Default: 2000.
    RETURNS (Model[List[Doc], List[Floats2d]]): The tok2vec.
    """
    embed = MultiHashEmbed(
        width, ["SHAPE", "PREFIX", "SUFFIX"], [rows, max(rows // 2, 1), rows], include_static_vectors=False
    )
    return build_Tok2Vec_model(embed, MaxoutWindowEncoder(width, window_size=window_size, maxout_pieces=3, depth=1))
