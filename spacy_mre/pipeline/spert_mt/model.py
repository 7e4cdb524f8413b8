"""The architecture of SpERT.MT (arXiv 2309.09713): joint entities and relations over enumerated spans."""

from collections.abc import Callable
from typing import Any, cast

import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ...encoders.encoder import Encoded, Encoder
from ...errors import Errors
from ...settings import Positive, Rate, checked
from ...training.sized import SizedShim, set_training, sized_shim
from .decoding import decode
from .heads import SpertMTHeads
from .loss import SpertMTLogits
from .output import SpertMTOptions, SpertMTOutput
from .settings import Mode
from .targets import Targets


@registry.architectures("spacy_mre.SpertMT.v1")
@checked
def build_spert_mt(
    encoder: Encoder, mode: Mode = "spert_mt", max_width: Positive = 10, dropout: Rate = 0.1, see_cats: bool = False
) -> Model[list[Doc], Any]:
    """Build the SpERT.MT model: an encoder, and the heads as a torch module that gets its sizes at initialization.

    encoder (Model[list[Doc], Encoded]): Token and text vectors.
    mode (Mode): A preset of heads, losses and decoding. "spert_mt": our version, as measured in the docs. "paper":
        SpERT.MT as far as its paper states it. "spert": the baseline SpERT. `spacy_mre.pipeline.spert_mt.settings`
        lists what each sets. Default: "spert_mt".
    max_width (int): The widest entity in tokens. Default: 10, as in SpERT.
    dropout (float): Dropout before the heads. Default: 0.1, as in SpERT.
    see_cats (bool): All heads also read the text labels: gold ones in training, and those in `doc.cats` in
        prediction, so that `mre_textcat` must come before this component. They are zeros for a text without a known
        label. (Mutual reinforcement, Gan et al. 2023, arXiv 2307.10291.) Default: False.
    RETURNS (Model): Its layers are `encoder` and `heads`; the component calls them one by one in training.
    """
    settings = {"mode": mode, "max_width": max_width, "dropout": dropout, "see_cats": see_cats}
    heads: Model = Model("spert_mt_heads", _heads_forward, shims=[SizedShim(SpertMTHeads, settings)])
    refs: dict[str, Model | None] = {"encoder": encoder, "heads": heads}
    return Model("spert_mt", _forward, init=_init, layers=[encoder, heads], refs=refs)


def _init(model: Model, X: list[Doc] | None = None, Y: Any = None) -> None:
    encoder, heads = model.get_ref("encoder"), model.get_ref("heads")
    encoder.initialize(X=X)
    sized_shim(heads).build(width=encoder.get_dim("nO"), **heads.attrs["labels"])


def _forward(model: Model, X: tuple[list[Doc], SpertMTOptions], is_train: bool) -> tuple[SpertMTOutput, Callable]:
    if is_train:
        raise NotImplementedError(Errors.M801)
    docs, options = X
    encoded = model.get_ref("encoder").predict(docs)
    module = sized_shim(model.get_ref("heads")).module
    set_training(module, False)
    with torch.inference_mode():
        return decode(module, encoded, options), lambda d_output: []


def _heads_forward(
    model: Model, X: tuple[Encoded, Targets], is_train: bool
) -> tuple[SpertMTLogits, Callable[[SpertMTLogits], Encoded]]:
    encoded, targets = X
    module = sized_shim(model).module
    set_training(module, is_train)
    tokens = xp2torch(encoded.tokens, requires_grad=True)
    texts = xp2torch(encoded.texts, requires_grad=True)
    entities, relations = module(tokens, texts, targets)

    def backprop(d_logits: SpertMTLogits) -> Encoded:
        outputs = [(entities, xp2torch(d_logits.entities)), (relations, xp2torch(d_logits.relations))]
        # A batch without pairs has relation scores that depend on no weight.
        outputs = [(output, gradient) for output, gradient in outputs if output.requires_grad]
        torch.autograd.backward([output for output, _ in outputs], [gradient for _, gradient in outputs])
        d_tokens, d_texts = (torch.zeros_like(x) if x.grad is None else x.grad for x in (tokens, texts))
        return Encoded(
            cast(Floats2d, torch2xp(d_tokens)), cast(Floats2d, torch2xp(d_texts)), encoded.lengths, encoded.cut
        )

    return SpertMTLogits(torch2xp(entities.detach()), torch2xp(relations.detach())), backprop
