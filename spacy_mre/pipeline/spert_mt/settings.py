"""What `mode` sets: the heads, losses and decoding of SpERT.MT as shipped, of its paper, and of SpERT."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Interval

from ...encoders.over_tok2vec import DEFAULT_ENCODER
from ..spans.overlap import Overlap

Mode = Literal["spert_mt", "paper", "spert"]
LabelKind = Literal["entity", "relation", "cat"]

DEFAULT_SPERT_MT_MODEL = {"@architectures": "spacy_mre.SpertMT.v1", "encoder": DEFAULT_ENCODER}
# -1 for all.
Negatives: TypeAlias = Annotated[int, Interval(ge=-1)]
# Where the two mentions of a relation are.
Scope = Literal["learned", "sentence", "document"]
# By relation label, the (head type, tail type) pairs that it may join: a table, or the list of its pairs.
Constraints = dict[str, list[list[str]]] | list[list[Any]]
# Size of the width embedding, as in SpERT.
WIDTH_SIZE = 25
# Gamma, m+ and m- of `ranking_loss`, as in the paper that is cited there.
RANKING_GAMMA = 2.0
RANKING_MARGIN_RIGHT = 2.5
RANKING_MARGIN_WRONG = 0.5


@dataclass(frozen=True)
class Preset:
    """One combination of heads, losses and decoding.

    has_identification (bool): Entities and relations are identified and classified in two tasks (SpERT.MT). Otherwise
        entities have a softmax over types and None, and relations a sigmoid per label (SpERT).
    is_tied (bool): The identification score includes the scores of the labels, see `identification_logits`.
    is_ranked (bool): Labels are trained with the ranking loss; otherwise with cross-entropy.
    uses_entity_logits (bool): Relations read the entity logits of both arguments.
    uses_ends (bool): A span is represented by its maximum, first token and last token; otherwise by its maximum.
    hidden_size (int): Size of the hidden layer that combines the features of a span, added to the linear scores. 0
        disables it.
    rank (int): Rank of the bilinear form that combines the two arguments of a relation, added to the linear scores. 0
        disables it.
    iou_delta (float): How much the overlap with gold increases the identification loss of a negative span, see
        `iou_weights`.
    loss_weights (tuple[float, float, float, float]): Weights of the losses: entity identification, entity
        classification, relation identification, relation classification. Without identification only the first and
        the third are used.
    scores_triples (bool): The score of a relation includes those of its arguments.
    corrects_sampling (bool): Scores are corrected for training on a sample of the negative spans.
    entity_threshold (float): Default of the component's setting, like the fields below.
    relation_threshold (float): The same.
    overlap (Overlap): The same.
    constraints (Literal["learned", "any"]): The same.
    scope (Scope): The same.
    max_distance (Literal["learned"] | int): The same.
    """

    has_identification: bool
    is_tied: bool
    is_ranked: bool
    uses_entity_logits: bool
    uses_ends: bool
    hidden_size: int
    rank: int
    iou_delta: float
    loss_weights: tuple[float, float, float, float]
    scores_triples: bool
    corrects_sampling: bool
    entity_threshold: float
    relation_threshold: float
    overlap: Overlap
    constraints: Literal["learned", "any"]
    scope: Scope
    max_distance: Literal["learned"] | int


PRESETS: dict[str, Preset] = {
    "spert_mt": Preset(
        has_identification=True,
        is_tied=True,
        is_ranked=False,
        uses_entity_logits=True,
        uses_ends=True,
        hidden_size=64,
        rank=64,
        iou_delta=1.0,
        # A text has fewer pairs than spans, and pairs have most of the loss early in training: with equal weights the
        # relations dominate the shared encoder.
        loss_weights=(1.0, 1.0, 0.2, 0.2),
        scores_triples=True,
        corrects_sampling=True,
        # The threshold of the best F1 is half of that F1 if probabilities are calibrated (Lipton et al. 2014, arXiv
        # 1402.1892).
        entity_threshold=0.25,
        relation_threshold=0.3,
        overlap="learned",
        constraints="learned",
        scope="learned",
        max_distance="learned",
    ),
    # arXiv 2309.09713. What the paper does not state is reconstructed: the weights, the margins and the threshold 0.5.
    "paper": Preset(
        has_identification=True,
        is_tied=False,
        is_ranked=True,
        uses_entity_logits=True,
        uses_ends=False,
        hidden_size=0,
        rank=0,
        iou_delta=1.0,
        loss_weights=(1.0, 1.0, 1.0, 1.0),
        scores_triples=False,
        corrects_sampling=False,
        entity_threshold=0.5,
        relation_threshold=0.5,
        overlap="any",
        constraints="any",
        scope="document",
        max_distance=0,
    ),
    # arXiv 1909.07755 and its public code. The threshold 0.5 is SpERT's rule: the type must be more probable than None.
    "spert": Preset(
        has_identification=False,
        is_tied=False,
        is_ranked=False,
        uses_entity_logits=False,
        uses_ends=False,
        hidden_size=0,
        rank=0,
        iou_delta=0.0,
        loss_weights=(1.0, 0.0, 1.0, 0.0),
        scores_triples=False,
        corrects_sampling=False,
        entity_threshold=0.5,
        relation_threshold=0.4,
        overlap="any",
        constraints="any",
        scope="document",
        max_distance=0,
    ),
}
