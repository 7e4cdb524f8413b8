"""A transformer on disk, in Hugging Face's layout: weights are mapped into memory, not copied, and other tools can
read it. In int8, only the file of the weights is different."""

from pathlib import Path
from tempfile import TemporaryDirectory

import srsly
import torch
from spacy_transformers.data_classes import HFObjects
from thinc.api import Model, get_torch_default_device

from ...errors import Errors
from ...files import replacing_files
from ...unpacking import is_ours, read_table, reason_of, unpacked
from .int8_weights import load_int8, save_int8
from .model_folder import INT8_WEIGHTS, check_complete, check_loaded, check_model_folder
from .stored_bytes import ORIGIN, class_for, make_uninitialized, read_vocabulary

# The only key of a transformer in int8 inside bytes, and how these begin: those of Thinc have others.
FILES = "files"
START: bytes = srsly.msgpack_dumps({FILES: {}})[:-1]


def save_transformer(model: Model, folder: Path, *, int8: bool) -> None:
    """Write config, weights (safetensors) and tokenizer as `save_pretrained` does.

    model (Model): A `TransformerModel` of spacy-transformers that has a transformer.
    folder (Path): Created if it does not exist.
    int8 (bool): Write the weights in int8, a quarter of the bytes. Only this package reads them.
    """
    with replacing_files(folder, keep_others=False) as fresh:
        if int8:
            model.transformer.config.save_pretrained(fresh)
            save_int8(model.transformer, fresh / INT8_WEIGHTS)
        else:
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


def add_int8_model(data: bytes, model: Model) -> bytes:
    """Add a transformer in int8 to the bytes of a component. It is what `save_transformer` writes, file by file.

    data (bytes): The other parts, from `to_bytes` of spaCy.
    model (Model): A `TransformerModel` of spacy-transformers that has a transformer.
    RETURNS (bytes): All parts. `read_model` reads the part "model".
    """
    with TemporaryDirectory() as place:
        folder = Path(place) / "model"
        save_transformer(model, folder, int8=True)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return srsly.msgpack_dumps({**srsly.msgpack_loads(data), "model": srsly.msgpack_dumps({FILES: files})})


def read_model(model: Model, data: bytes) -> None:
    """Read the part "model" of a component: the files of `add_int8_model`, or the bytes of a Thinc model.

    model (Model): A `TransformerModel` of spacy-transformers. A transformer that it already has is replaced.
    data (bytes): The part.
    RAISES (ValueError): If it is broken, or names other files, models or code.
    """
    if not isinstance(data, bytes) or not data.startswith(START):
        model.from_bytes(data)
        return
    with unpacked(read_table(data, ORIGIN)[FILES], ORIGIN) as folder:
        load_transformer(model, folder)


def _load_objects(folder: Path) -> HFObjects:
    from transformers import AutoConfig, AutoTokenizer

    # Only tokenizers of Hugging Face's Rust library have this file.
    use_fast = (folder / "tokenizer.json").exists()
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=use_fast, trust_remote_code=False)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if (folder / INT8_WEIGHTS).exists():
        config.torch_dtype = torch.float32  # the config may name the type of the pretrained weights
        transformer = make_uninitialized(config).eval()
        load_int8(transformer, folder / INT8_WEIGHTS)
    else:
        transformer, report = class_for(config).from_pretrained(
            folder, config=config, use_safetensors=True, output_loading_info=True
        )
        check_loaded(report, folder, Errors.M333)
    return HFObjects(tokenizer, transformer.to(get_torch_default_device()), read_vocabulary(tokenizer))
