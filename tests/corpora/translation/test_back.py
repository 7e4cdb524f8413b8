"""Back-translation of a sample, by engines that know or garble the way back."""

import builtins
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from spacy_mre.corpora import EntityRecord, Record
from spacy_mre.corpora.markup import parse_marked, read_blocks
from spacy_mre.corpora.translation.back import check_back
from spacy_mre.corpora.translation.edits import make_line
from spacy_mre.corpora.translation.engine import Answer, NoAnswer
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.row import Reason, Translated

needs_sacrebleu = pytest.mark.skipif(find_spec("sacrebleu") is None, reason="needs the package sacrebleu")
ASSETS = Path(__file__).parents[3] / "assets" / "corpus"
LANGUAGES = {"source": "ja", "target": "en"}


@dataclass
class Lookup:
    """An engine that knows the answers by the last message."""

    answers: dict[str, str]
    name: str = "lookup"
    asked: list[str] = field(default_factory=list)

    def answer(self, messages):
        prompt = messages[-1]["content"]
        self.asked.append(prompt)
        if prompt not in self.answers:
            raise NoAnswer(prompt)
        return Answer(self.answers[prompt])


def asset_rows(count):
    """Rows of the trilingual corpus, with target labels that differ from those of the source."""
    rows = []
    path = sorted(ASSETS.rglob("*.mre"))[0]
    for block in read_blocks(path):
        (ja, ja_entities), (en, en_entities) = (parse_marked(block.fields[lang][1]) for lang in ("ja", "en"))
        target = [
            EntityRecord(en_entities[name].start, en_entities[name].end, f"the {entity.label}")
            for name, entity in ja_entities.items()
        ]
        source = Record(ja, block.id, list(ja_entities.values()))
        rows.append(Translated(source, Record(en, block.id, target), methods=["marker"] * len(target)))
    return rows[:count]


def table_of(rows):
    return LabelTable({entity.label: f"the {entity.label}" for row in rows for entity in row.source.entities})


def way_back(rows):
    """The perfect answers."""
    answers = {}
    for row in rows:
        back = Translated(row.record, row.source, methods=row.methods)
        answers[make_line(Translated(row.record, row.record, methods=row.methods), LabelTable())] = make_line(
            back, LabelTable()
        )
    return answers


def with_words(answers, table):
    """The words in prompts of the way back are the labels of the source."""
    changed = {}
    for prompt, answer in answers.items():
        for label, target in table.entities.items():
            prompt = prompt.replace(f"[{target}:", f"[{label}:")
        changed[prompt] = answer
    return changed


@needs_sacrebleu
@pytest.mark.parametrize("workers", [1, 4])
def test_perfect_answers(workers):
    rows = asset_rows(40)
    table = table_of(rows)
    engine = Lookup(with_words(way_back(rows), table))
    found = check_back(rows, engine, table, **LANGUAGES, share=1, workers=workers)
    assert (found["rows"], found["answered"]) == (40, 40)
    assert found["chrf"] == pytest.approx(100)
    assert found["entities"] == {"precision": 1, "recall": 1, "f1": 1}
    assert found["signature"].startswith("nrefs:1|case:mixed")
    assert len(found["examples"]) == 3


@needs_sacrebleu
def test_the_sample_is_drawn_by_the_seed_from_kept_rows():
    rows = asset_rows(40)
    dropped = {row.source.id for row in rows[:20]}
    for row in rows[:20]:
        row.drop(Reason.DUPLICATE)
    table = table_of(rows)
    answers = with_words(way_back(rows), table)
    ids = {prompt: row.source.id for prompt, row in zip(answers, rows, strict=True)}

    def draw(seed, **options):
        engine = Lookup(answers)
        assert check_back(rows, engine, table, **LANGUAGES, seed=seed, **options)["rows"] == len(engine.asked)
        return [ids[prompt] for prompt in engine.asked]

    first = draw(0, share=0.25)
    assert len(first) == len(set(first)) == 5
    assert first == draw(0, share=0.25) != draw(1, share=0.25)
    assert not dropped & set(first)
    assert len(draw(0)) == 1  # 5 % of 20
    assert len(draw(0, share=0.001)) == 1
    assert not dropped & set(draw(0, share=1))


