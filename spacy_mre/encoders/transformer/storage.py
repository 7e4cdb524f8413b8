"""A transformer on disk, in Hugging Face's layout: weights are mapped into memory, not copied, and other tools can
read it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spacy_transformers.data_classes import HFObjects
from thinc.api import Model, get_torch_default_device

from ...errors import Errors
from ...unpacking import is_ours, reason_of
from .model_folder import check_complete, check_model_folder
from .stored_bytes import class_for, read_vocabulary


@contextmanager
def replaced_files(folder: Path, *, keep_others: bool = True) -> Iterator[Path]:
    """Write files to a temporary folder, and move them into a folder. Existing files are replaced, never overwritten:
    they may be mapped into memory, by this process for example. Links in the folder are replaced too, not followed.

    folder (Path): Created if it does not exist; a file of that name is removed.
    keep_others (bool): Whether files that are not replaced are kept. Default: True.
    YIELDS (Path): An empty folder.
    """
    if folder.is_file():
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        yield Path(fresh)
        mode = 0o666 & ~_umask()
        written = {path.relative_to(fresh): path for path in Path(fresh).rglob("*") if path.is_file()}
        for relative, path in written.items():
            path.chmod(mode)  # safetensors makes files readable by the owner only
            subfolder = (folder / relative).parent
            if subfolder != folder and subfolder.is_symlink():
                subfolder.unlink()
            subfolder.mkdir(exist_ok=True)
            os.replace(path, folder / relative)
    for path in () if keep_others else folder.rglob("*"):
        if path.is_file() and path.relative_to(folder) not in written:
            path.unlink()


def save_transformer(model: Model, folder: Path) -> None:
    """Write config, weights (safetensors) and tokenizer as `save_pretrained` does.

    model (Model): A `TransformerModel` of spacy-transformers that has a transformer.
    folder (Path): Created if it does not exist.
    """
    with replaced_files(folder, keep_others=False) as fresh:
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


def check_loaded(report: dict[str, Any], folder: str | Path, message: str) -> None:
    """Refuse a model that Hugging Face has completed with random weights.

    report (dict[str, Any]): The `output_loading_info` of `from_pretrained`.
    folder (Union[str, Path]): The folder, for the error.
    message (str): The error.
    RAISES (ValueError): If weights were missing. Those of the pooler are not used.
    """
    missing = sorted(name for name in report["missing_keys"] if "pooler." not in name)
    if missing:
        raise ValueError(message.format(folder=folder, name=folder, reason=f"'{missing[0]}' is missing"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
