"""A process that is killed while it saves over something leaves the old or the new state, or one that is refused.

Each writer is killed (SIGKILL) in two ways: before every change of a name in a folder, one after the other, and at
random moments.
"""

import multiprocessing
import os
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
import spacy

from spacy_mre import load_docs, save_docs
from spacy_mre.corpora import READERS, CorpusError, Record
from spacy_mre.corpora.brat_writer import write_records as write_brat
from spacy_mre.corpora.jsonl import write_records as write_jsonl
from tests.robustness.effort import count, scale

KILLS = scale(3)
PROCESSES = multiprocessing.get_context("fork")
NLP = spacy.blank("xx")
# Of different lengths, so that offsets and sizes differ.
STATES = {"old": ["old text"] * 3, "new": ["a new text, and longer"] * 40}
NAMES = ("replace", "rename", "unlink", "mkdir", "rmdir")


def records(state):
    return [Record(text, id=f"t{i}", entities=[]) for i, text in enumerate(STATES[state])]


def write_spacy(state, path):
    save_docs(NLP.pipe(STATES[state]), path / "docs.spacy")


def read_spacy(path):
    return [doc.text for doc in load_docs(path / "docs.spacy")]


def write_parts(state, path):
    save_docs(NLP.pipe(STATES[state]), path / "docs.spacy", max_bytes=10_000 if state == "new" else 1)


WRITERS = {
    "spacy": (write_spacy, read_spacy),
    "parts": (write_parts, read_spacy),
    "jsonl": (
        lambda state, path: write_jsonl(records(state), path / "a.jsonl"),
        lambda path: [record.text for record in READERS["jsonl"](path / "a.jsonl")],
    ),
}


def die_at(step, write):
    """Run a writer, and kill this process before the given change of a name. Runs in a process of its own."""
    count = 0

    def counted(function):
        def call(*args, **kwargs):
            nonlocal count
            count += 1
            if count > step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in NAMES:
        setattr(os, name, counted(getattr(os, name)))
    write()
    os._exit(0)


def die_at_every_step(write, restore, check):
    """Kill a writer at every step, from the same state, until it is through."""
    for step in range(2000):
        restore()
        process = PROCESSES.Process(target=die_at, args=(step, write))
        process.start()
        process.join()
        count()
        check()
        if process.exitcode == 0:
            return step
        assert process.exitcode == -signal.SIGKILL
    raise AssertionError("the writer does not end")


def die_at_random(write_old, write_new, check):
    """Kill a writer that alternates between two states."""

    def write_forever(ready):
        ready.set()
        while True:
            write_new()
            write_old()

    for kill in range(KILLS):
        ready = PROCESSES.Event()
        process = PROCESSES.Process(target=write_forever, args=(ready,))
        process.start()
        ready.wait()
        time.sleep(random.Random(kill).uniform(0.0, 0.3))
        process.kill()
        process.join()
        count()
        check()


@pytest.mark.parametrize("name", WRITERS)
def test_corpora(name, tmp_path):
    write, read = WRITERS[name]
    path = tmp_path / "place"
    seen = []

    def restore():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        write("old", path)

    def check():
        try:
            seen.append(read(path))
        except ValueError as err:
            assert str(err).startswith("[M10") and name == "parts"  # some parts are missing
        else:
            assert seen[-1] in STATES.values()

    steps = die_at_every_step(lambda: write("new", path), restore, check)
    assert steps and STATES["old"] in seen and seen[-1] == STATES["new"]
    restore()
    die_at_random(lambda: write("old", path), lambda: write("new", path), check)


def test_texts_and_annotations_of_a_brat_folder_are_whole(tmp_path):
    """The files are moved one by one: a folder may have old and new texts, but no part of one."""
    states = {
        name: [Record(text, id=f"t{i}", entities=[]) for i, text in enumerate(of[:3])] for name, of in STATES.items()
    }

    def restore():
        shutil.rmtree(tmp_path)
        write_brat(states["old"], tmp_path)

    def check():
        try:
            found = [record.text for record in READERS["brat"](tmp_path)]
        except CorpusError as err:
            assert "there is no text for these annotations" in str(err)
        else:
            assert set(found) <= {STATES["old"][0], STATES["new"][0]}

    assert die_at_every_step(lambda: write_brat(states["new"], tmp_path), restore, check)
    assert [record.text for record in READERS["brat"](tmp_path)] == STATES["new"][:3]


