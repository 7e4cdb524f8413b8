"""Loading a pipeline to annotate with."""

import sys

import pytest
import spacy
from spacy.util import load_config

from spacy_mre.scale.pipelines import check_int8, load_pipeline, read_config


def test_int8_is_for_transformers_only(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler")
    for name in ("rules", "others", "transformer"):
        nlp.to_disk(tmp_path / name)
    for int8 in (False, True):
        assert load_pipeline(str(tmp_path / "rules"), int8=int8).pipe_names == ["entity_ruler"]
    config = load_config(tmp_path / "rules" / "config.cfg")
    config["components"]["entity_ruler"]["factory"] = "mre_transformer"
    config.to_disk(tmp_path / "transformer" / "config.cfg")
    rules, others, transformer = (str(tmp_path / name) for name in ("rules", "others", "transformer"))
    check_int8([rules, transformer])
    with pytest.raises(ValueError, match=r"\[M756\].*rules, .*others\. Leave out --int8"):
        check_int8([rules, others])


def test_a_server_in_int8_needs_a_transformer(tmp_path):
    serving = pytest.importorskip("spacy_mre.serving.server")
    spacy.blank("en", meta={"name": "rules"}).to_disk(tmp_path / "rules")
    with pytest.raises(ValueError, match="M756"):
        serving.serve([str(tmp_path / "rules")], serving.Settings(), int8=True)


def test_a_transformer_of_any_name_runs_in_int8(tmp_path, tiny_bert):
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert}
    model["get_spans"] = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 8, "stride": 6}
    nlp.add_pipe("mre_transformer", name="encoder", config={"model": model})
    nlp.initialize()
    nlp.to_disk(tmp_path)
    saved, quantized = (load_pipeline(str(tmp_path), int8=int8).get_pipe("encoder") for int8 in (False, True))
    assert (saved.engine, saved.precision) == ("torch", "fp32")
    assert (quantized.engine, quantized.precision) == ("onnx", "int8")


def test_the_config_of_a_package_is_that_of_its_folder(tmp_path, monkeypatch):
    # A folder as `spacy package` writes it.
    nlp = spacy.blank("en", meta={"name": "rules", "version": "1.2.0"})
    package = tmp_path / "en_rules"
    package.mkdir()
    nlp.to_disk(package / "en_rules-1.2.0")
    (package / "__init__.py").touch()
    (package / "meta.json").write_bytes((package / "en_rules-1.2.0" / "meta.json").read_bytes())
    info = tmp_path / "en_rules-1.2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: en_rules\nVersion: 1.2.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "en_rules", raising=False)
    assert read_config("en_rules") == load_config(package / "en_rules-1.2.0" / "config.cfg")
