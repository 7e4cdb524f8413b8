"""`python -m spacy_mre page MODEL TEXTS OUT --compare OTHER`, with pipelines of rules."""

import re

import pytest
import spacy
from spacy.language import Language
from typer.testing import CliRunner

from spacy_mre.cli import app
from spacy_mre.visual.mistake_words import SIDE_WORDS, WORDS
from tests.visual.test_mistakes_page import labels_of, pictures, state, text_of
from tests.visual.test_page import Page

TEXTS = ["Rain in Oslo.", "From Oslo to Bergen by Lake Mira.", "Snow.", "Sun in Bergen."]
OLD = {"Oslo": "place", "Lake Mira": "place"}
NEW = {"Oslo": "place", "Lake Mira": "lake", "Bergen": "place"}


@pytest.fixture
def save(tmp_path):
    """Saves a pipeline of rules."""

    def make(folder, patterns, *, name="", ruler="entity_ruler", **config):
        nlp: Language = spacy.blank("en")
        if name:
            nlp.meta.update(name=name, version="1.2.0")
        rules = [{"label": label, "pattern": pattern} for pattern, label in patterns.items()]
        nlp.add_pipe(ruler, config=config).add_patterns(rules)
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        nlp.to_disk(tmp_path / folder)
        return str(tmp_path / folder)

    return make


@pytest.fixture
def compare(tmp_path):
    """Runs the command, and reads the page."""
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf8")

    def run(new, old, *options, code=0):
        out = tmp_path / "out.html"
        result = CliRunner().invoke(
            app, ["page", new, str(tmp_path / "texts.txt"), str(out), "--compare", old, *map(str, options)]
        )
        assert result.exit_code == code, result.output
        return result.output, out.read_text(encoding="utf8") if out.exists() else ""

    return run


def test_a_pipeline_is_not_compared_with_itself(save, compare, tmp_path, monkeypatch):
    old = save("old", OLD, name="old")
    monkeypatch.chdir(tmp_path)
    for same in (old, "old", "./old", "../" + tmp_path.name + "/old"):
        output, html = compare(old, same, code=2)
        assert "needs another pipeline" in " ".join(output.split()) and not html


def test_what_two_pipelines_find_differently_is_drawn(save, compare):
    old, new = save("old", OLD, name="old"), save("new", NEW, name="new")
    output, html = compare(new, old)
    assert "2 texts of 4 with disagreements in" in output
    page = Page(html)
    assert page.texts("h1") == ["Disagreements"]
    assert state(html) == "Texts with disagreements: 2 of 4, those with most disagreements first."
    # The text with three disagreements comes before that with one; the old pipeline is above the new one.
    svgs = pictures(html)
    assert [text_of(svg).strip() for svg in svgs] == [TEXTS[1], TEXTS[1], TEXTS[3], TEXTS[3]]
    assert [labels_of(svg, "mark-label") for svg in svgs] == [
        {"place": 1, "≠ place": 1},
        {"place": 1, "≠ lake": 1, "≠ place": 1},
        {},
        {"≠ place": 1},
    ]
    assert re.findall(r'<div class="side"><b>(.*?)</b>', html) == ["en_old 1.2.0", "en_new 1.2.0"] * 2
    assert ">≠ only en_old 1.2.0<" in html and "in en_new 1.2.0, but not in en_old 1.2.0" in html
    assert "Gold" not in html and "only A" not in html and f"{old} → {new}" in html
    # Counts at the top: two are the same, one is only of the old pipeline, three are only of the new one.
    assert "both 2<" in html and '<td class="number missed">1</td><td class="number wrong">3</td>' in html


@pytest.mark.parametrize("lang", WORDS)
def test_equal_pipelines_have_no_disagreements(save, compare, lang):
    one, two = save("one", NEW, name="one"), save("two", NEW, name="two")
    output, html = compare(one, two, "--lang", lang)
    assert "0 texts of 4" in output
    words = SIDE_WORDS[lang]
    assert state(html) == words["none"].format(total=4, a="en_two 1.2.0", b="en_one 1.2.0")
    assert Page(html).texts("h1") == [words["title"]] and not Page(html).all("figure")


def test_words_name_the_pipelines_in_all_languages():
    assert len({frozenset(words) for words in SIDE_WORDS.values()}) == 1 and SIDE_WORDS.keys() == WORDS.keys()
    for key, word in SIDE_WORDS["en"].items():
        fields = set(re.findall(r"{(\w+)}", word))
        assert all(set(re.findall(r"{(\w+)}", words[key])) == fields for words in SIDE_WORDS.values()), key


@pytest.mark.parametrize(
    "lang, only", [("en", "only en_b{{x}} 1.2.0"), ("ja", "en_b{{x}} 1.2.0のみ"), ("zh", "仅en_b{{x}} 1.2.0")]
)
def test_names_are_never_templates(save, compare, lang, only):
    _, html = compare(save("new", NEW, name="b{{x}}"), save("old", OLD, name="<b>{total}"), "--lang", lang)
    Page(html)
    assert only in html and "en_&lt;b&gt;{total} 1.2.0" in html


def test_pipelines_of_the_same_name_are_named_by_their_place(save, compare, tmp_path):
    for folders, names in (
        (("old", "new"), ["old", "new"]),
        (("old/best", "new/best"), ["old/best", "new/best"]),
        (("more/best", "best"), ["more/best", f"{tmp_path.name}/best"]),
    ):
        old, new = save(folders[0], OLD), save(folders[1], NEW)
        _, html = compare(new, old)
        assert re.findall(r'<div class="side"><b>(.*?)</b>', html) == names * 2


def test_the_page_is_limited_but_all_texts_are_counted(save, compare):
    output, html = compare(save("new", NEW), save("old", OLD), "--limit", 1)
    assert "2 texts of 4" in output and len(Page(html).all("figure")) == 1
    assert state(html).endswith("2 of 4, those with most disagreements first. The first 1 are shown.")
    _, html = compare(save("new", NEW), save("old", OLD), "--limit", 0)
    assert len(Page(html).all("figure")) == 2 and "are shown" not in state(html)


def test_pipelines_may_write_other_span_groups(save, compare):
    new = save("new", NEW, ruler="span_ruler", spans_key="mentions")
    for other, count in ((save("old", OLD), 2), (save("same", NEW, ruler="span_ruler", spans_key="spans"), 0)):
        assert f"{count} texts of 4" in compare(new, other)[0]
        assert f"{count} texts of 4" in compare(other, new)[0]


@pytest.mark.parametrize("option", [("--svg", "svg"), ("--attention", "a.svg")])
def test_what_is_of_one_pipeline_is_refused(save, compare, option):
    old = save("old", OLD)
    output, html = compare(old, old, *option, code=2)
    assert "Leave out" in output and not html
