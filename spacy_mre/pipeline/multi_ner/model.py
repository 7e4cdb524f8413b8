"""Multi-NER: entities by one question per type, with attention between types (arXiv 2309.11027). The architecture, its loss, and how a batch is
decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import torch
import torch.nn.functional as F
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats1d, Floats2d

from ...errors import Errors
from ...training.sized import SizedShim
from ..spans.losses import sigmoid_loss
from ..spans.spans import Spans
from .boundaries import Boundaries, Candidates, candidate_spans, choose_spans, with_gold
from .exact import Asked, QuestionsEncoder
from .heads import ATTENTIONS, HEADS, MultiNERHeads

# So many candidates at once have their hidden vectors in memory.
SPAN_CHUNK = 16384
# So many vectors (questions x tokens) of a batch are in memory in prediction; of 384 numbers each they take 25 MB. Larger arrays are slower on a CPU: the
# system gives their memory anew each time.
MAX_VECTORS = 16384
NEAREST = 1


@registry.architectures("spacy_mre.MultiNER.v1")
def build_multi_ner(
    interaction: QuestionsEncoder,
    type_attention: str = "token",
    heads: str = "per_type",
    hidden_size: int = 512,
    dropout: float = 0.1,
    start_weight: float = 1.0,
    end_weight: float = 1.0,
    span_weight: float = 0.1,
) -> Model[list[Doc], Any]:
    """Build the Multi-NER model: how questions and texts meet, and the heads as a torch module that gets its sizes at initialisation.

    interaction (Model[Tuple[List[Doc], List[Doc]], Asked]): `spacy_mre.CrossTransformer.v1` or `spacy_mre.CrossTok2Vec.v1`, which read every question
        with every text (exact), or `spacy_mre.LateInteraction.v1`.
    type_attention (str): "token": the types see each other at each token; "full": at all tokens of the text; "released": as "full" in the form
        of the authors' code, without softmax, scaling and residual; "none": not at all, which is BERT-MRC.
    heads (str): "per_type", as Multi-NER, or "shared", as BERT-MRC: then types can be added to a trained model.
    hidden_size (int): Of the span head. The authors' code has 2048; a smaller one is enough for a smaller encoder and many types. Default: 512.
    dropout (float): In the span head and after the attention. Default: 0.1.
    start_weight, end_weight, span_weight (float): Weights of the three losses, which are divided by their sum. Defaults: 1, 1, 0.1.
    RETURNS (Model): Its layers are `interaction` and `heads`; the component calls them one by one in training.
    RAISES (ValueError): A setting with an unknown value.
    """
    for setting, value, allowed in (("type_attention", type_attention, ATTENTIONS), ("heads", heads, HEADS)):
        if value not in allowed:
            raise ValueError(Errors.M001.format(setting=setting, value=value, allowed=", ".join(allowed)))
    weights = [start_weight, end_weight, span_weight]
    layer: Model = Model(
        "multi_ner_heads",
        _heads_forward,
        shims=[SizedShim(MultiNERHeads)],
        attrs={
            "config": {
                "type_attention": type_attention,
                "heads": heads,
                "hidden_size": hidden_size,
                "dropout": dropout,
            },
            "loss": [weight / sum(weights) for weight in weights],
        },
    )
    return Model(
        "multi_ner",
        _forward,
        init=_init,
        layers=[interaction, layer],
        refs={"interaction": interaction, "heads": layer},
    )


@dataclass
class Request:
    """What is asked of a batch, and how the answers are to be decoded; read from the component's settings at prediction time."""

    questions: list[Doc]
    boundary_threshold: float
    span_threshold: float
    overlap: str
    one_type: bool
    ends_per_start: int


@dataclass
class Found:
    """What was found in a batch, as host arrays.

    spans (Spans): Token offsets within their own texts; labels are places among the questions.
    scores (numpy.ndarray): Shape (spans,).
    left_out (int): Pairs of a start and an end that were not looked at.
    cut (numpy.ndarray): Tokens that the encoder did not see, per text.
    """

    spans: Spans
    scores: numpy.ndarray
    left_out: int
    cut: numpy.ndarray

    @classmethod
    def nothing(cls, texts: int) -> "Found":
        """What is found in texts without tokens."""
        none = numpy.zeros(0, dtype=numpy.int64)
        return cls(Spans(none, none, none, none), numpy.zeros(0), 0, numpy.zeros(texts, dtype=numpy.int64))


