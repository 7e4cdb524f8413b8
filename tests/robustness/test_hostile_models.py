"""Models made by somebody who wants to write or read files, run code, or wait for an answer on the terminal. Each is
refused by a number, and nothing outside of its folder is opened or changed."""

import json
import os
import pickle
import re
import shutil
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
import spacy
import srsly
import torch
from spacy.tokens import DocBin
from spacy.util import load_model_from_config

from spacy_mre import load_docs
from spacy_mre.annotations.entities import set_entities
from spacy_mre.unpacking import LONGEST_NAME, MOST_FILES
from spacy_mre.visual.page import render
from tests.robustness.effort import count, scale
from tests.robustness.pipelines import make_examples
from tests.robustness.saved import output
from tests.robustness.watching import snapshot, watching

pytestmark = pytest.mark.filterwarnings("ignore")

SECRET = b"a secret of the user\n"
# In the long mode every case is tried in all ways, not only the first one of its kind.
ALWAYS_WHOLE = scale(1) > 1
HUGGING_FACE = ("mre_transformer", "slg", "oiellm", "cross")
FOLDERS = HUGGING_FACE[:3]


@pytest.fixture
def home(tmp_path):
    """The folder of a user, with a file that nobody but the user may read or change."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "victim.txt").write_bytes(SECRET)
    return home


class Evil:
    """A pickled object that would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


@contextmanager
def nothing_happens(home):
    """Within this context nothing is run, nothing is changed outside of private folders, and the user's file is not
    opened."""
    before = snapshot(home)
    with watching() as watched:
        yield
    assert not watched.ran
    assert not watched.changed_outside()
    assert str(home / "victim.txt") not in watched.opened
    assert snapshot(home) == before
    count()


def copy_of(saved, home):
    folder = home / "downloads" / "pipeline"
    shutil.copytree(saved.folder, folder)
    return folder


def refuse(error, home, load, source):
    """Load a hostile model: it is refused by a number."""
    with nothing_happens(home), pytest.raises(ValueError, match=error):
        load(source)


def refuse_folder(error, saved, folder, home, whole=ALWAYS_WHOLE):
    """Try to load a folder: the component, and the whole pipeline in all ways."""
    component = saved.scratch.get_pipe(saved.name)
    refuse(error, home, partial(component.from_disk, exclude=["vocab"]), folder / saved.name)
    if whole:
        refuse(error, home, spacy.load, folder)
        refuse(error, home, saved.blank().from_disk, folder)


# Bytes


def edit_shims(saved, edit):
    """The bytes of a component, with those of the language model or transformer inside it edited."""
    model = srsly.msgpack_loads(saved.message["model"])
    edited = 0
    for node, shims in zip(saved.nlp.get_pipe(saved.name).model.walk(), model["shims"], strict=True):
        for i, (shim, data) in enumerate(zip(node.shims, shims, strict=True)):
            if type(shim).__name__ in ("LMShim", "HFShim"):
                shims[i] = srsly.msgpack_dumps(edit(srsly.msgpack_loads(data)))
                edited += 1
    assert edited == 1
    return srsly.msgpack_dumps({**saved.message, "model": srsly.msgpack_dumps(model)})


def refuse_bytes(error, saved, data, home, whole=ALWAYS_WHOLE):
    """Try to load the bytes of a component, and those of a pipeline with this component."""
    component = saved.scratch.get_pipe(saved.name)
    refuse(error, home, partial(component.from_bytes, exclude=["vocab"]), data)
    if whole:
        pipeline = {**srsly.msgpack_loads(saved.nlp.to_bytes()), saved.name: data}
        refuse(error, home, saved.blank().from_bytes, srsly.msgpack_dumps(pipeline))


def with_files(files):
    """An edit that adds files."""

    def edit(message):
        message.get("tokenizer", message).update(files)
        return message

    return edit


UNSAFE = {
    "parent": "../victim.txt",
    "grandparent": "../../../victim.txt",
    "through a folder": "x/../../victim.txt",
    "absolute": "{home}/victim.txt",
    "home": "~/victim.txt",
    "folder": "sub/file.txt",
    "backslash": "..\\victim.txt",
    "drive": "C:victim.txt",
    "stream": "vocab.txt:victim",
    "device": "NUL",
    "device with a suffix": "aux.txt",
    "zero byte": "vocab.txt\x00.json",
    "line break": "vocab.txt\n",
    "empty": "",
    "dot": ".",
    "dots": "..",
    "hidden": ".bashrc",
    "ends in a dot": "vocab.txt.",
    "ends in a blank": "vocab.txt ",
    "too long": "x" * (LONGEST_NAME + 1),
    "other letters": "vоcab.txt",
    "other case": "TOKENIZER_CONFIG.JSON",
}


