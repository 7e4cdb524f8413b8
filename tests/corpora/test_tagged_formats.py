"""Slot folders and CoNLL columns: formats with tags."""

import pytest

from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.corpora import CorpusError, Report, recognise
from spacy_mre.corpora.conll import read_conll
from spacy_mre.corpora.conllu import read_conllu
from spacy_mre.corpora.slots import read_slots
from spacy_mre.corpora.tags import decode_tags, find_scheme


@pytest.mark.parametrize(
    "tags, spans",
    [
        ("O B-x I-x O B-y", [(1, 3, "x"), (4, 5, "y")]),
        ("B-x B-x", [(0, 1, "x"), (1, 2, "x")]),
        ("B-x E-x S-x I-x", [(0, 2, "x"), (2, 3, "x"), (3, 4, "x")]),
        ("B-x L-x U-x", [(0, 2, "x"), (2, 3, "x")]),
        ("I-x I-x O I-y", [(0, 2, "x"), (3, 4, "y")]),
        ("B-x I-y E-y", [(0, 1, "x"), (1, 3, "y")]),
        ("B-a-b I-a-b", [(0, 2, "a-b")]),
        ("B-x M-x E-x M-y E-y S-x", [(0, 3, "x"), (3, 5, "y"), (5, 6, "x")]),
        ("", []),
    ],
)
def test_decode_tags(tags, spans):
    assert decode_tags(tags.split())[0] == [EntitySpan(*span) for span in spans]


@pytest.mark.parametrize(
    "tags, scheme, places",
    [
        ("O I-x", "BIO", [1]),
        ("B-x I-y", "BIO", [1]),
        ("S-x I-x", "BIO", [1]),
        ("B-x I-x O", "BIO", []),
        ("B-x I-x O", "BIOES", [1]),
        ("B-x E-x S-x", "BIOES", []),
        ("B-x M-x E-x S-x", "BIOES", []),
        ("B-x M-x O M-x E-x", "BIOES", [1, 3]),
        ("I-x B-x I-x I-y", "IOB1", []),
    ],
)
def test_repairs_are_returned(tags, scheme, places):
    assert [place for place, _ in decode_tags(tags.split(), scheme=scheme)[1]] == places


@pytest.mark.parametrize(
    "sentences, scheme",
    [
        ("O O", "BIO"),
        ("B-x I-x O|I-x O", "BIO"),
        ("I-x I-x|I-y B-y", "IOB1"),
        ("I-x B-y", "BIO"),
        ("I-x|B-x", "BIO"),
        ("I-x I-y", "IOB1"),
        ("I-x|B-x L-x", "BIOES"),
        ("B-x M-x|S-x", "BIOES"),
        ("", "BIO"),
    ],
)
def test_the_scheme_is_that_of_the_file(sentences, scheme):
    assert find_scheme([tags.split() for tags in sentences.split("|")]) == scheme


@pytest.mark.parametrize(
    "tags, places",
    [
        ("I-x I-x B-x I-y O", [(0, 3, "x"), (4, 5, "x"), (6, 7, "y")]),
        ("B-x M-x E-x S-y O", [(0, 5, "x"), (6, 7, "y")]),
    ],
)
def test_iob1_and_bmes_are_well_formed(tags, places, slots):
    words = "a b c d e"
    folder = slots(words, tags)
    pairs = list(zip(words.split(), tags.split()))
    (folder / "a.conll").write_text("".join(f"{word} {tag}\n" for word, tag in pairs))
    lines = [f"{i}\t{word}" + "\t_" * 7 + f"\tNER={tag}\n" for i, (word, tag) in enumerate(pairs, start=1)]
    (folder / "a.conllu").write_text("".join(lines) + "\n")
    for read, path in ((read_slots, folder), (read_conll, folder / "a.conll"), (read_conllu, folder / "a.conllu")):
        report = Report()
        (record,) = read(path, report=report)
        assert [(e.start, e.end, e.label) for e in record.entities] == places
        assert not report.lost
    assert recognise(folder / "a.conll") == "conll"


@pytest.mark.parametrize("tag", ["X-a", "B", "B-", "-a", "BI-a", "", "o"])
def test_invalid_tags(tag):
    with pytest.raises(ValueError, match="invalid tag"):
        decode_tags([tag])


