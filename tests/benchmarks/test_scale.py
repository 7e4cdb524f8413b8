"""The benchmark of `annotate`."""

import json

import pyarrow
import pytest
from pyarrow import parquet

pytest.importorskip("psutil")

from benchmarks.scale import compare, make_texts
from spacy_mre.scale.tables import TYPES

TEXT = "昨日、三浦美咲は京都で生まれた。"
RECORD = {"id": "a", "text": TEXT, "entities": [{"start": 3, "end": 7, "label": "person"}]}


def test_each_text_has_a_new_name_and_the_seed_decides(tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps(RECORD), encoding="utf8")
    texts = list(make_texts(corpus, "ja", 20))
    assert texts == list(make_texts(corpus, "ja", 20)) != list(make_texts(corpus, "ja", 20, seed=1))
    assert all(one["text"].startswith("昨日、") and one["text"].endswith("は京都で生まれた。") for one in texts)
    assert len({one["text"] for one in texts}) == len({one["id"] for one in texts}) == 20
    assert not any("昨日" in one["text"] for one in make_texts(corpus, "ja", 20, are_short=True))


def write_rows(folder, rows):
    """Writes rows of (id, entities as (start, label, score)), two in a file."""
    folder.mkdir()
    for number in range(0, len(rows), 2):
        part = rows[number : number + 2]
        entities = [
            [
                {"start": start, "end": start + 1, "label": label, "text": "x", "score": score}
                for start, label, score in of
            ]
            for _, of in part
        ]
        table = {"id": [name for name, _ in part], "text": ["x"] * len(part)}
        table |= {"entities": pyarrow.array(entities, TYPES["entities"])}
        table |= {level: pyarrow.nulls(len(part), TYPES[level]) for level in ("relations", "cats")}
        parquet.write_table(pyarrow.table(table), folder / f"part-{number}.parquet")
    return folder


def test_rows_are_compared_in_any_order_and_scores_apart(tmp_path):
    first = write_rows(tmp_path / "a", [("1", [(0, "x", 0.5)]), ("2", []), ("3", [(1, "x", 0.75)])])
    second = write_rows(tmp_path / "b", [("3", [(1, "y", 0.75)]), ("1", [(0, "x", 0.625)]), ("2", [])])
    assert compare(first, first) == {"rows": 3, "different": 0, "score_difference": 0.0}
    assert compare(first, second) == {"rows": 3, "different": 1, "score_difference": 0.125}
    shorter = write_rows(tmp_path / "c", [("1", [(0, "x", 0.5)]), ("2", [])])
    assert compare(first, shorter) == {"rows": 2, "different": 1, "score_difference": 0.0}
