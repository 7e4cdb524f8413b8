"""A transformer on disk, in Hugging Face's layout: weights are mapped into memory, not copied, and other tools can
read it."""

from pathlib import Path

from spacy_transformers.data_classes import HFObjects
from thinc.api import Model, get_torch_default_device

from ...errors import Errors
from ...files import replacing_files
from ...unpacking import is_ours, reason_of
from .model_folder import check_complete, check_loaded, check_model_folder
from .stored_bytes import class_for, read_vocabulary


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
    RAISES (ValueError): If the folder is broken or incomplete, or names other files, models or code.
    """
    try:
        check_model_folder(folder)
        check_complete(folder)
        objects = _load_objects(folder)
    except Exception as error:
        if is_ours(error):
            raise
        raise ValueError(Errors.M331.format(folder=folder, reason=reason_of(error))) from error
    model.attrs["has_transformer"] = False
    model.attrs["set_transformer"](model, objects)


def _load_objects(folder: Path) -> HFObjects:
    from transformers import AutoConfig, AutoTokenizer

    # Only tokenizers of Hugging Face's Rust library have this file.
    use_fast = (folder / "tokenizer.json").exists()
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=use_fast, trust_remote_code=False)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    transformer, report = class_for(config).from_pretrained(
        folder, config=config, use_safetensors=True, output_loading_info=True
    )
    check_loaded(report, folder, Errors.M333)
    return HFObjects(tokenizer, transformer.to(get_torch_default_device()), read_vocabulary(tokenizer))
