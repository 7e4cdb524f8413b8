"""Resuming: a training continues from its last checkpoint, if nothing that decides its result has changed."""

import hashlib
from dataclasses import asdict
from pathlib import Path

import srsly
from transformers.trainer_utils import get_last_checkpoint

from ....errors import Errors
from ....files import replacing
from .recipe import Recipe

RUN_FILE = "run.json"
# They do not decide what is learned.
FREE = ("save_steps", "report_to", "attn_implementation")


def last_checkpoint(
    recipe: Recipe, train: Path, dev: Path | None, output: Path, *, resume: bool, is_first_process: bool
) -> str | None:
    """Find the last checkpoint of the same training. If there is none, the settings are saved for the next call.

    recipe (Recipe): The settings.
    train (Path): The rows.
    dev (Optional[Path]): The dev rows.
    output (Path): The folder of the checkpoints.
    resume (bool): Whether to continue from a checkpoint.
    is_first_process (bool): Whether this process saves the settings.
    RETURNS (Optional[str]): The folder of the checkpoint.
    RAISES (ValueError): If there are checkpoints of another training, or resuming is off.
    """
    checkpoint = get_last_checkpoint(str(output))
    files = {"rows": train, "dev": dev, "config": Path(recipe.model) if recipe.is_from_scratch else None}
    hashes = {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path is not None and path.is_file() else None
        for name, path in files.items()
    }
    run = {**asdict(recipe), **dict.fromkeys(FREE), **hashes}
    if checkpoint is None:
        if is_first_process:
            with replacing(output / RUN_FILE) as temporary:
                srsly.write_json(temporary, run)
        return None
    if not resume:
        raise ValueError(Errors.M943.format(output=output, reason="resuming is off"))
    earlier = srsly.read_json(output / RUN_FILE) if (output / RUN_FILE).is_file() else {}
    different = sorted(key for key in run if run[key] != earlier.get(key))
    if different:
        raise ValueError(Errors.M943.format(output=output, reason=f"different {', '.join(different)}"))
    return checkpoint
