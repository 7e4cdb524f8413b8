"""A tab with a studio, and what a person sees and does there."""

from playwright.sync_api import expect

# The middle of a character, counted in code points, as the browser itself has put it on the screen.
FIND_CHARACTER = """([place]) => {
  for (const text of document.querySelectorAll(".line > .text")) {
    const node = text.firstChild;
    const points = node ? Array.from(node.data) : [];
    if (place < points.length) {
      const before = points.slice(0, place).join("").length;
      const range = document.createRange();
      range.setStart(node, before);
      range.setEnd(node, before + points[place].length);
      const box = range.getBoundingClientRect();
      return {left: box.left, right: box.right, y: (box.top + box.bottom) / 2};
    }
    place -= points.length;
  }
}"""


def is_decision(request):
    """RETURNS (bool): Whether a request saves, skips, rejects or takes back."""
    return request.method == "POST" and "/studio/items/" in request.url


class Tab:
    """A tab.

    page (Page): The page of Playwright.
    studio (Studio | str): What it shows, or the address.
    """

    def __init__(self, page, studio):
        self.page = page
        self.studio = studio

    def open(self, path="/", *, wait=True):
        """Load the page."""
        url = self.studio if isinstance(self.studio, str) else self.studio.running.url
        self.page.goto(url + path)
        if wait:
            self.page.wait_for_selector("#picture .line .behind", state="attached")

    def press(self, *keys):
        """Press keys, one right after the other, when the page has done what was asked before."""
        expect(self.page.locator("#decisions button").first).to_be_enabled()
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, selector):
        """Click what a CSS selector finds."""
        self.page.click(selector)

    def command(self, name):
        """Click the button of a command."""
        self.page.click(f"[data-command={name}]")

    def label(self, name):
        """Click a label."""
        self.page.click(f'#labels [data-label="{name}"]')

    def entity(self, index):
        """RETURNS (Locator): The bracket of an entity."""
        return self.page.locator(f"#picture [data-entity='{index}'] .label").first

    def drag(self, start, end):
        """Drag over characters, with the mouse pressed."""
        first, last = self.box(start), self.box(end - 1)
        self.drag_points((first["left"] + 1, first["y"]), (last["right"] - 1, last["y"]))

    def drag_points(self, start, end):
        """Drag from one point of the screen to another."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.page.mouse.move(*end)
        self.page.mouse.up()

    def box(self, place):
        """RETURNS (dict): Where a character is on the screen: left, right, y."""
        return self.page.evaluate(FIND_CHARACTER, [place])

    def point_at(self, place):
        """Click a character."""
        box = self.box(place)
        self.page.mouse.click((box["left"] + box["right"]) / 2, box["y"])

    def saved(self):
        """Save, and wait for the answer.

        RETURNS (dict): What was saved.
        """
        return self.decided("Enter")["gold"]

    def decided(self, key):
        """Press a key that decides.

        RETURNS (dict): The text, as the server has it then.
        """
        with self.page.expect_response(lambda answer: is_decision(answer.request)) as answer:
            self.press(key)
        assert answer.value.status == 200, answer.value.text()
        return answer.value.json()["item"]

    def entities(self):
        """RETURNS (list[str]): The entities that are listed, as "words|label"."""
        return self._rows("#entities li")

    def lists(self, *entities):
        """Wait until these entities are listed."""
        names = self.page.locator("#entities li .name")
        expect(names).to_have_text([entity.partition("|")[0] for entity in entities])
        assert self.entities() == list(entities)

    def relations(self):
        """RETURNS (list[str]): The relations that are listed, as "head → tail|label"."""
        return self._rows("#relations li")

    def sees(self, selector, text):
        """Wait until an element has a text."""
        expect(self.page.locator(selector)).to_contain_text(text)

    def says(self, text):
        """Wait until the page says something."""
        self.sees("#message", text)

    def _rows(self, selector):
        script = (
            """rows => rows.map(row => [".name", ".tag"].map(part => row.querySelector(part).textContent).join("|"))"""
        )
        return self.page.locator(selector).evaluate_all(script)
