"""What the page looks like: long texts, many arcs, deep nesting, colours, languages, print."""

import pytest
import spacy
from playwright.sync_api import expect

LONG = "三浦美咲は京都で生まれた。" * 1540  # 20,020 characters
# For each colour class: the contrast of the colour with the ground and with its tint.
CONTRASTS = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/\\d+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const probe = document.body.appendChild(document.createElement("i"));
  const values = [];
  for (let number = 0; number < 16; number++) {
    probe.className = `k${number}`;
    probe.style.color = "var(--hue)";
    for (const ground of ["var(--ground)", "var(--panel)", "var(--tint)"]) {
      probe.style.backgroundColor = ground;
      const {color, backgroundColor} = getComputedStyle(probe);
      values.push(contrast(color, backgroundColor));
    }
  }
  return values;
}"""


def save(studio, entities, relations=()):
    """Save an analysis of the first text, so that the page opens with it."""
    spans = [{"start": start, "end": end, "label": label} for start, end, label in entities]
    triples = [{"head": head, "tail": tail, "label": label} for head, tail, label in relations]
    analysis = {"entities": spans, "relations": triples, "cats": {"people": 1.0}}
    status, answer = studio.save(studio.item(), analysis)
    assert status == 200, answer


def test_a_long_text(begin, tab):
    studio = begin(LONG)
    starts = range(0, 20_000, 13)
    entities = [(start, start + 4, "person") for start in starts] + [
        (start + 5, start + 7, "place") for start in starts
    ]
    save(studio, entities, [(number, number + len(starts), "lives_in") for number in range(len(starts))])
    opened = tab(studio)
    lines = opened.page.locator("#picture .line")
    n_lines, n_drawn = lines.count(), opened.page.locator("#picture .behind").count()
    assert n_lines > 100 and n_drawn < n_lines / 3
    assert "".join(opened.page.locator("#picture .text").all_text_contents()) == LONG
    opened.press("k")  # the last entity
    opened.page.wait_for_selector(f"#picture [data-entity='{len(entities) - 1}']")
    lines.last.scroll_into_view_if_needed()
    opened.drag(20_012, 20_018)
    opened.press("3")
    seconds = opened.page.evaluate(
        """() => {
          const begun = performance.now();
          const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
          for (const key of "kkkkkkkkkk") press(key);
          return (performance.now() - begun) / 10_000;
        }"""
    )
    assert seconds < 1  # for each key, on a busy machine
    assert opened.saved()["entities"][-1] == {
        "start": 20_012,
        "end": 20_018,
        "label": "site",
        "text": LONG[20_012:20_018],
    }


def test_many_arcs_and_deep_nesting(begin, tab):
    text = "Ida Tom Ann Bob Eve Max Leo Zoe " * 2
    studio = begin(text)
    words = [(start, start + 3, "person") for start in range(0, 64, 4)]
    nested = [(start, 64 - start, "site") for start in range(0, 32, 2)]
    pairs = [(head, tail, "lives_in") for head in range(16) for tail in range(16) if head != tail][:100]
    save(studio, words + nested, pairs)
    opened = tab(studio)
    expect(opened.page.locator("#picture .relation")).to_have_count(100)
    (box,) = opened.page.locator("#picture .line").evaluate_all("lines => lines.map(line => line.offsetHeight)")
    assert box < 1_400
    labels = opened.page.locator("#picture .entity .label").evaluate_all(
        "labels => labels.map(label => label.getBBox()).map(({x, y, width, height}) => [x, y, width, height])"
    )
    assert len(labels) == 32
    for place, (x, y, width, height) in enumerate(labels):
        for other_x, other_y, other_width, other_height in labels[:place]:
            apart = x >= other_x + other_width or other_x >= x + width or y >= other_y + other_height - 4
            assert apart or other_y >= y + height - 4
    opened.press("j")
    opened.sees("#announced", "Ida Tom")


def test_a_relation_across_lines(begin, tab):
    text = "Ida " + "は" * 300 + " Lima"
    opened = tab(begin(text))
    assert opened.page.locator("#picture [data-relation='0']").count() == 2
    assert opened.page.locator("#picture [data-relation='0'] .label").all_text_contents() == ["lives_in 1"] * 2
    assert opened.page.locator("#picture [data-relation='0'] .arrow").count() == 1


@pytest.mark.parametrize("scheme, ground", [("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 24, 29)")])
def test_colours(begin, tab_of, scheme, ground):
    opened = tab_of(color_scheme=scheme)(begin("Ida lives in Lima."))
    assert opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == ground
    assert min(opened.page.evaluate(CONTRASTS)) > 4
    # A label has its name beside the colour.
    assert opened.page.locator("#picture .entity .label").all_text_contents() == ["person", "place"]


@pytest.mark.parametrize(
    "locale, lang, save_word", [("ja-JP", "ja", "保存"), ("zh-CN", "zh", "保存"), ("fr-FR", "en", "Save")]
)
def test_languages(begin, tab_of, locale, lang, save_word):
    opened = tab_of(locale=locale)(begin("Ida lives in Lima."))
    assert opened.page.get_attribute("html", "lang") == lang
    opened.sees("[data-command=save]", save_word)
    opened.page.select_option("#language", "ja")
    opened.sees("#labels-title", "エンティティを選ぶか")
    opened.open()
    opened.sees("#done", "1 件中 0 件完了")


def test_what_a_screen_reader_reads(begin, tab):
    opened = tab(begin("Ida lives in Lima."))
    opened.press("j")
    opened.sees("#announced", "Ida, person")
    nameless = opened.page.locator("button, select, input, textarea").evaluate_all(
        """all => all.filter(each => !(each.ariaLabel || each.textContent.trim() || each.labels?.length))
                    .map(each => each.outerHTML)"""
    )
    assert nameless == []
    opened.page.keyboard.press("Tab")
    for _ in range(12):
        opened.page.keyboard.press("Tab")
        if opened.page.evaluate("document.activeElement === document.body"):
            continue  # after the last element the focus leaves the page once
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert opened.page.evaluate(outline) == "solid", opened.page.evaluate("document.activeElement.outerHTML")


def test_print(begin, tab):
    opened = tab(begin(LONG))
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not opened.page.is_visible("#queue") and not opened.page.is_visible("#decisions")
    lines = opened.page.locator("#picture .line").count()
    assert opened.page.locator("#picture .behind").count() == lines


def test_more_than_nine_labels(begin, tab, tmp_path):
    nlp = spacy.blank("en", meta={"name": "many"})
    patterns = [{"label": f"label{number:02}", "pattern": f"word{number}"} for number in range(12)]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "many")
    opened = tab(begin("word1 word2", model=str(tmp_path / "many")))
    opened.press("j", "0", "3")
    assert opened.entities() == ["word1|label11", "word2|label02"]
    opened.press("0", "9")
    assert opened.entities()[0] == "word1|label08"