@pytest.mark.parametrize("kind", HUGGING_FACE)
def test_names_of_files_in_bytes(kind, saved_models, home):
    saved = saved_models[kind]
    for name, file in UNSAFE.items():
        files = {file.format(home=home): b"changed"}
        whole = ALWAYS_WHOLE or name in ("parent", "absolute")
        refuse_bytes("M010|M012", saved, edit_shims(saved, with_files(files)), home, whole)


TABLES = [
    ({3: b"x"}, "M010|M012"),
    ({b"vocab.txt": b"x"}, "M010|M012"),
    ({"vocab.txt": "text"}, "M012"),
    ({"vocab.txt": None}, "M012"),
    ({"vocab.txt": 10**6}, "M012"),
    ({"vocab.txt": {"victim.txt": b"x"}}, "M012"),
    ({f"{i}.txt": b"" for i in range(MOST_FILES)}, "M011"),
]


@pytest.mark.parametrize("kind", HUGGING_FACE)
def test_other_tables_of_files_in_bytes(kind, saved_models, home):
    saved = saved_models[kind]
    for files, error in TABLES:
        refuse_bytes(error, saved, edit_shims(saved, with_files(files)), home)


def test_a_file_of_the_stock_component(saved_models, home):
    """`transformer` of spacy-transformers saves the same bytes as one file, which `mre_transformer` reads."""
    saved = saved_models["mre_transformer"]
    folder = copy_of(saved, home)
    message = srsly.msgpack_loads(edit_shims(saved, with_files({"../victim.txt": b"changed"})))
    shutil.rmtree(folder / saved.name / "model")
    (folder / saved.name / "model").write_bytes(message["model"])
    refuse_folder("M010", saved, folder, home, whole=True)


def test_intact_bytes_are_unpacked_in_private_folders_only(saved_models, home):
    for kind in HUGGING_FACE:
        saved = saved_models[kind]
        data, nlp = saved.nlp.to_bytes(), saved.blank()
        with nothing_happens(home):
            nlp.from_bytes(data)
        assert output(nlp) == output(saved.nlp)


# Pickled objects


