"""A transformer as a tok2vec."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, chain, reduce_mean
from thinc.types import Floats2d

from ...encoders.threads import one_thread_at_a_time
from ...settings import NotNegativeFloat, checked


@registry.architectures("spacy_mre.TransformerTok2Vec.v1")
@checked
def build_transformer_tok2vec(
    transformer: Model, grad_factor: NotNegativeFloat = 1.0
) -> Model[list[Doc], list[Floats2d]]:
    """Build a tok2vec that contains a transformer. The vector of a token is the mean of its wordpieces.

    This is `spacy-transformers.Tok2VecTransformer.v3` for any transformer model, for example `spacy_mre.MiniLM.v1`.

    transformer (Model): A `spacy-transformers.TransformerModel.v3` or `spacy_mre.MiniLM.v1`.
    grad_factor (float): Factor of the gradient of the transformer. Default: 1.0.
    RETURNS (Model[list[Doc], list[Floats2d]]): The tok2vec.
    """
    from spacy_transformers.layers import split_trf_batch, trfs2arrays

    pooled: Model = chain(one_thread_at_a_time(transformer), split_trf_batch(), trfs2arrays(reduce_mean(), grad_factor))
    return Model("transformer_tok2vec", _forward, init=_init, layers=[pooled], dims={"nO": None})


def _init(model: Model, X: list[Doc] | None = None, Y: Any = None) -> None:
    model.layers[0].initialize(X=[doc for doc in X or () if len(doc)] or None)
    model.set_dim("nO", model.layers[0].layers[0].get_dim("nO"), force=True)


def _forward(model: Model, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    filled = [i for i, doc in enumerate(docs) if len(doc)]
    # The inner layers return the wrong width for a text without tokens.
    vectors = [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs]
    if not filled:
        return vectors, lambda d_vectors: []
    found, backprop = model.layers[0]([docs[i] for i in filled], is_train)
    for i, array in zip(filled, found):
        vectors[i] = array
    return vectors, lambda d_vectors: backprop([d_vectors[i] for i in filled])
