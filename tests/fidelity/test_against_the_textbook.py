"""The whole of `spert_mt` once more, as a textbook would have it: float64 NumPy, one span and one pair at a time, explicit concatenations, one weight
matrix for each head. Losses, gradients (by finite differences) and what is found must be the same."""

import math

import numpy
import pytest


def gelu(x):
    return x * (1 + numpy.array([math.erf(value / math.sqrt(2)) for value in x])) / 2


def softplus(x):
    return numpy.logaddexp(0, x)


def softmax(x):
    return numpy.exp(x) / numpy.exp(x).sum()


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


class Textbook:
    """SpERT (arXiv 1909.07755) and SpERT.MT (arXiv 2309.09713) with the weights of some heads.

    tokens: one matrix of token vectors per text. texts: one vector per text, with the text labels behind it where they are seen.
    gold: (entities with label ids, relations with label ids) per text.
    """

    def __init__(self, module, pipe):
        weights = {name: parameter.detach().numpy().astype("float64") for name, parameter in module.named_parameters()}
        self.widths = weights["widths.weight"]
        self.entity = numpy.concatenate(
            [weights["entity_text.weight"], weights["entity_span.weight"], weights["entity_width.weight"]], axis=1
        )
        if "entity_first.weight" in weights:
            self.entity = numpy.concatenate(
                [self.entity, weights["entity_first.weight"], weights["entity_last.weight"]], axis=1
            )
        self.entity_bias = weights["entity_span.bias"]
        self.together = weights.get("entity_together.weight")
        columns = len(weights["relation_context.weight"])
        of_mentions = [weights["relation_head.weight"], weights["relation_tail.weight"]]
        self.relation = numpy.concatenate(
            [weights["relation_context.weight"], *(of[:columns] for of in of_mentions)], axis=1
        )
        self.factors = numpy.concatenate([of[columns:] for of in of_mentions], axis=1)
        self.product = weights.get("relation_product.weight", numpy.zeros((columns, 0)))
        if "relation_cats.weight" in weights:
            self.relation = numpy.concatenate([self.relation, weights["relation_cats.weight"]], axis=1)
        self.relation_bias = weights["relation_context.bias"]
        self.query = weights.get("context_query.weight")
        self.config = pipe.model.get_ref("heads").attrs["config"]
        self.loss_settings = pipe.model.get_ref("heads").attrs["loss"]
        self.sees_ends = self.config["span_vector"] == "max_ends"
        self.is_multitask = self.config["mode"] == "spert_mt"

    # Scores

    def entity_logits(self, tokens, text, start, end):
        ends = [tokens[start], tokens[end - 1]] if self.sees_ends else []
        vector = numpy.concatenate([text, tokens[start:end].max(axis=0), self.width(start, end), *ends])
        sums = self.entity @ vector + self.entity_bias
        if self.together is None:
            return sums
        alone, hidden = numpy.split(sums, [len(self.together)])
        return alone + self.together @ gelu(hidden)

    def pair_logits(self, tokens, text, head, tail):
        parts = [
            self.context(tokens, text, head, tail),
            self.mention(tokens, text, *head),
            self.mention(tokens, text, *tail),
        ]
        vector = numpy.concatenate([*parts, text[tokens.shape[1] :]])
        of_head, of_tail = (half @ part for half, part in zip(numpy.split(self.factors, 2, axis=1), parts[1:]))
        return self.relation @ vector + self.product @ (of_head * of_tail) + self.relation_bias

    def context(self, tokens, text, head, tail):
        if self.config["relation_context"] == "markers":
            return text[: tokens.shape[1]]
        (first, second) = sorted((head[:2], tail[:2]))
        between = tokens[min(first[1], second[1]) : max(first[0], second[0])]
        if not len(between):
            return numpy.zeros(tokens.shape[1])
        if self.config["relation_context"] == "max":
            return between.max(axis=0)
        weights = numpy.exp(5 * numpy.tanh(between @ self.query[0] / 5))
        return weights @ between / weights.sum()

    def mention(self, tokens, text, start, end, label):
        parts = [tokens[start:end].max(axis=0), self.width(start, end)]
        if self.config["relation_context"] == "markers" or self.sees_ends:
            parts.append(tokens[start])
        if self.sees_ends:
            parts.append(tokens[end - 1])
        logits = self.entity_logits(tokens, text, start, end)
        if self.config["entity_features"] == "logits":
            parts.append(logits)
        elif self.config["entity_features"] == "labels":
            parts.append(numpy.eye(len(logits))[label + 1])
        return numpy.concatenate(parts)

    def width(self, start, end):
        return self.widths[min(end - start - 1, self.config["max_width"])]

    def at_all(self, logits):
        if self.config["identification"] == "tied":
            return logits[0] + numpy.log(numpy.exp(logits[1:]).sum())
        return logits[0]

    # Losses

    def loss(self, tokens, texts, spans, pairs):
        """Spans are (text, start, end, label, weight IoU), pairs (text, head, tail, set of labels)."""
        entity_id, entity_type, relation_id, relation_type = self.loss_settings["weights"]
        span_logits = [self.entity_logits(tokens[text], texts[text], start, end) for text, start, end, _, _ in spans]
        pair_logits = [self.pair_logits(tokens[text], texts[text], head, tail) for text, head, tail, _ in pairs]
        entities = {span[:3] for span in spans if span[3] >= 0}
        total = 0.0
        for logits, (text, start, end, label, iou) in zip(span_logits, spans):
            of_class = self.class_weight("entities", {label} - {-1})
            if not self.is_multitask:
                right = numpy.exp(logits[label + 1]) / numpy.exp(logits).sum()
                total += entity_id * of_class * self.focal(1 - right) * -numpy.log(right) / len(spans)
                continue
            delta = self.loss_settings["iou_delta"]
            weight = 1 + delta * iou if self.loss_settings["iou_form"] == "linear" else (1 + iou) ** delta
            target = self.smoothed(entities, text, start, end, len(tokens[text]))
            total += entity_id * of_class * weight * self.binary(self.at_all(logits), target) / len(spans)
            total += entity_type * of_class * self.type_loss(logits[1:], {label} - {-1}) / len(spans)
        for logits, (_, _, _, labels) in zip(pair_logits, pairs):
            of_class = self.class_weight("relations", labels)
            if not self.is_multitask:
                each = [self.binary(logit, label in labels) for label, logit in enumerate(logits)]
                total += relation_id * of_class * numpy.mean(each) / len(pairs)
                continue
            total += relation_id * of_class * self.binary(self.at_all(logits), bool(labels)) / len(pairs)
            total += relation_type * of_class * self.type_loss(logits[1:], labels) / len(pairs)
        return total

    def binary(self, logit, target):
        """(Focal) binary cross-entropy."""
        return self.focal(abs(target - sigmoid(logit))) * (softplus(logit) - target * logit)

    def focal(self, miss):
        return miss ** self.loss_settings["focal_gamma"]

    def class_weight(self, level, labels):
        weights = self.loss_settings["class_weights"]
        return numpy.mean([weights[level][label + 1] for label in labels or {-1}]) if weights else 1.0

    def smoothed(self, entities, text, start, end, length):
        share = self.loss_settings["boundary_smoothing"] / 4
        near = [(start - 1, end), (start + 1, end), (start, end - 1), (start, end + 1)]
        received = share * sum((text, *place) in entities for place in near)
        possible = sum(0 <= first < last <= length and last - first <= self.config["max_width"] for first, last in near)
        return min(received + (1 - share * possible) * ((text, start, end) in entities), 1.0)

    def type_loss(self, scores, right):
        settings = self.loss_settings["ranking"]
        if not right and not (self.config["classification"] == "ranking" and settings["negatives"]):
            return 0.0
        if self.config["classification"] == "cross_entropy":
            return sum(numpy.log(numpy.exp(scores).sum()) - scores[label] for label in right) / len(right)
        loss = sum(softplus(settings["gamma"] * (settings["margin_right"] - scores[label])) for label in right)
        wrong = [scores[label] for label in range(len(scores)) if label not in right]
        return loss + (softplus(settings["gamma"] * (settings["margin_wrong"] + max(wrong))) if wrong else 0.0)

    # What is found

    def find(self, tokens, text, cfg, constraints):
        """Entities {(start, end): (label, score)} and relations {(head, tail, label): score} of one text."""
        candidates = []
        for start in range(len(tokens)):
            for end in range(start + 1, min(len(tokens), start + self.config["max_width"]) + 1):
                logits = self.entity_logits(tokens, text, start, end)
                if self.is_multitask:
                    odds = numpy.exp(self.at_all(logits)) * cfg["share_drawn"]
                    score = odds / (1 + odds)
                    if self.config["classification"] == "cross_entropy":
                        score *= min(2 * softmax(logits[1:]).max(), 1)
                else:
                    probabilities = softmax(logits)
                    score = probabilities.max() if probabilities.argmax() > 0 else -1.0
                if score >= max(cfg["entity_threshold"], 0.0):
                    candidates.append((-score, start, -end, int(logits[1:].argmax())))
        entities = {}
        for score, start, end, label in sorted(candidates):
            if not any(conflict((start, -end), other, cfg["overlap"]) for other in entities):
                entities[start, -end] = (label, -score)
        relations = {}
        for head, (head_label, of_head) in entities.items():
            for tail, (tail_label, of_tail) in entities.items():
                if head != tail:
                    logits = self.pair_logits(tokens, text, (*head, head_label), (*tail, tail_label))
                    for label, score in self.relation_labels(logits, head_label, tail_label, constraints):
                        score *= (of_head * of_tail) ** 0.5 if self.is_multitask else 1
                        is_backwards = label in cfg["symmetric_ids"] and head > tail
                        if score >= cfg["relation_threshold"] and not is_backwards:
                            relations[head, tail, label] = score
        return entities, relations

    def relation_labels(self, logits, head_label, tail_label, constraints):
        labels = range(len(logits) - self.is_multitask)
        allowed = [
            label for label in labels if label not in constraints or (head_label, tail_label) in constraints[label]
        ]
        if not self.is_multitask:
            return [(label, sigmoid(logits[label])) for label in allowed]
        scores, one_at_all = logits[1:], sigmoid(self.at_all(logits))
        if self.config["classification"] == "cross_entropy":
            return [(label, one_at_all * min(2 * share, 1)) for label, share in zip(allowed, softmax(scores[allowed]))]
        best = max((scores[label] for label in allowed), default=None)
        return [
            (label, one_at_all)
            for label in allowed
            if scores[label] == best or scores[label] > self.config["relation_margin"]
        ]


