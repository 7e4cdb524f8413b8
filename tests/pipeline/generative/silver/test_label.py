"""The whole way: raw texts, a server, and what is written."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import spacy
import srsly
from typer.testing import CliRunner

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import arguments, get_relations
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.cli.locks import alone_in
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.spacy_file import read_spacy
from spacy_mre.corpora.to_docs import cat_labels, make_docs
from spacy_mre.corpora.translation.http_engine import HttpEngine
from spacy_mre.pipeline.generative.formats import FormatError
from spacy_mre.pipeline.generative.silver.examples import choose_shots, make_form
from spacy_mre.pipeline.generative.silver.labelling import label
from spacy_mre.pipeline.generative.silver.row import Lost, Reason
from tests.corpora.translation.batches import completion, line_of, write_lines
from tests.corpora.translation.loopback import KEY, Loopback, running

CORPUS = Path(__file__).parents[4] / "assets" / "corpus"
NLP = spacy.blank("en")
FILES = ("silver.spacy", "rows.jsonl", "report.json", "report.md")


@pytest.fixture(scope="module")
def gold():
    """English texts, after their form and their right answers."""
    records = read_corpus(CORPUS, read_labels(CORPUS / "labels.json"))["en"][:60]
    docs = list(make_docs(records, NLP, cats=cat_labels(records)))
    form = make_form(docs, "en")
    return docs, form, {form.source(doc.text): form.target(doc) for doc in docs}


def found(doc):
    entities = {(entity.offsets, entity.label) for entity in get_entities(doc)}
    return entities, {(*arguments(relation), relation["label"]) for relation in get_relations(doc)}, dict(doc.cats)


def test_no_result_may_have_the_delimiters_of_the_other_part(gold):
    _, form, answers = gold
    without = [one for one in answers.values() if one.endswith("/Relation Extraction/;None;")]
    with_entities = next(one for one in without if "/NER/:None;" not in one)
    read, lost = form.read(with_entities.replace("/Relation Extraction/;None;", "/Relation Extraction/:None;"))
    assert (read, lost) == form.read(with_entities) and not lost and read.items
    with pytest.raises(FormatError):
        form.read(with_entities.replace("/Relation Extraction/;None;", "/Relation Extraction/;Ada"))


@pytest.fixture
def files(tmp_path, monkeypatch, gold):
    monkeypatch.setenv("MRE_TEST_KEY", KEY)
    docs, *_ = gold
    save_docs(docs, tmp_path / "examples.spacy")
    lines = [json.dumps({"id": f"t{number}", "text": doc.text}) for number, doc in enumerate(docs[:40])]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf8")
    return tmp_path


def command(files, url, *options, out="out"):
    arguments = ["label", files / "texts.jsonl", files / out, "--examples", files / "examples.spacy", "--lang", "en"]
    arguments += ["--base-url", url, "--model", "m", "--key-env", "MRE_TEST_KEY", *options]
    return [str(one) for one in arguments]


def run(*arguments, **options):
    return CliRunner().invoke(app, command(*arguments, **options), env={"COLUMNS": "200", "TERM": "dumb"})


def test_perfect_answers_give_gold_and_are_asked_once(files, gold):
    docs, _, answers = gold
    with running(Loopback(answers.__getitem__)) as server:
        result = run(files, server.url)
        assert result.exit_code == 0, result.output
        again = run(files, server.url)
        assert again.exit_code == 0 and len(server.requests) == 40
    assert f"Texts go to {server.url}\n" in result.output
    assert "40 asked, 0 known; 400 tokens read and 200 written" in result.output
    assert "0 asked, 40 known" in again.output
    silver = list(load_docs(files / "out" / "silver.spacy", NLP.vocab))
    assert [doc.user_data["id"] for doc in silver] == [f"t{number}" for number in range(40)]
    for doc, right in zip(silver, docs, strict=False):
        assert doc.text == right.text and found(doc) == found(right)
    # What `train` reads first.
    records = list(read_spacy(files / "out" / "silver.spacy"))
    assert len(records) == 40 and all(record.relations is not None and record.cats for record in records)
    first = server.requests[0]
    assert first["temperature"] == 0 and "response_format" not in first and len(first["messages"]) == 1 + 2 * 5 + 1
    assert srsly.read_json(files / "out" / "report.json")["kept"] == 40
    assert first["authorization"] == f"Bearer {KEY}" and KEY not in result.output
    assert all(KEY.encode() not in path.read_bytes() for path in (files / "out").iterdir())


FAULTS = {
    "refused": Reason.REFUSED,
    "truncated": Reason.TRUNCATED,
    "nonsense": Reason.NO_ANSWER,
    Reason.EMPTY: lambda answer: "  ",
    Reason.UNPARSABLE: lambda answer: "I cannot see any names.",
}
LEFT_OUT = {
    Reason.INVENTED_LABEL: lambda answer: answer.replace("/NER/", "/NER/:Spaceship;Apollo", 1),
    Reason.NOT_IN_TEXT: lambda answer: answer.replace("/NER/", "/NER/:Person;Qwxyz", 1),
}


def test_every_fault_is_counted_by_its_own_reason(gold):
    docs, form, answers = gold
    prompts = list(answers)
    changed, faults, wanted = {}, {}, {}
    for number, (name, fault) in enumerate(FAULTS.items()):
        for prompt in prompts[3 * number : 3 * number + 3]:
            if callable(fault):
                changed[prompt] = fault(answers[prompt])
            else:
                faults[prompt] = [name]
            wanted[prompt] = name if callable(fault) else fault
    left_out = {}
    for number, (reason, fault) in enumerate(LEFT_OUT.items()):
        for prompt in prompts[20 + 3 * number : 23 + 3 * number]:
            assert not answers[prompt].partition("/NER/")[2].startswith(":None;")
            changed[prompt] = fault(answers[prompt])
            left_out[prompt] = reason
    faults |= {prompts[30]: ["429", "429"], prompts[31]: ["500"]}
    with running(Loopback(lambda prompt: changed.get(prompt, answers[prompt]), faults)) as server:
        engine = HttpEngine(server.url, "m", is_plain=True, attempts=3, wait=lambda seconds: None)
        rows = list(label([Record(doc.text) for doc in docs], [engine], form, workers=4))
    assert engine.retries == {"429": 2, "500": 1}
    for prompt, row, doc in zip(prompts, rows, docs, strict=True):
        assert [lost.reason for lost in row.reasons] == ([wanted[prompt]] if prompt in wanted else [])
        assert [lost.reason for lost in row.samples[0].lost] == ([left_out[prompt]] if prompt in left_out else [])
        assert row.is_kept == (prompt not in wanted)
        if row.is_kept:  # what is right in the answer stays
            assert found(next(make_docs([row.record], NLP)))[:2] == found(doc)[:2]
    invented = rows[20].samples[0].lost
    assert invented == [Lost(Reason.INVENTED_LABEL, "Spaceship: Apollo")]


def test_samples_have_answers_of_their_own(files, gold):
    _, _, answers = gold
    with running(Loopback(answers.__getitem__)) as server:
        options = ("--samples", 3, "--limit", 10)
        assert run(files, server.url, *options).exit_code == 0
        assert len(server.requests) == 30 and {one["temperature"] for one in server.requests} == {0.7}
        assert run(files, server.url, *options).exit_code == 0 and len(server.requests) == 30
        # Two more samples of each text are all that is new.
        assert run(files, server.url, "--samples", 5, "--limit", 10).exit_code == 0 and len(server.requests) == 50
    assert srsly.read_json(files / "out" / "report.json")["needed"] == 3


def test_killed_and_repeated_gives_the_same_bytes(files, gold):
    _, _, answers = gold

    def slow(prompt):
        time.sleep(0.05)
        return answers[prompt]

    with running(Loopback(slow)) as server:
        arguments = [sys.executable, "-m", "spacy_mre", *command(files, server.url, "--workers", 2, "--samples", 2)]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(server.requests) < 15 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (files / "out" / "silver.spacy").exists()
        assert run(files, server.url, "--samples", 2).exit_code == 0
        # What was being asked when the process died is asked again.
        assert 80 <= len(server.requests) <= 82
    with running(Loopback(answers.__getitem__)) as server:
        assert run(files, server.url, "--samples", 2, out="whole").exit_code == 0
    for name in FILES:
        assert (files / "out" / name).read_bytes() == (files / "whole" / name).read_bytes(), name


def test_another_process_keeps_the_folder(files):
    with alone_in(files / "out"), running(Loopback(str)) as server:
        result = run(files, server.url)
        assert result.exit_code == 1 and "M285" in result.output and not server.requests


def test_the_budget(files, gold):
    _, _, answers = gold
    with running(Loopback(answers.__getitem__)) as server:
        # An answer costs 10 + 5 tokens.
        prices = ("--price-in", 1e5, "--price-out", 1e5, "--workers", 1)
        result = run(files, server.url, "--budget", 15.0, *prices)
        assert result.exit_code == 1 and "30 prompts without an answer" in result.output
        assert len(server.requests) == 10 and "for 15.00" in result.output
        assert len(list(load_docs(files / "out" / "silver.spacy"))) == 10
        statuses = Counter(row["status"] for row in srsly.read_jsonl(files / "out" / "rows.jsonl"))
        assert statuses == {"kept": 10, "dropped": 30}
        assert run(files, server.url, "--budget", 100.0, *prices).exit_code == 0 and len(server.requests) == 40


def test_nothing_is_asked_in_a_dry_run(files):
    with running(Loopback(str)) as server:
        result = run(files, server.url, "--dry-run", "--limit", 30, "--samples", 3, "--price-in", 2.0)
        assert result.exit_code == 0 and not server.requests
    assert result.output.startswith("30 texts, 3 samples of each: about ") and not (files / "out").exists()


def test_equal_texts_are_asked_and_estimated_once(files, gold):
    _, _, answers = gold
    lines = (files / "texts.jsonl").read_text(encoding="utf8").splitlines()
    (files / "texts.jsonl").write_text("\n".join([*lines[:30], *lines[:30]]), encoding="utf8")
    dry, batch = ["--dry-run"], ["--prompts", files / "prompts.jsonl"]
    with running(Loopback(answers.__getitem__)) as server:
        assert run(files, server.url, *dry).output.startswith("30 texts, 1 sample of each: about ")
        assert run(files, server.url, *batch).output.startswith("30 prompts in ")
        result = run(files, server.url)
        assert result.exit_code == 0 and len(server.requests) == 30
        assert "30 asked, 30 known" in result.output and "60 texts of 60" in result.output
        assert run(files, server.url, *dry).output.startswith("0 texts, 1 sample of each: about ")
        assert "0 prompts in " in (told := run(files, server.url, *batch).output) and "; 30 have an answer" in told


def test_answers_of_other_programs_are_samples(files, gold):
    _, _, answers = gold
    assert run(files, "http://127.0.0.1:9/v1", "--prompts", files / "prompts.jsonl").exit_code == 0
    asked = list(srsly.read_jsonl(files / "prompts.jsonl"))
    assert len(asked) == 40 and all("response_format" not in one["body"] for one in asked)
    options = ["--engine", "replay"]
    for name in ("a", "b"):
        of_sample = [completion(answers[one["body"]["messages"][-1]["content"]]) for one in asked]
        write_lines([line_of(one["custom_id"], body) for one, body in zip(asked, of_sample, strict=True)], files / name)
        options += ["--answers", files / name]
    result = run(files, "http://127.0.0.1:9/v1", *options)
    assert result.exit_code == 0, result.output
    report = srsly.read_json(files / "out" / "report.json")
    assert report["kept"] == 40 and report["answers"]["asked"] == 80 and report["needed"] == 2


def batch(files, name, *options):
    """The prompts of a batch file."""
    result = run(files, "http://127.0.0.1:9/v1", "--prompts", files / name, *options)
    assert result.exit_code == 0, result.output
    return list(srsly.read_jsonl(files / name))


def test_a_second_batch_has_the_rest_without_refused_options(files, gold):
    _, _, answers = gold
    asked = batch(files, "prompts.jsonl", "--samples", 2, "--max-tokens", 500)
    assert all(one["body"]["max_tokens"] == 500 for one in asked)
    right = [completion(answers[one["body"]["messages"][-1]["content"]]) for one in asked]
    lines = [line_of(one["custom_id"], body) for one, body in zip(asked, right, strict=True)]
    fault = {"error": {"message": "'max_tokens' and 'temperature' are not supported."}}
    refused = [line_of(one["custom_id"], fault, status=400) for one in asked[:3]]
    write_lines(refused + lines[3:], files / "a")
    rest = batch(files, "rest.jsonl", "--samples", 2, "--answers", files / "a")
    assert [one["custom_id"] for one in rest] == [one["custom_id"] for one in asked[:3]]
    assert all(set(one["body"]) == {"model", "messages", "max_completion_tokens"} for one in rest)
    write_lines(refused + lines, files / "a")
    assert run(files, "http://127.0.0.1:9/v1", "--engine", "replay", "--answers", files / "a").exit_code == 0
    two = ("--prompts", files / "more", "--answers", files / "a", "--answers", files / "texts.jsonl")
    assert "of one sample" in run(files, "http://127.0.0.1:9/v1", *two).output


def test_what_a_batch_cut_off_is_in_the_next_one_with_a_higher_limit(files, gold):
    _, _, answers = gold
    asked = batch(files, "prompts.jsonl", "--max-tokens", 5)
    right = [completion(answers[one["body"]["messages"][-1]["content"]]) for one in asked]
    lines = [line_of(one["custom_id"], body) for one, body in zip(asked, right, strict=True)]
    write_lines([line_of(asked[0]["custom_id"], completion("Aca", finish_reason="length")), *lines[1:]], files / "a")
    assert batch(files, "same.jsonl", "--max-tokens", 5, "--answers", files / "a") == []
    rest = batch(files, "rest.jsonl", "--max-tokens", 500, "--answers", files / "a")
    assert [one["custom_id"] for one in rest] == [asked[0]["custom_id"]]
    with (files / "a").open("a") as file:
        file.write(json.dumps(lines[0]) + "\n")
    result = run(files, "http://127.0.0.1:9/v1", "--engine", "replay", "--answers", files / "a")
    assert result.exit_code == 0 and "40 texts of 40" in result.output


def test_a_batch_goes_on_where_the_server_stopped(files, gold):
    _, _, answers = gold
    with running(Loopback(answers.__getitem__)) as server:
        assert run(files, server.url, "--samples", 2, "--limit", 30).exit_code == 0
        assert {one["max_tokens"] for one in server.requests} == {4096}
        estimate = run(files, server.url, "--samples", 2, "--dry-run").output
        assert estimate.startswith("10 texts, 2 samples of each")
    asked = batch(files, "prompts.jsonl", "--samples", 2)
    assert len(asked) == 10
    bodies = [completion(answers[one["body"]["messages"][-1]["content"]]) for one in asked]
    lines = [line_of(one["custom_id"], body) for one, body in zip(asked, bodies, strict=True)]
    write_lines(lines, files / "a")
    write_lines(lines, files / "b")
    two = ("--engine", "replay", "--answers", files / "a", "--answers", files / "b")
    result = run(files, "http://127.0.0.1:9/v1", *two)
    assert result.exit_code == 0, result.output
    report = srsly.read_json(files / "out" / "report.json")
    assert report["kept"] == 40 and report["answers"]["usable"] == 80
    # What was broken off at another limit is no answer at this one.
    assert len(batch(files, "other.jsonl", "--samples", 2, "--max-tokens", 10)) == 10


def test_what_broke_off_is_asked_again_at_another_limit(files, gold):
    _, _, answers = gold
    faults = {"*": ["truncated"] * 2}
    with running(Loopback(answers.__getitem__, faults)) as server:
        assert run(files, server.url, "--limit", 5, "--max-tokens", 50).exit_code == 0
        assert run(files, server.url, "--limit", 5, "--max-tokens", 50).exit_code == 0 and len(server.requests) == 5
        assert run(files, server.url, "--limit", 5, "--max-tokens", 60).exit_code == 0 and len(server.requests) == 7
        assert [one["max_tokens"] for one in server.requests] == [50] * 5 + [60] * 2


def test_the_number_of_samples_is_that_of_the_answers(files, gold):
    (files / "a").write_text("", encoding="utf8")
    result = run(files, "http://127.0.0.1:9/v1", "--engine", "replay", "--answers", files / "a", "--samples", 3)
    assert result.exit_code == 2 and "--samples is 3" in result.output


def test_without_shots_answers_cost_too(files, gold):
    written = []
    for shots in (0, 5):
        output = run(files, "http://127.0.0.1:9/v1", "--dry-run", "--shots", shots).output
        written.append(int(re.search(r"([\d,]+) to write", output)[1].replace(",", "")))
    assert written[0] == written[1] > 40


def test_examples_without_labels_are_refused(files, gold):
    save_docs([NLP("It rains in Oslo.")], files / "plain.spacy")
    result = run(files, "http://127.0.0.1:9/v1", "--examples", files / "plain.spacy")
    assert result.exit_code == 1 and "M957" in result.output and "--spans-key" in result.output


def test_the_words_of_labels(files, gold):
    with running(Loopback(str)) as server:
        run(files, server.url, "--labels", CORPUS / "labels.json", "--limit", 1)
        instructions = server.requests[0]["messages"][0]["content"]
        assert "political organisation" in instructions and "takes place in" in instructions
        (files / "few.json").write_text('{"entities": {"person": "person"}}', encoding="utf8")
        result = run(files, server.url, "--labels", files / "few.json")
        assert result.exit_code == 1 and "M951" in result.output and len(server.requests) == 1


def test_no_file_that_is_read_becomes_prompts(files, gold):
    for name in ("texts.jsonl", "examples.spacy"):
        before = (files / name).read_bytes()
        result = run(files, "http://127.0.0.1:9/v1", "--prompts", files / name)
        assert result.exit_code == 1 and "it is the input" in result.output and (files / name).read_bytes() == before


def test_answers_are_those_of_samples(files, gold):
    (files / "a").write_text("", encoding="utf8")
    assert "--engine replay" in run(files, "http://127.0.0.1:9/v1", "--answers", files / "a").output
    twice = ["--engine", "replay", "--answers", files / "a", "--answers", files / "a"]
    assert "the same file twice" in run(files, "http://127.0.0.1:9/v1", *twice).output
    (files / "out").mkdir()
    (files / "out" / "rows.jsonl").write_text("kept", encoding="utf8")
    replaced = ["--engine", "replay", "--answers", files / "out" / "rows.jsonl"]
    assert "it is the input" in run(files, "http://127.0.0.1:9/v1", *replaced).output
    assert (files / "out" / "rows.jsonl").read_text() == "kept"


def test_the_input_is_not_overwritten(files, gold):
    (files / "silver.spacy").write_bytes((files / "examples.spacy").read_bytes())
    with running(Loopback(str)) as server:
        result = run(files, server.url, "--examples", files / "silver.spacy", out=".")
        assert result.exit_code == 1 and "it is the input" in result.output and not server.requests


def test_shots_cover_all_labels(gold):
    docs, form, _ = gold
    shots = choose_shots(docs, form, 30)
    assert shots == choose_shots(docs, form, 30) and len(set(shots)) == 30
    text = "".join(answer for _, answer in shots[:15])
    words = [*form.entities.task.classes.values(), *form.entities.task.labels.values()]
    assert all(word in text for word in [*words, *form.relations.task.labels.values()])
    assert choose_shots(docs, form, 0) == []
    (unlabelled,) = make_docs([Record("Rain.", cats={})], NLP)
    with pytest.raises(ValueError, match="M952"):
        choose_shots([unlabelled], form, 1)


def test_a_text_shows_the_label_of_its_answer_only():
    gold = {"Rain.": {"a": 0.6, "b": 0.4}, "Snow.": {"a": 1.0, "b": 0.0}, "A storm.": {"a": 0.0, "b": 1.0}}
    docs = list(make_docs([Record(text, cats=cats) for text, cats in gold.items()], NLP))
    shots = choose_shots(docs, make_form(docs, "en"), 2)
    assert [text for text, _ in shots] == ["Rain.", "A storm."]
