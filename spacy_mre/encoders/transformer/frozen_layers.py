"""Lower layers of a transformer that are not trained (Lee et al. 2019, arXiv 1911.03090). The backward pass ends above
them, so that an update is faster."""

from typing import Any

from torch import nn

from ...errors import Errors


def freeze_lowest(transformer: nn.Module, count: int) -> None:
    """Train only the layers above the lowest ones, and nothing else of the model: neither embeddings nor weights that
    all layers read, because the backward pass would reach the lowest layers through them.

    transformer (PreTrainedModel): The Hugging Face model, changed in place.
    count (int): How many layers are not trained. With 0 nothing is changed.
    RAISES (ValueError): If the model has no layers above them.
    """
    if not count:
        return
    layers = find_layers(transformer)
    if count >= len(layers):
        raise ValueError(Errors.M313.format(count=count, layers=len(layers)))
    transformer.requires_grad_(False)
    for layer in layers[count:]:
        layer.requires_grad_(True)


def find_layers(transformer: nn.Module) -> list[nn.Module]:
    """The layers of a Hugging Face model, lowest first.

    transformer (PreTrainedModel): The model.
    RETURNS (list[nn.Module]): Empty unless one list of modules has as many as the config names. ALBERT has layers with
        the same weights; XLM has several lists.
    """
    config: Any = transformer.config
    count = getattr(config, "num_hidden_layers", 0)
    lists = {name: module for name, module in transformer.named_modules() if isinstance(module, nn.ModuleList)}
    outermost = [lists[name] for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
    fitting = [[*layers] for layers in outermost if len(layers) == count]
    return fitting[0] if len(fitting) == 1 else []