@pytest.fixture(scope="module")
def pipelines(make_shared_nlp, make_examples, tmp_path_factory):
    """Two pipelines with the same settings and labels and other weights, and the folders that they are saved to."""
    made = {}
    for seed, state in enumerate(STATES):
        spacy.util.fix_random_seed(seed)
        nlp = make_shared_nlp("spert_mt", "mre_textcat")
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        for name in ("spert_mt", "mre_textcat"):
            nlp.get_pipe(name).cfg["made"] = state
        folder = tmp_path_factory.mktemp(state)
        nlp.to_disk(folder)
        made[state] = (nlp, folder)
    return made


def test_components(pipelines, tmp_path):
    """Weights and labels of a component belong together, or the pipeline cannot be loaded."""
    path = tmp_path / "model"
    (old, old_folder), (new, _) = pipelines.values()
    seen = set()

    def restore():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(old_folder, path)

    def state_of(file):
        found = [
            name
            for name, (_, folder) in pipelines.items()
            if (folder / file).read_bytes() == (path / file).read_bytes()
        ]
        assert len(found) == 1, f"{file} is neither old nor new"
        return found[0]

    def check():
        missing = False
        for name in ("spert_mt", "mre_textcat"):
            if (path / name / "model").exists():
                assert state_of(Path(name) / "model") == state_of(Path(name) / "cfg")
                seen.add(state_of(Path(name) / "cfg"))
            else:
                missing = True
        if missing:
            seen.add("refused")
            # M020, if spaCy's own files are whole
            with pytest.raises(ValueError, match=r"M020.*'model'"):
                spacy.load(path)

    def write(nlp):
        for name in ("spert_mt", "mre_textcat"):
            nlp.get_pipe(name).to_disk(path / name, exclude=["vocab"])

    restore()
    assert die_at_every_step(lambda: write(new), restore, check)
    assert seen == {"old", "new", "refused"}
    assert not list(path.rglob(".new-*"))
    (path / "spert_mt" / ".new-abcd1234").mkdir()  # left by a process that was killed
    write(new)
    assert not list(path.rglob(".new-*"))
    restore()
    die_at_random(lambda: write(old), lambda: write(new), check)


def test_whole_pipelines(pipelines, tmp_path):
    """`Language.to_disk` also writes spaCy's own files, in place: a truncated one cannot be loaded."""
    path = tmp_path / "model"
    (old, old_folder), (new, _) = pipelines.values()
    shutil.copytree(old_folder, path)

    def check():
        for name in ("spert_mt", "mre_textcat"):
            for file in ("cfg", "model"):
                if (path / name / file).exists():
                    content = (path / name / file).read_bytes()
                    assert content in [(folder / name / file).read_bytes() for _, folder in pipelines.values()]
        # It loads, or spaCy refuses one of its own files, each kind in its own way.
        with suppress(Exception):
            spacy.load(path)

    die_at_random(lambda: old.to_disk(path), lambda: new.to_disk(path), check)


def test_transformers(tiny_bert, tmp_path):
    from transformers import AutoModel

    from spacy_mre.files import replacing_files

    models = {state: AutoModel.from_pretrained(tiny_bert) for state in STATES}
    models["new"].embeddings.word_embeddings.weight.data += 1
    path = tmp_path / "model"

    def write(state):
        with replacing_files(path) as fresh:
            models[state].save_pretrained(fresh)
            (fresh / "state").write_text(state)

    def restore():
        shutil.rmtree(path, ignore_errors=True)
        write("old")

    def check():
        if (path / "model.safetensors").exists():
            loaded = AutoModel.from_pretrained(path).embeddings.word_embeddings.weight
            state = (path / "state").read_text()
            assert (loaded == models[state].embeddings.word_embeddings.weight).all()
        else:
            with pytest.raises(OSError, match="safetensors"):
                AutoModel.from_pretrained(path)

    restore()
    assert die_at_every_step(lambda: write("new"), restore, check)
