"""Torch in forked processes."""

import os
from functools import cache, partial

import torch


@cache
def use_one_thread_when_forked() -> None:
    """Let torch use one thread in processes that are forked from now on, such as the workers of
    `nlp.pipe(n_process=2)`. They would wait for the threads of their parent forever."""
    if hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))
