"""AdamW for transformers, for Thinc and torch weights: learning rates by group, clipping by global norm, sparse
updates of embeddings."""

import math
from collections import defaultdict
from typing import Any, NamedTuple, cast

import torch
from thinc.api import Optimizer, registry, torch2xp, xp2torch
from thinc.backends import get_array_ops
from thinc.optimizers import FloatOrSeq
from thinc.types import FloatsXd
from torch import Tensor, nn
from torch.optim.adamw import adamw

from ..errors import Errors
from ..settings import NotNegativeFloat, Rate, checked
from .torch_weights import MIN_SPARSE_ROWS

Key = tuple[int, str]

# Thinc's names for biases and for the scale of a layer norm.
UNDECAYED_NAMES = ("b", "G")


@registry.optimizers("spacy_mre.AdamW.v1")
@checked
def make_adamw(
    learn_rate: FloatOrSeq = 5e-5,
    head_learn_rate: FloatOrSeq | None = None,
    layer_learn_rate: FloatOrSeq | None = None,
    beta1: Rate = 0.9,
    beta2: Rate = 0.999,
    eps: float = 1e-8,
    L2: NotNegativeFloat = 0.01,
    grad_clip: NotNegativeFloat = 1.0,
    use_averages: bool = False,
    bias_correction: bool = True,
) -> "AdamW":
    """Make the optimizer.

    learn_rate (FloatOrSeq): Learning rate of transformers, a number or a Thinc schedule. Default: 5e-5.
    head_learn_rate (Optional[FloatOrSeq]): Learning rate of the heads of this package's components. Default:
        `learn_rate`.
    layer_learn_rate (Optional[FloatOrSeq]): Learning rate of Thinc layers: tok2vec and stock components. Default:
        `learn_rate`.
    beta1, beta2, eps (float): Settings of AdamW (Loshchilov & Hutter 2019, algorithm 2).
    L2 (float): Decoupled weight decay, except for biases and layer norms. Default: 0.01.
    grad_clip (float): The largest global norm of all gradients; 0 for no clipping. Default: 1.0.
    use_averages (bool): Evaluate and save averages of the weights: of `mre_transformer`, of the heads of this package
        and of Thinc layers. Stock torch components, `transformer` included, keep their last weights, because Thinc
        does not average torch weights. Default: False.
    bias_correction (bool): Correct the moments for their start at zero (Kingma & Ba 2015, section 3). Without it, as
        in the code of BERT and SpERT, the first steps are larger. Default: True.
    RETURNS (AdamW): The optimizer.
    """
    return AdamW(
        learn_rate,
        head_learn_rate=head_learn_rate,
        layer_learn_rate=layer_learn_rate,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        L2=L2,
        grad_clip=grad_clip,
        use_averages=use_averages,
        bias_correction=bias_correction,
    )


class _Pending(NamedTuple):
    weights: Tensor
    gradient: Tensor
    rows: Tensor | None
    lr_scale: float


