"""The command line. Importing a module registers its command."""

from . import (
    agree,
    compile_assets,
    config,
    convert,
    evaluate,
    export,
    fetch,
    few_shot,
    init,
    merge,
    page,
    reinforce,
    stats,
    strings,
    train,
    train_generative,
    try_package,
)
from .app import app

__all__ = [
    "agree",
    "app",
    "compile_assets",
    "config",
    "convert",
    "evaluate",
    "export",
    "fetch",
    "few_shot",
    "init",
    "merge",
    "page",
    "reinforce",
    "stats",
    "strings",
    "train",
    "train_generative",
    "try_package",
]
