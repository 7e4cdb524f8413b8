"""SpERT.MT: joint entities and relations over enumerated spans (arXiv 2309.09713). The architecture, its loss, and how a batch is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from torch import Tensor, nn

from ...encoders.encoder import Encoded, Encoder
from ...errors import Errors
from ...training.sized import SizedShim, set_training
from ..spans.losses import (
    identification_loss,
    iou_weights,
    ranking_loss,
    row_weights,
    sigmoid_loss,
    softmax_loss,
    type_cross_entropy,
)
from ..spans.pooling import to_index
from .decoding import Found, Request, find
from .heads import SpertMTHeads, identification_logits
from .targets import Targets

MODES = ("spert_mt", "spert")
IDENTIFICATIONS = ("tied", "separate")
CLASSIFICATIONS = ("ranking", "cross_entropy")
ENTITY_FEATURES = ("logits", "labels", "none")
IOU_FORMS = ("linear", "power")
IDENTIFICATION_LOSSES = ("bce", "focal")
CLASS_WEIGHTS = ("none", "balanced")
RELATION_CONTEXTS = ("max", "attention", "markers")
SPAN_VECTORS = ("max", "max_ends")


@registry.architectures("spacy_mre.SpertMT.v1")
def build_spert_mt(
    encoder: Encoder,
    mode: str = "spert_mt",
    identification: str = "tied",
    max_width: int = 10,
    width_size: int = 25,
    dropout: float = 0.1,
    entity_features: str = "logits",
    classification: str = "cross_entropy",
    ranking_gamma: float = 2.0,
    ranking_margin_right: float = 2.5,
    ranking_margin_wrong: float = 0.5,
    ranking_negatives: bool = False,
    iou_delta: float = 1.0,
    iou_form: str = "linear",
    entity_identification_weight: float = 1.0,
    entity_classification_weight: float = 1.0,
    relation_identification_weight: float = 0.2,
    relation_classification_weight: float = 0.2,
    see_cats: bool = False,
    relation_context: str = "max",
    span_vector: str = "max_ends",
    entity_hidden: int = 64,
    relation_rank: int = 64,
    identification_loss: str = "bce",
    focal_gamma: float = 2.0,
    class_weights: str = "none",
    class_weights_beta: float = 0.9999,
    boundary_smoothing: float = 0.0,
) -> Model[list[Doc], Any]:
    """Build the SpERT.MT model: an encoder, and the heads as a torch module that gets its sizes at initialisation.

    encoder (Model[List[Doc], Encoded]): Token and text vectors.
    mode (str): "spert_mt": identification and classification heads; "spert": the baseline, softmax over types and None for entities and
        a sigmoid per label for relations, without the ideas of SpERT.MT. SpERT itself then has `entity_features` "none", `span_vector`
        "max", `entity_hidden` 0 and `relation_rank` 0.
    identification (str): "tied": the score of being an entity (a relation) is that of the identification head joined with those of the labels;
        "separate": of the head alone. The paper does not say what the head sees; see `identification_logits`.
    max_width (int): The widest entity in tokens (10 in SpERT).
    width_size (int): Size of the width embedding (25 in SpERT).
    dropout (float): Before the heads (0.1 in SpERT).
    entity_features (str): What the relation heads see of the two entities beside their vectors: "logits", all outputs of the entity heads
        (SpERT.MT); "labels", the entity labels, one-hot; "none". What the logits are worth stands in docs/accuracy.md, `no_logits`.
        Default: "logits".
    classification (str): "cross_entropy" over the labels of what is one, or "ranking", the pairwise ranking loss of SpERT.MT. What cross-entropy is worth
        stands in docs/accuracy.md, `ranking`. Default: "cross_entropy".
    ranking_gamma, ranking_margin_right, ranking_margin_wrong (float): gamma, m+ and m- of the ranking loss (2, 2.5, 0.5; dos Santos et al. 2015).
    ranking_negatives (bool): Negatives add the wrong term of the ranking loss. Reconstructed; off as entities are then classified by
        positives alone.
    iou_delta (float): How much the overlap with gold weighs a negative span; 0 switches it off.
    iou_form (str): "linear" or "power", see `iou_weights`.
    entity_identification_weight, entity_classification_weight, relation_identification_weight, relation_classification_weight (float): Weights
        of the four losses; in mode "spert" the identification weights are those of its two losses. Defaults: 1, 1, 0.2, 0.2. A text has far
        fewer pairs than spans, and most of a pair's loss is early on; with equal weights the relations drown the entities in the shared encoder
        (SpERT divides its relation loss by the number of labels).
    see_cats (bool): All heads also see the text label: gold in training, what stands in `doc.cats` in prediction, so that `mre_textcat` must stand
        before this component. Zeros for a text of which no label is known. (Mutual reinforcement, Gan et al. 2023, arXiv 2307.10291.) Default: False.
    relation_context (str): What the relation heads see beside the two mentions: "max", the maximum over the tokens between them (SpERT);
        "attention", their mean weighted by the softmax of scores of a learned query; "markers", the text vector in place of what lies
        between, and the first token of each mention (as Soares et al. 2019, arXiv 1906.03158, but without marker tokens). Default: "max".
    span_vector (str): What all heads see of a span: "max", the maximum over its tokens (SpERT); "max_ends", its first and its last token beside it
        (as Lee et al. 2017, arXiv 1707.07045, and Zhong & Chen 2021, arXiv 2010.12812, have the ends). What that is worth stands in
        docs/accuracy.md, `no_ends`. Default: "max_ends".
    entity_hidden (int): What the parts of a span say together: the size of a hidden layer over them, beside what each adds by itself (see
        `SpertMTHeads.add_hidden`); 0 for none, as in SpERT and SpERT.MT. What it is worth stands in docs/accuracy.md, `no_hidden`. Default: 64.
    relation_rank (int): Head and tail are scored together by a bilinear form of this rank, beside what each adds by itself (see
        `SpertMTHeads.score_both`); 0 for none, as in SpERT and SpERT.MT. Default: 64.
    identification_loss (str): "bce", or "focal" (Lin et al. 2017, arXiv 1708.02002): what is nearly right already counts for little. It is the
        control for identification as a task of its own; in mode "spert" for both losses. Default: "bce".
    focal_gamma (float): How much less it counts, 0 as "bce". Default: 2.0.
    class_weights (str): "none", or "balanced": a span or pair weighs, in all its losses, by the effective number of training examples of its
        label or of no label (Cui et al. 2019, arXiv 1901.05555). Counted at initialisation, negatives as often as they are drawn in one pass
        over the data. Default: "none".
    class_weights_beta (float): From 0 (all weigh the same) to nearly 1 (by the inverse of the counts). Default: 0.9999.
    boundary_smoothing (float): What an entity gives to the spans of which one border lies one token off, in identification (Zhu & Li 2022,
        ACL, epsilon with D = 1; 0.1 to 0.3 in the paper). Only spans that are among the sampled negatives take theirs. Mode "spert_mt" only.
        Default: 0.0.
    RETURNS (Model): Its layers are `encoder` and `heads`; the component calls them one by one in training.
    RAISES (ValueError): A setting with an unknown value.
    """
    settings = [
        ("mode", mode, MODES),
        ("identification", identification, IDENTIFICATIONS),
        ("classification", classification, CLASSIFICATIONS),
        ("entity_features", entity_features, ENTITY_FEATURES),
        ("iou_form", iou_form, IOU_FORMS),
        ("relation_context", relation_context, RELATION_CONTEXTS),
        ("span_vector", span_vector, SPAN_VECTORS),
        ("identification_loss", identification_loss, IDENTIFICATION_LOSSES),
        ("class_weights", class_weights, CLASS_WEIGHTS),
    ]
    for setting, value, allowed in settings:
        if value not in allowed:
            raise ValueError(Errors.M001.format(setting=setting, value=value, allowed=", ".join(allowed)))
    for setting, size in (("entity_hidden", entity_hidden), ("relation_rank", relation_rank)):
        if size < 0:
            raise ValueError(Errors.M001.format(setting=setting, value=size, allowed="0 and more"))
    if focal_gamma < 0:
        raise ValueError(Errors.M001.format(setting="focal_gamma", value=focal_gamma, allowed="0 and more"))
    if not 0 <= class_weights_beta < 1:
        raise ValueError(
            Errors.M001.format(setting="class_weights_beta", value=class_weights_beta, allowed="0 to less than 1")
        )
    if not 0 <= boundary_smoothing <= (1 if mode == "spert_mt" else 0):
        allowed = "0 to 1, in mode spert 0 only"
        raise ValueError(Errors.M001.format(setting="boundary_smoothing", value=boundary_smoothing, allowed=allowed))
    heads: Model = Model(
        "spert_mt_heads",
        _heads_forward,
        shims=[SizedShim(SpertMTHeads)],
        attrs={
            "config": {
                "mode": mode,
                "identification": identification,
                "max_width": max_width,
                "width_size": width_size,
                "dropout": dropout,
                "entity_features": entity_features,
                "classification": classification,
                "relation_margin": (ranking_margin_right - ranking_margin_wrong) / 2,
                "see_cats": see_cats,
                "relation_context": relation_context,
                "span_vector": span_vector,
                "entity_hidden": entity_hidden,
                "relation_rank": relation_rank,
            },
            "loss": {
                "iou_delta": iou_delta,
                "iou_form": iou_form,
                "ranking": {
                    "gamma": ranking_gamma,
                    "margin_right": ranking_margin_right,
                    "margin_wrong": ranking_margin_wrong,
                    "negatives": ranking_negatives,
                },
                "weights": [
                    entity_identification_weight,
                    entity_classification_weight,
                    relation_identification_weight,
                    relation_classification_weight,
                ],
                "focal_gamma": focal_gamma if identification_loss == "focal" else 0.0,
                "class_weights_beta": class_weights_beta if class_weights == "balanced" else None,
                "class_weights": None,  # the component counts
                "boundary_smoothing": boundary_smoothing,
            },
        },
    )
    model: Model = Model(
        "spert_mt", _forward, init=_init, layers=[encoder, heads], refs={"encoder": encoder, "heads": heads}
    )
    return model


@dataclass
class Logits:
    """The scores of a training batch, as thinc arrays.

    entities (Floats2d): Spans x entity columns.
    relations (Floats2d): Pairs x relation columns.
    """

    entities: Any
    relations: Any


def joint_loss(logits: Logits, targets: Targets, config: dict[str, Any], loss: dict[str, Any]) -> tuple[float, Logits]:
    """The weighted sum of the four losses (in mode "spert": of its two), and its gradient.

    logits (Logits): The scores.
    targets (Targets): What is right.
    config (Dict[str, Any]): The `config` of the heads.
    loss (Dict[str, Any]): The `loss` settings of the heads. Its `class_weights` are those of no label and then of each, for "entities" and
        "relations", or None.
    RETURNS (Tuple[float, Logits]): The loss and its gradient with respect to each score.
    """
    entities = xp2torch(logits.entities, requires_grad=True)
    relations = xp2torch(logits.relations, requires_grad=True)
    labels = to_index(targets.spans.labels, entities)
    gold_pairs = torch.as_tensor(targets.relations, device=relations.device)
    entity_weight, entity_type_weight, relation_weight, relation_type_weight = loss["weights"]
    gold_spans = nn.functional.one_hot(labels + 1, entities.shape[1])[:, 1:].bool()
    by_span, by_pair = _row_weights(gold_spans, gold_pairs, loss["class_weights"], entities)
    gamma = loss["focal_gamma"]
    if config["mode"] == "spert":
        total = entity_weight * softmax_loss(entities, labels + 1, by_span, gamma=gamma)
        total = total + relation_weight * sigmoid_loss(relations, gold_pairs, by_pair, gamma=gamma)
    else:
        tied = config["identification"] == "tied"
        ious = torch.as_tensor(targets.ious, dtype=entities.dtype, device=entities.device)
        weights = iou_weights(ious, loss["iou_delta"], loss["iou_form"])
        if by_span is not None:
            weights = weights * by_span
        is_entity = gold_spans.any(dim=1).to(entities.dtype)
        if targets.smoothed is not None:
            is_entity = torch.as_tensor(targets.smoothed, dtype=entities.dtype, device=entities.device)
        total = entity_weight * identification_loss(
            identification_logits(entities, tied), is_entity, weights, gamma=gamma
        )
        total = total + relation_weight * identification_loss(
            identification_logits(relations, tied), gold_pairs.any(dim=1).to(relations.dtype), by_pair, gamma=gamma
        )
        for scores, gold, weight, by_row in (
            (entities[:, 1:], gold_spans, entity_type_weight, by_span),
            (relations[:, 1:], gold_pairs, relation_type_weight, by_pair),
        ):
            if config["classification"] == "ranking":
                total = total + weight * ranking_loss(scores, gold, by_row, **loss["ranking"])
            else:
                total = total + weight * type_cross_entropy(scores, gold, by_row)
    total.backward()
    return float(total.detach()), Logits(torch2xp(entities.grad), torch2xp(relations.grad))


def _row_weights(
    gold_spans: Tensor, gold_pairs: Tensor, class_weights: dict[str, list[float]] | None, like: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """The weights of spans and of pairs by their classes; None where all weigh the same."""
    if class_weights is None:
        return None, None
    return (
        row_weights(gold_spans, like.new_tensor(class_weights["entities"])),
        row_weights(gold_pairs, like.new_tensor(class_weights["relations"])),
    )


# Thinc's side


def _forward(model: Model, X: tuple[list[Doc], Request], is_train: bool) -> tuple[Found, Callable]:
    if is_train:
        raise NotImplementedError(Errors.M801)
    docs, request = X
    encoded = model.get_ref("encoder").predict(docs)
    module = model.get_ref("heads").shims[0].module
    set_training(module, False)
    with torch.inference_mode():
        return find(module, encoded, request), lambda d_found: []


def _init(model: Model, X: list[Doc] | None = None, Y=None) -> None:
    encoder, heads = model.get_ref("encoder"), model.get_ref("heads")
    encoder.initialize(X=X)
    heads.shims[0].build(width=encoder.get_dim("nO"), **heads.attrs["labels"], **heads.attrs["config"])


def _heads_forward(
    model: Model, X: tuple[Encoded, Targets], is_train: bool
) -> tuple[Logits, Callable[[Logits], Encoded]]:
    encoded, targets = X
    module = model.shims[0].module
    set_training(module, is_train)
    tokens, texts = (xp2torch(array, requires_grad=True) for array in (encoded.tokens, encoded.texts))
    outputs = module(tokens, texts, targets)

    def backprop(d_logits: Logits) -> Encoded:
        gradients = map(xp2torch, (d_logits.entities, d_logits.relations))
        # A batch without pairs has no relation scores that any weight stands behind.
        for_outputs = [(output, gradient) for output, gradient in zip(outputs, gradients) if output.requires_grad]
        torch.autograd.backward(*zip(*for_outputs))
        gradients = [torch.zeros_like(array) if array.grad is None else array.grad for array in (tokens, texts)]
        return Encoded(*map(torch2xp, gradients), encoded.lengths, encoded.cut)

    return Logits(*(torch2xp(output.detach()) for output in outputs)), backprop
