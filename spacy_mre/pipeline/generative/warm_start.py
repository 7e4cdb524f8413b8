"""Encoder-decoders that are initialized with the weights of an encoder."""

import re
from collections.abc import Iterable
from copy import deepcopy
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    EncoderDecoderModel,
    PretrainedConfig,
    PreTrainedModel,
)

from ...encoders.transformer.model_folder import check_model_folder
from ...errors import Errors
from .checkpoints import MadeModel, find_model, loading, make_pretrained
from .seq2seq_lm import Seq2SeqLM

# Part of the names of cross-attention weights in decoders of the BERT family.
CROSS_ATTENTION = ".crossattention."


def make_warm_started(
    texts: Iterable[str], *, name: str, decoder_layers: int | None = None, dropout: float | None = None
) -> MadeModel:
    """Make an encoder-decoder with the weights of an encoder.

    texts (Iterable[str]): Not used.
    name, decoder_layers, dropout: See `spacy_mre.WarmStartedSeq2Seq.v1`.
    RETURNS (MadeModel): The model.
    RAISES (ValueError): If there is no such model, or if it is not of the BERT family.
    """
    path = find_model(name)
    with loading(name):
        if Path(path).is_dir():
            check_model_folder(Path(path))
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    if config.is_encoder_decoder:
        return make_pretrained(texts, kind="seq2seq", name=name)
    if dropout is not None:
        for key in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            if hasattr(config, key):
                setattr(config, key, dropout)
    with loading(name):
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
        options: dict[str, Any] = {"torch_dtype": torch.float32, "trust_remote_code": False}
        if "add_pooling_layer" in signature(_class_of(config)).parameters:
            options["add_pooling_layer"] = False
        encoder = AutoModel.from_pretrained(path, config=config, **options)
    decoder, new_weights = _decoder_like(encoder, decoder_layers or config.num_hidden_layers, name)
    module = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    module.config.decoder_start_token_id = tokenizer.cls_token_id
    module.config.pad_token_id = tokenizer.pad_token_id
    module.config.eos_token_id = tokenizer.sep_token_id
    module.config.vocab_size = decoder.config.vocab_size
    return MadeModel(Seq2SeqLM(module, tokenizer), frozenset(f"decoder.{weight}" for weight in new_weights))


def _decoder_like(encoder: PreTrainedModel, layers: int, name: str) -> tuple[PreTrainedModel, list[str]]:
    """A decoder with the weights of an encoder, and the names of the weights that the encoder does not have.
    Cross-attention starts as the self-attention of the encoder, by which equal tokens attend to each other: copying
    from the source needs just that."""
    config = deepcopy(encoder.config)
    config.update({"is_decoder": True, "add_cross_attention": True, "num_hidden_layers": layers})
    decoder = AutoModelForCausalLM.from_config(config)
    encoder_layers = [round(float(layer)) for layer in torch.linspace(0, encoder.config.num_hidden_layers - 1, layers)]
    weights = encoder.state_dict()
    base, state = decoder.base_model, {}

    def layer_in_encoder(match: re.Match) -> str:
        return f"{match[1]}{encoder_layers[int(match[2])]}"

    for key in base.state_dict():
        in_encoder = re.sub(r"^(encoder\.layer\.)(\d+)", layer_in_encoder, key)
        in_encoder = in_encoder.replace(CROSS_ATTENTION, ".attention.")
        if in_encoder in weights:
            state[key] = weights[in_encoder]
    if base is decoder or not any(key.startswith("encoder.layer.") for key in state):
        raise ValueError(Errors.M936.format(name=name, model_type=config.model_type))
    base.load_state_dict(state, strict=False)
    decoder.tie_weights()
    pretrained = {f"{decoder.base_model_prefix}.{key}" for key in state if CROSS_ATTENTION not in key}
    return decoder, [key for key, _ in decoder.named_parameters() if key not in pretrained]


def _class_of(config: PretrainedConfig) -> type:
    return AutoModel._model_mapping[type(config)]
