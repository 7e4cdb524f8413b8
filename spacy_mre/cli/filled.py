"""Training configs as files in which all settings are filled in."""

from pathlib import Path

from confection import Config
from spacy.cli.init_config import fill_config

from ..files import replacing
from .common import counted


def write_filled(config: Config, path: Path) -> None:
    """Write a config, with the default of every setting that it does not have.

    config (Config): The config.
    path (Path): The file to write.
    RAISES (ValueError): If the file cannot be written.
    """
    with replacing(path) as temporary:
        config.to_disk(temporary)
        fill_config(temporary, temporary, silent=True)


def describe(config: Config, texts: int) -> str:
    """Describe what was adapted to the training texts.

    config (Config): The adapted config.
    texts (int): The number of training texts.
    RETURNS (str): The components, and how long they are trained.
    """
    training = config["training"]
    return (
        f"{counted(texts, 'training text')}: {', '.join(config['nlp']['pipeline'])}; "
        f"{training['max_steps']} updates, evaluated after every {training['eval_frequency']}"
    )
