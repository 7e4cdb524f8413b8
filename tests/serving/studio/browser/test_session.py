"""What a person does in an hour: corrects ten texts, lets the pipeline learn, looks again, and exports."""

import json
import zipfile

import spacy
from playwright.sync_api import expect

from tests.serving.studio.sentences import corpus

# Milliseconds. The process that learns gives way to others on a busy machine.
PATIENCE = 300_000


def correct(tab, gold):
    """Make the analysis of the shown text right, by mouse and by keys, and save it."""
    while tab.entities():
        tab.click("#entities li button")
        tab.press("Delete")
    person, place = gold["entities"]
    tab.drag(person["start"], person["end"])
    tab.label("person")
    tab.drag(place["start"], place["end"])
    tab.label("place")
    tab.click("[data-cat=people]")
    tab.click("#entities li:first-child button")
    tab.press("r")
    tab.label("lives_in")
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


def test_correct_learn_look_and_export(begin, tab, trained, tmp_path):
    texts = dict(corpus()[::4])
    assert len(texts) == 10
    opened = tab(begin(*texts, "Tom lives still in Riga .", model=trained))
    for text, gold in texts.items():
        opened.sees("#picture", text)
        correct(opened, gold)
    opened.sees("#picture", "Tom lives still in Riga .")

    opened.click("#learn")
    expect(opened.page.locator("#learning-result")).to_contain_text("Learned from", timeout=PATIENCE)
    opened.click("#use")
    opened.says("The learned model is in use.")
    opened.sees("#model", "1.0.0+studio.1")
    opened.sees("#picture", "Tom lives still in Riga .")
    learned = spacy.load(tmp_path / "gold.learned-1")("Tom lives still in Riga .")
    assert opened.entities() == [f"{span.text}|{span.label_}" for span in learned.spans["entities"]] != []

    tasks = json.loads(export(opened, "labelstudio").read_text(encoding="utf8"))
    assert {task["data"]["text"] for task in tasks} == set(texts)
    with zipfile.ZipFile(export(opened, "brat")) as files:
        lines = "".join(files.read(name).decode() for name in files.namelist() if name.endswith(".ann"))
    assert lines.count("\tlives_in ") == 10 and "\tIda\n" in lines and "\tRiga\n" in lines
