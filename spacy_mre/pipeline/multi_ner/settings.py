"""The choices, default model and constants of `multi_ner`."""

from typing import Literal

from ...encoders.over_tok2vec import DEFAULT_ENCODER

# Which vectors of the other types a type attends to: none (BERT-MRC), those of the same token, or those of all tokens
# of the text.
TypeAttention = Literal["none", "token", "full"]
# Each type has its own scorers (Multi-NER), or all types share them (BERT-MRC).
Heads = Literal["per_type", "shared"]
# The question of each label.
Questions = dict[str, str]
# A list of [label, question].
QuestionPairs = list[list[str]]

DEFAULT_MULTI_NER_MODEL = {
    "@architectures": "spacy_mre.MultiNER.v1",
    "interaction": {"@architectures": "spacy_mre.LateInteraction.v1", "encoder": DEFAULT_ENCODER},
}
# Weights of the losses of starts, ends and spans. They sum to 1.
START_WEIGHT, END_WEIGHT, SPAN_WEIGHT = 1 / 2.1, 1 / 2.1, 0.1 / 2.1