def conflict(one, other, policy):
    overlap = one[0] < other[1] and other[0] < one[1]
    inside = (one[0] >= other[0] and one[1] <= other[1]) or (other[0] >= one[0] and other[1] <= one[1])
    return {"any": False, "flat": overlap, "nested": overlap and not inside}[policy]


MULTITASK = [
    {"mode": "spert_mt"},
    {
        "mode": "spert_mt",
        "classification": "ranking",
        "identification": "separate",
        "iou_delta": 2.0,
        "entity_features": "labels",
    },
    {
        "mode": "spert_mt",
        "iou_form": "power",
        "iou_delta": 1.5,
        "entity_features": "none",
        "entity_hidden": 0,
        "relation_rank": 4,
    },
    {
        "mode": "spert_mt",
        "classification": "ranking",
        "identification": "separate",
        "ranking_negatives": True,
        "ranking_gamma": 1.3,
        "span_vector": "max",
    },
]
BASELINE = {
    "mode": "spert",
    "entity_features": "none",
    "span_vector": "max",
    "entity_hidden": 0,
    "relation_rank": 0,
    "entity_identification_weight": 0.7,
    "relation_identification_weight": 1.3,
}
OPTIONS = [
    {
        "mode": "spert_mt",
        "classification": "ranking",
        "see_cats": True,
        "relation_context": "attention",
        "identification_loss": "focal",
        "class_weights": "balanced",
        "class_weights_beta": 0.9,
        "boundary_smoothing": 0.2,
    },
    {
        "mode": "spert_mt",
        "identification": "separate",
        "relation_context": "markers",
        "see_cats": True,
        "class_weights": "balanced",
        "boundary_smoothing": 0.4,
    },
    {
        **BASELINE,
        "see_cats": True,
        "relation_context": "attention",
        "identification_loss": "focal",
        "focal_gamma": 1.5,
        "class_weights": "balanced",
        "class_weights_beta": 0.9,
        "span_vector": "max_ends",
    },
    {"mode": "spert_mt", "span_vector": "max", "relation_context": "markers", "entity_hidden": 0},
]
MODELS = [*MULTITASK, BASELINE, *OPTIONS]
IDS = [
    "as shipped",
    "separate",
    "cross-entropy",
    "negatives ranked",
    "SpERT",
    "attention, focal",
    "markers, smoothed",
    "SpERT, focal",
]
IDS += ["maximum and markers"]


