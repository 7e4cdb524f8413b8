"""The files of the page, without a browser: the texts of the interface, and what no file may do."""

import re
from pathlib import Path

import pytest

import spacy_mre

FOLDER = Path(spacy_mre.__file__).parent / "serving" / "studio" / "static"
SCRIPTS = sorted(FOLDER.glob("*.js"))
CODE = "\n".join(path.read_text(encoding="utf8") for path in SCRIPTS if path.name != "words.js")
HTML = (FOLDER / "index.html").read_text(encoding="utf8")
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|<style|style=|\son\w+="
)
LANGUAGE = re.compile(r"^  (\w\w): \{\n(.*?)^  \},$", re.MULTILINE | re.DOTALL)
WORD = re.compile(r'^    (\w+): "(.*)",$', re.MULTILINE)
# Words whose name has a part that is only known when the page runs.
FAMILIES = ("face_", "done_", "source_", "learning_", "order_", "title_")


def languages():
    text = (FOLDER / "words.js").read_text(encoding="utf8")
    return {lang: dict(WORD.findall(body)) for lang, body in LANGUAGE.findall(text)}


def places(text):
    """RETURNS (list[str]): The places of a text where values are put in."""
    return sorted(re.findall(r"\{\w+\}", text))


def test_each_language_has_the_same_words():
    found = languages()
    assert sorted(found) == ["en", "ja", "zh"]
    for lang, words in found.items():
        assert list(words) == list(found["en"]), lang
        for name, text in words.items():
            assert places(text) == places(found["en"][name]), (lang, name)
            assert text.strip() == text != ""


def test_all_words_are_used_and_all_used_words_are_there():
    words = languages()["en"]
    used = set(re.findall(r'(?:word|tell)\(\s*"(\w+)"', CODE)) | set(re.findall(r'data-word(?:-\w+)?="(\w+)"', HTML))
    assert used <= set(words), used - set(words)
    literals = used | set(re.findall(r'"(\w+)"', CODE)) | set(re.findall(r"^  (\w+): \{ keys", CODE, re.MULTILINE))
    literals |= set(re.findall(r"(?:^|[{ ])(\w+): (?:\"|\[\")", CODE))
    unused = [name for name in words if name not in literals and not name.startswith(FAMILIES)]
    assert unused == []


@pytest.mark.parametrize("path", [*SCRIPTS, FOLDER / "index.html", FOLDER / "studio.css"], ids=lambda path: path.name)
def test_no_file_runs_text_or_asks_elsewhere(path):
    text = path.read_text(encoding="utf8")
    assert FORBIDDEN.findall(text) == []
    assert re.findall(r"(?:https?:)?//[\w.]+\.\w+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert len(text.splitlines()) < 350 or path.name == "words.js"
    assert max(map(len, text.splitlines())) <= 120 or path.name == "words.js"
