"""Rows of other converters: their files, spellings and orders are read, and what cannot be read is never silent."""

import csv
import json

import pytest
from typer.testing import CliRunner

from spacy_mre import load_docs
from spacy_mre.cli import app
from spacy_mre.corpora import CorpusError, Report
from spacy_mre.pipeline.generative.formats import OIELLMFormat, SLGFormat, Task
from spacy_mre.pipeline.generative.rows import read_rows
from spacy_mre.pipeline.generative.strings import read_strings, task_of_strings

TEXT = "山田は青葉山楽団に入った。"
OUTPUT = "<社会>固有表現抽出:人名;山田:その他の組織名;青葉山楽団"
FOUND = [(0, 2, "person"), (3, 8, "other_organisation")]
CLASSES = "<社会><文芸><学問><技術><自然>"
LABELS = ":人名;:法人名;:政治的組織名;:その他の組織名;:地名;:施設名;:製品名;:イベント名;:無い;"
SOURCE = f"{TEXT}{CLASSES}{TEXT}固有表現抽出{LABELS}"
WIDE = str.maketrans(":;<>/", "：；＜＞／")


@pytest.fixture
def slg():
    return SLGFormat(Task.of_template("SCNM", "ja"))


@pytest.fixture
def oiellm():
    return OIELLMFormat(Task.of_template("SCNM", "ja"))


def write(path, rows):
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf8")
    else:
        with path.open("w", encoding="utf8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(tmp_path, format, source=SOURCE, output=OUTPUT, **more):
    path = write(tmp_path / "a.jsonl", [{"input": source, "output": output, **more}])
    report = Report()
    (record,) = read_strings(path, format, report=report)
    return record, report


def found(record):
    return [(entity.start, entity.end, entity.label) for entity in record.entities]


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv"])
def test_files(tmp_path, slg, ending):
    row = {"input": SOURCE, "output": OUTPUT, "id": "7"}
    path = write(tmp_path / f"a.{ending}", [row, row])
    assert read_rows(path) == [(SOURCE, OUTPUT)] * 2
    records = list(read_strings(path, slg, strict=True))
    assert [found(record) for record in records] == [FOUND, FOUND] and {r.text for r in records} == {TEXT}
    assert len({record.id for record in records}) == 2
    assert set(task_of_strings(path, "slg", "SCNM", "ja").labels) == set(slg.task.labels)
    write(path, [{"input": SOURCE, "other": OUTPUT}])
    with pytest.raises(CorpusError, match="the key 'output' is missing"):
        read_rows(path)


@pytest.mark.parametrize(
    "output",
    [
        OUTPUT.translate(WIDE),
        OUTPUT.replace(":", "："),
        OUTPUT.replace(";", "；").replace("山田", "　山田　"),
        OUTPUT.replace("その他", "そのほか"),
        OUTPUT.replace("その他", "そのほか").translate(WIDE),
    ],
)
def test_spellings_of_an_output(tmp_path, slg, output):
    record, _ = read(tmp_path, slg, output=output)
    assert found(record) == FOUND and record.cats == {"society": 1.0}
    task = task_of_strings(tmp_path / "a.jsonl", "slg", "SCNM", "ja")
    assert task.labels == slg.task.labels and task.classes == slg.task.classes


def test_spellings_of_names(tmp_path, oiellm):
    text = "（株）青葉，Ａ：Ｂと（株）緑。"
    record, report = read(tmp_path, oiellm, f"{text}/固有表現抽出", "社会/固有表現抽出/:法人名;(株)青葉:製品名;A\\:B")
    assert found(record) == [(0, 5, "company"), (6, 9, "product")] and not report.lost
    # The delimiter of the text is one of its name, not one of the string.
    record, _ = read(tmp_path, oiellm, f"{text}/固有表現抽出", "社会/固有表現抽出/:法人名;（株）緑:製品名;Ａ：Ｂ")
    assert (6, 9, "product") in found(record)


def test_a_name_is_found_as_it_is_written(tmp_path, oiellm):
    """Fullwidth and halfwidth forms are the same only where the exact form is not in the text."""
    for text, name, start in (("Ａ社は東京、A社は大阪。", "A社", 6), ("①番線から1番線へ。", "1番線", 5)):
        record, _ = read(tmp_path, oiellm, f"{text}/固有表現抽出", f"社会/固有表現抽出/:法人名;{name}")
        assert found(record) == [(start, start + len(name), "company")]
    record, _ = read(tmp_path, oiellm, "①番線/固有表現抽出", "社会/固有表現抽出/:法人名;1番線")
    assert not record.entities  # another character, not another form of it


@pytest.mark.parametrize("last", [";", ";;"])
def test_a_delimiter_after_a_name(tmp_path, slg, last):
    record, _ = read(tmp_path, slg, output=OUTPUT + last)
    assert found(record) == FOUND


def test_a_name_with_fullwidth_delimiters(oiellm):
    parsed = oiellm.parse("社会/固有表現抽出/:地名;A：人名；B;", strict=False)
    assert [tuple(item) for item in parsed.analysis.items] == [("place", "A：人名；B")]


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_table_with_an_empty_output(tmp_path, oiellm, ending):
    rows = [{"input": f"{TEXT}/固有表現抽出", "output": ""}, {"input": "大阪/固有表現抽出", "output": "社会"}]
    path = write(tmp_path / f"a.{ending}", rows)
    with pytest.raises(CorpusError, match="line 2: 'output' is empty"):
        read_rows(path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("none", [":無い;", "：無い；", ":無し;", ":なし"])
def test_none_words(tmp_path, oiellm, none):
    record, report = read(tmp_path, oiellm, f"{TEXT}/固有表現抽出", f"社会/固有表現抽出/{none}")
    assert record.entities == [] and report.lost.total() <= 1  # that the string is not exactly in the format


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.translate(WIDE),
        f"固有表現抽出{LABELS}{TEXT}{CLASSES}{TEXT}",
        f"{CLASSES}固有表現抽出{LABELS}\n{TEXT}",
        f"{TEXT}\n{CLASSES}{LABELS}",
        SOURCE.replace("その他", "そのほか"),
    ],
)
def test_orders_of_an_input_of_slg(tmp_path, slg, source):
    record, _ = read(tmp_path, slg, source)
    assert (record.text, found(record)) == (TEXT, FOUND)
    path = tmp_path / "a.jsonl"
    with pytest.raises(CorpusError, match="line 1: 'input'"):
        list(read_strings(path, slg, strict=True))