class Batch:
    """What the component saw of some texts and was trained on, in the terms of the textbook."""

    def __init__(self, nlp, examples):
        self.pipe = nlp.get_pipe("spert_mt")
        self.encoded, _ = self.pipe.model.get_ref("encoder").begin_update([eg.predicted for eg in examples])
        self.targets = self.pipe.get_targets(examples, self.encoded)
        self.borders = numpy.cumsum(self.encoded.lengths)[:-1]
        offsets = self.encoded.offsets
        spans, mentions, pairs = self.targets.spans, self.targets.mentions, self.targets.pairs
        self.spans = [
            (text, start - offsets[text], end - offsets[text], label, iou)
            for start, end, text, label, iou in zip(
                spans.starts, spans.ends, spans.texts, spans.labels, self.targets.ious
            )
        ]
        local = [
            (start - offsets[text], end - offsets[text], label)
            for start, end, text, label in zip(mentions.starts, mentions.ends, mentions.texts, mentions.labels)
        ]
        self.pairs = [
            (mentions.texts[head], local[head], local[tail], set(numpy.flatnonzero(row).tolist()))
            for head, tail, row in zip(pairs.heads, pairs.tails, self.targets.relations)
        ]

    def textbook_loss(self, textbook, tokens, texts):
        return textbook.loss(
            numpy.split(tokens, self.borders), with_cats(texts, self.targets.cats), self.spans, self.pairs
        )


