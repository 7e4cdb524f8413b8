"""A studio on a real socket in a thread, and what a page does with it."""

import json

from spacy_mre.cli.studio_files import FORMS, export_gold, make_gold_docs
from spacy_mre.serving.service import Service
from spacy_mre.serving.studio.analyst import FIRST, OTHER
from spacy_mre.serving.studio.app import make_studio_app
from spacy_mre.serving.studio.desk import Desk
from spacy_mre.serving.studio.gold import is_decision
from spacy_mre.serving.studio.journal import Journal
from spacy_mre.serving.studio.model import Model
from spacy_mre.serving.studio.server import is_text, typed_path
from spacy_mre.serving.studio.tools import Tools
from tests.serving.running import Running, ask, wait_until

TOOLS = Tools(make_gold_docs, export_gold, FORMS)


def wait_until_loaded(running):
    """Wait until a studio in another process answers. On a busy machine, it takes longer than an answer may."""

    def is_loaded():
        try:
            return ask(running, "GET", "/studio/state")[0] in (200, 401)
        except OSError:
            return False

    wait_until(is_loaded, 200)


class Studio:
    """A studio.

    desk (Desk): Its texts and decisions.
    running (Running): Its server.
    """

    def __init__(self, gold, texts, model, other, settings):
        first, second = Model(model), None if other is None else Model(other)
        service = Service({FIRST: first.load, **({OTHER: second.load} if second else {})}, settings, threads=1)
        self.gold = gold
        self._journals = [Journal(gold, is_decision), Journal(typed_path(gold), is_text)]
        self.desk = Desk(service, first, second, *self._journals, TOOLS)
        for text in texts:
            self.desk.texts.add(*text) if isinstance(text, tuple) else self.desk.texts.add(text)
        self.running = Running(service, make_studio_app(self.desk))
        wait_until(lambda: service.is_ready, 60)

    def stop(self):
        """Stop it, so that another one can have its files."""
        self.running.server.should_exit = self.running.server.force_exit = True
        self.running.thread.join(20)
        assert not self.running.thread.is_alive()
        for journal in self._journals:
            journal.close()

    def ask(self, method, path, body=None, headers=None):
        """RETURNS (tuple[int, Any]): The status and the JSON of an answer."""
        status, _, answer = ask(self.running, method, f"/studio/{path}", body, headers)
        return status, answer

    def get(self, path):
        """RETURNS (Any): The JSON of an answer that is given."""
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def post(self, path, body):
        """RETURNS (Any): The JSON of an answer that is given."""
        status, answer = self.ask("POST", path, body)
        assert status == 200, answer
        return answer

    def listed(self, **query):
        """RETURNS (list[int]): The keys of the texts, in their order."""
        found = self.get("items?" + "&".join(f"{name}={value}" for name, value in {"limit": 500, **query}.items()))
        return [row["key"] for row in found["items"]]

    def item(self, number=0):
        """RETURNS (dict): A text, by its place in the list."""
        return self.get(f"items/{self.listed()[number]}")

    def save(self, item, analysis, **values):
        """RETURNS (tuple[int, Any]): The status and the JSON of the answer to a save."""
        body = {"version": item["version"], "decision": "save", "analysis": analysis, **values}
        return self.ask("POST", f"items/{item['key']}", body)

    def decide(self, item, decision):
        """RETURNS (dict): The answer to a decision without an analysis."""
        return self.post(f"items/{item['key']}", {"version": item["version"], "decision": decision})

    def undo(self):
        """Take back the last decision, as the page does.

        RETURNS (dict): The answer.
        """
        return self.post(*self.undo_request())

    def undo_request(self):
        """RETURNS (tuple[str, dict]): The path and the body of a request that takes back the last decision."""
        last = self.get("state")["progress"]["undo"]
        return f"items/{last['key']}", {"version": last["version"], "decision": "undo"}

    def lines(self):
        """RETURNS (list[dict]): The lines of the gold file."""
        return [json.loads(line) for line in self.gold.read_text(encoding="utf8").splitlines()]
