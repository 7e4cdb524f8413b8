"""The contract of the interaction between questions and texts: a batch of both in, one vector per position of a text
and question out.

`exact` and `exact_tok2vec` read each question together with each text, `late` reads them separately.
"""

from dataclasses import dataclass

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats3d

TextsAndQuestions = tuple[list[Doc], list[Doc]]
Interaction = Model[TextsAndQuestions, "EncodedPairs"]


@dataclass
class EncodedPairs:
    """The vectors of a batch of texts, once for each question.

    A position is a wordpiece that begins or ends a token; over a tok2vec every token is one position. All arrays but
    the vectors are in host memory.

    vectors (Floats3d): Questions x positions x width; the positions of all texts, one text after the other.
    firsts, lasts (numpy.ndarray): The position at which each token begins and ends, -1 for a token without wordpieces;
        shape (tokens,).
    sizes (numpy.ndarray): Positions per text.
    lengths (numpy.ndarray): Tokens per text.
    cut (numpy.ndarray): How many tokens of each text have no wordpieces, not counting white space.
    """

    vectors: Floats3d
    firsts: numpy.ndarray
    lasts: numpy.ndarray
    sizes: numpy.ndarray
    lengths: numpy.ndarray
    cut: numpy.ndarray

    @property
    def offsets(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The first token of each text, shape (texts,)."""
        return numpy.cumsum(self.lengths) - self.lengths

    @classmethod
    def of_tokens(cls, vectors: Floats3d, lengths: numpy.ndarray, cut: numpy.ndarray | None = None) -> "EncodedPairs":
        """Make the output of an encoder for which every token is one position.

        vectors (Floats3d): Questions x tokens x width.
        lengths (numpy.ndarray): Tokens per text.
        cut (Optional[numpy.ndarray]): Tokens without wordpieces, per text. Default: None (0).
        RETURNS (EncodedPairs): The output.
        """
        tokens = numpy.arange(int(lengths.sum()))
        return cls(vectors, tokens, tokens, lengths, lengths, numpy.zeros_like(lengths) if cut is None else cut)
