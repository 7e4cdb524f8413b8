"""From the vectors of a batch to its entities: thresholds, candidate spans and overlaps."""

import numpy
import torch.nn.functional as F
from thinc.api import xp2torch
from torch import Tensor

from ..spans.spans import Spans
from .boundaries import Candidates, candidate_spans, choose_spans
from .heads import MultiNERHeads
from .interaction import EncodedPairs
from .output import MultiNEROptions, MultiNEROutput

# The most candidates whose hidden vectors are in memory at once.
SPAN_CHUNK = 16384
# Flat entities: a start is joined with its nearest end only, as in BERT-MRC.
FLAT_ENDS_PER_START = 1


def decode(module: MultiNERHeads, encoded: EncodedPairs, options: MultiNEROptions) -> MultiNEROutput:
    """Find the entities of a batch: join starts and ends above the threshold, keep the spans above the threshold, and
    of these the ones that may overlap.

    The score of an entity is the geometric mean of the probabilities of its start, end and span (reconstructed; the
    papers do not state one).

    module (MultiNERHeads): The heads, in evaluation mode.
    encoded (EncodedPairs): The batch.
    options (MultiNEROptions): How to decode.
    RETURNS (MultiNEROutput): In host memory.
    """
    vectors = module.attend(xp2torch(encoded.vectors), encoded.sizes)
    start_logits, end_logits = module.score_boundaries(vectors, encoded.firsts, encoded.lasts)
    starts, ends = F.logsigmoid(start_logits).cpu().numpy(), F.logsigmoid(end_logits).cpu().numpy()
    threshold, has_vector = _log(options.boundary_threshold), encoded.firsts >= 0
    is_flat = options.overlap == "flat"
    candidates, left_out = candidate_spans(
        (starts >= threshold) & has_vector,
        (ends >= threshold) & has_vector,
        encoded.lengths,
        FLAT_ENDS_PER_START if is_flat else options.ends_per_start,
    )
    spans = _score_spans(module, vectors, encoded, candidates)
    scores = (starts[candidates.types, candidates.starts] + ends[candidates.types, candidates.lasts] + spans) / 3
    above = numpy.flatnonzero(spans >= _log(options.span_threshold))
    candidates, scores = candidates[above], numpy.exp(scores[above])
    kept = choose_spans(candidates, scores, options.overlap, options.one_type_per_span)
    candidates = candidates[kept]
    texts = numpy.repeat(numpy.arange(len(encoded.lengths)), encoded.lengths)[candidates.starts]
    offsets = encoded.offsets[texts]
    found = Spans(candidates.starts - offsets, candidates.lasts + 1 - offsets, texts, candidates.types)
    return MultiNEROutput(found, scores[kept], 0 if is_flat else left_out, encoded.cut)


def _score_spans(
    module: MultiNERHeads, vectors: Tensor, encoded: EncodedPairs, candidates: Candidates
) -> numpy.ndarray:
    """The log-probability of each candidate."""
    scores = [numpy.zeros(0, dtype="f")]
    for begin in range(0, len(candidates), SPAN_CHUNK):
        logits = module.score_spans(vectors, encoded.firsts, encoded.lasts, candidates[begin : begin + SPAN_CHUNK])
        scores.append(F.logsigmoid(logits).cpu().numpy())
    return numpy.concatenate(scores)


def _log(probability: float) -> float:
    with numpy.errstate(divide="ignore"):
        return float(numpy.log(numpy.float32(probability)))
