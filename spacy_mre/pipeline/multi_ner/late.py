"""Late interaction: texts and questions are read separately, and then each text attends to each question."""

from collections.abc import Callable
from typing import Any, cast

import numpy
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d, Floats3d

from ...encoders.encoder import Encoded, Encoder, find_listeners
from ...errors import Errors
from ...settings import Positive, Rate, checked
from ...training.sized import SizedShim, set_training, sized_shim
from ...training.torch_weights import fingerprint
from .cross_attention import CrossAttention
from .exact_tok2vec import ATTRIBUTES
from .interaction import EncodedPairs, Interaction, TextsAndQuestions


@registry.architectures("spacy_mre.LateInteraction.v1")
@checked
def build_late_interaction(
    encoder: Encoder,
    questions: Encoder | None = None,
    depth: Positive = 2,
    size: Positive = 128,
    attention_heads: Positive = 4,
    dropout: Rate = 0.1,
) -> Interaction:
    """Read texts and questions separately, and let every token attend to the words of every question.

    Late interaction is known from retrieval (Khattab and Zaharia 2020); this form of it for Multi-NER is new.
    `docs/multi_ner.md` compares its speed and scores with the exact interaction.

    encoder (Model[list[Doc], Encoded]): Reads the texts; it may listen to the pipeline's shared encoder.
    questions (Optional[Model[list[Doc], Encoded]]): Reads the questions; not a listener. In prediction, questions are
        read again only if they or the weights have changed. Default: None (`encoder`, which is then not a listener).
    depth (int): How many layers of cross-attention, each with a feed-forward layer. Default: 2.
    size (int): Width inside these layers. Default: 128.
    attention_heads (int): Attention heads per layer; a divisor of `size`. Default: 4.
    dropout (float): Dropout after each attention and feed-forward layer. Default: 0.1.
    RETURNS (Model[tuple[list[Doc], list[Doc]], EncodedPairs]): From texts and questions to vectors.
    RAISES (ValueError): If a listener would read the questions.
    """
    reader = encoder if questions is None else questions
    if find_listeners(reader):
        raise ValueError(Errors.M840)
    settings = {"depth": depth, "size": size, "attention_heads": attention_heads, "dropout": dropout}
    cross: Model = Model("cross_attention", _cross_forward, shims=[SizedShim(CrossAttention, settings)])
    layers: list[Model] = [encoder, cross] if questions is None else [encoder, questions, cross]
    refs: dict[str, Model | None] = {"encoder": encoder, "questions": reader, "cross": cross}
    return Model("late_interaction", _forward, init=_init, layers=layers, refs=refs, dims={"nO": None})


def _init(model: Interaction, X: TextsAndQuestions | None = None, Y: Any = None) -> None:
    encoder, reader, cross = (model.get_ref(name) for name in ("encoder", "questions", "cross"))
    docs, questions = (None, None) if X is None else X
    encoder.initialize(X=docs)
    if reader is not encoder:
        reader.initialize(X=questions)
    sized_shim(cross).build(width=encoder.get_dim("nO"), question_width=reader.get_dim("nO"))
    model.set_dim("nO", encoder.get_dim("nO"), force=True)


def _forward(
    model: Interaction, X: TextsAndQuestions, is_train: bool
) -> tuple[EncodedPairs, Callable[[EncodedPairs], list]]:
    docs, questions = X
    if not is_train:
        encoded = model.get_ref("encoder").predict(docs)
        words, lengths = _question_words(model, questions)
        vectors = model.get_ref("cross").predict((encoded.tokens, words, lengths))
        return EncodedPairs.of_tokens(vectors, encoded.lengths, encoded.cut), lambda d_encoded: []
    encoded, read, backprop_encoders = _read(model, docs, questions)
    _check_not_cut(questions, read)
    vectors, backprop_cross = model.get_ref("cross").begin_update((encoded.tokens, read.tokens, read.lengths))

    def backprop(d_encoded: EncodedPairs) -> list:
        d_tokens, d_words = backprop_cross(d_encoded.vectors)
        xp = model.ops.xp
        backprop_encoders(
            Encoded(d_tokens, xp.zeros_like(encoded.texts), encoded.lengths, encoded.cut),
            Encoded(d_words, xp.zeros_like(read.texts), read.lengths, read.cut),
        )
        return []

    return EncodedPairs.of_tokens(vectors, encoded.lengths, encoded.cut), backprop


