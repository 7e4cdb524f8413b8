"""A shared transformer on disk: in Hugging Face's own layout, so that weights are mapped into memory instead of copied, and other tools read it too."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from spacy_transformers.data_classes import HFObjects
from thinc.api import Model, get_torch_default_device


@contextmanager
def replaced_files(folder: Path, *, others: bool = True) -> Iterator[Path]:
    """Files written into what this gives become those of a folder. They replace the ones before, which are never written over: they may be mapped into
    memory by who has loaded them, which may be this process.

    folder (Path): Made if it is not there; a file of that name goes.
    others (bool): Whether files that have no successor stay. Default: True.
    YIELDS (Path): An empty folder.
    """
    if folder.is_file():
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        yield Path(fresh)
        mode = 0o666 & ~_umask()
        written = {path.relative_to(fresh): path for path in Path(fresh).rglob("*") if path.is_file()}
        for place, path in written.items():
            path.chmod(mode)  # safetensors lets only the owner read
            (folder / place).parent.mkdir(exist_ok=True)
            os.replace(path, folder / place)
    for path in () if others else folder.rglob("*"):
        if path.is_file() and path.relative_to(folder) not in written:
            path.unlink()


def save_transformer(model: Model, folder: Path) -> None:
    """Write config, weights (safetensors) and tokenizer as `save_pretrained` does.

    model (Model): A `TransformerModel` of spacy-transformers that holds a transformer.
    folder (Path): Made if it is not there.
    """
    with replaced_files(folder, others=False) as fresh:
        model.transformer.save_pretrained(fresh)
        model.tokenizer.save_pretrained(fresh)


def load_transformer(model: Model, folder: Path) -> None:
    """Read what `save_transformer` wrote, or `save_pretrained`.

    model (Model): A `TransformerModel` of spacy-transformers; a transformer that it holds already is replaced.
    folder (Path): The folder.
    """
    from transformers import AutoConfig, AutoTokenizer

    # A tokenizer of Hugging Face's Rust library writes this file, one in Python does not.
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=(folder / "tokenizer.json").exists())
    config = AutoConfig.from_pretrained(folder)
    transformer = _class_for(config).from_pretrained(folder, config=config).to(get_torch_default_device())
    vocab_file = getattr(tokenizer, "vocab_file", None)
    vocab = Path(vocab_file).read_bytes() if vocab_file else None
    model.attrs["has_transformer"] = False
    model.attrs["set_transformer"](model, HFObjects(tokenizer, transformer, vocab))


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

        model_cls = _class_for(config)
        with no_init_weights():
            return (
                model_cls._from_config(config) if hasattr(model_cls, "_from_config") else model_cls.from_config(config)
            )


def _class_for(config: Any) -> Any:
    """The class of a model: `AutoModel` knows it too, but imports the classes of all models to find one."""
    from transformers.models.auto.configuration_auto import model_type_to_module_name
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    name = MODEL_MAPPING_NAMES.get(config.model_type)
    if isinstance(name, str):
        return getattr(import_module(f"transformers.models.{model_type_to_module_name(config.model_type)}"), name)
    from transformers import AutoModel

    return AutoModel


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