def with_cats(texts, cats):
    return texts if cats is None else numpy.concatenate([texts, cats], axis=1)


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_the_loss_and_its_gradients(make_nlp, examples_of, module_of, model):
    nlp = make_nlp(model, entity_negatives=12, symmetric=["knows"])
    batch = Batch(nlp, examples_of(nlp))
    pipe, module = batch.pipe, module_of(batch.pipe)
    assert any(len(labels) > 1 for _, _, _, labels in batch.pairs) and any(0 < iou < 1 for *_, iou in batch.spans)
    logits, backprop = pipe.model.get_ref("heads").begin_update((batch.encoded, batch.targets))
    loss, d_logits = pipe.get_loss(examples_of(nlp), logits, batch.targets)
    gradient = backprop(d_logits)
    tokens, texts = batch.encoded.tokens.astype("float64"), batch.encoded.texts.astype("float64")
    assert loss == pytest.approx(batch.textbook_loss(Textbook(module, pipe), tokens, texts), abs=1e-5, rel=1e-5)

    generator = numpy.random.default_rng(0)
    for array, found in ((tokens, gradient.tokens), (texts, gradient.texts)):
        for place in zip(*(generator.integers(size, size=12) for size in array.shape)):
            wanted = difference(array, place, lambda: batch.textbook_loss(Textbook(module, pipe), tokens, texts))
            assert found[place] == pytest.approx(wanted, abs=1e-4), place
    textbook = Textbook(module, pipe)
    of_ends = ("entity_first.weight", "entity_last.weight") if textbook.sees_ends else ()
    of_cats = ("relation_cats.weight",) if model.get("see_cats") else ()
    expected_of = {
        "entity": (textbook.entity, ("entity_text.weight", "entity_span.weight", "entity_width.weight", *of_ends)),
        "relation": (
            textbook.relation,
            ("relation_context.weight", "relation_head.weight", "relation_tail.weight", *of_cats),
        ),
        "entity bias": (textbook.entity_bias[:, None], ("entity_span.bias",)),
        "relation bias": (textbook.relation_bias[:, None], ("relation_context.bias",)),
        "widths": (textbook.widths, ("widths.weight",)),
    }
    if textbook.together is not None:
        expected_of["hidden layer"] = (textbook.together, ("entity_together.weight",))
    if textbook.query is not None:
        expected_of["query"] = (textbook.query, ("context_query.weight",))
    gradients = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    if textbook.product.size:
        expected_of["product"] = (textbook.product, ("relation_product.weight",))
        expected_of["factors"] = (textbook.factors, ("head factors", "tail factors"))
    for end in ("head", "tail"):
        both = gradients[f"relation_{end}.weight"]
        gradients[f"relation_{end}.weight"], gradients[f"{end} factors"] = numpy.split(both, [len(textbook.relation)])
    for matrix, names in expected_of.values():
        found = numpy.concatenate([gradients[name].reshape(len(matrix), -1) for name in names], axis=1)
        assert found.shape == matrix.shape and found.any()
        for place in zip(*(generator.integers(size, size=12) for size in matrix.shape)):
            wanted = difference(matrix, place, lambda: batch.textbook_loss(textbook, tokens, texts))
            assert found[place] == pytest.approx(wanted, abs=1e-4), (names, place)


