"""Docs -> vectors: the one contract every head stands on, with an adapter for each kind of encoder.

The adapter contains the listener (or the whole tok2vec), so that spaCy finds it when it walks the model, and wires it by itself.
"""

from dataclasses import dataclass

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

Encoder = Model[list[Doc], "Encoded"]


@dataclass
class Encoded:
    """What an encoder says of a batch of texts.

    tokens (Floats2d): One vector per token, texts one after the other, total tokens x width.
    texts (Floats2d): One vector per text, texts x width.
    lengths (Ints1d): How many tokens each text has; always in host memory.
    cut (Ints1d): How many tokens of each text no wordpiece stands for, white space aside, because the encoder cut the text; in host memory.
    """

    tokens: Floats2d
    texts: Floats2d
    lengths: Ints1d
    cut: Ints1d

    @property
    def offsets(self) -> Ints1d:
        """The first row in `tokens` of each text."""
        return numpy.cumsum(self.lengths) - self.lengths


def find_listeners(model: Model) -> list[Model]:
    """The nodes through which a model listens to a shared encoder: of spaCy's tok2vec or of a transformer."""
    return [node for node in model.walk() if hasattr(node, "upstream_name")]


# Side by side


# Over a transformer


# Over a tok2vec
