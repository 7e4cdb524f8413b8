"""The architecture of Multi-NER (arXiv 2309.11027): one question per entity type, with attention between types."""

from collections.abc import Callable
from typing import Any, cast

import numpy
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats3d

from ...errors import Errors
from ...settings import Positive, Rate, checked
from ...training.sized import SizedShim, set_training, sized_shim
from .boundaries import Boundaries, candidate_spans, with_gold
from .decoding import decode
from .heads import MultiNERHeads
from .interaction import EncodedPairs, Interaction
from .loss import MultiNERLogits
from .output import MultiNEROptions, MultiNEROutput
from .settings import Heads, TypeAttention

# The most vectors (questions x tokens) of a batch that are in memory at once in prediction; 25 MB at width 384. Larger
# arrays are slower on a CPU, because their memory is allocated anew each time.
MAX_VECTORS = 16384


@registry.architectures("spacy_mre.MultiNER.v1")
@checked
def build_multi_ner(
    interaction: Interaction,
    type_attention: TypeAttention = "token",
    heads: Heads = "per_type",
    hidden_size: Positive = 256,
    dropout: Rate = 0.1,
) -> Model[list[Doc], Any]:
    """Build the Multi-NER model: the interaction of questions and texts, and the heads as a torch module that gets its
    sizes at initialization.

    interaction (Model[tuple[list[Doc], list[Doc]], EncodedPairs]): `spacy_mre.CrossTransformer.v1` or
        `spacy_mre.CrossTok2Vec.v1`, which read each question together with each text (exact), or
        `spacy_mre.LateInteraction.v1`.
    type_attention (TypeAttention): "token": the types attend to each other at each token. "full": at all tokens of the
        text. "none": no attention between types, as in BERT-MRC. Default: "token".
    heads (Heads): "per_type": each type has its own scorers, as in Multi-NER. "shared": all types share them, as in
        BERT-MRC; then a type that is added needs no training. Default: "per_type".
    hidden_size (int): Size of the hidden layer of the span scorer; 2048 in the authors' code. Default: 256.
    dropout (float): Dropout in the span scorer and after the attention between types. Default: 0.1.
    RETURNS (Model): Its layers are `interaction` and `heads`; the component calls them one by one in training.
    """
    settings = {"type_attention": type_attention, "heads": heads, "hidden_size": hidden_size, "dropout": dropout}
    layer: Model = Model("multi_ner_heads", _heads_forward, shims=[SizedShim(MultiNERHeads, settings)])
    refs: dict[str, Model | None] = {"interaction": interaction, "heads": layer}
    return Model("multi_ner", _forward, init=_init, layers=[interaction, layer], refs=refs)


def attention_between_types(model: Model, docs: list[Doc], questions: list[Doc]) -> numpy.ndarray:
    """The attention weights between types, averaged over the positions of some texts.

    model (Model): A trained model with attention between types.
    docs (list[Doc]): The texts.
    questions (list[Doc]): The questions.
    RETURNS (numpy.ndarray): Types x types, in host memory. Each row, of the attending type, sums to 1.
    """
    module = sized_shim(model.get_ref("heads")).module
    set_training(module, False)
    total, positions = numpy.zeros((len(questions), len(questions))), 0
    with torch.no_grad():
        for portion in _portions(docs, len(questions)):
            encoded = model.get_ref("interaction").predict((portion, questions))
            size = int(encoded.sizes.sum())
            weights = module.attention.between_types(xp2torch(encoded.vectors), encoded.sizes)
            total += weights.cpu().numpy() * size
            positions += size
    return total / max(positions, 1)


def _init(model: Model, X: tuple[list[Doc], list[Doc]] | None = None, Y: Any = None) -> None:
    interaction, heads = model.get_ref("interaction"), model.get_ref("heads")
    interaction.initialize(X=X)
    sized_shim(heads).build(width=interaction.get_dim("nO"), **heads.attrs["labels"])


def _forward(model: Model, X: tuple[list[Doc], MultiNEROptions], is_train: bool) -> tuple[MultiNEROutput, Callable]:
    if is_train:
        raise NotImplementedError(Errors.M801)
    docs, options = X
    interaction, module = model.get_ref("interaction"), sized_shim(model.get_ref("heads")).module
    set_training(module, False)
    outputs = []
    with torch.no_grad():
        for portion in _portions(docs, len(options.questions)):
            if any(len(doc) for doc in portion):
                outputs.append(decode(module, interaction.predict((portion, options.questions)), options))
            else:
                outputs.append(MultiNEROutput.empty(len(portion)))
    return MultiNEROutput.concatenate(outputs), lambda d_output: []


def _portions(docs: list[Doc], types: int) -> list[list[Doc]]:
    """Split documents into portions whose vectors fit into memory. A longer document is a portion by itself."""
    portions: list[list[Doc]] = [[]]
    tokens = 0
    for doc in docs:
        if portions[-1] and (tokens + len(doc)) * types > MAX_VECTORS:
            portions.append([])
            tokens = 0
        portions[-1].append(doc)
        tokens += len(doc)
    return portions


def _heads_forward(
    model: Model, X: tuple[EncodedPairs, Boundaries, int], is_train: bool
) -> tuple[MultiNERLogits, Callable[[MultiNERLogits], EncodedPairs]]:
    encoded, targets, ends_per_start = X
    module = sized_shim(model).module
    set_training(module, is_train)
    leaf = xp2torch(encoded.vectors, requires_grad=True)
    vectors = module.attend(leaf, encoded.sizes)
    starts, ends = module.score_boundaries(vectors, encoded.firsts, encoded.lasts)
    predicted = torch.stack([starts.detach(), ends.detach()]).cpu().numpy() > 0
    gold_starts, gold_ends = targets.matrices(len(starts))
    candidates, _ = candidate_spans(
        (predicted[0] | gold_starts) & targets.known,
        (predicted[1] | gold_ends) & targets.known,
        encoded.lengths,
        ends_per_start,
    )
    candidates, gold = with_gold(candidates, targets.spans)
    spans = module.score_spans(vectors, encoded.firsts, encoded.lasts, candidates)

    def backprop(d_logits: MultiNERLogits) -> EncodedPairs:
        outputs = [(starts, d_logits.starts), (ends, d_logits.ends), (spans, d_logits.spans)]
        # A batch without candidates or positions has scores that depend on no weight.
        outputs = [(output, xp2torch(gradient)) for output, gradient in outputs if output.requires_grad]
        if outputs:
            torch.autograd.backward([output for output, _ in outputs], [gradient for _, gradient in outputs])
        d_vectors = cast(Floats3d, torch2xp(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad))
        return EncodedPairs(d_vectors, encoded.firsts, encoded.lasts, encoded.sizes, encoded.lengths, encoded.cut)

    scores = (torch2xp(starts.detach()), torch2xp(ends.detach()), torch2xp(spans.detach()))
    return MultiNERLogits(*scores, candidates, gold), backprop