SOURCES = [
    Record("仙台とリマ", "1", [EntityRecord(0, 2, "市"), EntityRecord(3, 5, "都")]),
    Record("雨の東京", "2", [EntityRecord(2, 4, "都")]),
    Record("晴れ", "3", []),
]
TARGETS = [
    Record("Sendai and Lima", "1", [EntityRecord(0, 6, "city"), EntityRecord(11, 15, "city")]),
    Record("Tokyo in the rain", "2", [EntityRecord(0, 5, "city")]),
    Record("Fine weather", "3", []),
]
TABLE = LabelTable({"市": "city", "都": "city"})
ROWS = [
    Translated(source, target, methods=["marker"] * len(source.entities)) for source, target in zip(SOURCES, TARGETS)
]


@needs_sacrebleu
def test_scores_of_faults():
    """The first has one entity of two; the second cannot be read; the third has no answer."""
    engine = Lookup(
        {"[市:a|Sendai] and [市:b|Lima]": "[市:a|仙台]と[市:b|秘魯]", "[市:a|Tokyo] in the rain": "[市:a|東京"}
    )
    found = check_back(ROWS, engine, TABLE, **LANGUAGES, share=1)
    assert (found["rows"], found["answered"]) == (3, 2)
    # Of the three entities in the sources with an answer, Sendai came back; two came back in all.
    assert found["entities"] == {"precision": 1 / 2, "recall": 1 / 3, "f1": 2 / 5}
    assert [item["id"] for item in found["examples"]] == ["2", "1"]
    assert found["examples"][0] == {
        "id": "2",
        "source": "雨の東京",
        "target": "Tokyo in the rain",
        "back": "",
        "chrf": 0.0,
    }
    assert 0 < found["chrf"] < 100


@needs_sacrebleu
def test_labels_that_became_one_label():
    """都 comes back as 市, the first label that becomes "city": this is no fault of the translation."""
    engine = Lookup({"[市:a|Sendai] and [市:b|Lima]": "[市:a|仙台]と[市:b|リマ]"})
    assert check_back(ROWS[:1], engine, TABLE, **LANGUAGES, share=1)["entities"]["f1"] == 1


@needs_sacrebleu
@pytest.mark.parametrize("rows", [[], ROWS], ids=["no rows", "no answers"])
def test_nothing_to_compare(rows):
    found = check_back(rows, Lookup({}), TABLE, **LANGUAGES)
    assert found["answered"] == 0
    assert found["chrf"] is None
    assert found["entities"] == {"precision": None, "recall": None, "f1": None}
    assert found["examples"] == []


@needs_sacrebleu
def test_an_engine_that_cannot_answer_at_all():
    class Wrong(Lookup):
        def answer(self, messages):
            raise ValueError("wrong key")

    with pytest.raises(ValueError, match="wrong key"):
        check_back(ROWS, Wrong({}), TABLE, **LANGUAGES, workers=2)


@pytest.mark.parametrize("share", [0, -1, 1.1])
def test_an_invalid_share(share):
    with pytest.raises(ValueError, match=r"M002.*'share'"):
        check_back(ROWS, Lookup({}), TABLE, **LANGUAGES, share=share)


def test_without_sacrebleu_no_prompt_is_sent(monkeypatch):
    def without(name, *args, real=builtins.__import__, **options):
        if name.startswith("sacrebleu"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    engine = Lookup({})
    with pytest.raises(ValueError, match=r"M284.*spacy-mre\[translate\]"):
        check_back(ROWS, engine, TABLE, **LANGUAGES)
    assert engine.asked == []
