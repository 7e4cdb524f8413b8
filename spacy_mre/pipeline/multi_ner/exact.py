"""Texts and questions -> vectors: what every text says in the light of every question. The exact way: each question is read together with each text.

The one way that is cheaper, `late_interaction.py`, keeps the same contract.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy
import torch
from spacy.attrs import NORM
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d, Floats3d, Ints1d

from ...arrays import expand_ranges
from ...encoders.transformer.wordpieces import pack
from ...errors import Errors
from ..spans.pooling import to_index
from .pieces import Template, TextPieces, Windows, cut_questions, cut_texts, cut_windows, read_template

# Of a model that tells no number of positions.
DEFAULT_POSITIONS = 512
SEPARATOR = "[SEP]"

Asking = tuple[list[Doc], list[Doc]]
QuestionsEncoder = Model[Asking, "Asked"]


@dataclass
class Asked:
    """What an encoder says of a batch of texts, once for each question.

    A position is a piece that begins or ends a token; over a tok2vec every token is one position.

    vectors (Floats3d): Questions x positions x width, the positions of one text after those of the other.
    firsts, lasts (Ints1d): The position at which each token begins and ends, -1 where the encoder does not see the token; in host memory,
        shape (tokens,).
    sizes (Ints1d): Positions per text; in host memory.
    lengths (Ints1d): Tokens per text; in host memory.
    cut (Ints1d): How many tokens of each text, white space aside, the encoder does not see; in host memory.
    """

    vectors: Floats3d
    firsts: Ints1d
    lasts: Ints1d
    sizes: Ints1d
    lengths: Ints1d
    cut: Ints1d

    @property
    def offsets(self) -> Ints1d:
        """The first token of each text."""
        return numpy.cumsum(self.lengths) - self.lengths

    @classmethod
    def of_tokens(cls, vectors: Floats3d, lengths: Ints1d, cut: Ints1d | None = None) -> "Asked":
        """Where every token is one position."""
        tokens = numpy.arange(int(lengths.sum()))
        return cls(vectors, tokens, tokens, lengths, lengths, numpy.zeros_like(lengths) if cut is None else cut)


# Over a transformer


@registry.architectures("spacy_mre.CrossTransformer.v1")
def build_cross_transformer(
    transformer: Model, max_batch_items: int = 4096, overlap: int = 64, max_length: int = 0
) -> QuestionsEncoder:
    """Read every question together with every text: [CLS] question [SEP] text [SEP], with token types where the model has them (BERT-MRC, Li et al. 2020,
    section 3.2). The weights are this model's own, not those of the pipeline's shared transformer; the component's `init_from` starts them from those.

    A text that is longer than the encoder is read in overlapping windows, so that nothing is cut off; each piece is taken from the window in which it
    stands farthest from a border.

    transformer (Model): A `spacy-transformers.TransformerModel.v3` or `spacy_mre.MiniLM.v1`; its `get_spans` is not used. With mixed precision it runs
        in bfloat16, which is faster on a GPU and on a CPU that computes in it.
    max_batch_items (int): The most pieces, padding included, in one forward; sequences of like length go together. Default: 4096.
    overlap (int): The least number of pieces that neighbouring windows share; at most half a window. Default: 64.
    max_length (int): The longest sequence in pieces; 0 for all that the model has positions for. Default: 0.
    RETURNS (Model[Tuple[List[Doc], List[Doc]], Asked]): From texts and questions to vectors.
    """
    return Model(
        "cross_transformer",
        _transformer_forward,
        init=_transformer_init,
        layers=[transformer],
        refs={"encoder": transformer},
        dims={"nO": None},
        attrs={"max_batch_items": max_batch_items, "overlap": overlap, "max_length": max_length},
    )


def _transformer_init(model: QuestionsEncoder, X: Asking | None = None, Y=None) -> None:
    transformer = model.get_ref("encoder")
    transformer.initialize()
    model.set_dim("nO", transformer.get_dim("nO"), force=True)
    if X is not None:
        _cut_questions(model, X[1])


def _transformer_forward(model: QuestionsEncoder, X: Asking, is_train: bool) -> tuple[Asked, Callable[[Asked], list]]:
    docs, questions = X
    transformer, width = model.get_ref("encoder"), model.get_dim("nO")
    template, question_ids, longest = _cut_questions(model, questions)
    pieces = cut_texts(docs, transformer.tokenizer)
    room = longest - template.specials - max(len(ids) for ids in question_ids)
    windows = cut_windows(pieces.counts, room, min(model.attrs["overlap"], room // 2))
    positions, firsts, lasts = _positions(pieces)
    batch = _Joined(template, question_ids, pieces.ids, windows)

    shim = transformer.layers[0].shims[0]
    module = transformer.transformer
    module.train(is_train)
    padding = transformer.tokenizer.pad_token_id or 0
    half = bool(shim._mixed_precision)
    with torch.set_grad_enabled(is_train), torch.autocast(module.device.type, torch.bfloat16, enabled=half):
        states, starts, done = [], numpy.zeros(len(batch), dtype=numpy.int64), 0
        for group in pack(batch.lengths, model.attrs["max_batch_items"]):
            inputs = batch.padded(group, padding, "token_type_ids" in transformer.tokenizer.model_input_names)
            state = module(
                **{name: torch.from_numpy(array).to(module.device) for name, array in inputs.items()}
            ).last_hidden_state
            starts[group] = done + numpy.arange(len(group)) * state.shape[1]
            done += len(group) * state.shape[1]
            states.append(state.reshape(-1, width))
        rows = batch.rows(positions, starts)
        if states:
            vectors = torch.cat(states).index_select(0, to_index(rows.reshape(-1), states[0])).float()
        else:
            vectors = torch.zeros((0, width), device=module.device)
        vectors = vectors.view(len(questions), len(positions), width)

    def backprop(d_asked: Asked) -> list:
        if vectors.requires_grad:
            torch.autograd.backward(vectors, xp2torch(d_asked.vectors))
        return []

    text_of_piece = numpy.repeat(numpy.arange(len(docs)), pieces.counts)
    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    asked = Asked(
        torch2xp(vectors.detach()),
        firsts,
        lasts,
        numpy.bincount(text_of_piece[positions], minlength=len(docs)),
        lengths,
        _count_cut(docs, firsts, lengths),
    )
    return asked, backprop


def _cut_questions(model: QuestionsEncoder, questions: list[Doc]) -> tuple[Template, list[numpy.ndarray], int]:
    """How pairs are joined, the questions in pieces, and how long a sequence may be. At least half of it is left to the text."""
    transformer = model.get_ref("encoder")
    longest = _longest(transformer, model.attrs["max_length"])
    template = read_template(transformer.tokenizer)
    return (
        template,
        cut_questions([doc.text for doc in questions], transformer.tokenizer, (longest - template.specials) // 2),
        longest,
    )


def _longest(transformer: Model, wanted: int) -> int:
    module = transformer.transformer
    positions = getattr(module.config, "max_position_embeddings", None) or DEFAULT_POSITIONS
    # RoBERTa and its kin number positions from behind the padding id.
    positions -= getattr(getattr(module, "embeddings", None), "padding_idx", -1) + 1
    return min(positions, transformer.tokenizer.model_max_length, wanted or positions)


def _positions(pieces: TextPieces) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """The pieces that begin or end a token, and for each token where these stand among them."""
    seen = pieces.firsts >= 0
    positions = numpy.unique(numpy.concatenate([pieces.firsts[seen], pieces.lasts[seen]]))
    firsts, lasts = numpy.full((2, len(seen)), -1, dtype=numpy.int64)
    firsts[seen] = numpy.searchsorted(positions, pieces.firsts[seen])
    lasts[seen] = numpy.searchsorted(positions, pieces.lasts[seen])
    return positions, firsts, lasts


class _Joined:
    """Every question with every window: sequence `question * windows + window`."""

    def __init__(self, template: Template, questions: list[numpy.ndarray], ids: numpy.ndarray, windows: Windows):
        self.template, self.ids, self.windows = template, ids, windows
        self.heads = [numpy.concatenate([template.before, question, template.between]) for question in questions]
        self.head_lengths = numpy.asarray([len(head) for head in self.heads], dtype=numpy.int64)
        sizes = windows.ends - windows.starts
        self.lengths = (self.head_lengths[:, None] + sizes + len(template.behind)).reshape(-1)

    def __len__(self) -> int:
        return len(self.lengths)

    def padded(self, group: numpy.ndarray, padding: int, with_types: bool) -> dict:
        """The arguments of a Hugging Face model for some sequences: rows x longest."""
        shape = (len(group), int(self.lengths[group].max()))
        questions, windows = numpy.divmod(group, len(self.windows.starts))
        heads, sizes = self.head_lengths[questions], (self.windows.ends - self.windows.starts)[windows]
        columns = numpy.arange(shape[1])
        ids = numpy.full(shape, padding, dtype=numpy.int64)
        ids[columns < heads[:, None]] = numpy.concatenate([self.heads[question] for question in questions])
        in_text = (columns >= heads[:, None]) & (columns < (heads + sizes)[:, None])
        ids[in_text] = self.ids[expand_ranges(self.windows.starts[windows], sizes)]
        mask = columns < self.lengths[group][:, None]
        behind = mask & (columns >= (heads + sizes)[:, None])
        ids[behind] = numpy.tile(self.template.behind, len(group))
        inputs = {"input_ids": ids, "attention_mask": mask.astype(numpy.int64)}
        if with_types:
            before, question, between, text, end = self.template.types
            types = numpy.full(shape, question, dtype=numpy.int64)
            types[:, : len(self.template.before)] = before
            types[columns >= (heads - len(self.template.between))[:, None]] = between
            types[in_text] = text
            types[behind] = end
            types[~mask] = 0
            inputs["token_type_ids"] = types
        return inputs

    def rows(self, pieces: numpy.ndarray, starts: numpy.ndarray) -> numpy.ndarray:
        """Where some pieces of the texts stand in the states of all sequences, questions x pieces; `starts` is where each sequence begins."""
        owners = self.windows.owners[pieces]
        sequences = numpy.arange(len(self.heads))[:, None] * len(self.windows.starts) + owners
        return starts[sequences] + self.head_lengths[:, None] + (pieces - self.windows.starts[owners])


def _count_cut(docs: list[Doc], firsts: numpy.ndarray, lengths: numpy.ndarray) -> Ints1d:
    cut = numpy.zeros(len(docs), dtype=numpy.int64)
    missing = numpy.flatnonzero(firsts < 0)
    texts = numpy.searchsorted(numpy.cumsum(lengths), missing, side="right")
    for text, token in zip(texts, missing - (numpy.cumsum(lengths) - lengths)[texts]):
        cut[text] += not docs[text][int(token)].is_space
    return cut


# Over a tok2vec


@registry.architectures("spacy_mre.CrossTok2Vec.v1")
def build_cross_tok2vec(tok2vec: Model[list[Doc], list[Floats2d]]) -> QuestionsEncoder:
    """Read every question together with every text, as one Doc: question, "[SEP]", text.

    A CNN of depth d sees d tokens to each side: farther from the question the vectors of all types are the same, so that only
    heads of their own (`heads = "per_type"`) tell the types apart, and attention between types has nothing to say. An encoder that sees the whole
    text (as `spacy.TorchBiLSTMEncoder.v1`) or `spacy_mre.LateInteraction.v1` does not have this limit.

    tok2vec (Model[List[Doc], List[Floats2d]]): A tok2vec of its own, no listener.
    RETURNS (Model[Tuple[List[Doc], List[Doc]], Asked]): From texts and questions to vectors.
    RAISES (ValueError): A listener.
    """
    if any(hasattr(node, "upstream_name") for node in tok2vec.walk()):
        raise ValueError(Errors.M840)
    return Model(
        "cross_tok2vec",
        _tok2vec_forward,
        init=_tok2vec_init,
        layers=[tok2vec],
        refs={"encoder": tok2vec},
        dims={"nO": None},
    )


def _tok2vec_init(model: QuestionsEncoder, X: Asking | None = None, Y=None) -> None:
    tok2vec = model.get_ref("encoder")
    docs = None if X is None else [_join(question, doc) for question in X[1] for doc in X[0]]
    tok2vec.initialize(X=docs or None)
    model.set_dim("nO", tok2vec.get_dim("nO"), force=True)


def _tok2vec_forward(model: QuestionsEncoder, X: Asking, is_train: bool) -> tuple[Asked, Callable[[Asked], list]]:
    docs, questions = X
    xp = model.ops.xp
    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    vectors, backprop_tok2vec = model.get_ref("encoder")(
        [_join(question, doc) for question in questions for doc in docs], is_train
    )
    texts = [
        array[len(array) - length :] for array, length in zip(vectors, numpy.tile(lengths, len(questions)).tolist())
    ]
    width = model.get_dim("nO")
    asked = Asked.of_tokens(xp.concatenate(texts).reshape(len(questions), -1, width), lengths)

    def backprop(d_asked: Asked) -> list:
        d_vectors = [xp.zeros_like(array) for array in vectors]
        d_texts = xp.split(
            d_asked.vectors.reshape(-1, width), numpy.cumsum(numpy.tile(lengths, len(questions)))[:-1].tolist()
        )
        for d_array, d_text in zip(d_vectors, d_texts):
            d_array[len(d_array) - len(d_text) :] = d_text
        backprop_tok2vec(d_vectors)
        return []

    return asked, backprop


def _join(question: Doc, text: Doc) -> Doc:
    words = [*(token.text for token in question), SEPARATOR, *(token.text for token in text)]
    joined = Doc(text.vocab, words=words)
    # Tokenizers give exceptions a norm of their own, which the word alone does not tell.
    norms = numpy.concatenate([question.to_array([NORM]), [joined[len(question)].norm], text.to_array([NORM])])
    return joined.from_array([NORM], norms.astype(numpy.uint64).reshape(-1, 1))
