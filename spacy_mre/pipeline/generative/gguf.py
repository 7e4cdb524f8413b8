"""Models in a GGUF file: one file with a config, a tokenizer and weights of few bits, as llama.cpp reads it.

transformers turns the weights into ordinary ones, with which training continues.
"""

from importlib.util import find_spec
from pathlib import Path

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from ...errors import Errors

SUFFIX = ".gguf"


def find_gguf(name: str) -> Path | None:
    """Find a GGUF file.

    name (str): The path of the file, or an installed package that contains exactly one.
    RETURNS (Optional[Path]): The file; None if it is neither.
    RAISES (ValueError): If the package `gguf`, which reads it, is not installed.
    """
    path: Path | None = Path(name) if name.endswith(SUFFIX) and Path(name).is_file() else None
    # Not imported: such a package may be a plugin of another program, which is not needed.
    spec = find_spec(name) if name.isidentifier() else None
    if spec is not None and spec.origin is not None:
        files = list(Path(spec.origin).parent.glob(f"*{SUFFIX}"))
        path = files[0] if len(files) == 1 else path
    if path is not None and find_spec("gguf") is None:
        raise ValueError(Errors.M973.format(what=f"The model '{name}'", package="gguf", install="'spacy-mre[smollm2]'"))
    return path


def with_end_token(tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> PreTrainedTokenizerBase:
    """Give a tokenizer the end token of its model: transformers does not read it from the file.

    tokenizer (PreTrainedTokenizerBase): The tokenizer, which is changed in place.
    config (PretrainedConfig): The config of the model.
    RETURNS (PreTrainedTokenizerBase): The tokenizer.
    """
    if isinstance(config.eos_token_id, int):
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(config.eos_token_id)
    return tokenizer
