"""A transformer inside stored bytes, in the format of spacy-transformers."""

from importlib import import_module
from pathlib import Path
from typing import Any

import srsly
from spacy_transformers.data_classes import HFObjects
from thinc.api import get_torch_default_device

from ...errors import Errors
from ...training.torch_file import check_weights, read_torch_file
from ...unpacking import is_ours, read_table, reason_of, unpacked
from .model_folder import CONFIG, check_model_folder

ORIGIN = "The stored transformer"
PARTS = ("config", "tokenizer")
# Some versions of the package transformers save these, others compute them.
COMPUTED = (".position_ids",)


def read_stored(shim: Any, data: bytes) -> Any:
    """Read what the shim's `to_bytes` returned. The transformer is made without initializing its weights first.

    shim (HFShim): The shim of spacy-transformers that gets the transformer.
    data (bytes): What should be its bytes.
    RETURNS (HFShim): The shim.
    RAISES (ValueError): If the bytes are broken, contain a file with an unsafe name, or name other files.
    """
    message = read_table(data, ORIGIN)
    if not all(isinstance(message.get(part), dict) for part in PARTS) or "state" not in message:
        raise ValueError(Errors.M012.format(origin=ORIGIN, reason="it has no config, tokenizer and state"))
    # The settings for the start of training are those of the config, not of the bytes.
    settings = shim._hfmodel._init_tokenizer_config, shim._hfmodel._init_transformer_config
    if not message["config"]:
        shim._hfmodel = HFObjects(None, None, None, *settings)
        return shim
    try:
        objects = HFObjects(*_read_objects(message), *settings)
    except Exception as error:
        if is_ours(error):
            raise
        raise ValueError(Errors.M331.format(folder="the stored bytes", reason=reason_of(error))) from error
    shim._hfmodel, shim._model = objects, objects.transformer
    return shim


def _read_objects(message: dict[str, Any]) -> tuple[Any, Any, bytes | None]:
    """The tokenizer, the transformer, and the vocabulary file."""
    from transformers import AutoConfig, AutoTokenizer

    files = dict(message["tokenizer"])
    options = files.pop("kwargs", {})
    config_file = srsly.json_dumps(message["config"]).encode("utf8")
    with unpacked({**files, CONFIG: config_file}, ORIGIN) as folder:
        check_model_folder(folder)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        use_fast = bool(options.get("use_fast", True))
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=use_fast, trust_remote_code=False)
        vocab = read_vocabulary(tokenizer)
    transformer = make_uninitialized(config)
    state = read_torch_file(message["state"], get_torch_default_device(), f"{ORIGIN}'s weights file")
    check_weights(transformer, state, f"{ORIGIN}'s weights file", COMPUTED)
    transformer.load_state_dict(state, strict=False)
    return tokenizer, transformer.to(get_torch_default_device()), vocab


def read_vocabulary(tokenizer: Any) -> bytes | None:
    """RETURNS (Optional[bytes]): The vocabulary file of a tokenizer, if it has one."""
    file = getattr(tokenizer, "vocab_file", None)
    return Path(file).read_bytes() if file and Path(file).is_file() else None


def make_uninitialized(config: Any) -> Any:
    """RETURNS (PreTrainedModel): A model whose weights are to be loaded."""
    from transformers.modeling_utils import no_init_weights

    model_cls = class_for(config)
    with no_init_weights():
        return model_cls._from_config(config) if hasattr(model_cls, "_from_config") else model_cls.from_config(config)


def class_for(config: Any) -> Any:
    """RETURNS (type): The class of a model. `AutoModel` would import the classes of all models to find it."""
    from transformers.models.auto.configuration_auto import model_type_to_module_name
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    name = MODEL_MAPPING_NAMES.get(config.model_type)
    if isinstance(name, str):
        return getattr(import_module(f"transformers.models.{model_type_to_module_name(config.model_type)}"), name)
    from transformers import AutoModel

    return AutoModel
