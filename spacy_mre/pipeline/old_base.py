"""What our trainable components have in common: settings, a step of learning, and counts of what they leave out."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from ..errors import Warnings
from ..training.buffers import BufferedPipe
from .spans.overlap import LEARNED


class MREPipe(BufferedPipe):
    """A trainable component of this package. A subclass says in `learn` how it learns from a batch.

    left_out_warning (str): Told the first time that something is left out; it takes `name`, `what`, `count` and what else the subclass says of it.
    left_out (Counter): How much was left out, by what it was.
    """

    left_out_warning = Warnings.W802

    def __init__(
        self, vocab: Vocab, model: Model, name: str, *, cfg: dict[str, Any], scorer: Callable | None = None
    ) -> None:
        """Initialize the component.

        vocab (Vocab): The shared vocabulary.
        model (Model): The Thinc Model.
        name (str): The component's name in the pipeline.
        cfg (Dict[str, Any]): Settings, labels and whatever else is saved with it; "spans_key" among them.
        scorer (Optional[Callable]): The scorer.
        """
        self.vocab = vocab
        self.model = model
        self.name = name
        self.cfg: dict[str, Any] = cfg
        self.scorer = scorer
        self.left_out: Counter = Counter()

    @property
    def key(self) -> str:
        """The span group of the entities."""
        return self.cfg["spans_key"]

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch.

        examples (Iterable[Example]): The batch; see `learn` for what of it teaches nothing.
        drop (float): Dropout of Thinc layers; that of torch modules is set in their architectures.
        sgd (Optional[Optimizer]): The optimizer; without it the gradients are kept.
        losses (Optional[Dict[str, float]]): The loss is added under the component's name.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): The component was not initialised.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        loss = self.learn(examples, drop)
        if loss is not None:
            losses[self.name] += loss
            if sgd is not None:
                self.finish_update(sgd)
        return losses

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Give the gradient of a batch back to the model.

        examples (List[Example]): The batch.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None where nothing went through the model, so that nothing can be given back.
        RAISES (ValueError): The component was not initialised.
        """
        raise NotImplementedError

    def _set_or_learned(self, setting: str, learned: str) -> Any:
        """A setting, or where that is "learned", what the training data has taught."""
        return self.cfg[learned if self.cfg[setting] == LEARNED else setting]

    def _leave_out(self, what: str, count: int = 1, *, warning: str | None = None, **about: str) -> None:
        """Count what was left out, and warn the first time."""
        if count and not self.left_out[what]:
            warnings.warn((warning or self.left_out_warning).format(name=self.name, what=what, count=count, **about))
        self.left_out[what] += count
