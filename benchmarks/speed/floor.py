"""The physical floor: how long the encoder's arithmetic takes at the rate at which this machine multiplies matrices, and its bytes at the rate at
which it moves them."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from transformers import PretrainedConfig

from .measuring import Settings, alternate, measures, ratio_row
from .pipelines import CONLL04, OURS, BareEncoder, load, read_texts

# Pieces in a batch of 32 texts, about; and how often the product is repeated.
GEMM_ROWS, GEMM_REPEATS = 1024, 50
COPIED = 256 * 1024**2


@measures("hf_encoder_vs_floor", "predict_vs_floor")
def floor(settings: Settings) -> dict[str, Any]:
    texts = read_texts(CONLL04, "test", settings.pick(0, 32))
    nlp, bare = load(settings.model, OURS), BareEncoder(settings.model)
    batches = bare.batches(texts)
    gemm, gemm_flops = matrix_product(bare.module.config)
    copy, copied = memory_copy()
    calls = [lambda: list(nlp.pipe(texts)), lambda: bare.run(batches), gemm, copy]
    pipeline, encoder, gemms, copies = alternate(settings.rounds, *calls)
    lengths = [int(length) for batch in batches for length in batch["attention_mask"].sum(dim=1)]
    padded = [batch["input_ids"].shape[1] for batch in batches for _ in batch["input_ids"]]
    flops, moved = encoder_flops(bare.module.config, lengths), encoder_bytes(bare.module, len(batches))
    floors = [flops * seconds / gemm_flops for seconds in gemms]
    note = "the encoder's arithmetic without padding, at the measured rate of matrix products"
    rows = [
        ratio_row(
            "hf_encoder_vs_floor",
            encoder,
            floors,
            f"bare encoder on length-sorted batches of 32 / {note}",
            dataset=CONLL04,
        ),
        ratio_row("predict_vs_floor", pipeline, floors, f"whole joint pipeline / {note}", dataset=CONLL04),
    ]
    facts = [
        ("texts", len(texts), ""),
        ("wordpieces", sum(lengths), ""),
        ("wordpieces, padding included", sum(padded), ""),
        ("arithmetic of the encoder", flops / 1e9, "GFLOP"),
        ("the same, padding included", encoder_flops(bare.module.config, padded) / 1e9, "GFLOP"),
        ("rate of matrix products", gemm_flops / statistics.median(gemms) / 1e9, "GFLOP/s"),
        ("weights, read once per batch", moved / 1e9, "GB"),
        ("rate of memory", copied / statistics.median(copies) / 1e9, "GB/s"),
        ("floor by arithmetic", statistics.median(floors), "s"),
        ("floor by bytes", moved * statistics.median(copies) / copied, "s"),
        ("bare encoder, length-sorted batches of 32", statistics.median(encoder), "s"),
        ("whole joint pipeline", statistics.median(pipeline), "s"),
    ]
    return {
        "rows": rows,
        "floor": [{"quantity": quantity, "value": value, "unit": unit} for quantity, value, unit in facts],
    }


def encoder_flops(config: PretrainedConfig, lengths: list[int]) -> float:
    """Multiplications and additions of a BERT-like encoder's matrix products; everything else is small beside them.

    config (PretrainedConfig): Sizes of the encoder.
    lengths (List[int]): Pieces per text.
    RETURNS (float): For each piece and layer 4 H x H projections and 2 H x I layers of the feed-forward network, and for each pair of pieces of a text
        a score and a weighted sum over H.
    """
    width, inner = config.hidden_size, config.intermediate_size
    linear = 2 * (4 * width * width + 2 * width * inner) * sum(lengths)
    attention = 4 * width * sum(length * length for length in lengths)
    return float(config.num_hidden_layers * (linear + attention))


def encoder_bytes(module: torch.nn.Module, batches: int) -> float:
    """Bytes of the layers' weights, which do not stay in the cache from one batch to the next. (Activations, layer by layer, may.)"""
    return float(batches * sum(weight.nbytes for weight in module.encoder.parameters()))


def matrix_product(config: PretrainedConfig) -> tuple[Callable[[], None], float]:
    """RETURNS (Tuple[Callable, float]): The largest product of a layer, repeated, and its multiplications and additions."""
    rows, columns, inner = GEMM_ROWS, config.hidden_size, config.intermediate_size
    left, right = torch.randn(rows, columns), torch.randn(inner, columns)

    def run() -> None:
        for _ in range(GEMM_REPEATS):
            torch.nn.functional.linear(left, right)

    return run, 2.0 * rows * columns * inner * GEMM_REPEATS


def memory_copy() -> tuple[Callable[[], Any], float]:
    """RETURNS (Tuple[Callable, float]): A copy of more than any cache holds, and how many bytes are read and written."""
    source, target = torch.ones(COPIED // 4), torch.empty(COPIED // 4)
    return lambda: target.copy_(source), 2.0 * COPIED
