"""Trains a tokenizer on the corpus, for a model that is trained from scratch."""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from ...errors import Errors

PAD, START, END, UNKNOWN = SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
KINDS = ("bpe", "unigram")
# The delimiters of the formats and the characters next to words are separate pieces, so that a word has the same
# pieces in the text and in the string that is to be written, and copying is copying.
ALONE = Regex(r"\s|[^\w\s]|_")


def train_tokenizer(
    texts: Iterable[str], kind: str = "bpe", vocab_size: int = 4000, begins: bool = False
) -> PreTrainedTokenizerFast:
    """Train a tokenizer.

    texts (Iterable[str]): Sources and targets.
    kind (str): "bpe" or "unigram". Both work on bytes, so that there is no text which they cannot write.
    vocab_size (int): The most entries; fewer where the corpus has no more. At least 260: the bytes and the special
        tokens.
    begins (bool): A text begins with <s>, as a decoder-only model wants it; otherwise it ends with </s>, as an
        encoder does.
    RETURNS (PreTrainedTokenizerFast): The tokenizer.
    RAISES (ValueError): An unknown kind, or a vocabulary too small for the bytes.
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
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{
            f"{name}_token": AddedToken(sign, special=True, normalized=False)
            for name, sign in zip(("pad", "bos", "eos", "unk"), SPECIAL)
        },
        clean_up_tokenization_spaces=False,
    )
