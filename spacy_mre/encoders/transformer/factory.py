"""The factory of `mre_transformer`. It must not import transformers: spaCy loads the factories of all packages when
it makes a pipeline."""

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from thinc.api import Config, Model

from ...requirements import record_requirements
from ...settings import NotNegative, Positive, checked
from .settings import Engine, Precision

default_config = """
[transformer]
max_batch_items = 1024
engine = "torch"
precision = "fp32"
threads = null
freeze_layers = 0

[transformer.set_extra_annotations]
@annotation_setters = "spacy-transformers.null_annotation_setter.v1"

[transformer.model]
@architectures = "spacy-transformers.TransformerModel.v3"
name = "roberta-base"
tokenizer_config = {"use_fast": true}
transformer_config = {}
mixed_precision = false
grad_scaler_config = {}

[transformer.model.get_spans]
@span_getters = "spacy-transformers.strided_spans.v1"
window = 128
stride = 96
"""
DEFAULT_CONFIG = Config().from_str(default_config)["transformer"]


@Language.factory("mre_transformer", assigns=["doc._.trf_data"], default_config=DEFAULT_CONFIG)
@checked
def make_mre_transformer(
    nlp: Language,
    name: str,
    model: Model,
    set_extra_annotations: Callable,
    max_batch_items: Positive,
    engine: Engine,
    precision: Precision,
    threads: Positive | None,
    freeze_layers: NotNegative,
) -> Any:
    """Make the component: a drop-in for `transformer` of spacy-transformers, with the same models, span getters,
    listeners and files.

    model (Model): A `spacy-transformers.TransformerModel.v3`, or `spacy_mre.MiniLM.v1`.
    set_extra_annotations (Callable): Called with the documents and an object whose `doc_data` is the output for each.
    max_batch_items (int): The most pieces in one forward, padding included. On a CPU small groups are as fast as
        large ones and have less padding; on a GPU larger ones are faster. Default: 1024.
    engine (Engine): What runs the model in prediction: "torch", or "onnx" for ONNX Runtime on the CPU. Default:
        "torch".
    precision (Precision): Precision of prediction: "fp32"; "bf16" or "fp16" with torch; "int8" with ONNX Runtime.
        Weights are trained and saved in fp32. Default: "fp32".
    threads (Optional[int]): Threads of torch for the whole process, set at the first prediction. Worker processes of
        `nlp.pipe(n_process=...)` always use one. Default: torch's choice.
    freeze_layers (int): How many of the lowest layers are not trained. If there are any, only the layers above them
        are. Updates are faster. Default: 0.
    """
    from .component import MRETransformer

    transformer = MRETransformer(
        nlp.vocab,
        model,
        set_extra_annotations,
        name=name,
        max_batch_items=max_batch_items,
        engine=engine,
        precision=precision,
        threads=threads,
        freeze_layers=freeze_layers,
    )
    record_requirements(nlp, nlp.tokenizer, transformer)
    return transformer
