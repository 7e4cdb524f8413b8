"""The heat map of the attention between types: computed, as an image, on the page, and from the command line."""

import re
from xml.etree import ElementTree

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from typer.testing import CliRunner

from spacy_mre.annotations.entities import set_entities
from spacy_mre.cli import app
from spacy_mre.visual import Attention, measure_attention, render, write_attention

WEIGHTS = Attention(["person", "place & <site>"], numpy.array([[0.75, 0.25], [0.5, 0.5]]))
NAMES = {"entities": {"person": {"ja": "人物"}}}
TEXTS = ["Ida lives in Lima .", "Tom lives in Oslo ."]


@pytest.fixture(scope="module")
def nlp():
    """An initialized pipeline."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("multi_ner", config={"questions": {"person": "Find people.", "place": "Find places."}})
    nlp.add_pipe("doc_cleaner")
    gold = Doc(nlp.vocab, words=TEXTS[0].split())
    set_entities(gold, [(0, 1, "person", 1.0), (3, 4, "place", 1.0)])
    examples = [Example(Doc(nlp.vocab, words=TEXTS[0].split()), gold)]
    nlp.initialize(lambda: examples)
    return nlp


def test_attention_is_computed_over_texts(nlp):
    attention = measure_attention(nlp, TEXTS)
    assert list(attention.labels) == ["person", "place"]
    assert attention.weights.sum(axis=1) == pytest.approx(1.0)
    docs = [nlp.make_doc(text) for text in TEXTS]
    assert attention.weights == pytest.approx(nlp.get_pipe("multi_ner").type_attention(docs))


def test_a_pipeline_without_attention_is_refused():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=r"M844.*sentencizer"):
        measure_attention(nlp, TEXTS)


def test_the_svg_names_all_types_and_is_reproducible(tmp_path):
    pytest.importorskip("matplotlib")
    write_attention(WEIGHTS, tmp_path / "new" / "one.svg", labels=NAMES, lang="ja")
    write_attention(WEIGHTS, tmp_path / "two.svg", labels=NAMES, lang="ja")
    svg = (tmp_path / "new" / "one.svg").read_text(encoding="utf8")
    assert svg == (tmp_path / "two.svg").read_text(encoding="utf8")
    texts = [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("人物") == 2 and texts.count("place & <site>") == 2
    assert {"見る種類", "見られる種類"} <= set(texts)


def test_the_png_shows_the_weights(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    sharp = Attention(["a", "b"], numpy.array([[1.0, 0.0], [0.0, 1.0]]))
    write_attention(sharp, tmp_path / "sharp.png")
    write_attention(Attention(["a", "b"], numpy.zeros((2, 2))), tmp_path / "zero.png")
    blue = [(imread(tmp_path / name)[:, :, :3] @ [-1, -1, 2] > 0.8).sum() for name in ("sharp.png", "zero.png")]
    assert blue[0] > 1.5 * blue[1]  # two cells, next to the scale that both have


def test_a_section_of_the_page():
    doc = Doc(spacy.blank("en").vocab, words=["Ida"])
    html = render([doc], attention=WEIGHTS, labels=NAMES, lang="ja")
    assert html.count("<figure") == 2 and "種類間の注意" in html
    cells = re.findall(r'<td style="--share: (\d+)%" title="([^"]*)">([\d.]+)</td>', html)
    assert cells == [
        ("100", "人物 → 人物: 0.75", "0.75"),
        ("33", "人物 → place &amp; &lt;site&gt;: 0.25", "0.25"),
        ("67", "place &amp; &lt;site&gt; → 人物: 0.50", "0.50"),
        ("67", "place &amp; &lt;site&gt; → place &amp; &lt;site&gt;: 0.50", "0.50"),
    ]
    assert "種類間の注意" not in render([doc], lang="ja")


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_from_the_command_line(nlp, tmp_path, suffix):
    pytest.importorskip("matplotlib")
    nlp.to_disk(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf8")
    image = tmp_path / f"attention{suffix}"
    arguments = [
        "page",
        tmp_path / "model",
        tmp_path / "texts.txt",
        tmp_path / "out.html",
        "--limit",
        1,
        "--attention",
        image,
    ]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    html = (tmp_path / "out.html").read_text(encoding="utf8")
    assert "Attention between types" in html and html.count("<figure") == 2 and image.stat().st_size > 1000


def test_the_command_refuses_a_pipeline_without_attention(tmp_path):
    nlp = spacy.blank("en")
    nlp.to_disk(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("Ida .", encoding="utf8")
    arguments = [
        "page",
        tmp_path / "model",
        tmp_path / "texts.txt",
        tmp_path / "out.html",
        "--attention",
        tmp_path / "a.svg",
    ]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1 and "M844" in result.output
