"""A text-level head on the shared encoder, which may also see the entities found before it."""

from collections.abc import Callable
from typing import Any

import numpy
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn

from ...encoders.encoder import Encoded, Encoder
from ...training.sized import SizedShim, set_training
from ..spans.pooling import range_max, to_index
from ..spans.spans import Spans


@registry.architectures("spacy_mre.TextCat.v1")
def build_textcat(
    encoder: Encoder, dropout: float = 0.1, hidden_size: int = 0, see_entities: bool = False
) -> Model[list[Doc], Any]:
    """Build the text classifier: an encoder, and a head over the text vector.

    encoder (Model[List[Doc], Encoded]): Token and text vectors.
    dropout (float): Before each linear layer.
    hidden_size (int): Width of a hidden layer (GELU); 0 for none.
    see_entities (bool): The head also sees the mean vector of the entities and how many there are of each type: in training gold ones, or those that
        a component among the `annotating_components` finds.
    RETURNS (Model): Its layers are `encoder` and `head`; the component calls them one by one in training.
    """
    head: Model = Model(
        "textcat_head",
        _head_forward,
        shims=[SizedShim(TextCatHead)],
        attrs={"config": {"dropout": dropout, "hidden_size": hidden_size, "see_entities": see_entities}},
    )
    return Model("mre_textcat", _forward, init=_init, layers=[encoder, head], refs={"encoder": encoder, "head": head})


class TextCatHead(nn.Module):
    """Text vector (and entities) -> one logit per label."""

    def __init__(
        self, width: int, labels: int, entity_labels: int, *, dropout: float, hidden_size: int, see_entities: bool
    ):
        super().__init__()
        self.see_entities = see_entities
        self.entity_labels = entity_labels
        size = width + (width + entity_labels if see_entities else 0)
        hidden = [nn.Dropout(dropout), nn.Linear(size, hidden_size), nn.GELU()] if hidden_size else []
        self.layers = nn.Sequential(*hidden, nn.Dropout(dropout), nn.Linear(hidden_size or size, labels))

    def forward(self, tokens: Tensor, texts: Tensor, entities: Spans | None) -> Tensor:
        """Score the texts.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x width.
        entities (Optional[Spans]): What was found before, where the head sees it.
        RETURNS (Tensor): Texts x labels.
        """
        if self.see_entities and entities is not None:
            texts = torch.cat([texts, *self._seen(tokens, len(texts), entities)], dim=1)
        return self.layers(texts)

    def _seen(self, tokens: Tensor, n_texts: int, entities: Spans) -> tuple[Tensor, Tensor]:
        """The mean of the max-pooled entity vectors, and log(1 + count) of each type, per text."""
        where = to_index(entities.texts, tokens)
        pooled = range_max(tokens, entities.starts, entities.ends)
        sums = tokens.new_zeros(n_texts, tokens.shape[1]).index_add(0, where, pooled)
        counts = tokens.new_zeros(n_texts, self.entity_labels + 1)
        counts.index_put_(
            (where, to_index(entities.labels, tokens) + 1), tokens.new_ones(len(entities)), accumulate=True
        )
        return sums / counts.sum(dim=1, keepdim=True).clamp(min=1), torch.log1p(counts[:, 1:])


def _init(model: Model, X: list[Doc] | None = None, Y=None) -> None:
    encoder, head = model.get_ref("encoder"), model.get_ref("head")
    encoder.initialize(X=X)
    head.shims[0].build(width=encoder.get_dim("nO"), **head.attrs["labels"], **head.attrs["config"])


def _forward(
    model: Model, X: tuple[list[Doc], Callable[[numpy.ndarray], Spans | None]], is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Any]]:
    docs, get_spans = X
    encoded, backprop_encoder = model.get_ref("encoder")(docs, is_train)
    logits, backprop_head = model.get_ref("head")((encoded, get_spans(encoded.offsets)), is_train)
    return logits, lambda d_logits: backprop_encoder(backprop_head(d_logits))


def _head_forward(
    model: Model, X: tuple[Encoded, Spans | None], is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Encoded]]:
    encoded, entities = X
    module = model.shims[0].module
    set_training(module, is_train)
    tokens, texts = (xp2torch(array, requires_grad=is_train) for array in (encoded.tokens, encoded.texts))
    with torch.inference_mode(not is_train):
        logits = module(tokens, texts, entities)

    def backprop(d_logits: Floats2d) -> Encoded:
        torch.autograd.backward(logits, xp2torch(d_logits))
        gradients = [torch.zeros_like(array) if array.grad is None else array.grad for array in (tokens, texts)]
        return Encoded(*map(torch2xp, gradients), encoded.lengths, encoded.cut)

    return torch2xp(logits.detach()), backprop