class AdamW(Optimizer):
    """Collects the gradients of all weights, and updates all weights when `step_schedules` is called.

    spaCy calls an optimizer weight by weight, but the global norm is known only after the last one. `spacy train`
    calls `step_schedules` after every update; a custom training loop with `nlp.update(..., sgd=optimizer)` must do
    the same.

    The arguments are those of `make_adamw`.

    >>> import spacy
    >>> from spacy.training import Example
    >>> nlp = spacy.blank("en")
    >>> textcat = nlp.add_pipe("mre_textcat")
    >>> gold = {"cats": {"people": 1.0, "travel": 0.0}}
    >>> examples = [Example.from_dict(nlp.make_doc("Ida lives in Lima ."), gold)]
    >>> optimizer = make_adamw(learn_rate=0.001, head_learn_rate=0.01)
    >>> nlp.initialize(lambda: examples, sgd=optimizer) is optimizer
    True
    >>> losses = nlp.update(examples, sgd=optimizer)
    >>> optimizer.step_schedules()
    """

    def __init__(
        self,
        learn_rate: FloatOrSeq,
        *,
        head_learn_rate: FloatOrSeq | None = None,
        layer_learn_rate: FloatOrSeq | None = None,
        bias_correction: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(learn_rate, use_radam=False, L2_is_weight_decay=True, **settings)
        self.bias_correction = bias_correction
        # A schedule must not be stepped twice, so groups without one use the encoder's.
        self.own_rates = {"heads": head_learn_rate is not None, "layers": layer_learn_rate is not None}
        self._set_attr_or_schedule("head_learn_rate", head_learn_rate if head_learn_rate is not None else 0.0)
        self._set_attr_or_schedule("layer_learn_rate", layer_learn_rate if layer_learn_rate is not None else 0.0)
        self.pending: dict[Key, _Pending] = {}
        self.arrays: dict[Key, FloatsXd] = {}
        self.steps: dict[Key, int] = defaultdict(int)

    def __call__(
        self, key: Key, weights: FloatsXd, gradient: FloatsXd, *, lr_scale: float = 1.0
    ) -> tuple[FloatsXd, FloatsXd]:
        """Collect a gradient. The weights change at the next `step_schedules`.

        key (tuple[int, str]): The id of the node or shim and the name of the weight.
        weights (FloatsXd): Changed in place, later.
        gradient (FloatsXd): Copied, and zeroed as Thinc expects.
        lr_scale (float): Factor of the learning rate in this step.
        RETURNS (tuple[FloatsXd, FloatsXd]): The same arrays.
        """
        if weights.size:
            if key in self.pending:  # there was no step since the last update
                self.step()
            tensor = xp2torch(gradient)
            rows = None
            if tensor.ndim == 2 and len(tensor) >= MIN_SPARSE_ROWS:
                rows = tensor.any(dim=1).nonzero()[:, 0]
            kept = tensor.clone() if rows is None else tensor.index_select(0, rows)
            weights = self._first_array(key, weights)
            self.pending[key] = _Pending(xp2torch(weights), kept, rows, lr_scale)
            gradient[...] = 0.0
        return weights, gradient

    def take(self, key: Key, parameter: nn.Parameter) -> None:
        """Take the gradient of a torch weight without a copy. The weight has no gradient afterwards.

        key (tuple[int, str]): The id of the shim and the name of the weight.
        parameter (nn.Parameter): The weight. Without a gradient nothing happens; a sparse gradient updates only its
            rows.
        """
        gradient, parameter.grad = parameter.grad, None
        if gradient is None:
            return
        if key in self.pending:  # there was no step since the last update
            self.step()
        rows = None
        if gradient.is_sparse:
            gradient = gradient.coalesce()
            rows, gradient = gradient.indices()[0], gradient.values()
        self.pending[key] = _Pending(parameter.data, gradient, rows, lr_scale=1.0)

    def step_schedules(self) -> None:
        """Apply the collected gradients, then move the schedules on."""
        self.step()
        super().step_schedules()

    def step(self) -> None:
        """Apply the collected gradients: clip all by their global norm, then one AdamW step for each weight.

        RAISES (ValueError): If the global norm is not finite; then no weight is changed. Without `grad_clip` there is
            no norm, and the next loss is not finite.
        """
        if not self.pending:
            return
        if self.grad_clip:
            norms = torch.stack([pending.gradient.norm() for pending in self.pending.values()])
            norm = norms.norm()
            if not torch.isfinite(norm):
                self._refuse(norms)
            # As in torch.nn.utils.clip_grad_norm_.
            scale = (self.grad_clip / (norm + 1e-6)).clamp(max=1.0)
            torch._foreach_mul_([pending.gradient for pending in self.pending.values()], scale)
        by_rate_and_decay: dict[tuple[float, float, float], list[Key]] = defaultdict(list)
        for key, pending in self.pending.items():
            self.steps[key] += 1
            if pending.rows is None:
                rate = self.rate(key[1]) * pending.lr_scale
                by_rate_and_decay[rate, self.decay(key[1], pending.weights), self._corrected_step(key)].append(key)
            else:
                self._step_rows(key, pending)
        for (rate, decay, step), keys in by_rate_and_decay.items():
            self._step_dense(keys, rate, decay, step)
        if self.averages is not None:
            for key, pending in self.pending.items():
                self._average(key, pending.weights)
        self.pending.clear()

    def _refuse(self, norms: Tensor) -> None:
        names = sorted({name for (_, name), norm in zip(self.pending, norms.tolist()) if not math.isfinite(norm)})
        self.pending.clear()
        raise ValueError(Errors.M808.format(names=", ".join(names[:5]) or "all together"))

    def rate(self, name: str) -> float:
        """The learning rate of a weight. Names of this package's heads begin with "heads.", and of all names only those
        of torch contain dots.

        name (str): The name of the weight.
        RETURNS (float): The rate.
        """
        if name.startswith("heads."):
            return self.head_learn_rate if self.own_rates["heads"] else self.learn_rate
        if "." not in name:
            return self.layer_learn_rate if self.own_rates["layers"] else self.learn_rate
        return self.learn_rate

    def decay(self, name: str, weights: Tensor) -> float:
        """The weight decay of a weight, 0 for biases and layer norms.

        name (str): The name of the weight.
        weights (Tensor): The weight.
        RETURNS (float): The decay.
        """
        return 0.0 if weights.ndim < 2 or name in UNDECAYED_NAMES else self.L2

    def _first_array(self, key: Key, weights: FloatsXd) -> FloatsXd:
        """Return the first array that was seen with this memory. Thinc wraps torch weights in a new array at each
        step, and the array that this optimizer returns in a new tensor. Returning the newest array would create a
        chain of wrappers that grows with every step and is never freed."""
        array = self.arrays.get(key)
        if array is None or array.shape != weights.shape or xp2torch(array).data_ptr() != xp2torch(weights).data_ptr():
            array = self.arrays[key] = weights
        return array

    def _corrected_step(self, key: Key) -> float:
        """Return the step number for bias correction, infinite without correction."""
        return self.steps[key] if self.bias_correction else math.inf

    def _step_dense(self, keys: list[Key], rate: float, decay: float, step: float) -> None:
        first, second = zip(*(self._moments(key) for key in keys))
        # Fused: one pass over the memory of each weight instead of ten. It counts the step itself.
        adamw(
            [self.pending[key].weights for key in keys],
            [self.pending[key].gradient for key in keys],
            list(first),
            list(second),
            [],
            [torch.tensor(step - 1.0, device=moment.device) for moment in first],
            fused=True,
            amsgrad=False,
            beta1=self.b1,
            beta2=self.b2,
            lr=rate,
            weight_decay=decay,
            eps=self.eps,
            maximize=False,
        )

    def _step_rows(self, key: Key, pending: _Pending) -> None:
        """AdamW on the rows that have a gradient; the moments of other rows are unchanged."""
        rate, step = self.rate(key[1]) * pending.lr_scale, self._corrected_step(key)
        rows = cast(Tensor, pending.rows)
        first, second = self._moments(key)
        first_rows = first.index_select(0, rows).lerp_(pending.gradient, 1 - self.b1)
        second_rows = (
            second.index_select(0, rows).mul_(self.b2).addcmul_(pending.gradient, pending.gradient, value=1 - self.b2)
        )
        first.index_copy_(0, rows, first_rows)
        second.index_copy_(0, rows, second_rows)
        weights = pending.weights.index_select(0, rows).mul_(1 - rate * self.decay(key[1], pending.weights))
        denominators = second_rows.sqrt().div_((1 - self.b2**step) ** 0.5).add_(self.eps)
        pending.weights.index_copy_(
            0, rows, weights.addcdiv_(first_rows, denominators, value=-rate / (1 - self.b1**step))
        )

    def _moments(self, key: Key) -> tuple[Tensor, Tensor]:
        if key not in self.mom1:
            weights = self.pending[key].weights
            self.mom1[key] = torch.zeros_like(weights, memory_format=torch.contiguous_format)
            self.mom2[key] = torch.zeros_like(weights, memory_format=torch.contiguous_format)
        return self.mom1[key], self.mom2[key]

    def _average(self, key: Key, weights: Tensor) -> None:
        """Update the running average, with decay min(0.9999, (1 + t) / (10 + t)) as in Thinc."""
        if key not in self.averages:
            self.averages[key] = torch2xp(torch.zeros_like(weights))
        get_array_ops(self.averages[key]).update_averages(self.averages[key], torch2xp(weights), self.steps[key])
