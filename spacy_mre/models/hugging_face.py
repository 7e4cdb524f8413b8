"""Loading a saved Hugging Face model without what only training from nothing needs."""

from contextlib import contextmanager
from importlib import import_module
from typing import Any, Iterator

from thinc.api import Model


@contextmanager
def quick_loading(model: Model) -> Iterator[None]:
    """While this holds, the transformer that a Thinc model reads from bytes is made without drawing weights that are overwritten at once.

    model (Model): A `TransformerModel` of spacy-transformers.
    """
    shims = [shim for node in model.walk() for shim in node.shims if hasattr(shim, "model_cls")]
    before = [shim.model_cls for shim in shims]
    for shim in shims:
        shim.model_cls = _Unfilled
    try:
        yield
    finally:
        for shim, model_cls in zip(shims, before):
            shim.model_cls = model_cls


class _Unfilled:
    """Stands where spacy-transformers expects `AutoModel`."""

    @staticmethod
    def from_config(config: Any) -> Any:
        from transformers.modeling_utils import no_init_weights
        from transformers.models.auto.configuration_auto import model_type_to_module_name
        from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

        name = MODEL_MAPPING_NAMES.get(config.model_type)
        with no_init_weights():
            if not isinstance(name, str):
                from transformers import AutoModel

                return AutoModel.from_config(config)
            # AutoModel imports the classes of all models to find one.
            module = import_module(f"transformers.models.{model_type_to_module_name(config.model_type)}")
            return getattr(module, name)._from_config(config)
