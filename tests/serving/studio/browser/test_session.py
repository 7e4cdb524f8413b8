"""What a person does in an hour: corrects ten texts, lets the pipeline learn, looks again, and exports."""

import json
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
import spacy
from playwright.sync_api import expect

from tests.serving.studio.sentences import corpus, employment, japanese_corpus, sentence

# Milliseconds. The process that learns gives way to others on a busy machine.
PATIENCE = 300_000
DEMO = Path("training/demo/model-best").absolute()
NO_DEMO = f"there is no {DEMO.relative_to(Path.cwd())}: make run"


class Case(NamedTuple):
    """A pipeline, texts with what a person would save, and another text."""

    model: str
    texts: dict
    more: str


@pytest.fixture(params=["small", pytest.param("demo", marks=pytest.mark.skipif(not DEMO.is_dir(), reason=NO_DEMO))])
def case(request):
    if request.param == "small":
        return Case(request.getfixturevalue("trained"), dict(corpus()[::4]), sentence("Tom", "Riga", " still")[0])
    return Case(str(DEMO), dict(japanese_corpus()), employment("田中一郎", "日本製紙")[0])


def correct(tab, gold):
    """Make the analysis of the shown text right, by mouse and by keys, and save it."""
    while tab.entities():
        tab.click("#entities li button")
        tab.press("Delete")
    for entity in gold["entities"]:
        tab.drag(entity["start"], entity["end"])
        tab.label(entity["label"])
    (cat,) = gold["cats"]
    tab.click(f"[data-cat={cat}]")  # the only one that holds
    tab.click("#entities li:first-child button")
    tab.press("r")
    tab.label(gold["relations"][0]["label"])
    saved = tab.saved()
    assert [(one["start"], one["end"], one["label"]) for one in saved["entities"]] == [
        (one["start"], one["end"], one["label"]) for one in gold["entities"]
    ]
    assert saved["relations"] == gold["relations"]
    assert [label for label, holds in saved["cats"].items() if holds] == gold["cats"]


def export(tab, form):
    """RETURNS (Path): The file that the page offers."""
    tab.page.select_option("#export-form", form)
    with tab.page.expect_download() as download:
        tab.click("#export")
    return download.value.path()


def files_of(folder):
    """RETURNS (dict[Path, tuple[int, int]]): When each file of a folder was changed, and how large it is."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in Path(folder).rglob("*")}


def test_correct_learn_look_and_export(begin, tab, case, tmp_path):
    assert len(case.texts) == 10
    before = files_of(case.model)
    opened = tab(begin(*case.texts, case.more, model=case.model))
    for text, gold in case.texts.items():
        opened.sees("#picture", text)
        correct(opened, gold)
    opened.sees("#picture", case.more)

    opened.click("#learn")
    expect(opened.page.locator("#learning-result")).to_contain_text("Learned from", timeout=PATIENCE)
    opened.click("#use")
    expect(opened.page.locator("#message")).to_contain_text("The model in use is now", timeout=PATIENCE)
    opened.sees("#model", "+studio.1")
    opened.sees("#picture", case.more)
    learned = spacy.load(tmp_path / "gold.learned-1")(case.more)
    found = [f"{span.text}|{span.label_}" for span in learned.spans["entities"]]
    assert found
    opened.lists(*found)
    assert files_of(case.model) == before  # the old one is not changed

    tasks = json.loads(export(opened, "labelstudio").read_text(encoding="utf8"))
    assert {task["data"]["text"] for task in tasks} == set(case.texts)
    assert all(task["annotations"] for task in tasks)
    with zipfile.ZipFile(export(opened, "brat")) as files:
        lines = "".join(files.read(name).decode() for name in files.namelist() if name.endswith(".ann"))
    for text, gold in case.texts.items():
        for entity in gold["entities"]:
            assert f"\t{text[entity['start'] : entity['end']]}\n" in lines
    relation = gold["relations"][0]["label"]
    assert lines.count(f"\t{relation} ") == 10
