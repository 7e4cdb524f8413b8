"""The text classifier: a head over the text vector of a shared encoder."""

from collections.abc import Callable
from typing import Any, cast

import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn

from ...encoders.encoder import Encoded, Encoder
from ...settings import NotNegative, Rate, checked
from ...training.dropout import Dropout
from ...training.growth import BELOW_OLD_LABELS, NO_OUTPUTS, PRIOR, State, add_output
from ...training.sized import SizedShim, set_training, sized_shim


@registry.architectures("spacy_mre.TextCat.v1")
@checked
def build_textcat(encoder: Encoder, dropout: Rate = 0.1, hidden_size: NotNegative = 0) -> Model[list[Doc], Floats2d]:
    """Build the text classifier: an encoder, and a head over the text vector.

    encoder (Model[list[Doc], Encoded]): Token and text vectors.
    dropout (float): Dropout before each linear layer. Default: 0.1.
    hidden_size (int): Width of a hidden layer (GELU); 0 for none. Default: 0.
    RETURNS (Model[list[Doc], Floats2d]): From documents to logits, texts x labels. Its layers are `encoder` and `head`.
    """
    settings = {"dropout": dropout, "hidden_size": hidden_size}
    head: Model = Model("textcat_head", _head_forward, shims=[SizedShim(TextCatHead, settings)])
    refs: dict[str, Model | None] = {"encoder": encoder, "head": head}
    return Model("mre_textcat", _forward, init=_init, layers=[encoder, head], refs=refs)


class TextCatHead(nn.Module):
    """From a text vector to one logit per label.

    width (int): Width of the text vectors.
    labels (int): How many labels there are.
    dropout (float): Dropout before each linear layer.
    hidden_size (int): Width of a hidden layer (GELU); 0 for none.
    """

    def __init__(self, width: int, labels: int, *, dropout: float, hidden_size: int):
        super().__init__()
        hidden = [Dropout(dropout), nn.Linear(width, hidden_size), nn.GELU()] if hidden_size else []
        self.layers = nn.Sequential(*hidden, Dropout(dropout), nn.Linear(hidden_size or width, labels))

    def grown_state(self, *, exclusive: bool) -> State:
        """The weights of a head with one more label, which scores the old labels as before.

        exclusive (bool): Whether the scores go through a softmax, and not through a sigmoid each.
        RETURNS (dict[str, Tensor]): The state dict of the larger head. The new label is the last one.
        """
        state: State = dict(self.state_dict())
        last = f"layers.{len(self.layers) - 1}"
        labels = len(state[f"{last}.weight"])
        if exclusive:
            add_output(state, last, labels, like=slice(0, labels), offset=BELOW_OLD_LABELS)
        else:
            add_output(state, last, labels, like=NO_OUTPUTS, offset=PRIOR)
        return state

    def forward(self, texts: Tensor) -> Tensor:
        """Score the texts.

        texts (Tensor): Texts x width.
        RETURNS (Tensor): Texts x labels.
        """
        return self.layers(texts)


def _init(model: Model, X: list[Doc] | None = None, Y: Any = None) -> None:
    encoder, head = model.get_ref("encoder"), model.get_ref("head")
    encoder.initialize(X=X)
    sized_shim(head).build(width=encoder.get_dim("nO"), **head.attrs["labels"])


def _forward(model: Model, docs: list[Doc], is_train: bool) -> tuple[Floats2d, Callable[[Floats2d], Any]]:
    encoded, backprop_encoder = model.get_ref("encoder")(docs, is_train)
    logits, backprop_head = model.get_ref("head")(encoded, is_train)

    def backprop(d_logits: Floats2d) -> Any:
        return backprop_encoder(backprop_head(d_logits))

    return logits, backprop


def _head_forward(model: Model, encoded: Encoded, is_train: bool) -> tuple[Floats2d, Callable[[Floats2d], Encoded]]:
    module = sized_shim(model).module
    set_training(module, is_train)
    texts = xp2torch(encoded.texts, requires_grad=is_train)
    with torch.inference_mode(not is_train):
        logits = module(texts)

    def backprop(d_logits: Floats2d) -> Encoded:
        torch.autograd.backward(logits, xp2torch(d_logits))
        d_texts = torch.zeros_like(texts) if texts.grad is None else texts.grad
        d_tokens = model.ops.alloc2f(*encoded.tokens.shape)
        return Encoded(d_tokens, cast(Floats2d, torch2xp(d_texts)), encoded.lengths, encoded.cut)

    return cast(Floats2d, torch2xp(logits.detach())), backprop
