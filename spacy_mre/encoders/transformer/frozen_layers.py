"""Lower layers of a transformer that are not trained (Lee et al. 2019, arXiv 1911.03090). The backward pass ends above
them, so that an update is faster and takes less memory."""

from typing import Any

from torch import nn

from ...errors import Errors


def freeze_layers(transformer: nn.Module, count: int) -> None:
    """Leave the embeddings and the lowest layers as they are in training.

    transformer (PreTrainedModel): The Hugging Face model, changed in place.
    count (int): How many layers. With 0 nothing is changed.
    RAISES (ValueError): If the model has no layers above them.
    """
    if not count:
        return
    layers = find_layers(transformer)
    if count >= len(layers):
        raise ValueError(Errors.M313.format(count=count, layers=len(layers)))
    for module in (_find_embeddings(transformer), *layers[:count]):
        module.requires_grad_(False)
    for module in layers[count:]:
        module.requires_grad_(True)


def find_layers(transformer: nn.Module) -> list[nn.Module]:
    """The layers of a Hugging Face model, lowest first.

    transformer (PreTrainedModel): The model.
    RETURNS (list[nn.Module]): Empty if there is no list of as many modules as the config names, as in ALBERT, whose
        layers have the same weights.
    """
    config: Any = transformer.config
    count = getattr(config, "num_hidden_layers", 0)
    lists = [module for module in transformer.modules() if isinstance(module, nn.ModuleList)]
    return next(([*module] for module in lists if len(module) == count), [])


def _find_embeddings(transformer: Any) -> nn.Module:
    """With positions and their normalization, where the model keeps them together."""
    embeddings = getattr(transformer, "embeddings", None)
    return embeddings if isinstance(embeddings, nn.Module) else transformer.get_input_embeddings()
