"""The choices of the settings, and the default models."""

from typing import Any, Literal, TypeAlias

from thinc.api import Config

# The values of `parts`: which of the text label and the entities or relations are generated.
Parts = Literal["both", "text", "words"]
# Between source and target of a decoder-only model. No template contains a line break.
DEFAULT_SEPARATOR = "\n"
# The values of `constraint`, which restricts the output to the format.
ConstraintKind = Literal["none", "first_token", "grammar"]
# The `tokenizer` of a model: a name or folder, the settings of one that is trained, or the model's own.
TokenizerSource: TypeAlias = str | dict[str, Any] | None
# How a server is asked.
Endpoint = Literal["completions", "chat"]
# The field of a request with the grammar.
GrammarField = Literal["structured_outputs", "guided_grammar", "ebnf", "grammar", "none"]
ASSIGNS = ["doc.cats", "doc.spans", "doc.ents", "doc._.relations", "doc._.generated", "doc._.generated_score"]
SCORE_WEIGHTS = {
    "all_acc": 1.0,
    "sc_acc": None,
    "ner_acc": None,
    "format_acc": None,
    "ents_f": None,
    "cats_macro_f": None,
}
SCORER = {"@scorers": "spacy_mre.generative_scorer.v1"}

default_slg_config = """
[model]
@architectures = "spacy_mre.Seq2SeqLM.v1"

[model.config]
model_type = "bart"
d_model = 256
encoder_layers = 4
decoder_layers = 4
encoder_attention_heads = 4
decoder_attention_heads = 4
encoder_ffn_dim = 1024
decoder_ffn_dim = 1024
max_position_embeddings = 1024

[model.tokenizer]
kind = "bpe"
vocab_size = 4000
"""
default_oiellm_config = """
[model]
@architectures = "spacy_mre.CausalLM.v1"

[model.config]
model_type = "llama"
hidden_size = 256
intermediate_size = 1024
num_hidden_layers = 4
num_attention_heads = 4
max_position_embeddings = 1024

[model.tokenizer]
kind = "bpe"
vocab_size = 4000
"""
DEFAULT_SLG_MODEL = Config().from_str(default_slg_config)["model"]
DEFAULT_OIELLM_MODEL = Config().from_str(default_oiellm_config)["model"]
