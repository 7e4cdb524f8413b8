"""The callback that makes thinc's layers faster on the CPU (`fast_tok2vec_speedup` in docs/performance.md)."""

from collections.abc import Callable

from spacy.language import Language
from spacy.util import registry
from thinc.api import Model

from .in_parts import predict_in_parts
from .torch_gemm import use_torch_gemm


@registry.callbacks("spacy_mre.fast_tok2vec.v1")
def make_fast_tok2vec() -> Callable[[Language], Language]:
    """Make a callback for `[nlp.after_pipeline_creation]`: where the layers of thinc run on the CPU, in a tok2vec above
    all, torch multiplies their matrices, and they predict some tokens at a time. Scores change in their last digits.

    RETURNS (Callable[[Language], Language]): The callback.
    """

    def make_fast(nlp: Language) -> Language:
        for _, pipe in nlp.components:
            model = getattr(pipe, "model", None)
            if isinstance(model, Model):
                use_torch_gemm(model)
                predict_in_parts(model)
        return nlp

    return make_fast