@dataclass
class Logits:
    """The scores of a training batch.

    starts, ends (Floats2d): Types x tokens.
    spans (Floats1d): One for each candidate.
    candidates (Candidates): What the span scores are of: wherever a predicted or gold start meets a predicted or gold end.
    gold (numpy.ndarray): Which candidates are entities.
    """

    starts: Floats2d
    ends: Floats2d
    spans: Floats1d
    candidates: Candidates
    gold: numpy.ndarray


def boundary_loss(logits: Logits, targets: Boundaries, weights: list[float]) -> tuple[float, Logits]:
    """The weighted sum of the binary cross-entropies of starts, ends and candidate spans (BERT-MRC, section 3.4), and its gradient.

    logits (Logits): The scores.
    targets (Boundaries): What is right.
    weights (List[float]): Of the three losses.
    RETURNS (Tuple[float, Logits]): The loss and its gradient with respect to each score.
    """
    starts, ends, spans = (xp2torch(array, requires_grad=True) for array in (logits.starts, logits.ends, logits.spans))
    gold_starts, gold_ends = (torch.as_tensor(array, device=starts.device) for array in targets.matrices(len(starts)))
    known = torch.as_tensor(targets.known, device=starts.device)
    losses = [
        sigmoid_loss(starts[:, known], gold_starts[:, known]),
        sigmoid_loss(ends[:, known], gold_ends[:, known]),
        sigmoid_loss(spans, torch.as_tensor(logits.gold, device=spans.device)),
    ]
    total = sum(weight * loss for weight, loss in zip(weights, losses))
    total.backward()
    gradients = (torch2xp(array.grad) for array in (starts, ends, spans))
    return float(total.detach()), Logits(*gradients, logits.candidates, logits.gold)


def find(module: MultiNERHeads, asked: Asked, request: Request) -> Found:
    """Decode a batch: starts and ends above the threshold, of their pairs those whose span is, too, and of these whatever may stand beside the others.

    The score of an entity is the geometric mean of its three probabilities (reconstructed). With `overlap = "flat"` a start is joined with its
    nearest end only, as in BERT-MRC's decoding of flat entities.

    module (MultiNERHeads): The heads, in evaluation mode.
    asked (Asked): The vectors.
    request (Request): The settings.
    RETURNS (Found): Entities, sorted by text and start.
    """
    vectors = module.attend(xp2torch(asked.vectors), asked.sizes)
    starts, ends = (
        F.logsigmoid(logits).cpu().numpy() for logits in module.score_boundaries(vectors, asked.firsts, asked.lasts)
    )
    threshold, span_threshold = (_log(value) for value in (request.boundary_threshold, request.span_threshold))
    seen = asked.firsts >= 0
    flat = request.overlap == "flat"
    candidates, left_out = candidate_spans(
        (starts >= threshold) & seen,
        (ends >= threshold) & seen,
        asked.lengths,
        NEAREST if flat else request.ends_per_start,
    )
    chunks = (candidates[i : i + SPAN_CHUNK] for i in range(0, len(candidates), SPAN_CHUNK))
    spans = [
        F.logsigmoid(module.score_spans(vectors, asked.firsts, asked.lasts, chunk)).cpu().numpy() for chunk in chunks
    ]
    span_scores = numpy.concatenate([*spans, numpy.zeros(0, dtype="f")])
    scores = (starts[candidates.types, candidates.starts] + ends[candidates.types, candidates.lasts] + span_scores) / 3
    above = numpy.flatnonzero(span_scores >= span_threshold)
    candidates, scores = candidates[above], numpy.exp(scores[above])
    chosen = choose_spans(candidates, scores, request.overlap, request.one_type)
    candidates = candidates[chosen]
    texts = numpy.repeat(numpy.arange(len(asked.lengths)), asked.lengths)[candidates.starts]
    offsets = asked.offsets[texts]
    found = Spans(candidates.starts - offsets, candidates.lasts + 1 - offsets, texts, candidates.types)
    return Found(found, scores[chosen], 0 if flat else left_out, asked.cut)


