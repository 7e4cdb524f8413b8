"""The table of the memory that training of large language models needs. It is computed, not measured."""

from typing import Any

from transformers import LlamaConfig

from spacy_mre.pipeline.generative.trainer.memory import Memory, estimate_memory
from spacy_mre.pipeline.generative.trainer.recipe import Recipe

from .formatting import markdown

# Width, width of the feed-forward layers, layers, heads, heads of keys and values, vocabulary, and whether input and
# output share one table, from their published configs. Biases and norms of Qwen are left out: less than 0.1 %.
SHAPES = {
    "Llama-3.2-1B": (2048, 8192, 16, 32, 8, 128256, True),
    "Qwen2.5-1.5B": (1536, 8960, 28, 12, 2, 151936, True),
    "Llama-3.2-3B": (3072, 8192, 28, 24, 8, 128256, True),
    "Qwen2.5-7B": (3584, 18944, 28, 28, 4, 152064, False),
    "Llama-3.1-8B": (4096, 14336, 32, 32, 8, 128256, False),
}
BATCH: dict[str, Any] = {"batch_size": 4, "max_length": 512, "gradient_checkpointing": True}
WAYS: dict[str, dict[str, Any]] = {
    "QLoRA": {"lora_rank": 16, "load_in_4bit": True},
    "LoRA": {"lora_rank": 16, "dtype": "bfloat16", "bf16": True},
    "all weights": {"bf16": True},
}


def memory() -> str:
    """The estimate of `train-generative --dry-run` for published models."""
    rows = []
    for name, shape in SHAPES.items():
        config = _config(*shape)
        found = {way: estimate_memory(Recipe(name, **BATCH, **settings), config) for way, settings in WAYS.items()}
        count = found["all weights"].weights / 4
        rows.append([name, f"{count / 1e9:.2f}", *(_described(memory) for memory in found.values())])
    columns = ["model", "weights, 10⁹", *(f"{way}, GB" for way in WAYS)]
    return f"{markdown(columns, rows)}\n\nComputed by `python -m benchmarks table`, not measured."


def _described(memory: Memory) -> str:
    """The sum, and in brackets what does not depend on the batch."""
    return f"{memory.total / 1e9:.1f} ({(memory.total - memory.activations - memory.logits) / 1e9:.1f})"


def _config(width: int, inner: int, layers: int, heads: int, key_heads: int, vocab: int, tied: bool) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        vocab_size=vocab,
        tie_word_embeddings=tied,
    )
