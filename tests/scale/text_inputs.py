"""Files of texts, and what is read from them."""

import csv
import json

from spacy_mre.scale.inputs import open_input

TEXTS = ["Ida lives in Lima", 'Tom said "no", twice', "東京に住む𠮷田さん"]


def read(path, **kwargs):
    return [row for partition in open_input(path, **kwargs).partitions() for row in partition.rows]


def values(path, **kwargs):
    found = read(path, **kwargs)
    assert [row.fault for row in found] == [""] * len(found)
    return [row.values for row in found]


def faults(path, **kwargs):
    return [(row.place, row.values.get("text"), row.fault) for row in read(path, **kwargs)]


def write_csv(path, table, delimiter=","):
    with path.open("w", encoding="utf8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(table)
    return path


def write_parquet(path, columns, **kwargs):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path, **kwargs)
    return path


def write_jsonl(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf8")
    return path
