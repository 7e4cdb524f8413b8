"""Corpus formats: `READERS` read files as records, `make_docs` converts these to Docs, `WRITERS` write Docs to files.

`CONTRIBUTING.md` describes how to add a format.
"""

from collections.abc import Callable, Iterator

from . import (
    bioc_writer,
    brat_writer,
    cas_writer,
    conllu_writer,
    doccano_writer,
    docred_writer,
    jsonl,
    label_studio_writer,
    prodigy_writer,
    pubtator_writer,
    spacy_json_writer,
    table_writer,
    webanno_writer,
)
from .asdc import read_asdc
from .bioc import read_bioc
from .brat import read_brat
from .cas import read_cas
from .conll import read_conll
from .conllu import read_conllu
from .crossre import read_crossre
from .doccano import read_doccano
from .docred import read_docred
from .from_docs import make_records, make_writer
from .genia import read_genia
from .jsonl import read_jsonl
from .label_studio import read_label_studio
from .prodigy import read_prodigy
from .pubtator import read_pubtator
from .recognise import recognise
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report
from .slots import read_slots
from .spacy_file import read_spacy
from .spacy_json import read_spacy_json
from .spert_json import read_spert
from .stockmark import read_stockmark
from .table import read_table
from .to_docs import cat_labels, make_docs
from .webanno import read_webanno

READERS: dict[str, Callable[..., Iterator[Record]]] = {
    "asdc": read_asdc,
    "bioc": read_bioc,
    "brat": read_brat,
    "cas": read_cas,
    "conll": read_conll,
    "conllu": read_conllu,
    "crossre": read_crossre,
    "doccano": read_doccano,
    "docred": read_docred,
    "genia": read_genia,
    "jsonl": read_jsonl,
    "labelstudio": read_label_studio,
    "prodigy": read_prodigy,
    "pubtator": read_pubtator,
    "slots": read_slots,
    "spacy": read_spacy,
    "spacyjson": read_spacy_json,
    "spert": read_spert,
    "stockmark": read_stockmark,
    "table": read_table,
    "webanno": read_webanno,
}
WRITERS: dict[str, Callable[..., int]] = {
    "bioc": make_writer(bioc_writer.write_records),
    "brat": make_writer(brat_writer.write_records),
    "cas": make_writer(cas_writer.write_records),
    "conllu": make_writer(conllu_writer.write_records, scores=True),
    "doccano": make_writer(doccano_writer.write_records),
    "docred": make_writer(docred_writer.write_records),
    "jsonl": make_writer(jsonl.write_records),
    "labelstudio": make_writer(
        label_studio_writer.write_records, scores=True, write_gold=label_studio_writer.write_gold
    ),
    "prodigy": make_writer(prodigy_writer.write_records, scores=True, write_gold=prodigy_writer.write_gold),
    "pubtator": make_writer(pubtator_writer.write_records),
    "spacyjson": make_writer(spacy_json_writer.write_records, scores=True),
    "table": make_writer(table_writer.write_records),
    "webanno": make_writer(webanno_writer.write_records),
}

__all__ = [
    "READERS",
    "WRITERS",
    "CorpusError",
    "EntityRecord",
    "Record",
    "RelationRecord",
    "Report",
    "cat_labels",
    "make_docs",
    "make_records",
    "recognise",
]