@pytest.fixture
def slots(tmp_path):
    def write(words, tags, label=None):
        for name, text in (("seq.in", words), ("seq.out", tags), ("label", label)):
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf8")
        return tmp_path

    return write


def test_slots(slots):
    first, second = read_slots(slots("play  old songs \nstop\n", "O B-era B-thing \nO\n", "Play\nStop\n"))
    assert first.text == "play old songs"
    assert [(first.text[e.start : e.end], e.label) for e in first.entities] == [("old", "era"), ("songs", "thing")]
    assert (first.cats, first.relations) == ({"Play": 1.0}, None)
    assert (second.entities, second.cats) == ([], {"Stop": 1.0})


def test_slots_of_characters(slots):
    (record,) = read_slots(slots("去 青 山\n", "O B-place E-place\n"), separator="")
    assert (record.text, record.cats) == ("去青山", None)
    assert [(e.start, e.end) for e in record.entities] == [(1, 3)]


def test_slots_keep_tokens_that_are_white_space(slots):
    (record,) = read_slots(slots("青 \u3000 山\n", "B-a O B-b\n"), separator="")
    assert record.text == "青\u3000山"


def test_slots_count_repairs_by_line(slots):
    report = Report()
    list(read_slots(slots("a b\nc d\n", "B-x E-x\nO I-x\n"), report=report))
    assert report.lost.total() == 2  # I-x continues no span, and does not close one
    assert all("seq.out, line 2" in example for reason in report.lost for example in report.examples[reason])


@pytest.mark.parametrize(
    "files, reason",
    [
        (("a\nb\n", "O\n", "x\ny\n"), r"seq\.out, line 2: found 1 lines, but seq\.in has 2"),
        (("a\nb\n", "O\nO\n", "x\n"), r"label, line 2: found 1 lines"),
        (("a b\n", "O\n", "x\n"), r"seq\.out, line 1: found 1 tags for the 2 tokens in seq\.in"),
        (("a\nb\n", "O\nQ\n", "x\ny\n"), r"seq\.out, line 2: invalid tag 'Q'"),
        (("a\nb\n", "O\nO\n", "x\n \n"), r"label, line 2: the line is empty"),
        (("", "", ""), r"seq\.in: the file is empty"),
    ],
)
def test_slots_malformed(slots, files, reason):
    with pytest.raises(CorpusError, match=reason):
        list(read_slots(slots(*files)))


def test_conll(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(
        "-DOCSTART- -X- O\n\nAda N B-person\nof P O\nAoba N B-place\n\n\nHi X O\n"
        "-DOCSTART- -X- O\nBo N B-person\nX N I-person",
        encoding="utf8",
    )
    records = list(read_conll(path))
    assert [record.text for record in records] == ["Ada of Aoba", "Hi", "Bo X"]
    assert [[record.text[e.start : e.end] for e in record.entities] for record in records] == [
        ["Ada", "Aoba"],
        [],
        ["Bo X"],
    ]
    assert [record.group for record in records] == ["a-doc-1", "a-doc-1", "a-doc-2"]
    assert [record.id for record in records] == ["a-1", "a-2", "a-3"]


def test_conll_columns_and_comments(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("# text = x\n1\t青\u3000\tB-a\t_\n2\t山 田\tI-a\t_\n", encoding="utf8")
    (record,) = read_conll(path, token_column=1, tag_column=2, comment="# ", separator="")
    assert record.text == "青\u3000山 田"
    assert [(e.start, e.end) for e in record.entities] == [(0, 5)]
    assert record.group == ""


@pytest.mark.parametrize(
    "text, options, reason",
    [
        ("a O\nb c O\n", {}, "line 2: found 3 columns, but the first sentence has 2"),
        ("a O\n\nb O\nc\n", {}, "line 4: found 1 columns"),
        ("a O\n", {"tag_column": 2}, "column 2 does not exist"),
        ("a O\n\nb Z-x\n", {}, "line 3: .*invalid tag 'Z-x'"),
        ("a\tO\n\tO\n", {}, "line 2: the token is empty"),
        ("\n\n", {}, "the file is empty"),
    ],
)
def test_conll_malformed(tmp_path, text, options, reason):
    (tmp_path / "a.conll").write_text(text, encoding="utf8")
    with pytest.raises(CorpusError, match=reason):
        list(read_conll(tmp_path / "a.conll", **options))
