import json

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre.pipeline.generative.causal_lm import CausalLM
from spacy_mre.pipeline.generative.checkpoints import load_language_model, make_pretrained, save_language_model
from spacy_mre.pipeline.generative.language_model import IGNORED
from spacy_mre.pipeline.generative.trainer.train import train_generative
from tests.pipeline.generative.trainer.tiny import CONFIG, ROWS, recipe

TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
TEXTS = [text for row in ROWS for text in row] + ["user: assistant:"]

pytestmark = pytest.mark.filterwarnings("ignore:mtime may not be reliable")


@pytest.fixture(scope="module")
def instruct(tmp_path_factory):
    """A model for instructions: one with a chat template."""
    lm = make_pretrained(TEXTS, **CONFIG).lm
    lm.tokenizer.chat_template = TEMPLATE
    folder = tmp_path_factory.mktemp("instruct")
    save_language_model(lm, folder)
    return folder


def test_the_source_is_the_turn_of_the_user(instruct):
    lm = load_language_model(instruct, chat=True)
    (source,) = lm.source_ids(["it </s> rains"])
    whole = lm.tokenizer.decode(source, skip_special_tokens=False)
    assert whole == "<s>user: it </s> rains</s><s>assistant: "
    # Within a text it is not the end.
    assert source.count(lm.end) == 1
    (target,) = lm.target_ids(["rain"])
    labels = lm.collate([source], [target])["labels"][0].tolist()
    assert labels == [IGNORED] * len(source) + target and target[-1] == lm.tokenizer.convert_tokens_to_ids("</s>")


def test_the_end_of_the_turn_ends_the_target(instruct):
    lm = load_language_model(instruct)
    lm.tokenizer.chat_template = TEMPLATE.replace("</s>", "<unk>")
    chat = CausalLM(lm.module, lm.tokenizer, chat=True)
    assert chat.end == lm.tokenizer.unk_token_id != lm.end
    assert chat.module.generation_config.eos_token_id == chat.end
    lm.tokenizer.chat_template = TEMPLATE.replace("</s>", "\n")
    assert CausalLM(lm.module, lm.tokenizer, chat=True).end == lm.end


def test_a_model_that_was_trained_so_is_asked_so(instruct, tmp_path):
    rows = tmp_path / "train.jsonl"
    rows.write_text("\n".join(json.dumps({"input": source, "output": target}) for source, target in ROWS))
    train_generative(recipe(str(instruct), chat=True, max_steps=150), rows, tmp_path / "out", progress=False)
    assert json.loads((tmp_path / "out" / "language_model.json").read_text())["chat"] is True
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy_mre.CausalLM.v1", "name": str(tmp_path / "out"), "config": None}
    pipe = nlp.add_pipe("oiellm", config={"model": {**model, "tokenizer": None}})
    gold = Doc(nlp.vocab, words=["it", "rains"], spaces=[True, False])
    gold.spans["entities"] = []
    gold.cats = {"weather": 1.0, "music": 0.0, "travel": 0.0}
    labels = {"classes": ["music", "weather", "travel"], "labels": ["album", "artist", "place"]}
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    for part, names in labels.items():
        for name in names:
            pipe.add_label(name, level=part)
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    lm = loaded.get_pipe("oiellm").model.shims[0].lm
    assert lm.chat and lm.decode(lm.source_ids(["a"])[0]).startswith("user: a")
    assert loaded("it rains")._.generated == "weather/NER/:None;"


def test_models_without_a_chat_are_refused(instruct, tmp_path):
    lm = load_language_model(instruct)
    lm.tokenizer.chat_template = None
    with pytest.raises(ValueError, match=r"M972.*chat_template"):
        CausalLM(lm.module, lm.tokenizer, chat=True)
    lm.tokenizer.chat_template = "{{ raise_exception('no') }}"
    with pytest.raises(ValueError, match=r"M972.*no"):
        CausalLM(lm.module, lm.tokenizer, chat=True)
    lm.tokenizer.chat_template = "{{ messages[0].content }}{{ messages[0].content }}"
    with pytest.raises(ValueError, match=r"M972.*exactly once"):
        CausalLM(lm.module, lm.tokenizer, chat=True)
    t5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    save_language_model(make_pretrained(TEXTS, kind="seq2seq", config=t5, tokenizer={"vocab_size": 300}).lm, tmp_path)
    with pytest.raises(ValueError, match=r"M972.*encoder-decoder"):
        load_language_model(tmp_path, chat=True)
