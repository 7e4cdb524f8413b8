"""Pictures of the page for the docs: `python -m tests.serving.studio.browser.pictures MODEL [FOLDER]`.

MODEL is the pipeline of `make run` (training/demo/model-best). The machine needs a Japanese font.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from spacy_mre.serving.settings import Settings
from tests.serving.studio.browser.tabs import Tab
from tests.serving.studio.studios import Studio

FOLDER = Path(__file__).parents[4] / "docs" / "images"
TEXTS = (
    "仙台市立美術館の館長を務める沢井悠は、画集『青い海峡』を出版した。",
    "三浦美咲は京都で生まれ、青葉電機の研究所で働いている。",
    "青葉電機は大阪市に本社を置き、北浜製作所と共同で小型衛星を開発した。",
    "北海道大学の森田遥は、国際雪氷学会で湖の氷について発表した。",
)
WINDOW = {"width": 1380, "height": 560}


def main(model, folder=FOLDER):
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        studio = Studio(Path(place) / "gold.jsonl", TEXTS, model, None, Settings(port=0))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            for name, locale, scheme, draw in PICTURES:
                settings = {"locale": locale, "color_scheme": scheme, "viewport": WINDOW}
                page = browser.new_page(**settings)
                tab = Tab(page, studio)
                tab.open()
                draw(tab)
                page.screenshot(path=Path(folder) / name)
                page.close()
        finally:
            browser.close()
            studio.stop()


def choose_an_entity(tab):
    """The page, with an entity chosen."""
    tab.press("j", "j")


def add_an_entity(tab):
    """Characters are selected, and a label is asked for."""
    tab.press("n", "a", *["ArrowRight"] * 17, *["Shift+ArrowRight"] * 3)


PICTURES = (
    ("studio.png", "en-GB", "light", choose_an_entity),
    ("studio_dark.png", "ja-JP", "dark", add_an_entity),
)

if __name__ == "__main__":
    main(*sys.argv[1:])
