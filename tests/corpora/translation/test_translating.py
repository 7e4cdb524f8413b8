"""The whole way: a corpus, a server, and what is written."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import spacy
import srsly
from typer.testing import CliRunner

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.cli.locks import alone_in
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.record import EntityRecord, Record
from spacy_mre.corpora.to_docs import cat_labels, make_docs
from spacy_mre.corpora.translation.engine import Answer
from spacy_mre.corpora.translation.http_engine import HttpEngine
from spacy_mre.corpora.translation.label_table import LabelTable, read_label_table
from spacy_mre.corpora.translation.marking import mark
from spacy_mre.corpora.translation.prompts import read_example
from spacy_mre.corpora.translation.row import Reason
from spacy_mre.corpora.translation.translating import translate
from tests.corpora.translation.batches import line_of, read_lines, serve_batch, write_lines
from tests.corpora.translation.loopback import KEY, Loopback, running
from tests.corpora.translation.parallel import read_parallel

# Nobody answers there.
NOWHERE = "http://127.0.0.1:9/v1"
CORPUS = Path(__file__).parents[3] / "assets" / "corpus"
DIRECTIONS = [("ja", "en"), ("ja", "zh"), ("en", "ja"), ("en", "zh"), ("zh", "en"), ("zh", "ja")]


def read_source(lang, count=None):
    """The records of a language, in the order of their ids."""
    return read_corpus(CORPUS, read_labels(CORPUS / "labels.json"))[lang][:count]


def perfect_answers(source, target):
    """By what is asked: the right answer."""
    table = read_label_table(CORPUS / "labels.json", target)
    triples = [one for path in CORPUS.glob("*.mre") for one in read_parallel(path, source, target, table)]
    return {mark(record, table.words).line: answer for record, _, answer in triples}


def found(record):
    """Entities by text and label, and relations between them."""
    name = [(record.text[one.start : one.end], one.label) for one in record.entities]
    return Counter(name), Counter((name[one.head], one.label, name[one.tail]) for one in record.relations)


@pytest.mark.parametrize("source, target", DIRECTIONS)
def test_perfect_answers_lose_nothing(source, target):
    """All texts of assets/corpus: entity and relation F1 are 100 %."""
    answers, records = perfect_answers(source, target), read_source(source)
    right = {record.id: record for record in read_source(target)}

    class Perfect:
        name = "perfect"

        def answer(self, messages):
            return Answer(answers[messages[-1]["content"]])

    rows = list(
        translate(records, Perfect(), read_label_table(CORPUS / "labels.json", target), source=source, target=target)
    )
    assert len(rows) == len(records) >= 2000
    assert [row.source.id for row in rows] == [record.id for record in records]
    for row in rows:
        assert row.is_kept, (row.source.id, row.reasons, row.details)
        wanted = right[row.source.id]
        assert row.record.text == wanted.text and row.record.cats == wanted.cats
        assert found(row.record) == found(wanted)
        assert set(row.methods) <= {"marker"}


# With faults


FAULTS = {
    "refused": Reason.REFUSED,
    "truncated": Reason.TRUNCATED,
    Reason.EMPTY: lambda answer: "  ",
    Reason.UNPARSABLE: lambda answer: answer + " [",
    # The name is translated otherwise, so that no string is found either.
    Reason.MARKER_LOST: lambda answer: answer.replace("[person:a|", "", 1).replace("]", "", 1),
    Reason.MARKER_DOUBLED: lambda answer: answer + " [person:a|Ida]",
    Reason.MARKER_INVENTED: lambda answer: answer + " [place:zz|Lima]",
    Reason.LABEL_CHANGED: lambda answer: answer.replace("[person:a|", "[company:a|", 1),
    Reason.UNTRANSLATED: lambda answer: answer + "東京",
    Reason.LENGTH_RATIO: lambda answer: answer + " and so on" * 40,
}


@pytest.fixture(scope="module")
def few():
    """Japanese texts that begin with a person with relations, and their answers."""
    answers = perfect_answers("ja", "en")
    table = read_label_table(CORPUS / "labels.json", "en")
    records = [one for one in read_source("ja") if "[person:a|" in answers[mark(one, table.words).line]]
    # Alone with its name: otherwise the string could be found from another mention.
    records = [one for one in records if one.relations and mark(one, table.words).keys["a"] == 0]
    asked = {record.id: mark(record, table.words).line for record in records}
    return records[:60], asked, answers, table


def test_every_fault_is_counted_by_its_own_reason(few):
    records, asked, answers, table = few
    changed, faults, wanted = {}, {}, {}
    for number, (reason, fault) in enumerate(FAULTS.items()):
        for record in records[3 * number : 3 * number + 3]:
            prompt = asked[record.id]
            if callable(fault):
                changed[prompt] = fault(answers[prompt])
                wanted[record.id] = reason
            else:
                faults[prompt] = [reason]
                wanted[record.id] = fault
    busy, down, slow, lost = (asked[record.id] for record in records[40:44])
    faults |= {busy: ["429", "429"], down: ["500"], slow: ["time-out"], lost: ["500"] * 3}
    wanted[records[43].id] = Reason.NO_ANSWER
    with running(Loopback(lambda prompt: changed.get(prompt, answers[prompt]), faults)) as server:
        engine = HttpEngine(server.url, "m", timeout=1.0, attempts=3, wait=lambda seconds: None)
        rows = list(translate(records, engine, table, source="ja", target="en", workers=4))
    assert engine.retries == {"429": 2, "500": 1 + 3, "time-out": 1}
    for row in rows:
        first = row.reasons[0] if row.reasons else None
        assert first == wanted.get(row.source.id), (row.reasons, row.details, row.reply)
    # A mark that is lost takes the relations of its entity with it; nothing else has two reasons.
    twice = {tuple(row.reasons) for row in rows if len(row.reasons) > 1}
    assert twice <= {(Reason.MARKER_LOST, Reason.RELATION_LOST)}


def test_a_duplicate_and_a_string_that_is_not_in_the_text():
    table = LabelTable(entities={"place": "place"})
    records = [Record(f"{name}は雨だ。", id=name, entities=[EntityRecord(0, 2, "place")]) for name in ("仙台", "京都")]

    class Lazy:
        name = "lazy"

        def answer(self, messages):
            return Answer('{"text": "It rains in Sendai.", "entities": {"a": "Sendai"}}')

    rows = list(translate(records, Lazy(), table, source="ja", target="en", mode="strings"))
    assert [row.reasons for row in rows] == [[], [Reason.DUPLICATE]]
    assert rows[0].methods == ["string"] and rows[0].record.entities == [EntityRecord(12, 18, "place")]
    Lazy.answer = lambda self, messages: Answer('{"text": "It rains.", "entities": {"a": "Sendai"}}')
    (row,) = translate(records[:1], Lazy(), table, source="ja", target="en", mode="strings")
    assert row.reasons == [Reason.NOT_IN_TEXT]


def test_a_label_that_is_not_in_the_table_is_told_before_anything_is_asked():
    with running(Loopback(str)) as server:
        records = [Record("仙台", entities=[EntityRecord(0, 2, "city")], origin="x, line 1")]
        with pytest.raises(ValueError, match=r"M277.*'city' \(x, line 1\)"):
            next(translate(records, HttpEngine(server.url, "m"), LabelTable(), source="ja", target="en"))
        assert not server.requests


def test_a_refusal_in_words_is_refused():
    table = LabelTable(entities={"place": "place"})
    records = [Record("雨だ。", id="1"), Record("仙台は雨だ。", id="2", entities=[EntityRecord(0, 2, "place")])]

    class Unwilling:
        name = "unwilling"

        def answer(self, messages):
            return Answer("I'm sorry, but I can't assist with that request.")

    rows = list(translate(records, Unwilling(), table, source="ja", target="en"))
    assert [row.reasons for row in rows] == [[Reason.REFUSED]] * 2
    # A text with such words is translated, and so is one with its marks.
    sorry = Record("申し訳ありませんが、ご依頼にはお答えできません。", id="3")
    assert [row.reasons for row in translate([sorry], Unwilling(), table, source="ja", target="en")] == [[]]
    Unwilling.answer = lambda self, messages: Answer("Sorry, I cannot help [place:a|Sendai].")
    assert [row.reasons for row in translate(records[1:], Unwilling(), table, source="ja", target="en")] == [[]]


def test_records_may_be_an_iterator():
    table = LabelTable(entities={"place": "place"})

    class Rainy:
        name = "rainy"

        def answer(self, messages):
            return Answer("It rains.")

    assert len(list(translate(iter([Record("雨だ。")]), Rainy(), table, source="ja", target="en"))) == 1


def test_a_text_without_words_is_not_asked():
    with running(Loopback(str)) as server:
        records = [Record(text, id=text) for text in ("", " \n")]
        rows = list(translate(records, HttpEngine(server.url, "m"), LabelTable(), source="ja", target="en"))
        assert [row.reasons for row in rows] == [[Reason.EMPTY]] * 2 and not server.requests


# The command


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("MRE_TEST_KEY", KEY)
    records = read_source("ja", 40)
    path = tmp_path / "train.spacy"
    save_docs(make_docs(records, spacy.blank("ja"), cats=cat_labels(records)), path)
    return path


def command(corpus, url, *options, to="en", out="out"):
    arguments = ["translate", corpus, corpus.parent / out, "--from", "ja", "--to", to]
    arguments += ["--labels", CORPUS / "labels.json", "--base-url", url, "--model", "m", "--key-env", "MRE_TEST_KEY"]
    return [*map(str, arguments), "--example", str(CORPUS / "society.mre"), *map(str, options)]


def run(*arguments):
    return CliRunner().invoke(app, command(*arguments), env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def answers():
    return perfect_answers("ja", "en")


def test_the_files(corpus, answers):
    with running(Loopback(answers.__getitem__)) as server:
        result = run(corpus, server.url)
        assert result.exit_code == 0, result.output
        calls = len(server.requests)
        again = run(corpus, server.url)
        assert again.exit_code == 0 and len(server.requests) == calls == 40
    assert f"Texts go to {server.url}\n" in result.output
    assert "40 asked, 0 known; 400 tokens read and 200 written" in result.output
    assert "0 asked, 40 known" in again.output
    assert server.requests[0]["messages"][1]["content"] == read_example(CORPUS / "society.mre", "ja", "en")[0]
    out = corpus.parent / "out"
    docs = list(load_docs(out / "train.spacy"))
    right = {record.id: record for record in read_source("en")}
    assert [doc.user_data["id"] for doc in docs] == [doc.user_data["id"] for doc in load_docs(corpus)]
    for doc in docs:
        record = right[doc.user_data["id"]]
        assert doc.text == record.text and doc.cats == record.cats
        assert len(get_entities(doc)) == len(record.entities) and len(get_relations(doc)) == len(record.relations)
    assert srsly.read_json(out / "about.json")["target"] == "en"
    assert srsly.read_json(out / "report.json")["kept"] == 40
    assert all(KEY.encode() not in path.read_bytes() for path in out.iterdir())
    assert KEY not in result.output and server.requests[0]["authorization"] == f"Bearer {KEY}"


def test_killed_and_repeated_gives_the_same_bytes(corpus, answers):
    def slow(prompt):
        time.sleep(0.05)
        return answers[prompt]

    with running(Loopback(slow)) as server:
        arguments = [sys.executable, "-m", "spacy_mre", *command(corpus, server.url, "--workers", 2)]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(server.requests) < 15 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (corpus.parent / "out" / "train.spacy").exists()
        assert run(corpus, server.url).exit_code == 0
        # What was being asked when the process died is asked again.
        assert 40 <= len(server.requests) <= 42
    with running(Loopback(answers.__getitem__)) as server:
        result = CliRunner().invoke(app, command(corpus, server.url, out="whole"))
        assert result.exit_code == 0, result.output
    names = ("train.spacy", "rows.jsonl", "report.json", "report.md", "about.json")
    for name in names:
        assert (corpus.parent / "out" / name).read_bytes() == (corpus.parent / "whole" / name).read_bytes(), name


def test_ctrl_c_does_not_wait_for_the_server(corpus, answers):
    # The first text is answered, the others are waited for.
    first = threading.Semaphore(1)

    def answer(prompt):
        if not first.acquire(blocking=False):
            server.is_over.wait(60)
        return answers[prompt]

    with running(Loopback(answer)) as server:
        arguments = [sys.executable, "-m", "spacy_mre", *command(corpus, server.url, "--workers", 2)]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while len(server.requests) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and b"the same command resumes" in errors
    with running(Loopback(answers.__getitem__)) as server:
        assert run(corpus, server.url).exit_code == 0
        assert len(server.requests) == 39


def test_the_budget(corpus, answers):
    with running(Loopback(answers.__getitem__)) as server:
        # An answer costs 10 + 5 tokens.
        prices = ("--price-in", 1e5, "--price-out", 1e5, "--workers", 1)
        result = run(corpus, server.url, "--budget", 15.0, *prices)
        assert result.exit_code == 1 and "30 texts without an answer" in result.output
        assert len(server.requests) == 10 and "for 15.00" in result.output
        assert len(list(load_docs(corpus.parent / "out" / "train.spacy"))) == 10
        assert srsly.read_json(corpus.parent / "out" / "report.json")["format_accuracy"] == 1.0
        assert run(corpus, server.url, "--budget", 100.0, *prices).exit_code == 0
        assert len(server.requests) == 40


def test_nothing_is_asked_in_a_dry_run(corpus):
    with running(Loopback(str)) as server:
        result = run(corpus, server.url, "--dry-run", "--limit", 30, "--price-in", 2.0, "--price-out", 8.0)
        assert result.exit_code == 0 and not server.requests
    assert result.output.startswith("30 texts: about ") and not (corpus.parent / "out").exists()


def test_equal_texts_are_estimated_once(corpus):
    docs = list(load_docs(corpus, spacy.blank("ja").vocab))[:30]
    save_docs([*docs, *docs], corpus)
    assert run(corpus, NOWHERE, "--dry-run").output.startswith("30 texts: about ")
    assert run(corpus, NOWHERE, "--prompts", corpus.parent / "prompts.jsonl").output.startswith("30 prompts in ")


def test_answers_of_a_batch_service(corpus, answers):
    prompts, output = corpus.parent / "prompts.jsonl", corpus.parent / "output.jsonl"
    assert run(corpus, NOWHERE, "--prompts", prompts).exit_code == 0
    serve_batch(prompts, output, answers.__getitem__)
    result = run(corpus, NOWHERE, "--engine", "replay", "--answers", output)
    assert result.exit_code == 0, result.output
    assert len(list(load_docs(corpus.parent / "out" / "train.spacy"))) == 40
    assert "40 asked, 0 known; 400 tokens read and 200 written" in result.output
    assert srsly.read_json(corpus.parent / "out" / "about.json")["model"] == "m-2026"


def test_another_process_keeps_the_folder(corpus):
    with alone_in(corpus.parent / "out"), running(Loopback(str)) as server:
        result = run(corpus, server.url)
        assert result.exit_code == 1 and "M285" in result.output and not server.requests


def test_a_batch_goes_on_where_the_server_stopped(corpus, answers):
    prompts, output = corpus.parent / "prompts.jsonl", corpus.parent / "output.jsonl"
    with running(Loopback(answers.__getitem__)) as server:
        assert run(corpus, server.url, "--limit", 30).exit_code == 0
    assert "10 texts: " in run(corpus, NOWHERE, "--dry-run").output
    assert "10 prompts" in run(corpus, NOWHERE, "--prompts", prompts).output and len(read_lines(prompts)) == 10
    serve_batch(prompts, output, answers.__getitem__)
    result = run(corpus, NOWHERE, "--engine", "replay", "--answers", output)
    assert result.exit_code == 0 and len(list(load_docs(corpus.parent / "out" / "train.spacy"))) == 40
    # Answers that nothing would be done with.
    result = run(corpus, NOWHERE, "--answers", output)
    assert result.exit_code == 2 and "--engine replay" in result.output


def test_a_partial_batch_is_counted_and_completed(corpus, answers):
    prompts, output = corpus.parent / "prompts.jsonl", corpus.parent / "output.jsonl"
    run(corpus, NOWHERE, "--prompts", prompts)
    serve_batch(prompts, output, answers.__getitem__)
    rows = read_lines(output)
    expired = {"code": "batch_expired", "message": "Not run in 24 hours."}
    faults = [line_of(row["custom_id"], error=expired) for row in rows[:3]]
    faults += [line_of(row["custom_id"], {"error": {"message": "busy"}}, status=429) for row in rows[3:5]]
    errors = corpus.parent / "errors.jsonl"
    write_lines(faults, errors)
    write_lines(rows[6:], output)  # one is in no file
    given = ("--answers", output, "--answers", errors)
    result = run(corpus, NOWHERE, "--engine", "replay", *given)
    assert result.exit_code == 1 and "6 texts without an answer" in result.output
    report = srsly.read_json(corpus.parent / "out" / "report.json")
    found = report["reasons"]["no answer"]
    assert found["rows"] == 6 and found["faults"] == {"batch_expired": 3, "429": 2, "not in the answers": 1}
    assert "3 batch_expired, 2 429, 1 not in the answers" in (corpus.parent / "out" / "report.md").read_text()
    # The rest, in a second batch.
    rest, second = corpus.parent / "rest.jsonl", corpus.parent / "second.jsonl"
    assert "6 prompts" in run(corpus, NOWHERE, "--prompts", rest, *given).output
    assert {row["custom_id"] for row in read_lines(rest)} == {row["custom_id"] for row in rows[:6]}
    serve_batch(rest, second, answers.__getitem__)
    assert run(corpus, NOWHERE, "--engine", "replay", *given, "--answers", second).exit_code == 0
    assert len(list(load_docs(corpus.parent / "out" / "train.spacy"))) == 40


def test_a_wrong_key(corpus, answers):
    with running(Loopback(answers.__getitem__, {"*": ["401"] * 50})) as server:
        result = run(corpus, server.url)
    assert result.exit_code == 1 and "M272" in result.output and KEY not in result.output
    assert not Path(corpus.parent / "out" / "train.spacy").exists()


def test_corrected_answers_of_a_file_are_read_again(corpus, answers):
    prompts, output = corpus.parent / "prompts.jsonl", corpus.parent / "output.jsonl"
    run(corpus, NOWHERE, "--prompts", prompts)

    def write(*ending):
        serve_batch(prompts, output, lambda prompt: "".join([answers[prompt], *ending]))
        result = run(corpus, NOWHERE, "--engine", "replay", "--answers", output)
        assert result.exit_code == 0, result.output
        return len(list(load_docs(corpus.parent / "out" / "train.spacy")))

    assert write(" [") == 0 and write() == 40


def test_what_cannot_be_right_is_told_before_anything_is_asked(corpus, monkeypatch):
    before = corpus.read_bytes()
    with running(Loopback(str)) as server:
        result = CliRunner().invoke(app, command(corpus, server.url, out="."))
        assert result.exit_code == 1 and "it is the input" in result.output
        assert run(corpus, server.url, "--from", "jp").exit_code == 1
        assert run(corpus, server.url, "--from", "en").exit_code == 2
        assert run(corpus, server.url, "--budget", 5.0).exit_code == 2
        named = corpus.rename(corpus.parent / "rows.jsonl")
        assert run(named, server.url).exit_code == 2
        assert not server.requests and named.read_bytes() == before
    assert not (corpus.parent / "out").exists()


def test_what_the_input_loses_is_counted(tmp_path):
    (doc,) = make_docs([Record("仙台は雨だ。", id="1", entities=[EntityRecord(0, 2, "place")])], spacy.blank("ja"))
    doc._.relations = [{"head": (0, 1), "tail": (1, 2), "label": "located_in"}]
    save_docs([doc], tmp_path / "train.spacy")
    with running(Loopback(lambda prompt: "It rains in [place:a|Sendai].")) as server:
        result = run(tmp_path / "train.spacy", server.url)
    assert result.exit_code == 0 and "1 document of 1 in" in result.output
    assert "relation whose head or tail is not an entity" in result.output
