"""New labels for trained heads."""

from ...training.growth import BELOW_OLD_LABELS, NO_OUTPUTS, PRIOR, State, add_input, add_output
from .heads import SpertMTHeads
from .settings import LabelKind

ENTITY_LAYERS = ("entity_span", "entity_text", "entity_width", "entity_first", "entity_last", "entity_hidden")
RELATION_LAYERS = ("relation_context", "head_argument", "tail_argument", "argument_product", "relation_cats")


def grown_state(heads: SpertMTHeads, kind: LabelKind) -> State:
    """The weights of heads with one more label, which score the old labels as before.

    heads (SpertMTHeads): The trained heads.
    kind (LabelKind): What the label is a label of.
    RETURNS (dict[str, Tensor]): The state dict of the larger heads. The new label is the last one of its kind.
    """
    state: State = dict(heads.state_dict())
    if kind == "cat":
        for layer in ("entity_text", "relation_cats"):
            add_input(state, layer)
    elif kind == "entity":
        _add_label(state, ENTITY_LAYERS, 1, heads.entity_columns, is_softmax=True)
        if heads.preset.uses_entity_logits:
            for layer in ("head_argument", "tail_argument"):
                add_input(state, layer)
    else:
        is_softmax = heads.preset.has_identification
        _add_label(state, RELATION_LAYERS, int(is_softmax), heads.relation_columns, is_softmax=is_softmax)
    return state


def _add_label(state: State, layers: tuple[str, ...], first: int, end: int, *, is_softmax: bool) -> None:
    """Add a column after those of the old labels, `first` to `end`."""
    if is_softmax:
        # Without an old label, identification has the score of a pair so far, which a column of zeros does not change.
        like, offset = slice(first, end), BELOW_OLD_LABELS if end > first else 0.0
    else:
        like, offset = NO_OUTPUTS, PRIOR
    for layer in layers:
        add_output(state, layer, end, like=like, offset=offset)
