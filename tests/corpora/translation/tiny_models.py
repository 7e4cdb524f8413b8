"""Tiny models in folders, trained until they know a few texts by heart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    NllbTokenizerFast,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from spacy_mre.corpora.translation.engine import Message

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
CHAT = "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}<s>assistant: "
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + CHAT
SMALL = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
SMALL |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "dropout": 0.0, "attention_dropout": 0.0}
SMALL |= {"activation_dropout": 0.0, "encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0}
IDS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}

Pairs = Sequence[tuple[str, str]]


def train_tokenizer(pairs: Pairs, path: Path) -> str:
    """Bytes, and the pairs of them that are frequent."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=SPECIAL, initial_alphabet=alphabet)
    tokenizer.train_from_iterator([text for pair in pairs for text in pair], trainer)
    path.mkdir(parents=True)
    tokenizer.save(str(path / "raw.json"))
    return str(path / "raw.json")


def fit(model: Any, batches: Sequence[dict[str, Any]], folder: Path, tokenizer: Any) -> None:
    """Train a model until it knows its batches by heart."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(300):
        loss = sum(model(**batch).loss for batch in batches)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.01 * len(batches):
            break
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "raw.json").unlink(missing_ok=True)


def batch_of(tokenizer: Any, source: str, answer: Sequence[int]) -> dict[str, Any]:
    return {**tokenizer(source, return_tensors="pt", return_token_type_ids=False), "labels": torch.tensor([answer])}


def make_nllb(folder: Path, pairs: Pairs, source: str = "jpn_Jpan", target: str = "eng_Latn") -> None:
    """A translation model with tokens of languages."""
    torch.manual_seed(0)
    raw = train_tokenizer(pairs, folder)
    tokenizer = NllbTokenizerFast(
        tokenizer_file=raw, src_lang=source, tgt_lang=target, additional_special_tokens=[source, target]
    )
    config = M2M100Config(
        vocab_size=len(tokenizer), max_position_embeddings=200, decoder_start_token_id=2, **SMALL, **IDS
    )
    first = tokenizer.convert_tokens_to_ids(target)
    end = tokenizer.eos_token_id
    batches = [
        batch_of(tokenizer, before, [first, *tokenizer(after, add_special_tokens=False).input_ids, end])
        for before, after in pairs
    ]
    fit(M2M100ForConditionalGeneration(config), batches, folder, tokenizer)


def train_pieces(pairs: Pairs, folder: Path) -> tuple[str, list[str]]:
    """A model of sentencepiece, and its pieces."""
    import sentencepiece

    folder.mkdir(parents=True)
    name = str(folder / "pieces")
    texts = iter([text for pair in pairs for text in pair] * 20)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=texts, model_prefix=name, vocab_size=60, hard_vocab_limit=False, minloglevel=2
    )
    found = sentencepiece.SentencePieceProcessor(model_file=f"{name}.model")
    return f"{name}.model", [found.id_to_piece(index) for index in range(3, found.get_piece_size())]


def write_ids(pieces: Sequence[str], path: Path) -> str:
    path.write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    return str(path)


def make_m2m100(folder: Path, pairs: Pairs, source: str = "ja", target: str = "en") -> None:
    """A translation model whose tokenizer has its languages apart from the vocabulary."""
    torch.manual_seed(0)
    model, pieces = train_pieces(pairs, folder)
    ids = write_ids(["<s>", "<pad>", "</s>", "<unk>", *pieces], folder / "ids.json")
    tokenizer = M2M100Tokenizer(ids, model, src_lang=source, tgt_lang=target)
    config = M2M100Config(vocab_size=300, max_position_embeddings=200, decoder_start_token_id=2, **SMALL, **IDS)
    batches = [batch_of(tokenizer, before, tokenizer(text_target=after).input_ids) for before, after in pairs]
    fit(M2M100ForConditionalGeneration(config), batches, folder, tokenizer)


def make_marian(folder: Path, pairs: Pairs) -> None:
    """A translation model with one direction, or with languages before the text if the pairs have them."""
    torch.manual_seed(0)
    model, pieces = train_pieces(pairs, folder)
    prefixes = sorted({before.partition("<< ")[0] + "<<" for before, _ in pairs if before.startswith(">>")})
    ids = write_ids(["</s>", "<unk>", *prefixes, *pieces, "<pad>"], folder / "ids.json")
    tokenizer = MarianTokenizer(model, model, ids)
    pad = tokenizer.pad_token_id
    config = MarianConfig(
        vocab_size=len(tokenizer), max_position_embeddings=100, decoder_start_token_id=pad, **SMALL,
        pad_token_id=pad, eos_token_id=0, forced_eos_token_id=0,
    )  # fmt: skip
    batches = [batch_of(tokenizer, before, tokenizer(text_target=after).input_ids) for before, after in pairs]
    fit(MarianMTModel(config), batches, folder, tokenizer)


def make_t5(folder: Path, pairs: Pairs, prefixes: Sequence[str] = ()) -> None:
    """A seq2seq model; with prefixes, one that translates."""
    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=train_tokenizer(pairs, folder), additional_special_tokens=list(prefixes), **NAMES
    )
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, dropout_rate=0.0,
        decoder_start_token_id=1, **IDS,
    )  # fmt: skip
    batches = [batch_of(tokenizer, before, [*tokenizer(after).input_ids, 2]) for before, after in pairs]
    fit(T5ForConditionalGeneration(config), batches, folder, tokenizer)


def make_llama(folder: Path, chats: Sequence[tuple[list[Message], str]], template: str | None = CHAT) -> None:
    """A causal model that answers chats."""
    torch.manual_seed(0)
    texts = [(message["content"], answer) for messages, answer in chats for message in messages]
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=train_tokenizer(texts, folder), **NAMES)
    tokenizer.chat_template = template
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=600, **IDS,
    )  # fmt: skip
    batches = []
    for messages, after in chats:
        asked = tokenizer.apply_chat_template(messages, chat_template=template or CHAT)
        answer = [*tokenizer(after).input_ids, 2]
        ids = torch.tensor([asked + answer])
        batches.append({"input_ids": ids, "labels": torch.tensor([[-100] * len(asked) + answer])})
    fit(LlamaForCausalLM(config), batches, folder, tokenizer)
