"""What an uncased encoder does not see of a word: its letters' case, its first and last letters."""

from typing import List

from spacy.ml.models.tok2vec import MaxoutWindowEncoder, MultiHashEmbed, build_Tok2Vec_model
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model
from thinc.types import Floats2d


@registry.architectures("spacy_mre.WordShapes.v1")
def build_word_shapes(width: int = 64, window_size: int = 1, rows: int = 2000) -> Model[List[Doc], List[Floats2d]]:
    """A small tok2vec over the shapes ("Xxxx", "dd:dd"), first letters and suffixes of words, to stand beside a transformer
    (`spacy_mre.EncoderBesideTok2Vec.v1`). Its learning rate is the `layer_learn_rate` of `spacy_mre.AdamW.v1`.

    width (int): Of its vectors. Default: 64.
    window_size (int): So many words to either side are seen. Default: 1.
    rows (int): Of the hash tables of shapes and suffixes; that of first letters has half of them. Default: 2000.
    RETURNS (Model[List[Doc], List[Floats2d]]): The tok2vec.
    """
    embed = MultiHashEmbed(width, ["SHAPE", "PREFIX", "SUFFIX"], [rows, max(rows // 2, 1), rows], include_static_vectors=False)
    return build_Tok2Vec_model(embed, MaxoutWindowEncoder(width, window_size=window_size, maxout_pieces=3, depth=1))