def attention_between_types(model: Model, docs: list[Doc], questions: list[Doc]) -> Floats2d:
    """How much the types attend to each other, on average over the positions of some texts.

    model (Model): A trained model with attention of the kind "token" or "full".
    docs (List[Doc]): The texts.
    questions (List[Doc]): The questions.
    RETURNS (Floats2d): Types x types, in host memory; each row, of the type that attends, sums to 1.
    """
    module = model.get_ref("heads").shims[0].module
    module.eval()
    total, positions = numpy.zeros((len(questions), len(questions))), 0
    with torch.no_grad():
        for some in _portions(docs, len(questions)):
            asked = model.get_ref("interaction").predict((some, questions))
            size = int(asked.sizes.sum())
            total += module.attention.between_types(xp2torch(asked.vectors), asked.sizes).cpu().numpy() * size
            positions += size
    return total / max(positions, 1)


def _log(probability: float) -> float:
    with numpy.errstate(divide="ignore"):
        return float(numpy.log(numpy.float32(max(probability, 0.0))))


# Thinc's side


def _init(model: Model, X: tuple[list[Doc], list[Doc]] | None = None, Y=None) -> None:
    interaction, heads = model.get_ref("interaction"), model.get_ref("heads")
    interaction.initialize(X=X)
    heads.shims[0].build(width=interaction.get_dim("nO"), **heads.attrs["labels"], **heads.attrs["config"])


def _forward(model: Model, X: tuple[list[Doc], Request], is_train: bool) -> tuple[Found, Callable]:
    if is_train:
        raise NotImplementedError(Errors.M801)
    docs, request = X
    module = model.get_ref("heads").shims[0].module
    module.eval()
    parts = []
    with torch.no_grad():
        for some in _portions(docs, len(request.questions)):
            if any(len(doc) for doc in some):
                parts.append(find(module, model.get_ref("interaction").predict((some, request.questions)), request))
            else:
                parts.append(Found.nothing(len(some)))
    return _together(parts), lambda d_found: []


def _portions(docs: list[Doc], types: int) -> list[list[Doc]]:
    """Runs of documents whose vectors fit into memory together; a longer document is one of its own."""
    portions: list[list[Doc]] = [[]]
    tokens = 0
    for doc in docs:
        if portions[-1] and (tokens + len(doc)) * types > MAX_VECTORS:
            portions.append([])
            tokens = 0
        portions[-1].append(doc)
        tokens += len(doc)
    return portions


def _together(parts: list[Found]) -> Found:
    sizes = [len(part.cut) for part in parts]
    texts = [part.spans.texts + first for part, first in zip(parts, numpy.cumsum([0, *sizes]))]
    columns = [
        [part.spans.starts for part in parts],
        [part.spans.ends for part in parts],
        texts,
        [part.spans.labels for part in parts],
    ]
    spans = Spans(*(numpy.concatenate(column) for column in columns))
    scores, cut = (numpy.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "cut"))
    return Found(spans, scores, sum(part.left_out for part in parts), cut)


def _heads_forward(
    model: Model, X: tuple[Asked, Boundaries, int], is_train: bool
) -> tuple[Logits, Callable[[Logits], Asked]]:
    asked, targets, ends_per_start = X
    module = model.shims[0].module
    module.train(is_train)
    leaf = xp2torch(asked.vectors, requires_grad=True)
    vectors = module.attend(leaf, asked.sizes)
    starts, ends = module.score_boundaries(vectors, asked.firsts, asked.lasts)
    predicted = torch.stack([starts.detach(), ends.detach()]).cpu().numpy() > 0
    gold_starts, gold_ends = targets.matrices(len(starts))
    candidates, _ = candidate_spans(
        (predicted[0] | gold_starts) & targets.known,
        (predicted[1] | gold_ends) & targets.known,
        asked.lengths,
        ends_per_start,
    )
    candidates, gold = with_gold(candidates, targets.spans)
    spans = module.score_spans(vectors, asked.firsts, asked.lasts, candidates)
    outputs = (starts, ends, spans)

    def backprop(d_logits: Logits) -> Asked:
        gradients = map(xp2torch, (d_logits.starts, d_logits.ends, d_logits.spans))
        # A batch without candidates or positions has scores that no weight stands behind.
        for_outputs = [(output, gradient) for output, gradient in zip(outputs, gradients) if output.requires_grad]
        if for_outputs:
            torch.autograd.backward(*zip(*for_outputs))
        d_vectors = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        return Asked(torch2xp(d_vectors), asked.firsts, asked.lasts, asked.sizes, asked.lengths, asked.cut)

    return Logits(*(torch2xp(output.detach()) for output in outputs), candidates, gold), backprop
