"""The wheels of this package and of trained pipelines are installed with what they require and nothing else."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.package import get_meta
from spacy.tokens import Doc
from spacy.training import Example

import spacy_mre
from spacy_mre.annotations.entities import set_entities
from spacy_mre.training.configs import config_names, config_purpose
from tests.installed import build_wheel, install, run_installed
from tests.robustness.pipelines import COMPONENTS, make_pipeline

PACKAGE = Path(spacy_mre.__file__).parent
ROOT = PACKAGE.parent
TEXTS = {"ja": "三浦美咲は京都で働く。", "zh": "李明在北京工作。"}
ANALYSE = """
import json, sys, spacy
nlp = spacy.load(sys.argv[1])
doc = nlp(sys.argv[2])
print(json.dumps([[token.text for token in doc], [[span.text, span.label_] for span in doc.spans["entities"]]]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist"))


def analyse(nlp, text):
    doc = nlp(text)
    return [[token.text for token in doc], [[span.text, span.label_] for span in doc.spans["entities"]]]


@pytest.fixture
def make_trained():
    """Makes a pipeline that finds a person and a place in one text."""

    def make(lang, tokenizer):
        nlp = spacy.blank(lang, config={"nlp": {"tokenizer": tokenizer}})
        nlp.add_pipe("spert_mt", config=COMPONENTS["spert_mt"])
        gold = nlp.make_doc(TEXTS[lang])
        set_entities(gold, [(0, 2, "person", 1.0), (3, 4, "place", 1.0)])
        examples = [Example(Doc(nlp.vocab, words=[t.text for t in gold], spaces=[False] * len(gold)), gold)]
        nlp.initialize(lambda: examples)
        sgd = nlp.create_optimizer()
        for _ in range(40):
            nlp.update(examples, sgd=sgd)
        assert analyse(nlp, TEXTS[lang])[1]
        return nlp

    return make


def test_the_wheel_contains_all_files_of_the_package(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT) for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == {str(path) for path in source} | {f"spacy_mre/configs/{name}.cfg" for name in config_names()}


def test_the_configs_are_found_without_the_clone(wheel, tmp_path):
    folder = install([wheel], tmp_path / "installed")
    code = "from spacy_mre.cli import app; app()"
    listed = run_installed(folder, code, "config").splitlines()
    assert [line.split(maxsplit=1) for line in listed] == [[name, config_purpose(name)] for name in config_names()]
    run_installed(folder, code, "config", "zh_cpu", "-o", tmp_path / "my.cfg")
    assert (tmp_path / "my.cfg").read_text(encoding="utf8").startswith("# Chinese on a CPU")


def test_a_packaged_pipeline_works_where_nothing_else_is_installed(wheel, make_trained, tmp_path):
    nlp = make_trained("ja", {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"})
    nlp.to_disk(tmp_path / "trained")
    (tmp_path / "packages").mkdir()
    command = [sys.executable, "-m", "spacy", "package", "trained", "packages", "--build", "wheel"]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    (package,) = (tmp_path / "packages").rglob("*.whl")
    folder = install([wheel, package], tmp_path / "installed")
    assert json.loads(run_installed(folder, ANALYSE, "ja_pipeline", TEXTS["ja"])) == analyse(nlp, TEXTS["ja"])


def test_the_requirements_of_a_chinese_tokenizer_suffice(wheel, make_trained, tmp_path):
    nlp = make_trained("zh", {"@tokenizers": "spacy_mre.ChineseTokenizer.v1"})
    check_requirements(nlp, TEXTS["zh"], wheel, tmp_path)


def test_the_requirements_of_a_generative_component_suffice(wheel, tmp_path):
    check_requirements(make_pipeline("slg"), "Ida lives in Lima .", wheel, tmp_path)


def check_requirements(nlp, text, wheel, tmp_path):
    """The requirements that `spacy package` writes are enough to load a saved pipeline and to analyse a text."""
    nlp.to_disk(tmp_path / "trained")
    meta = get_meta(tmp_path / "trained", srsly.read_json(tmp_path / "trained" / "meta.json"))
    folder = install([wheel], tmp_path / "installed", meta["requirements"])
    assert json.loads(run_installed(folder, ANALYSE, tmp_path / "trained", text)) == analyse(nlp, text)


LOAD_ALL = """
import importlib.metadata
for entry in importlib.metadata.distribution("spacy-mre").entry_points:
    try:
        entry.load()
    except ImportError as err:
        print(entry.name, err)
"""


def test_all_modules_load_without_extras(wheel, tmp_path):
    """spaCy loads the modules of all entry points when a name is misspelt, to list those that it knows."""
    assert run_installed(install([wheel], tmp_path / "installed"), LOAD_ALL) == ""
