"""Initial weights for an encoder, from another component of the pipeline."""

from typing import Any

from spacy.language import Language
from thinc.api import Model

from ...errors import Errors


def copy_encoder_weights(nlp: Language | None, source: str, interaction: Model) -> None:
    """Copy the weights of a component to the encoder of the same architecture.

    nlp (Optional[Language]): The pipeline.
    source (str): The name of the component whose weights are copied, "transformer" for example.
    interaction (Model): The interaction that contains the encoder.
    RAISES (ValueError): If there is no such component, it is not initialized, or its architecture or width is not that
        of the encoder.
    """
    if nlp is None or source not in nlp.component_names:
        raise ValueError(Errors.M839.format(donor=source, reason="there is no such component"))
    component: Any = nlp.get_pipe(source)
    donor: Model = component.model
    if not donor.attrs.get("has_transformer", True) or not donor.has_dim("nO"):
        reason = "it is not initialized yet; put it before this component"
        raise ValueError(Errors.M839.format(donor=source, reason=reason))
    size, width = len(list(donor.walk())), donor.get_dim("nO")
    for node in interaction.walk():
        if node.name == donor.name and len(list(node.walk())) == size and node.get_dim("nO") == width:
            node.from_bytes(donor.to_bytes())
            return
    reason = "this component has no encoder of the same architecture and width"
    raise ValueError(Errors.M839.format(donor=source, reason=reason))
