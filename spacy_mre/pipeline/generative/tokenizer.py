"""Training of a tokenizer on the corpus, for a model that is trained from scratch."""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from ...errors import Errors

PAD, START, END, UNKNOWN = SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
KINDS = ("bpe", "unigram")
# White space, punctuation and the delimiters of the formats are separate tokens, so that a word has the same tokens in
# the source and in the target.
ALONE = Regex(r"\s|[^\w\s]|_")


def train_tokenizer(
    texts: Iterable[str], kind: str = "bpe", vocab_size: int = 4000, begins: bool = False
) -> PreTrainedTokenizerFast:
    """Train a tokenizer.

    texts (Iterable[str]): Sources and targets.
    kind (str): "bpe" or "unigram". Both work on bytes, so they can write any text. Default: "bpe".
    vocab_size (int): The most entries, at least 260 for the bytes and the special tokens. Default: 4000.
    begins (bool): Start a source with <s>, for a decoder-only model; otherwise end it with </s>, for an encoder.
        Default: False.
    RETURNS (PreTrainedTokenizerFast): The tokenizer.
    RAISES (ValueError): If the kind is unknown, or the vocabulary is too small.
    """
    if kind not in KINDS:
        raise ValueError(Errors.M001.format(setting="tokenizer.kind", value=kind, allowed=", ".join(KINDS)))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if vocab_size < len(alphabet) + len(SPECIAL):
        raise ValueError(Errors.M931.format(value=vocab_size, least=len(alphabet) + len(SPECIAL)))
    options = {
        "vocab_size": vocab_size,
        "special_tokens": list(SPECIAL),
        "initial_alphabet": alphabet,
        "show_progress": False,
    }
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        trainer = trainers.BpeTrainer(**options)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(unk_token=UNKNOWN, **options)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(ALONE, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A" if begins else f"$A {END}",
        special_tokens=[(START if begins else END, tokenizer.token_to_id(START if begins else END))],
    )
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=special[0],
        bos_token=special[1],
        eos_token=special[2],
        unk_token=special[3],
        clean_up_tokenization_spaces=False,
    )
