"""The entity and relation heads of SpERT.MT (arXiv 2309.09713) and SpERT (arXiv 1909.07755), as one torch module.

All texts of a batch share one flat token matrix. A linear layer over a concatenation is computed as the sum of
smaller linear layers, so that the part of a text, of a width or of a span is computed once for each of them. In
evaluation mode that equals the textbook formulation; in training each part has its own dropout mask.
"""

import math

import numpy
import torch
from torch import Tensor, nn

from ...training.dropout import Dropout
from ...training.growth import PRIOR
from ..spans.pooling import all_maxima, context_ranges, range_max, to_index
from ..spans.spans import Pairs, Spans
from .probabilities import EXCLUDED, span_probability
from .settings import PRESETS, WIDTH_SIZE, Mode
from .targets import Targets

# When all spans are scored, at most this many numbers of pooled vectors are in memory at once, so that they fit into
# a processor's cache.
SCORED_AT_ONCE = 2_000_000


class SpertMTHeads(nn.Module):
    """The entity and relation heads.

    An entity has one column before those of the labels: the identification logit, or None in mode "spert". A relation
    has one such column too, except in mode "spert".

    Layers over the parts of a span have `hidden_size` more outputs after the entity columns, and layers over the two
    arguments of a pair have `rank` more after the relation columns: `add_hidden` and `add_product` combine them.

    width (int): Width of the token vectors.
    entity_labels (int): How many entity labels there are.
    relation_labels (int): How many relation labels there are.
    cat_labels (int): How many text labels there are.
    mode (Mode): The preset.
    max_width (int): The widest entity in tokens.
    dropout (float): Dropout before each layer.
    see_cats (bool): Whether the text labels are read. The text width is then the width plus the number of text labels.
    """

    def __init__(
        self,
        width: int,
        entity_labels: int,
        relation_labels: int,
        cat_labels: int = 0,
        *,
        mode: Mode = "spert_mt",
        max_width: int = 10,
        dropout: float = 0.1,
        see_cats: bool = False,
    ):
        super().__init__()
        preset = self.preset = PRESETS[mode]
        self.max_width = max_width
        self.width = width
        self.cat_labels = cat_labels if see_cats else 0
        self.entity_columns = 1 + entity_labels
        self.relation_columns = relation_labels + preset.has_identification
        entity_outputs = self.entity_columns + preset.hidden_size
        relation_outputs = self.relation_columns + preset.rank
        argument_size = (3 if preset.uses_ends else 1) * width + WIDTH_SIZE
        argument_size += self.entity_columns if preset.uses_entity_logits else 0

        self.dropout = Dropout(dropout)
        self.widths = nn.Embedding(max_width + 1, WIDTH_SIZE)  # the last row is for all wider spans
        self.entity_span = nn.Linear(width, entity_outputs)
        self.entity_text = nn.Linear(width + self.cat_labels, entity_outputs, bias=False)
        self.entity_width = nn.Linear(WIDTH_SIZE, entity_outputs, bias=False)
        self.relation_context = nn.Linear(width, self.relation_columns)
        self.head_argument = nn.Linear(argument_size, relation_outputs, bias=False)
        self.tail_argument = nn.Linear(argument_size, relation_outputs, bias=False)
        if preset.rank:
            self.argument_product = nn.Linear(preset.rank, self.relation_columns, bias=False)
        if preset.uses_ends:
            self.entity_first = nn.Linear(width, entity_outputs, bias=False)
            self.entity_last = nn.Linear(width, entity_outputs, bias=False)
        if self.cat_labels:
            self.relation_cats = nn.Linear(self.cat_labels, self.relation_columns, bias=False)
        if preset.hidden_size:
            self.entity_hidden = nn.Linear(preset.hidden_size, self.entity_columns, bias=False)
        self._initialize_weights(entity_labels, relation_labels)

    def _initialize_weights(self, entity_labels: int, relation_labels: int) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        # A product of two numbers near zero would pass hardly any gradient to either.
        for layer in (self.head_argument, self.tail_argument):
            nn.init.normal_(layer.weight[self.relation_columns :], std=1 / math.sqrt(layer.in_features))
        spans = [self.entity_span, self.entity_first, self.entity_last] if self.preset.uses_ends else [self.entity_span]
        for layer in spans:
            nn.init.normal_(layer.weight[self.entity_columns :], std=1 / math.sqrt(self.width))
        if self.preset.has_identification:  # few spans and pairs are positive
            for layer, labels in ((self.entity_span, entity_labels), (self.relation_context, relation_labels)):
                of_labels = math.log(max(labels, 1)) if self.preset.is_tied else 0.0
                nn.init.constant_(layer.bias[:1], PRIOR - of_labels)

    def forward(self, tokens: Tensor, texts: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Score the spans and pairs of a training batch.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x width.
        targets (Targets): The spans, mentions and pairs, and the text labels.
        RETURNS (tuple[Tensor, Tensor]): Spans x entity columns, pairs x relation columns.
        """
        texts = self.with_cats(texts, targets.cats)
        entity_logits, _ = self.score_spans(tokens, texts, targets.spans)
        if not len(targets.pairs):
            return entity_logits, tokens.new_zeros(0, self.relation_columns)
        mention_logits, pooled = self.score_spans(tokens, texts, targets.mentions)
        return entity_logits, self.score_pairs(tokens, texts, targets.mentions, pooled, mention_logits, targets.pairs)

    def with_cats(self, texts: Tensor, cats: numpy.ndarray | None) -> Tensor:
        """Append the text labels to the text vectors, if the heads read them.

        texts (Tensor): Texts x width.
        cats (Optional[numpy.ndarray]): Texts x text labels: 1 and 0, or probabilities; None if no label is known.
        RETURNS (Tensor): Texts x text width.
        """
        if not self.cat_labels:
            return texts
        if cats is None:
            cats = numpy.zeros((len(texts), self.cat_labels))
        return torch.cat([texts, torch.as_tensor(cats, dtype=texts.dtype, device=texts.device)], dim=1)

    def score_spans(self, tokens: Tensor, texts: Tensor, spans: Spans) -> tuple[Tensor, Tensor]:
        """Compute the entity logits of some spans, and their pooled vectors.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x text width.
        spans (Spans): The spans.
        RETURNS (tuple[Tensor, Tensor]): Spans x entity columns, spans x width.
        """
        pooled = range_max(tokens, spans.starts, spans.ends)
        logits = self.entity_span(self.dropout(pooled))
        logits = logits + self.entity_text(self.dropout(texts)).index_select(0, to_index(spans.texts, texts))
        logits = logits + self.entity_width(self.dropout(self._embed_widths(spans)))
        if self.preset.uses_ends:
            first, last = self._ends(tokens, spans)
            logits = logits + self.entity_first(self.dropout(first)) + self.entity_last(self.dropout(last))
        return self.add_hidden(logits), pooled

    def score_all(self, tokens: Tensor, texts: Tensor, lengths: numpy.ndarray, share_drawn: float = 1.0) -> Tensor:
        """Compute the probability of every span up to the width limit to be an entity. Without dropout and gradients.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x text width.
        lengths (numpy.ndarray): Tokens per text.
        share_drawn (float): The share of all negative spans that the heads were trained on. Training on a sample
            increases the odds of an entity by its inverse; mode "spert_mt" corrects that (King & Zeng 2001, Political
            Analysis 9, section 4.1).
        RETURNS (Tensor): Shape (max_width, total tokens): the `span_probability` of the span of width w + 1 that
            starts at this token; -1 where it would cross the end of its text.
        """
        max_width = self.max_width
        if not len(tokens):
            return tokens.new_zeros(max_width, 0)
        text_ids = to_index(numpy.repeat(numpy.arange(len(lengths)), lengths), tokens)
        # What a span adds by its text and its first token; then by its last token; then by its width.
        firsts = nn.functional.linear(texts, self.entity_text.weight, self.entity_span.bias).index_select(0, text_ids)
        lasts = None
        if self.preset.uses_ends:
            firsts = firsts + nn.functional.linear(tokens, self.entity_first.weight)
            lasts = nn.functional.linear(tokens, self.entity_last.weight)
            lasts = nn.functional.pad(lasts, (0, 0, 0, max_width - 1)).unfold(0, max_width, 1).permute(2, 0, 1)
        if self.preset.corrects_sampling:
            firsts[:, 0] += math.log(share_drawn)
        widths = self.widths.weight[:max_width] @ self.entity_width.weight.T

        size = max(SCORED_AT_ONCE // (max_width * tokens.shape[1]), 1)
        scores = []
        for begin in range(0, len(tokens), size):
            chunk = slice(begin, begin + size)
            logits = nn.functional.linear(all_maxima(tokens, begin, size, max_width), self.entity_span.weight)
            logits += firsts[chunk]
            logits += widths[:, None]
            if lasts is not None:
                logits += lasts[:, chunk]
            scores.append(span_probability(self.add_hidden(logits).flatten(0, 1), self.preset).view(logits.shape[:2]))
        remaining = numpy.repeat(numpy.cumsum(lengths), lengths) - numpy.arange(len(tokens))
        crosses = torch.as_tensor(numpy.arange(1, max_width + 1)[:, None] > remaining, device=tokens.device)
        return torch.cat(scores, dim=1).masked_fill_(crosses, EXCLUDED)

    def add_hidden(self, sums: Tensor) -> Tensor:
        """Add the hidden layer to the linear entity scores. The linear scores add up what each feature of a span
        gives by itself; the hidden layer (GELU) combines them. (Lee et al. 2017, arXiv 1707.07045, and Zhong & Chen
        2021, arXiv 2010.12812, have hidden layers without the linear path.)

        sums (Tensor): Shape (..., entity columns + hidden size).
        RETURNS (Tensor): Shape (..., entity columns).
        """
        if not self.preset.hidden_size:
            return sums
        linear, hidden = sums[..., : self.entity_columns], sums[..., self.entity_columns :]
        return linear + self.entity_hidden(nn.functional.gelu(hidden))

    def score_pairs(
        self, tokens: Tensor, texts: Tensor, mentions: Spans, pooled: Tensor, logits: Tensor, pairs: Pairs
    ) -> Tensor:
        """Compute the relation logits of some pairs.

        tokens (Tensor): Total tokens x width.
        texts (Tensor): Texts x text width.
        mentions (Spans): The mentions that `pairs` refers to.
        pooled (Tensor): Mentions x width.
        logits (Tensor): Mentions x entity columns.
        pairs (Pairs): The pairs.
        RETURNS (Tensor): Pairs x relation columns.
        """
        head_part, tail_part = self.score_arguments(tokens, texts, mentions, pooled, logits)
        head_part = head_part.index_select(0, to_index(pairs.heads, tokens))
        tail_part = tail_part.index_select(0, to_index(pairs.tails, tokens))
        between = range_max(tokens, *context_ranges(mentions.starts, mentions.ends, pairs.heads, pairs.tails))
        return self.score_contexts(between) + self.add_product(head_part, tail_part)

    def score_arguments(
        self, tokens: Tensor, texts: Tensor, mentions: Spans, pooled: Tensor, logits: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute what each mention adds to its relations as head, and as tail. The text labels are added to the head.

        tokens, texts, mentions, pooled, logits: As in `score_pairs`.
        RETURNS (tuple[Tensor, Tensor]): Mentions x (relation columns + rank), twice.
        """
        features = [pooled, self._embed_widths(mentions)]
        if self.preset.uses_ends:
            features.extend(self._ends(tokens, mentions))
        if self.preset.uses_entity_logits:
            features.append(logits)
        vectors = torch.cat(features, dim=1)
        head_part, tail_part = self.head_argument(self.dropout(vectors)), self.tail_argument(self.dropout(vectors))
        if self.cat_labels:
            cats = nn.functional.pad(self.relation_cats(self.dropout(texts[:, self.width :])), (0, self.preset.rank))
            head_part = head_part + cats.index_select(0, to_index(mentions.texts, texts))
        return head_part, tail_part

    def score_contexts(self, contexts: Tensor) -> Tensor:
        """Compute what the tokens between two mentions add: from their maxima (pairs x width) to pairs x relation
        columns."""
        return self.relation_context(self.dropout(contexts))

    def add_product(self, head_part: Tensor, tail_part: Tensor) -> Tensor:
        """Add the bilinear form of the two arguments to their linear scores. It has low rank (as in Kim et al. 2017,
        arXiv 1610.04325).

        head_part, tail_part (Tensor): Pairs x (relation columns + rank).
        RETURNS (Tensor): Pairs x relation columns.
        """
        if not self.preset.rank:
            return head_part + tail_part
        sizes = [self.relation_columns, self.preset.rank]
        head_linear, head_factor = head_part.split(sizes, dim=1)
        tail_linear, tail_factor = tail_part.split(sizes, dim=1)
        return head_linear + tail_linear + self.argument_product(head_factor * tail_factor)

    def _embed_widths(self, spans: Spans) -> Tensor:
        return self.widths(to_index(numpy.minimum(spans.widths - 1, self.max_width), self.widths.weight))

    def _ends(self, tokens: Tensor, spans: Spans) -> tuple[Tensor, Tensor]:
        """The vectors of the first and the last token of each span."""
        return tokens[to_index(spans.starts, tokens)], tokens[to_index(spans.ends - 1, tokens)]
