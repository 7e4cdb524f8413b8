"""A transformer on disk, in Hugging Face's layout: weights are mapped into memory, not copied, and other tools can
read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from spacy_transformers.data_classes import HFObjects
from thinc.api import Model, get_torch_default_device

from ...files import replacing_files


def save_transformer(model: Model, folder: Path) -> None:
    """Write config, weights (safetensors) and tokenizer as `save_pretrained` does.

    model (Model): A `TransformerModel` of spacy-transformers that has a transformer.
    folder (Path): Created if it does not exist.
    """
    with replacing_files(folder, keep_others=False) as fresh:
        model.transformer.save_pretrained(fresh)
        model.tokenizer.save_pretrained(fresh)


def load_transformer(model: Model, folder: Path) -> None:
    """Load what `save_transformer` or `save_pretrained` wrote.

    model (Model): A `TransformerModel` of spacy-transformers. A transformer that it already has is replaced.
    folder (Path): The folder.
    """
    from transformers import AutoConfig, AutoTokenizer

    # Only tokenizers of Hugging Face's Rust library have this file.
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=(folder / "tokenizer.json").exists())
    config = AutoConfig.from_pretrained(folder)
    transformer = _class_for(config).from_pretrained(folder, config=config).to(get_torch_default_device())
    vocab_file = getattr(tokenizer, "vocab_file", None)
    vocab = Path(vocab_file).read_bytes() if vocab_file else None
    model.attrs["has_transformer"] = False
    model.attrs["set_transformer"](model, HFObjects(tokenizer, transformer, vocab))


@contextmanager
def skip_initialization(model: Model) -> Iterator[None]:
    """Within this context, a transformer that a Thinc model loads from bytes is made without initializing its weights
    first.

    model (Model): A `TransformerModel` of spacy-transformers.
    """
    shims = [shim for node in model.walk() for shim in node.shims if hasattr(shim, "model_cls")]
    before = [shim.model_cls for shim in shims]
    for shim in shims:
        shim.model_cls = _UninitializedAutoModel
    try:
        yield
    finally:
        for shim, model_cls in zip(shims, before):
            shim.model_cls = model_cls


class _UninitializedAutoModel:
    """Used where spacy-transformers expects `AutoModel`."""

    @staticmethod
    def from_config(config: Any) -> Any:
        from transformers.modeling_utils import no_init_weights

        model_cls = _class_for(config)
        with no_init_weights():
            return (
                model_cls._from_config(config) if hasattr(model_cls, "_from_config") else model_cls.from_config(config)
            )


def _class_for(config: Any) -> Any:
    """The class of a model. `AutoModel` would import the classes of all models to find it."""
    from transformers.models.auto.configuration_auto import model_type_to_module_name
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    name = MODEL_MAPPING_NAMES.get(config.model_type)
    if isinstance(name, str):
        return getattr(import_module(f"transformers.models.{model_type_to_module_name(config.model_type)}"), name)
    from transformers import AutoModel

    return AutoModel
