"""Models that contain their own code are refused without a question, when training starts from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thinc.api import Model

OPTION = "trust_remote_code"


@contextmanager
def refusing_code(model: Model) -> Iterator[None]:
    """Within this context, the transformers that a Thinc model loads by their names must not need code of their own.
    Without this, Hugging Face asks on the terminal whether to run it.

    model (Model): A model that may contain a `TransformerModel` of spacy-transformers.
    RAISES (ValueError): If a transformer is a folder that names other files, models or code.
    """
    objects = [shim._hfmodel for node in model.walk() for shim in node.shims if hasattr(shim, "_hfmodel")]
    before = [(each._init_tokenizer_config, each._init_transformer_config) for each in objects]
    for each, (tokenizer, transformer) in zip(objects, before):
        each._init_tokenizer_config = {OPTION: False, **tokenizer}
        each._init_transformer_config = {OPTION: False, **transformer}
    if objects:
        _check_folders(model)
    try:
        yield
    finally:
        for each, configs in zip(objects, before):
            each._init_tokenizer_config, each._init_transformer_config = configs


def _check_folders(model: Model) -> None:
    from .transformer.model_folder import check_model_folder

    for node in model.walk():
        name: Any = node.attrs.get("name") if node.attrs.get("has_transformer") is False else None
        if name and Path(name).is_dir():
            check_model_folder(Path(name))
