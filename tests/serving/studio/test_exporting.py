"""Downloads of what was saved."""

import io
import json
import zipfile
from http.client import HTTPConnection
from importlib.util import find_spec

import pytest

from spacy_mre.annotations.storage import load_docs
from spacy_mre.cli.studio_files import ENDINGS, FORMS
from spacy_mre.corpora import READERS, WRITERS
from tests.serving.studio.finder import FOUND, IDA, LIMA, TEXT

NEEDS = {"bioc": "bioc", "cas": "cassis"}
SECOND = "Tom saw Oslo."


@pytest.fixture
def saved(begin):
    about = {"group": "letters", "meta": {"year": 1999}}
    studio = begin((TEXT, "one", about), SECOND, "It rained.", "Tom met Ida.")
    # The border is inside a token.
    assert studio.save(studio.item(0), {**FOUND, "entities": [IDA, {**LIMA, "end": 15}]})[0] == 200
    assert studio.save(studio.item(1), {**studio.item(1)["predicted"], "cats": ["people"]})[0] == 200
    studio.decide(studio.item(2), "reject")
    studio.save(studio.item(3), {"entities": [], "relations": [], "cats": ["people"]})
    studio.undo()
    return studio


def download(studio, form):
    connection = HTTPConnection("127.0.0.1", studio.running.port, timeout=60)
    connection.request("GET", f"/studio/export?form={form}")
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == 200, content
    return response.headers, content


def test_all_writers_are_offered(saved):
    assert saved.get("state")["exports"] == FORMS
    assert set(FORMS) == {*WRITERS, "spacy"}


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("spacy", "docred")])
def test_the_readers_read_it(saved, form, tmp_path):
    if form in NEEDS and find_spec(NEEDS[form]) is None:
        pytest.skip(f"needs {NEEDS[form]}")
    headers, content = download(saved, form)
    assert headers["content-type"] == "application/octet-stream"
    assert isinstance(json.loads(headers["studio-lost"]), dict)
    name = headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
    if form in ENDINGS:
        assert name == f"gold{ENDINGS[form]}"
        path = tmp_path / name
        path.write_bytes(content)
    else:
        assert name == f"gold-{form}.zip"
        path = tmp_path / "unpacked"
        zipfile.ZipFile(io.BytesIO(content)).extractall(path)
        path /= "gold"
    records = {record.text.strip(): record for record in READERS[form](path)}
    assert sorted(records) == sorted([TEXT, SECOND])
    entities = records[TEXT].entities
    assert [(one.start, one.end, one.label) for one in entities] == [(0, 3, "person"), (13, 15, "place")]
    if form not in ("conllu",):
        (relation,) = records[TEXT].relations
        assert (relation.head, relation.tail, relation.label) == (0, 1, "lives_in")


def test_spacy(saved, tmp_path):
    (tmp_path / "gold.spacy").write_bytes(download(saved, "spacy")[1])
    first, second = load_docs(tmp_path / "gold.spacy")
    assert [(span.text, span.label_) for span in first.spans["entities"]] == [("Ida", "person"), ("Li", "place")]
    assert [relation["label"] for relation in first._.relations] == ["lives_in"]
    assert (first.user_data["group"], first.user_data["meta"]) == ("letters", {"year": 1999})
    assert (first.user_data["id"], first.cats, second.cats) == (
        "one",
        {"people": 0.0, "travel": 1.0},
        {"people": 1.0, "travel": 0.0},
    )


def test_docred(saved):
    headers, content = download(saved, "docred")
    assert [len(document["vertexSet"]) for document in json.loads(content)] == [2, 2]
    assert json.loads(headers["studio-lost"])  # it has no text labels


def test_label_studio_gets_annotations(saved):
    """What a person decided is no prediction."""
    tasks = json.loads(download(saved, "labelstudio")[1])
    assert [task["data"]["text"] for task in tasks] == [TEXT, SECOND]
    assert [task.keys() for task in tasks] == [{"data", "annotations"}] * 2
    results = tasks[0]["annotations"][0]["result"]
    assert [result["type"] for result in results] == ["labels", "labels", "relation", "choices"]
    assert not any("score" in result for result in results)


def test_prodigy_gets_answers(saved):
    lines = download(saved, "prodigy")[1].splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["accept", "accept"]


def write_line(folder, **values):
    """Begin a gold file with a line of another program."""
    line = {"text": TEXT, "status": "accepted", "entities": [], "relations": None, "cats": None, **values}
    (folder / "gold.jsonl").write_text(json.dumps(line) + "\n")


def test_what_another_program_added_is_counted(begin, tmp_path):
    write_line(tmp_path, entities=[{**IDA, "score": 0.5}, {**LIMA, "by": "Bo"}], cats={"travel": 0.7})
    headers, content = download(begin(), "jsonl")
    assert json.loads(headers["studio-lost"]) == {
        "unknown key 'score' of an entity, not read": 1,
        "unknown key 'by' of an entity, not read": 1,
    }
    assert json.loads(content)["entities"] == [IDA, LIMA]


def test_what_another_program_broke_is_told(begin, tmp_path):
    """Lines that are no annotations are told at the start; this one has another text at its offsets."""
    write_line(tmp_path, id="one", entities=[{**IDA, "text": "Tom"}])
    status, answer = begin().ask("GET", "export?form=jsonl")
    assert status == 422 and "gold.jsonl: text 'one': " in answer["error"] and "Tom" in answer["error"]


def test_a_single_text_with_a_japanese_name(begin):
    studio = begin((TEXT, "文書1"))
    studio.save(studio.item(), FOUND)
    headers, content = download(studio, "webanno")
    assert headers["Content-Disposition"] == 'attachment; filename="gold.tsv"' and b"Lima" in content


def test_a_package_that_is_missing(saved, monkeypatch):
    def fail(*arguments):
        raise ValueError("[M1] install it")

    monkeypatch.setattr(saved.desk, "tools", saved.desk.tools._replace(export=fail))
    assert saved.ask("GET", "export?form=jsonl") == (422, {"error": "[M1] install it"})


def test_nothing_to_export(begin):
    studio = begin(TEXT)
    assert studio.ask("GET", "export?form=jsonl") == (422, {"error": "nothing was saved yet"})
    for query in ("", "?form=x", "?form=../gold"):
        status, answer = studio.ask("GET", f"export{query}")
        assert status == 422 and answer["error"].startswith("form: expected one of: bioc, brat")