def difference(array, place, value, step=1e-6):
    """The central difference of a value by one entry of an array, which is as before afterwards."""
    before = array[place]
    values = []
    for sign in (1, -1):
        array[place] = before + sign * step
        values.append(value())
    array[place] = before
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.filterwarnings("ignore:.*W812")
@pytest.mark.parametrize("model", MODELS, ids=IDS)
@pytest.mark.parametrize("overlap", ["flat", "nested", "any"])
def test_what_is_found(make_nlp, examples_of, module_of, model, overlap):
    is_baseline = model["mode"] == "spert"
    thresholds = (
        {"entity_threshold": 0.0, "relation_threshold": 0.4}
        if is_baseline
        else {"entity_threshold": 0.3, "relation_threshold": 0.6}
    )
    constraints = {"in": [["site", "place"], ["place", "place"], ["person", "site"]], "knows": [["person", "person"]]}
    nlp = make_nlp(
        model,
        overlap=overlap,
        symmetric=["knows"],
        constraints=constraints,
        pairs_per_token=10_000,
        entity_negatives=9,
        **thresholds,
    )
    pipe = nlp.get_pipe("spert_mt")
    docs = [eg.predicted for eg in examples_of(nlp)]
    encoded = pipe.model.get_ref("encoder").predict(docs)
    found = pipe.predict(docs)
    cats = (
        numpy.array([[doc.cats.get(label, 0.0) for label in ("land", "town")] for doc in docs])
        if model.get("see_cats")
        else None
    )
    texts = with_cats(encoded.texts.astype("float64"), cats)
    textbook = Textbook(module_of(pipe), pipe)
    entity_ids, relation_ids = (
        {label: i for i, label in enumerate(labels)} for labels in (pipe.entity_labels, pipe.relation_labels)
    )
    cfg = {**pipe.cfg, "symmetric_ids": {relation_ids["knows"]}}
    # A relation without direction may join its types in either order.
    both_ways = {
        label: pairs + [pair[::-1] for pair in pairs] if label == "knows" else pairs
        for label, pairs in constraints.items()
    }
    allowed = {
        relation_ids[label]: {(entity_ids[head], entity_ids[tail]) for head, tail in pairs}
        for label, pairs in both_ways.items()
    }

    borders = numpy.cumsum(encoded.lengths)[:-1]
    some = False
    for i, tokens in enumerate(numpy.split(encoded.tokens.astype("float64"), borders)):
        entities, relations = textbook.find(tokens, texts[i], cfg, allowed)
        own = found.entities.texts == i
        columns = (
            found.entities.starts[own],
            found.entities.ends[own],
            found.entities.labels[own],
            found.entity_scores[own],
        )
        ours = {
            (start, end): (label, score) for start, end, label, score in zip(*(column.tolist() for column in columns))
        }
        assert {place: label for place, (label, _) in ours.items()} == {
            place: label for place, (label, _) in entities.items()
        }
        for place, (_, score) in entities.items():
            assert ours[place][1] == pytest.approx(score, abs=1e-4)
        places = list(zip(found.entities.starts.tolist(), found.entities.ends.tolist()))
        rows = zip(found.pairs.heads.tolist(), found.pairs.tails.tolist(), found.labels.tolist(), found.scores.tolist())
        ours = {(places[head], places[tail], label): score for head, tail, label, score in rows if own[head]}
        assert set(ours) == set(relations)
        for relation, score in relations.items():
            assert ours[relation] == pytest.approx(score, abs=1e-4)
        some = some or bool(relations)
    assert some
