"""Tokenizers and models of Hugging Face that several threads use at the same time.

Prediction changes nothing that threads share, with these exceptions; each has its own remedy:

- Sudachi's tokenizers change their buffers: one for each thread (`tokenization/japanese.py`).
- Fast tokenizers of Hugging Face keep padding, truncation and the like as settings, which a call changes: `encode`.
- The transformer of spacy-transformers is in training mode between two calls: `one_thread_at_a_time`.
- Torch modules are switched to evaluation mode by the first call: `set_training`, which completes the switch before
  another thread can rely on it.
- What is made at the first call is published when it is complete, and never changed: engines, constraints, question
  vectors.
- Counts of what was left out: with a lock (`pipeline/base.py`).

A listener reads `doc.tensor` or `doc._.trf_data` in prediction, so it cannot get the vectors of another thread. In
training it reads what the last update stored: a pipeline is trained by one thread.
"""

from collections.abc import Callable
from functools import partial
from threading import Lock, RLock
from typing import Any

from thinc.api import Model

_ENCODING = Lock()
_RUNNING = RLock()  # the layers of a locked model may contain another one


def encode(tokenizer: Any, *texts: Any, **options: Any) -> Any:
    """Call a tokenizer. Another thread that calls one waits: it would meet the settings of this call, or get "Already
    borrowed".

    tokenizer (PreTrainedTokenizerBase): A Hugging Face tokenizer.
    texts (Any): Its texts.
    options (Any): Its other arguments.
    RETURNS (BatchEncoding): Its output.
    """
    with _ENCODING:
        return tokenizer(*texts, verbose=False, **options)


def one_thread_at_a_time(model: Model) -> Model:
    """Let threads run a model one after the other.

    Thinc's shim puts a torch module into training mode after each prediction, so that the dropout of a prediction that
    is still running would be switched on. `mre_transformer` does not run the model through the shim, and does not wait.

    model (Model): A `TransformerModel` of spacy-transformers, changed in place.
    RETURNS (Model): The same model.
    """
    model._func = partial(_run, model._func)
    return model


def _run(forward: Callable, model: Model, X: Any, is_train: bool) -> tuple[Any, Callable]:
    with _RUNNING:
        return forward(model, X, is_train)
