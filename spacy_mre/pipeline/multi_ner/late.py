"""Texts and questions -> vectors, the cheap way: a text is read once, a question once per model, and then the text attends to each question.

The texts may be read by the pipeline's shared encoder. What this saves, and what it costs in accuracy, is measured in docs/multi_ner.md.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, chain, reduce_mean, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn

from ...encoders.encoder import Encoded, Encoder, find_listeners
from ...errors import Errors
from ...training.sized import SizedShim
from .exact import Asked, Asking, QuestionsEncoder


@registry.architectures("spacy_mre.LateInteraction.v1")
def build_late_interaction(
    encoder: Encoder,
    questions: Encoder | None = None,
    depth: int = 2,
    size: int = 128,
    attention_heads: int = 4,
    dropout: float = 0.1,
) -> QuestionsEncoder:
    """Read texts and questions apart, and let every token attend to the words of every question. (Ours for Multi-NER; late interaction is known
    from retrieval, Khattab and Zaharia 2020.)

    encoder (Model[List[Doc], Encoded]): Reads the texts; it may listen to the pipeline's shared encoder.
    questions (Optional[Model[List[Doc], Encoded]]): Reads the questions; no listener. By default `encoder`, which then must be none either. In
        prediction a question is read once for each state of its weights.
    depth (int): How many layers of cross-attention, each with a feed-forward layer. Default: 2.
    size (int): The width inside these layers. Default: 128.
    attention_heads (int): Heads of the attention; they divide `size`. Default: 4.
    dropout (float): After each attention and feed-forward layer. Default: 0.1.
    RETURNS (Model[Tuple[List[Doc], List[Doc]], Asked]): From texts and questions to vectors.
    RAISES (ValueError): The questions would be read by a listener.
    """
    reader = encoder if questions is None else questions
    if find_listeners(reader):
        raise ValueError(Errors.M840)
    cross: Model = Model(
        "cross_attention",
        _cross_forward,
        shims=[SizedShim(CrossAttention)],
        attrs={"config": {"depth": depth, "size": size, "attention_heads": attention_heads, "dropout": dropout}},
    )
    layers = [encoder, cross] if questions is None else [encoder, questions, cross]
    return Model(
        "late_interaction",
        _forward,
        init=_init,
        layers=layers,
        refs={"encoder": encoder, "questions": reader, "cross": cross},
        dims={"nO": None},
    )


@registry.architectures("spacy_mre.TransformerTok2Vec.v1")
def build_transformer_tok2vec(transformer: Model, grad_factor: float = 1.0) -> Model[list[Doc], list[Floats2d]]:
    """A transformer of one's own as a tok2vec: the mean of each token's pieces. What `spacy-transformers.Tok2VecTransformer.v3` is for a model of
    the hub, this is for any `transformer` model, `spacy_mre.MiniLM.v1` too.

    transformer (Model): A `spacy-transformers.TransformerModel.v3` or `spacy_mre.MiniLM.v1`.
    grad_factor (float): The gradient that flows into the transformer is multiplied by it. Default: 1.0.
    RETURNS (Model[List[Doc], List[Floats2d]]): The tok2vec.
    """
    from spacy_transformers.layers import split_trf_batch, trfs2arrays

    pooled = chain(transformer, split_trf_batch(), trfs2arrays(reduce_mean(), grad_factor))
    return Model("transformer_tok2vec", _tok2vec_forward, init=_tok2vec_init, layers=[pooled], dims={"nO": None})


def _tok2vec_init(model: Model, X: list[Doc] | None = None, Y=None) -> None:
    model.layers[0].initialize(X=[doc for doc in X or () if len(doc)] or None)
    model.set_dim("nO", model.layers[0].layers[0].get_dim("nO"), force=True)


def _tok2vec_forward(model: Model, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    filled = [i for i, doc in enumerate(docs) if len(doc)]
    # The layers below do not know the width of a text without tokens.
    vectors = [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs]
    if not filled:
        return vectors, lambda d_vectors: []
    found, backprop = model.layers[0]([docs[i] for i in filled], is_train)
    for i, array in zip(filled, found):
        vectors[i] = array
    return vectors, lambda d_vectors: backprop([d_vectors[i] for i in filled])


class CrossAttention(nn.Module):
    """Tokens x questions -> one vector for each pair of them."""

    def __init__(self, width: int, question_width: int, *, depth: int, size: int, attention_heads: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(
            CrossLayer(width, question_width, size, attention_heads, dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        # What was last read of the questions, and the state of the weights that read them.
        self.remembered: tuple[Any, Tensor, numpy.ndarray] | None = None

    def forward(self, tokens: Tensor, questions: Tensor, lengths: numpy.ndarray) -> Tensor:
        """Let tokens attend to questions.

        tokens (Tensor): Total tokens x width.
        questions (Tensor): The words of all questions, total words x question width.
        lengths (numpy.ndarray): Words per question.
        RETURNS (Tensor): Questions x total tokens x width.
        """
        words = nn.utils.rnn.pad_sequence(questions.split(lengths.tolist()), batch_first=True)
        mask = torch.as_tensor(numpy.arange(words.shape[1]) < lengths[:, None], device=tokens.device)
        vectors = tokens.unsqueeze(0)  # alike for all questions until the first layer told them apart
        for layer in self.layers:
            vectors = layer(vectors, words, mask)
        return self.norm(vectors).expand(len(lengths), -1, -1)


class CrossLayer(nn.Module):
    """Multi-head cross-attention and a feed-forward layer, each with a residual and normalised before (Xiong et al. 2020)."""

    def __init__(self, width: int, question_width: int, size: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, size)
        self.key = nn.Linear(question_width, size)
        self.value = nn.Linear(question_width, size)
        self.output = nn.Linear(size, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * size), nn.GELU(), nn.Linear(2 * size, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, vectors: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """From 1 or questions x tokens x width, with the words (questions x longest x question width) and where there are any, to
        questions x tokens x width."""
        query, key, value = (
            self._split(part) for part in (self.query(self.attention_norm(vectors)), self.key(words), self.value(words))
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        weights = scores.masked_fill(~mask[:, None, None], torch.finfo(scores.dtype).min).softmax(dim=3)
        seen = (weights @ value).transpose(1, 2).flatten(2)
        vectors = vectors + self.dropout(self.output(seen))
        return vectors + self.dropout(self.feed(self.feed_norm(vectors)))

    def _split(self, vectors: Tensor) -> Tensor:
        """n x length x size -> n x heads x length x size / heads."""
        return vectors.unflatten(2, (self.heads, -1)).transpose(1, 2)


def _init(model: QuestionsEncoder, X: Asking | None = None, Y=None) -> None:
    encoder, questions, cross = (model.get_ref(name) for name in ("encoder", "questions", "cross"))
    docs, asked = X if X is not None else (None, None)
    encoder.initialize(X=docs)
    if questions is not encoder:
        questions.initialize(X=asked)
    cross.shims[0].build(width=encoder.get_dim("nO"), question_width=questions.get_dim("nO"), **cross.attrs["config"])
    model.set_dim("nO", encoder.get_dim("nO"), force=True)


def _forward(model: QuestionsEncoder, X: Asking, is_train: bool) -> tuple[Asked, Callable[[Asked], list]]:
    docs, questions = X
    if not is_train:
        encoded = model.get_ref("encoder").predict(docs)
        words, lengths = _remembered(model, questions)
        vectors, _ = model.get_ref("cross")((encoded.tokens, words, lengths), False)
        return Asked.of_tokens(vectors, encoded.lengths, encoded.cut), lambda d_asked: []

    if model.get_ref("questions") is model.get_ref("encoder"):
        together, backprop_both = model.get_ref("encoder").begin_update([*docs, *questions])
        encoded, read = _split_rows(together, len(docs))
    else:
        encoded, backprop_texts = model.get_ref("encoder").begin_update(docs)
        read, backprop_questions = model.get_ref("questions").begin_update(questions)
    _check_whole(questions, read)
    vectors, backprop_cross = model.get_ref("cross").begin_update((encoded.tokens, read.tokens, read.lengths))

    def backprop(d_asked: Asked) -> list:
        d_tokens, d_words = backprop_cross(d_asked.vectors)
        xp = model.ops.xp
        d_texts = Encoded(d_tokens, xp.zeros_like(encoded.texts), encoded.lengths, encoded.cut)
        d_questions = Encoded(d_words, xp.zeros_like(read.texts), read.lengths, read.cut)
        if model.get_ref("questions") is model.get_ref("encoder"):
            parts = (
                xp.concatenate([getattr(d_texts, name), getattr(d_questions, name)]) for name in ("tokens", "texts")
            )
            backprop_both(Encoded(*parts, together.lengths, together.cut))
        else:
            backprop_questions(d_questions)
            backprop_texts(d_texts)
        return []

    return Asked.of_tokens(vectors, encoded.lengths, encoded.cut), backprop


def _split_rows(together: Encoded, texts: int) -> tuple[Encoded, Encoded]:
    """What was read of the first documents, and of the others."""
    border = int(together.lengths[:texts].sum())
    return (
        Encoded(together.tokens[:border], together.texts[:texts], together.lengths[:texts], together.cut[:texts]),
        Encoded(together.tokens[border:], together.texts[texts:], together.lengths[texts:], together.cut[texts:]),
    )


def _check_whole(questions: list[Doc], read: Encoded) -> None:
    for question, length, cut in zip(questions, read.lengths.tolist(), read.cut.tolist()):
        if cut:
            raise ValueError(Errors.M833.format(question=question.text[:60], pieces=length, longest=length - cut))


def _remembered(model: QuestionsEncoder, questions: list[Doc]) -> tuple[Floats2d, numpy.ndarray]:
    """The words of the questions, read again only where the questions or the weights that read them have changed."""
    reader, module = model.get_ref("questions"), model.get_ref("cross").shims[0].module
    state = ([question.text for question in questions], _fingerprint(reader))
    if module.remembered is None or module.remembered[0] != state:
        read = reader.predict(questions)
        _check_whole(questions, read)
        module.remembered = (state, read.tokens, read.lengths)
    return module.remembered[1:]


def _fingerprint(model: Model) -> list[float]:
    """One number of each weight. Weights are changed in many ways, by updates, averages and loading, but never all of them back to these numbers."""
    numbers = []
    for node in model.walk():
        numbers += [xp2torch(node.get_param(name)).reshape(-1)[:1] for name in node.param_names if node.has_param(name)]
        for shim in node.shims:
            module = getattr(shim, "_model", None)
            if isinstance(module, nn.Module):
                numbers += [weight.detach().reshape(-1)[:1].float() for weight in module.parameters()]
    return torch.cat(numbers).tolist() if numbers else []


def _cross_forward(
    model: Model, X: tuple[Floats2d, Floats2d, numpy.ndarray], is_train: bool
) -> tuple[Any, Callable[[Any], tuple[Floats2d, Floats2d]]]:
    tokens, words, lengths = X
    module = model.shims[0].module
    module.train(is_train)
    tokens, words = (xp2torch(array, requires_grad=is_train) for array in (tokens, words))
    with torch.set_grad_enabled(is_train):
        vectors = module(tokens, words, lengths)

    def backprop(d_vectors: Any) -> tuple[Floats2d, Floats2d]:
        torch.autograd.backward(vectors, xp2torch(d_vectors))
        return tuple(
            torch2xp(torch.zeros_like(array) if array.grad is None else array.grad) for array in (tokens, words)
        )

    return torch2xp(vectors.detach()), backprop