def _read(
    model: Interaction, docs: list[Doc], questions: list[Doc]
) -> tuple[Encoded, Encoded, Callable[[Encoded, Encoded], None]]:
    """Read texts and questions in training. If they have the same encoder, it reads both in one batch."""
    encoder, reader = model.get_ref("encoder"), model.get_ref("questions")
    if reader is not encoder:
        encoded, backprop_texts = encoder.begin_update(docs)
        read, backprop_questions = reader.begin_update(questions)

        def backprop_separately(d_texts: Encoded, d_questions: Encoded) -> None:
            backprop_questions(d_questions)
            backprop_texts(d_texts)

        return encoded, read, backprop_separately
    both, backprop_both = encoder.begin_update([*docs, *questions])
    n, rows = len(docs), int(both.lengths[: len(docs)].sum())
    encoded = Encoded(both.tokens[:rows], both.texts[:n], both.lengths[:n], both.cut[:n])
    read = Encoded(both.tokens[rows:], both.texts[n:], both.lengths[n:], both.cut[n:])

    def backprop_together(d_texts: Encoded, d_questions: Encoded) -> None:
        xp = model.ops.xp
        d_tokens = xp.concatenate([d_texts.tokens, d_questions.tokens])
        backprop_both(Encoded(d_tokens, xp.concatenate([d_texts.texts, d_questions.texts]), both.lengths, both.cut))

    return encoded, read, backprop_together


def _check_not_cut(questions: list[Doc], read: Encoded) -> None:
    for question, length, cut in zip(questions, read.lengths.tolist(), read.cut.tolist()):
        if cut:
            raise ValueError(Errors.M833.format(question=question.text[:60], pieces=length, longest=length - cut))


def _question_words(model: Interaction, questions: list[Doc]) -> tuple[Floats2d, numpy.ndarray]:
    """The word vectors of the questions. They are computed again only if the tokens of the questions or the weights
    have changed."""
    reader, module = model.get_ref("questions"), sized_shim(model.get_ref("cross")).module
    state = (
        [question.to_array(["ORTH", "SPACY", *ATTRIBUTES]).tobytes() for question in questions],
        fingerprint(reader),
    )
    cached = module.cached  # another thread may replace it
    if cached is None or cached[0] != state:
        read = reader.predict(questions)
        _check_not_cut(questions, read)
        cached = module.cached = (state, read.tokens, read.lengths)
    return cached[1:]


def _cross_forward(
    model: Model, X: tuple[Floats2d, Floats2d, numpy.ndarray], is_train: bool
) -> tuple[Floats3d, Callable[[Floats3d], tuple[Floats2d, Floats2d]]]:
    module = sized_shim(model).module
    set_training(module, is_train)
    tokens, words = xp2torch(X[0], requires_grad=is_train), xp2torch(X[1], requires_grad=is_train)
    with torch.set_grad_enabled(is_train):
        vectors = module(tokens, words, X[2])

    def backprop(d_vectors: Floats3d) -> tuple[Floats2d, Floats2d]:
        torch.autograd.backward(vectors, xp2torch(d_vectors))
        d_tokens, d_words = (torch.zeros_like(x) if x.grad is None else x.grad for x in (tokens, words))
        return cast(Floats2d, torch2xp(d_tokens)), cast(Floats2d, torch2xp(d_words))

    return cast(Floats3d, torch2xp(vectors.detach())), backprop
