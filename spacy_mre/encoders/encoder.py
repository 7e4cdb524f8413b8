"""The encoder contract: from documents to token vectors and text vectors. Every head reads an `Encoded`.

`over_transformer.py` and `over_tok2vec.py` contain the adapters. An adapter contains the listener (or the whole
tok2vec), so that spaCy finds it when it walks the model, and connects it. To add an encoder, write a function that
returns an `Encoder` and register it as an architecture.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..errors import Errors

Encoder: TypeAlias = Model[list[Doc], "Encoded"]


@dataclass
class Encoded:
    """The vectors of a batch of texts.

    tokens (Floats2d): One vector per token, text after text, total tokens x width.
    texts (Floats2d): One vector per text, texts x width.
    lengths (Ints1d): Tokens per text; always in host memory.
    cut (Ints1d): Tokens of each text that have no wordpiece because the encoder truncated it, without those that never
        have any, such as white space and other characters that are not seen; in host memory.

    >>> import spacy
    >>> from spacy_mre.encoders.over_tok2vec import DEFAULT_ENCODER
    >>> encoder = spacy.registry.resolve({"encoder": DEFAULT_ENCODER})["encoder"]
    >>> docs = [spacy.blank("en")("Ida lives in Lima ."), spacy.blank("en")("It rained .")]
    >>> encoder = encoder.initialize(X=docs)
    >>> encoded = encoder.predict(docs)
    >>> encoded.tokens.shape, encoded.texts.shape, encoded.offsets.tolist()
    ((8, 96), (2, 96), [0, 5])
    """

    tokens: Floats2d
    texts: Floats2d
    lengths: Ints1d
    cut: Ints1d

    @property
    def offsets(self) -> Ints1d:
        """RETURNS (Ints1d): The first row in `tokens` of each text."""
        return numpy.cumsum(self.lengths) - self.lengths


def find_listeners(model: Model) -> list[Model]:
    """Find the listener nodes of a model, to a shared tok2vec or transformer.

    model (Model): The model.
    RETURNS (list[Model]): The listeners.
    """
    return [node for node in model.walk() if hasattr(node, "upstream_name")]


def check_outputs(model: Model, docs: Iterable[Doc]) -> None:
    """Refuse documents that the shared encoder has not read: in prediction a listener would return zeros for them.

    model (Model): A model with listeners, wherever they are in it.
    docs (Iterable[Doc]): The documents. Those without tokens have no output.
    RAISES (ValueError): If a document has no output of the shared encoder.
    """
    for listener in find_listeners(model):
        for doc in docs:
            if len(doc) and not _has_output(listener, doc):
                raise ValueError(Errors.M302.format(upstream=getattr(listener, "upstream_name", "*")))


def _has_output(listener: Model, doc: Doc) -> bool:
    if listener.name == "transformer-listener":
        return doc._.trf_data is not None
    return doc.tensor is not None and doc.tensor.size > 0  # `doc_cleaner` sets None


def is_seen(text: str) -> bool:
    """Find out whether a token without wordpieces is a loss.

    text (str): The token.
    RETURNS (bool): Whether it has a character that is more than white space, a control character or the accent of
        another, and that could be decoded. Tokenizers drop the others.

    >>> [is_seen(text) for text in ("Oslo", " ", "\\u200b")]
    [True, False, False]
    """
    return any(unicodedata.category(char)[0] not in "CMZ" and char != "\N{REPLACEMENT CHARACTER}" for char in text)
