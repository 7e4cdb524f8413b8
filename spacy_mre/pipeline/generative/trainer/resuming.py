"""Resuming: a training continues from its last checkpoint, if nothing that decides its result has changed."""

import hashlib
import re
import warnings
from dataclasses import asdict
from pathlib import Path

import srsly
from transformers.trainer_callback import TrainerState

from ....errors import Errors, Warnings
from ....files import replacing
from .recipe import Recipe

RUN_FILE = "run.json"
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
# The Trainer writes it last.
STATE_FILE = "trainer_state.json"
# They do not decide what is learned.
FREE = ("save_steps", "report_to", "attn_implementation")


def last_checkpoint(
    recipe: Recipe, train: Path, dev: Path | None, output: Path, *, resume: bool, is_first_process: bool
) -> str | None:
    """Find the last checkpoint of the same training. If there is none, the settings are saved for the next call. One
    that was not written to its end does not count; a warning says so.

    recipe (Recipe): The settings.
    train (Path): The rows.
    dev (Optional[Path]): The dev rows.
    output (Path): The folder of the checkpoints.
    resume (bool): Whether to continue from a checkpoint.
    is_first_process (bool): Whether this process saves the settings.
    RETURNS (Optional[str]): The folder of the checkpoint.
    RAISES (ValueError): If there are checkpoints of another training, or resuming is off.
    """
    found = _newest_first(output)
    checkpoint = next(filter(_is_complete, found), None)
    files = {"rows": train, "dev": dev, "config": Path(recipe.model) if recipe.is_from_scratch else None}
    hashes = {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path is not None and path.is_file() else None
        for name, path in files.items()
    }
    run = {**asdict(recipe), **dict.fromkeys(FREE), **hashes}
    broken = found if checkpoint is None else found[: found.index(checkpoint)]
    if checkpoint is None:
        if is_first_process:
            _tell(broken, "begins anew")
            with replacing(output / RUN_FILE) as temporary:
                srsly.write_json(temporary, run)
        return None
    if not resume:
        raise ValueError(Errors.M943.format(output=output, reason="resuming is off"))
    earlier = srsly.read_json(output / RUN_FILE) if (output / RUN_FILE).is_file() else {}
    different = sorted(key for key in run if run[key] != earlier.get(key))
    if different:
        raise ValueError(Errors.M943.format(output=output, reason=f"different {', '.join(different)}"))
    if is_first_process:
        _tell(broken, f"continues from '{checkpoint.name}'")
    return str(checkpoint)


def _tell(broken: list[Path], what_follows: str) -> None:
    if broken:
        names = ", ".join(f"'{path}'" for path in broken)
        warnings.warn(Warnings.W937.format(names=names, what_follows=what_follows), stacklevel=4)


def _newest_first(output: Path) -> list[Path]:
    found = [(CHECKPOINT.fullmatch(path.name), path) for path in output.iterdir()]
    by_step = {int(match[1]): path for match, path in found if match and path.is_dir()}
    return [by_step[step] for step in sorted(by_step, reverse=True)]


def _is_complete(checkpoint: Path) -> bool:
    try:
        TrainerState.load_from_json(str(checkpoint / STATE_FILE))
    except (OSError, ValueError, TypeError):  # missing, broken off, or empty
        return False
    return True
