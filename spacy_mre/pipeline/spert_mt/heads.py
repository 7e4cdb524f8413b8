"""The entity and relation heads of SpERT.MT (arXiv 2309.09713) and SpERT (arXiv 1909.07755), as one torch module.

Everything works on the flat token matrix of a batch. A linear layer over a concatenation is written as the sum of smaller linear layers, so
that what belongs to a text, to a width or to a span is computed once for each of them; in evaluation mode that equals the
textbook formulation (with dropout, each part draws a mask of its own).
"""

import math
from collections.abc import Iterator

import numpy
import torch
from torch import Tensor, nn

from ..spans.pooling import all_maxima, context_ranges, range_max, range_max_in_chunks, to_index
from ..spans.spans import Pairs, Spans
from .attention_pooling import range_attention_in_chunks
from .targets import Targets

# The identification logit before training: a probability of about 0.05.
PRIOR = -3.0
# So many numbers of pooled vectors are in memory at once where all spans are scored: few enough to stay in a processor's cache.
SCORED_AT_ONCE = 2_000_000


class SpertMTHeads(nn.Module):
    """The entity and relation heads.

    An entity head has one column before those of the labels: the identification logit (mode "spert_mt") or None (mode "spert"). A relation head has
    one such column in mode "spert_mt", and none in mode "spert".

    The linear layers over the parts of a span have `entity_hidden` more outputs behind those columns, and the layers over the two mentions of a pair
    `relation_rank` more: what the parts, and what the two mentions, say together comes from their sums (`add_hidden`) and products (`score_both`).

    With `see_cats` the heads read text vectors with the text labels beside them (see `with_cats`); wherever it says text width, that is the width and
    the number of text labels.
    """

    def __init__(
        self,
        width: int,
        entity_labels: int,
        relation_labels: int,
        *,
        mode: str,
        identification: str,
        max_width: int,
        width_size: int,
        dropout: float,
        entity_features: str,
        classification: str,
        relation_margin: float,
        cat_labels: int = 0,
        see_cats: bool = False,
        relation_context: str = "max",
        span_vector: str = "max",
        entity_hidden: int = 0,
        relation_rank: int = 0,
    ):
        super().__init__()
        self.mode = mode
        self.tied = identification == "tied"
        self.max_width = max_width
        self.entity_features = entity_features
        self.is_ranked = mode == "spert_mt" and classification == "ranking"
        self.relation_margin = relation_margin
        self.width = width
        self.seen_cats = cat_labels if see_cats else 0
        self.context = relation_context
        self.sees_ends = span_vector == "max_ends"
        columns = self.entity_columns = 1 + entity_labels
        entity_outputs = columns + entity_hidden
        features = 0 if entity_features == "none" else columns
        relation_columns = relation_labels + (mode == "spert_mt")
        self.dropout = nn.Dropout(dropout)
        self.widths = nn.Embedding(max_width + 1, width_size)  # the last one stands for all wider spans
        self.entity_span = nn.Linear(width, entity_outputs)
        self.entity_text = nn.Linear(width + self.seen_cats, entity_outputs, bias=False)
        self.entity_width = nn.Linear(width_size, entity_outputs, bias=False)
        self.relation_context = nn.Linear(width, relation_columns)
        own_tokens = 2 if self.sees_ends else int(self.context == "markers")
        mention_size = (1 + own_tokens) * width + width_size + features
        self.relation_columns, self.relation_rank = relation_columns, relation_rank
        self.relation_head = nn.Linear(mention_size, relation_columns + relation_rank, bias=False)
        self.relation_tail = nn.Linear(mention_size, relation_columns + relation_rank, bias=False)
        if relation_rank:
            self.relation_product = nn.Linear(relation_rank, relation_columns, bias=False)
        if self.sees_ends:
            self.entity_first = nn.Linear(width, entity_outputs, bias=False)
            self.entity_last = nn.Linear(width, entity_outputs, bias=False)
        if self.seen_cats:
            self.relation_cats = nn.Linear(self.seen_cats, relation_columns, bias=False)
        if self.context == "attention":
            self.context_query = nn.Linear(width, 1, bias=False)
        if entity_hidden:
            self.entity_together = nn.Linear(entity_hidden, columns, bias=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for layer in (self.relation_head, self.relation_tail):
            # A product of two numbers near zero would pass hardly any gradient on to either.
            nn.init.normal_(layer.weight[relation_columns:], std=1 / math.sqrt(mention_size))
        for layer in (self.entity_span, self.entity_first, self.entity_last) if self.sees_ends else (self.entity_span,):
            nn.init.normal_(layer.weight[columns:], std=1 / math.sqrt(width))
        if mode == "spert_mt":  # few spans and pairs are positive: begin near that, not at one half
            for layer, labels in ((self.entity_span, entity_labels), (self.relation_context, relation_labels)):
                nn.init.constant_(layer.bias[:1], PRIOR - (math.log(max(labels, 1)) if self.tied else 0.0))

    def forward(self, tokens: Tensor, texts: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Score the spans and pairs of a training batch.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x width.
        targets (Targets): The spans, mentions and pairs, and the text labels.
        RETURNS (Tuple[Tensor, Tensor]): Spans x entity columns, pairs x relation columns.
        """
        texts = self.with_cats(texts, targets.cats)
        entity_logits, _ = self.score_spans(tokens, texts, targets.spans)
        if not len(targets.pairs):
            return entity_logits, tokens.new_zeros(0, self.relation_context.out_features)
        mention_logits, pooled = self.score_spans(tokens, texts, targets.mentions)
        return entity_logits, self.score_pairs(tokens, targets.mentions, pooled, mention_logits, targets.pairs, texts)

    def with_cats(self, texts: Tensor, cats: numpy.ndarray | None) -> Tensor:
        """The text vectors, and beside them the text labels, where the heads see them: a linear layer over both is the sum of two.

        texts (Tensor): Texts x width.
        cats (Optional[numpy.ndarray]): Texts x text labels: 1 and 0, or probabilities; None for texts of which no label is known.
        RETURNS (Tensor): Texts x text width.
        """
        if not self.seen_cats:
            return texts
        if cats is None:
            cats = numpy.zeros((len(texts), self.seen_cats))
        return torch.cat([texts, torch.as_tensor(cats, dtype=texts.dtype, device=texts.device)], dim=1)

    def score_spans(self, tokens: Tensor, texts: Tensor, spans: Spans) -> tuple[Tensor, Tensor]:
        """Entity logits of some spans, and their pooled vectors.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x text width.
        spans (Spans): The spans.
        RETURNS (Tuple[Tensor, Tensor]): Spans x entity columns, spans x width.
        """
        pooled = range_max(tokens, spans.starts, spans.ends)
        of_texts = self.entity_text(self.dropout(texts)).index_select(0, to_index(spans.texts, texts))
        of_widths = self.entity_width(self.dropout(self.widths(self._width_ids(spans.widths, tokens))))
        logits = self.entity_span(self.dropout(pooled)) + of_texts + of_widths
        if self.sees_ends:
            first, last = (
                tokens.index_select(0, to_index(places, tokens)) for places in (spans.starts, spans.ends - 1)
            )
            logits = logits + self.entity_first(self.dropout(first)) + self.entity_last(self.dropout(last))
        return self.add_hidden(logits), pooled

    def add_hidden(self, sums: Tensor) -> Tensor:
        """The entity logits, from the sums of what the parts of a span say: what each adds by itself, and what a hidden layer with GELU makes of all of
        them together, as a first token may matter for some last tokens alone. (Lee et al. 2017, arXiv 1707.07045, and Zhong & Chen 2021,
        arXiv 2010.12812, score spans by hidden layers alone, without the direct path.)

        sums (Tensor): Shape (..., entity columns + hidden).
        RETURNS (Tensor): Shape (..., entity columns).
        """
        alone, hidden = sums[..., : self.entity_columns], sums[..., self.entity_columns :]
        if not hidden.shape[-1]:
            return alone
        return alone + self.entity_together(nn.functional.gelu(hidden))

    def score_all(self, tokens: Tensor, texts: Tensor, lengths: numpy.ndarray, share_drawn: float = 1.0) -> Tensor:
        """How surely each span up to the width limit is an entity.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x text width.
        lengths (numpy.ndarray): Tokens per text.
        share_drawn (float): The share of all negative spans that the heads were trained on. Of a sample, the odds of being an entity come out too high
            by its inverse, which is set right here (prior correction; King & Zeng 2001, Political Analysis 9, section 4.1). Mode "spert", as
            SpERT, leaves it at that.
        RETURNS (Tensor): Shape (max_width, total tokens): the `span_probability` of the span of width w + 1 at this token; -1 where it would cross the
            end of its text.
        """
        weight, bias = self.entity_span.weight, self.entity_span.bias
        text_ids = to_index(numpy.repeat(numpy.arange(len(lengths)), lengths), tokens)
        of_texts = nn.functional.linear(texts, self.entity_text.weight, bias).index_select(0, text_ids)
        of_widths = self.widths.weight[: self.max_width] @ self.entity_width.weight.T
        room = numpy.repeat(numpy.cumsum(lengths), lengths) - numpy.arange(len(tokens))
        if self.sees_ends:
            of_texts = of_texts + nn.functional.linear(tokens, self.entity_first.weight)
            of_lasts = nn.functional.linear(tokens, self.entity_last.weight)
            of_lasts = (
                nn.functional.pad(of_lasts, (0, 0, 0, self.max_width - 1)).unfold(0, self.max_width, 1).permute(2, 0, 1)
            )
        if self.mode == "spert_mt":
            of_texts[:, 0] += math.log(share_drawn)
        crossing = torch.as_tensor(numpy.arange(1, self.max_width + 1)[:, None] > room, device=tokens.device)
        size = max(SCORED_AT_ONCE // (self.max_width * tokens.shape[1]), 1)
        scores = []
        for begin in range(0, len(tokens), size):
            chunk = slice(begin, begin + size)
            logits = nn.functional.linear(all_maxima(tokens, begin, size, self.max_width), weight)
            logits += of_texts[chunk]
            logits += of_widths[:, None]
            if self.sees_ends:
                logits += of_lasts[:, chunk]
            scores.append(self.span_probability(self.add_hidden(logits).flatten(0, 1)).view(logits.shape[:2]))
        return torch.cat(scores or [tokens.new_zeros(self.max_width, 0)], dim=1).masked_fill_(crossing, -1.0)

    def span_probability(self, logits: Tensor) -> Tensor:
        """How surely each span is what it is taken for: an entity, of its best type (see `certainty`). The ranking loss gives types no probability: then
        an entity at all.

        logits (Tensor): Spans x entity columns.
        RETURNS (Tensor): Shape (spans,). In mode "spert" -1 where None is more probable.
        """
        if self.mode == "spert":
            best, which = logits.softmax(dim=1).max(dim=1)
            return torch.where(which > 0, best, best.new_tensor(-1.0))
        one_at_all = torch.sigmoid(identification_logits(logits, self.tied))
        if self.is_ranked or logits.shape[1] == 1:
            return one_at_all
        return one_at_all * certainty(torch.exp(logits[:, 1:].amax(dim=1) - logits[:, 1:].logsumexp(dim=1)))

    def score_pairs(
        self,
        tokens: Tensor,
        mentions: Spans,
        pooled: Tensor,
        logits: Tensor,
        pairs: Pairs,
        texts: Tensor | None = None,
    ) -> Tensor:
        """Relation logits of some pairs.

        tokens (Tensor): Total tokens x width.
        mentions (Spans): What the pairs are of.
        pooled (Tensor): Mentions x width.
        logits (Tensor): Mentions x entity columns.
        pairs (Pairs): The pairs.
        texts (Optional[Tensor]): Texts x text width; read where the relations see the text or its labels.
        RETURNS (Tensor): Pairs x relation columns.
        """
        of_heads, of_tails = self.score_mentions(mentions, pooled, logits, tokens, texts)
        heads, tails = to_index(pairs.heads, tokens), to_index(pairs.tails, tokens)
        if self.context == "max":
            between = range_max(tokens, *context_ranges(mentions.starts, mentions.ends, pairs.heads, pairs.tails))
        else:
            ((_, between),) = self.contexts_in_chunks(tokens, texts, mentions, pairs, len(pairs))
        return self.score_contexts(between) + self.score_both(
            of_heads.index_select(0, heads), of_tails.index_select(0, tails)
        )

    def score_mentions(
        self,
        mentions: Spans,
        pooled: Tensor,
        logits: Tensor,
        tokens: Tensor | None = None,
        texts: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What each mention brings into its relations as head, and as tail: two tensors of mentions x (relation columns + rank), for `score_both`.
        What the labels of the text add stands with the head."""
        parts = [pooled, self.widths(self._width_ids(mentions.widths, pooled))]
        if self.context == "markers" or self.sees_ends:
            parts.append(tokens.index_select(0, to_index(mentions.starts, tokens)))
        if self.sees_ends:
            parts.append(tokens.index_select(0, to_index(mentions.ends - 1, tokens)))
        if self.entity_features == "logits":
            parts.append(logits)
        elif self.entity_features == "labels":
            parts.append(nn.functional.one_hot(to_index(mentions.labels, pooled) + 1, logits.shape[1]).to(pooled.dtype))
        mention_vectors = torch.cat(parts, dim=1)
        of_heads, of_tails = (
            self.relation_head(self.dropout(mention_vectors)),
            self.relation_tail(self.dropout(mention_vectors)),
        )
        if self.seen_cats:
            of_texts = self.relation_cats(self.dropout(texts[:, self.width :]))
            of_heads = of_heads + nn.functional.pad(of_texts, (0, self.relation_rank)).index_select(
                0, to_index(mentions.texts, texts)
            )
        return of_heads, of_tails

    def score_both(self, of_heads: Tensor, of_tails: Tensor) -> Tensor:
        """The part of the relation logits that the two mentions of each pair add: what each adds by itself, and what they add together, a bilinear form
        of low rank (as Kim et al. 2017, arXiv 1610.04325, for two modalities).

        of_heads, of_tails (Tensor): What the mentions bring in, see `score_mentions`; pairs x (relation columns + rank).
        RETURNS (Tensor): Pairs x relation columns.
        """
        if not self.relation_rank:
            return of_heads + of_tails
        (heads_alone, heads), (tails_alone, tails) = (
            of.split([self.relation_columns, self.relation_rank], dim=1) for of in (of_heads, of_tails)
        )
        return heads_alone + tails_alone + self.relation_product(heads * tails)

    def contexts_in_chunks(
        self, tokens: Tensor, texts: Tensor | None, mentions: Spans, pairs: Pairs, size: int
    ) -> Iterator[tuple[numpy.ndarray, Tensor]]:
        """What the relation heads see around the two mentions of each pair, some pairs at a time.

        tokens (Tensor): Total tokens x width.
        texts (Optional[Tensor]): Texts x text width; read where the text vector is the context.
        mentions (Spans): What the pairs are of.
        pairs (Pairs): The pairs.
        size (int): The most pairs at a time.
        YIELDS (Tuple[numpy.ndarray, Tensor]): The places of some pairs, and their contexts (pairs x width).
        """
        if self.context == "markers":
            for first in range(0, len(pairs), size):
                places = numpy.arange(first, min(first + size, len(pairs)))
                yield (
                    places,
                    texts[:, : self.width].index_select(0, to_index(mentions.texts[pairs.heads[places]], texts)),
                )
            return
        ranges = context_ranges(mentions.starts, mentions.ends, pairs.heads, pairs.tails)
        if self.context == "attention":
            yield from range_attention_in_chunks(tokens, self.context_query(tokens)[:, 0], *ranges, size)
        else:
            yield from range_max_in_chunks(tokens, *ranges, size)

    def score_contexts(self, contexts: Tensor) -> Tensor:
        """The part of the relation logits that the contexts add (by default the maxima between the two mentions): pairs x relation columns."""
        return self.relation_context(self.dropout(contexts))

    def triple_probability(self, of_relations: Tensor, of_heads: Tensor, of_tails: Tensor) -> Tensor:
        """How surely head, label and tail are all right: the probability of the relation, times the geometric mean of those of its ends, as if these were
        right or wrong together. (Our own rule. Mode "spert", as SpERT, has the probability of the relation alone.)

        of_relations (Tensor): As `relation_probability` gives it, pairs x labels; what is negative stays so.
        of_heads, of_tails (Tensor): As `span_probability` gives it; shape (pairs,).
        RETURNS (Tensor): Pairs x labels.
        """
        if self.mode == "spert":
            return of_relations
        return torch.where(of_relations < 0, of_relations, of_relations * (of_heads * of_tails).sqrt()[:, None])

    def relation_probability(self, logits: Tensor, allowed: Tensor) -> Tensor:
        """How surely each label holds between two entities: that there is a relation, and this one (see `certainty`). The ranking loss gives labels no
        probability: then that there is one, for the best label and for any other one whose score lies nearer to the margin of right
        labels than to that of wrong ones (reconstructed: the paper has one label per pair).

        logits (Tensor): Pairs x relation columns.
        allowed (Tensor): Which labels a pair may have, bool, pairs x labels. The others have no part in its probability.
        RETURNS (Tensor): Pairs x labels; -1 for a label that is not allowed, or loses to another one of its pair.
        """
        if self.mode == "spert":
            return torch.sigmoid(logits).masked_fill(~allowed, -1.0)
        scores = logits[:, 1:].masked_fill(~allowed, torch.finfo(logits.dtype).min)
        if not scores.shape[1]:
            return scores
        one_at_all = torch.sigmoid(identification_logits(logits, self.tied))[:, None]
        if not self.is_ranked:
            return (one_at_all * certainty(scores.softmax(dim=1))).masked_fill(~allowed, -1.0)
        holds = (scores >= scores.amax(dim=1, keepdim=True)) | (scores > self.relation_margin)
        return torch.where(holds & allowed, one_at_all, scores.new_tensor(-1.0))

    def _width_ids(self, widths: numpy.ndarray, like: Tensor) -> Tensor:
        return to_index(numpy.minimum(widths - 1, self.max_width), like)


def certainty(shares: Tensor) -> Tensor:
    """How surely labels are right ones, by cross-entropy: fully from half of the labels' probability on, as two that are right together have a half each.
    (Our own rule.)

    shares (Tensor): The probability of a label among the labels, any shape.
    RETURNS (Tensor): From 0 to 1, the same shape.
    """
    return (2 * shares).clamp(max=1.0)


def identification_logits(logits: Tensor, tied: bool) -> Tensor:
    """Is it one at all? From the outputs of a head, identification column first.

    logits (Tensor): Shape (n, 1 + labels).
    tied (bool): Add the log-sum-exp of the label scores: what scores high for some label is likely to be one. With cross-entropy for
        the labels, identification and classification are then exactly the two factors of a softmax over labels and None.
    RETURNS (Tensor): Shape (n,).
    """
    if tied and logits.shape[1] > 1:
        return logits[:, 0] + logits[:, 1:].logsumexp(dim=1)
    return logits[:, 0]