@pytest.mark.parametrize(
    "source", [f"{TEXT}／固有表現抽出", f"{TEXT}/固有表現抽出/", f"固有表現抽出/{TEXT}", f"/固有表現抽出：{TEXT}"]
)
def test_orders_of_an_input_of_oiellm(tmp_path, oiellm, source):
    record, _ = read(tmp_path, oiellm, source, "社会/固有表現抽出/:人名;山田:その他の組織名;青葉山楽団")
    assert (record.text, found(record)) == (TEXT, FOUND)


def test_an_instruction_of_its_own(tmp_path, oiellm):
    output = "社会/固有表現抽出/:人名;山田"
    record, _ = read(tmp_path, oiellm, TEXT, output, instruction="固有表現を抽出せよ。")
    assert (record.text, found(record)) == (TEXT, FOUND[:1])
    for source in (TEXT, "固有表現抽出", f"{TEXT}感想文固有表現抽出"):
        with pytest.raises(CorpusError, match="'input': '/固有表現抽出' was expected"):
            read(tmp_path, oiellm, source, output)


def test_rows_without_any_entity_are_warned_of(tmp_path, oiellm):
    rows = [{"input": f"{TEXT}/固有表現抽出", "output": output} for output in ("人名=山田", "社会/固有表現抽出/:無い;")]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.warns(UserWarning, match=r"\[W933\].*no entities were found, although 1 of 2 rows.*人名=山田"):
        list(read_strings(path, oiellm))
    with pytest.warns(UserWarning, match="W933"):
        CliRunner().invoke(
            app, ["strings", str(path), str(tmp_path / "a.spacy"), "--read", "--language", "ja", "--lang", "ja"]
        )


def test_the_command(tmp_path):
    row = {"input": SOURCE.translate(WIDE), "output": OUTPUT.translate(WIDE)}
    path = write(tmp_path / "a.json", [row])
    arguments = ["strings", str(path), str(tmp_path / "a.spacy"), "--read", "--format", "slg", "--lang", "ja"]
    result = CliRunner().invoke(app, [*arguments, "--language", "ja"])
    assert result.exit_code == 0, result.output
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert [(span.text, span.label_) for span in doc.spans["entities"]] == [
        ("山田", "person"),
        ("青葉山楽団", "other_organisation"),
    ]