def pickled(path, **content):
    buffer = BytesIO()
    torch.save({**content, "evil": Evil(path)}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("variable", ["", "1"])
@pytest.mark.parametrize("kind", ["spert_mt", "mre_textcat", "multi_ner", "bilstm", "cross", "mre_transformer"])
def test_pickled_objects_in_bytes(kind, variable, saved_models, home, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", variable)
    saved = saved_models[kind]
    message, edited = srsly.msgpack_loads(saved.message["model"]), 0
    for shims in message["shims"]:
        for i, data in enumerate(shims):
            for file in (pickled(home / "marker"), pickle.dumps(Evil(home / "marker"))):
                shims[i] = srsly.msgpack_dumps({**srsly.msgpack_loads(data), "state": file})
                model = srsly.msgpack_dumps(message)
                refuse_bytes("M012", saved, srsly.msgpack_dumps({**saved.message, "model": model}), home)
            refuse_file("M012", saved, model, home)
            shims[i] = data
            edited += 1
    assert edited


def refuse_file(error, saved, model, home):
    """Try a model as the file of a component."""
    folder = copy_of(saved, home)
    path = folder / saved.name / "model"
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(model)
    refuse_folder(error, saved, folder, home)
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_pickled_file_in_a_folder(kind, saved_models, home):
    saved = saved_models[kind]
    folder = copy_of(saved, home)
    model = folder / saved.name / "model"
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickled(home / "marker"))
    refuse_folder("M331|M947", saved, folder, home, whole=True)


# What the JSON files of a folder name


CODE = "from pathlib import Path\nPath({marker!r}).touch()\nclass Config: pass\nclass Model: pass\n"
CONFIGS = {
    "code": ({"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}, "M334"),
    "code of the hub": ({"model_type": "evil", "auto_map": {"AutoConfig": "owner/evil--evil.Config"}}, "M334"),
    "a kernel of the hub": ({"_attn_implementation": "owner/evil:kernel"}, "M334"),
    "a kernel, inside": ({"text_config": {"_attn_implementation_internal": "owner/evil:kernel"}}, "M334"),
    "other weights": ({"transformers_weights": "{home}/victim.safetensors"}, "M332"),
    "a backbone": ({"backbone": "{home}/victim.txt", "use_pretrained_backbone": True}, "M332"),
    "a class that loads models": ({"tokenizer_class": "AutoModel"}, "M334"),
    "a path for a class": ({"tokenizer_class": ["{home}/victim.txt"]}, "M334"),
}
TOKENIZERS = {
    "code": ({"tokenizer_class": None, "auto_map": {"AutoTokenizer": ["evil.Config", None]}}, "M334|M331|M947"),
    "a class that asks": ({"tokenizer_class": "AutoTokenizer"}, "M334"),
    "a class that loads models": ({"tokenizer_class": "AutoModelForCausalLM"}, "M334"),
    "a function": ({"tokenizer_class": "pipeline"}, "M334"),
    "a vocabulary": ({"vocab_file": "{home}/victim.txt"}, "M332"),
    "merges": ({"merges_file": "{home}/victim.txt"}, "M332"),
    "a tokenizer file": ({"tokenizer_file": "{home}/victim.txt"}, "M332"),
    "a sentencepiece model": ({"source_spm": "../../../../victim.txt"}, "M332"),
    "positional arguments": ({"init_inputs": ["{home}/victim.txt"]}, "M332"),
    "versions": ({"fast_tokenizer_files": ["tokenizer.4.0.0.json/../../../../../victim.txt"]}, "M332"),
    "a dictionary": ({"mecab_kwargs": {"mecab_option": "-d {home}"}}, "M332"),
    "a dictionary's settings": ({"sudachi_kwargs": {"sudachi_config_path": "{home}/victim.txt"}}, "M332"),
}
INDICES = {
    "parent": "../../../../victim.txt",
    "absolute": "{home}/victim.txt",
    "safetensors elsewhere": "{home}/victim.safetensors",
    "pickle": "model.bin",
    "not a string": 3,
}


def fill(value, home):
    """The value, with the path of the user's folder."""
    return json.loads(json.dumps(value).replace("{home}", str(home)))


def merge(path, changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refuse_everywhere(error, saved, home, change, whole):
    """Change a model folder; it is refused from disk, and its files in bytes."""
    folder = copy_of(saved, home)
    model = folder / saved.name / "model"
    change(model)
    refuse_folder(error, saved, folder, home, whole)
    files = {path.name: path.read_bytes() for path in model.iterdir()}

    def edit(message):
        if "tokenizer" not in message:
            return files
        tokenizer = {name: data for name, data in files.items() if name not in ("config.json", "model.safetensors")}
        config = json.loads(files["config.json"])
        return {**message, "config": config, "tokenizer": {**message["tokenizer"], **tokenizer}}

    refuse_bytes(error, saved, edit_shims(saved, edit), home, whole)
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", FOLDERS)
def test_what_a_model_config_names(kind, saved_models, home):
    for name, (changes, error) in CONFIGS.items():

        def change(model, changes=changes):
            merge(model / "config.json", fill(changes, home))
            if "tokenizer_class" in changes:
                merge(model / "tokenizer_config.json", {"tokenizer_class": None})
            (model / "evil.py").write_text(CODE.format(marker=str(home / "marker")))

        refuse_everywhere(error, saved_models[kind], home, change, ALWAYS_WHOLE or name == "code")


@pytest.mark.parametrize("kind", FOLDERS)
def test_what_a_tokenizer_config_names(kind, saved_models, home):
    for name, (changes, error) in TOKENIZERS.items():

        def change(model, changes=changes):
            merge(model / "tokenizer_config.json", fill(changes, home))
            (model / "evil.py").write_text(CODE.format(marker=str(home / "marker")))

        refuse_everywhere(error, saved_models[kind], home, change, ALWAYS_WHOLE or name == "a vocabulary")


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_shards_that_an_index_names(kind, saved_models, home):
    saved = saved_models[kind]
    folder = copy_of(saved, home)
    model = folder / saved.name / "model"
    (model / "model.safetensors").rename(home / "victim.safetensors")
    for name, shard in INDICES.items():
        index = {"metadata": {}, "weight_map": {"embeddings": fill(shard, home)}}
        (model / "model.safetensors.index.json").write_text(json.dumps(index))
        refuse_folder("M332", saved, folder, home, ALWAYS_WHOLE or name == "parent")


@pytest.mark.parametrize("kind", FOLDERS)
def test_an_adapter_of_another_model(kind, saved_models, home):
    def change(model):
        adapter = {"peft_type": "LORA", "base_model_name_or_path": str(home / "other")}
        (model / "adapter_config.json").write_text(json.dumps(adapter))

    refuse_everywhere("M334", saved_models[kind], home, change, ALWAYS_WHOLE)


@pytest.mark.parametrize("kind", FOLDERS)
def test_names_that_are_ignored(kind, saved_models, home):
    """Published models contain these. They load, and nothing is opened or run."""
    saved = saved_models[kind]
    folder = copy_of(saved, home)
    model, victim = folder / saved.name / "model", str(home / "victim.txt")
    merge(model / "config.json", {"_name_or_path": victim, "auto_map": {"AutoConfig": "evil.Config"}})
    names = {"name_or_path": victim, "special_tokens_map_file": victim, "chat_template": "{{ cycler.__init__ }}"}
    merge(model / "tokenizer_config.json", {**names, "auto_map": {"AutoTokenizer": ["evil.Config", None]}})
    (model / "evil.py").write_text(CODE.format(marker=str(home / "marker")))
    with nothing_happens(home):
        nlp = spacy.load(folder)
        found = output(nlp)
    assert found == output(saved.nlp)


# Configs and settings


@pytest.mark.parametrize("kind", ["mre_transformer", "cross", "slg", "oiellm"])
def test_names_and_settings_in_bytes_do_not_replace_those_of_the_config(kind, saved_models):
    """They would be used when training starts: the name to load a model, the settings to allow its code."""
    saved = saved_models[kind]
    settings = {"trust_remote_code": True}
    message = srsly.msgpack_loads(saved.message["model"])
    for node, shims in zip(message["attrs"], message["shims"], strict=True):
        if "name" in node:
            others = {"has_transformer": srsly.msgpack_dumps(True), "get_spans": srsly.msgpack_dumps("x")}
            node.update(name=srsly.msgpack_dumps("owner/evil"), **others)
        if kind in ("mre_transformer", "cross") and shims:
            empty = {"config": {}, "tokenizer": {}, "state": {}}
            content = {**empty, "_init_tokenizer_config": settings, "_init_transformer_config": settings}
            if srsly.msgpack_loads(shims[0]).keys() == content.keys():
                shims[0] = srsly.msgpack_dumps(content)
    nlp = saved.blank()
    pipe = nlp.get_pipe(saved.name)
    (before,) = [dict(node.attrs) for node in pipe.model.walk() if "name" in node.attrs]
    pipe.from_bytes(srsly.msgpack_dumps({**saved.message, "model": srsly.msgpack_dumps(message)}), exclude=["vocab"])
    (node,) = [node for node in pipe.model.walk() if "name" in node.attrs]
    assert {**node.attrs} == before
    if "has_transformer" in before:
        assert "trust_remote_code" not in node._init_tokenizer_config
        assert "trust_remote_code" not in node._init_transformer_config


@pytest.mark.parametrize("kind", HUGGING_FACE)
def test_training_from_a_model_with_code(kind, saved_models, home):
    """Hugging Face would ask on the terminal."""
    saved = saved_models["slg" if kind == "oiellm" else "mre_transformer"]
    model = copy_of(saved, home) / saved.name / "model"
    merge(model / "config.json", CONFIGS["code"][0])
    (model / "evil.py").write_text(CODE.format(marker=str(home / "marker")))
    settings = {"config": None, "name": str(model), "tokenizer": None}
    if kind == "mre_transformer":
        settings = {"name": str(model)}
    if kind == "cross":
        settings = {"interaction": {"transformer": {"name": str(model)}}}
    named = saved_models[kind]
    config = named.nlp.config.copy().merge({"components": {named.name: {"model": settings}}})
    nlp = spacy.blank("en").from_config(config)
    refuse("M334", home, nlp.initialize, lambda: make_examples(nlp))


@pytest.mark.parametrize("kind", ["mre_transformer", "cross"])
def test_a_model_of_the_hub_with_code(kind, saved_models, home, monkeypatch):
    """It cannot be checked before Hugging Face reads it; Hugging Face is told to refuse."""
    from transformers import AutoConfig, AutoTokenizer

    given = []

    def refused(name, **options):
        given.append(options["trust_remote_code"])
        raise OSError("needs code")

    monkeypatch.setattr(AutoConfig, "from_pretrained", refused)
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", refused)
    saved = saved_models[kind]
    nlp = saved.blank()
    model = nlp.get_pipe(saved.name).model
    next(node for node in model.walk() if "has_transformer" in node.attrs).attrs["name"] = "owner/evil"
    with pytest.raises(OSError, match="needs code"):
        nlp.initialize(lambda: make_examples(nlp))
    assert given == [False]


def test_names_in_a_config_are_not_opened_when_a_pipeline_is_loaded(saved_models, home):
    """They are used at initialization only: a trained pipeline contains its weights and questions."""
    victim = str(home / "victim.txt")
    settings = {
        "multi_ner": {"questions": victim, "init_from": victim},
        "slg": {"model": {"config": None, "name": victim, "tokenizer": victim}},
        "oiellm": {"model": {"config": None, "name": victim, "tokenizer": victim}},
        "mre_transformer": {"model": {"name": victim}},
    }
    for kind, changes in settings.items():
        saved = saved_models[kind]
        config = saved.nlp.config.copy().merge({"components": {saved.name: changes}, "paths": {"train": victim}})
        with nothing_happens(home):
            load_model_from_config(config, auto_fill=True)
            nlp = spacy.load(saved.folder, config={"components": {saved.name: changes}})
            found = output(nlp)
        assert found == output(saved.nlp)


def test_stored_documents_contain_plain_values_only(home):
    nlp = spacy.blank("en")
    doc = nlp("Ida")
    doc._.relations = []
    doc.user_data["evil"] = pickle.dumps(Evil(home / "marker"))
    DocBin(docs=[doc], store_user_data=True).to_disk(home / "corpus.spacy")
    with nothing_happens(home):
        (read,) = load_docs(home / "corpus.spacy", nlp.vocab)
    assert read.user_data["evil"] == doc.user_data["evil"]


def test_labels_and_texts_are_never_templates(home):
    evil = "{{ 7 * 7 }}{% include 'page.html.jinja' %}<script>alert(1)</script>"
    nlp = spacy.blank("en")
    doc = nlp(evil)
    set_entities(doc, [(0, 2, evil, 1.0)])
    doc.cats = {evil: 1.0}
    with nothing_happens(home):
        html = render(doc, title=evil, labels={"entities": {evil: {"en": evil}}})
    assert "49" not in re.sub(r"<svg.*?</svg>|<style.*?</style>", "", html, flags=re.DOTALL)
    assert html.count("7 * 7") >= 3 and html.count("<script") == 1


# Links


@pytest.mark.parametrize("kind", ["spert_mt", "slg", "mre_transformer"])
def test_saving_never_follows_a_link(kind, saved_models, home):
    saved = saved_models[kind]
    folder = copy_of(saved, home)
    (home / "documents").mkdir()
    (home / "documents" / "letter.txt").write_bytes(SECRET)
    component = folder / saved.name
    (component / "cfg").unlink()
    (component / "cfg").symlink_to(home / "victim.txt")
    model = component / "model"
    if model.is_dir():
        shutil.rmtree(model)
        model.symlink_to(home / "documents", target_is_directory=True)
    else:
        model.unlink()
        model.symlink_to(home / "documents" / "letter.txt")
    saved.nlp.to_disk(folder)
    assert (home / "victim.txt").read_bytes() == SECRET
    assert snapshot(home / "documents") == {"letter.txt": SECRET}
    assert output(spacy.load(folder)) == output(saved.nlp)


@pytest.mark.parametrize("kind", FOLDERS[:2])
def test_saving_never_follows_a_link_inside_a_model(kind, saved_models, home):
    saved = saved_models[kind]
    folder = copy_of(saved, home)
    model = folder / saved.name / "model"
    for file in ("config.json", "model.safetensors", "tokenizer_config.json"):
        (model / file).unlink()
        (model / file).symlink_to(home / "victim.txt")
    (home / "documents").mkdir()
    (home / "documents" / "letter.txt").write_bytes(SECRET)
    (model / "more").symlink_to(home / "documents", target_is_directory=True)
    saved.nlp.to_disk(folder)
    assert (home / "victim.txt").read_bytes() == SECRET
    assert snapshot(home / "documents") == {"letter.txt": SECRET}
    assert output(spacy.load(folder)) == output(saved.nlp)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_cache_of_links_is_read(kind, saved_models, home):
    """The cache of the Hugging Face hub is a folder of links to files beside it."""
    saved = saved_models[kind]
    folder = copy_of(saved, home)
    for i, path in enumerate(sorted((folder / saved.name / "model").iterdir())):
        blob = home / "downloads" / f"blob{i}"
        path.rename(blob)
        path.symlink_to(os.path.relpath(blob, path.parent))
    assert output(spacy.load(folder)) == output(saved.nlp)


def test_the_watcher_notices(home):
    """The tests above would fail if something happened."""
    with watching() as watched:
        (home / "new.txt").write_text("x")
        (home / "victim.txt").read_bytes()
        pickle.loads(pickle.dumps(Evil(home / "marker")))
        os.system("true")
    assert watched.changed_outside() == [str(home / "new.txt"), str(home / "marker")]
    assert watched.changed_outside(home) == []
    assert str(home / "victim.txt") in watched.opened
    assert [re.match(r"[\w.]+", event)[0] for event in watched.ran][-1] == "os.system"
    assert any(event.startswith("pickle.find_class") for event in watched.ran)
