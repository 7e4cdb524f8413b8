"""What the formats are, in one line each, for those who choose one."""

from typing import NamedTuple


class FormatInfo(NamedTuple):
    """A format that `convert` reads.

    about (str): What it is.
    example (str): What may follow `convert FORMAT`: a source, and the options that are often needed.
    """

    about: str
    example: str


CATALOGUE: dict[str, FormatInfo] = {
    "asdc": FormatInfo("the Japanese dialogues of ASDC: dialogue acts and request spans", "scud2query/ out.spacy"),
    "bioc": FormatInfo("BioC in XML or JSON", "collection.xml out.spacy --pairs nearest"),
    "brat": FormatInfo("a folder of .txt and .ann files of brat", "folder/ out.spacy"),
    "cas": FormatInfo("UIMA CAS of INCEpTION, JSON or XMI, a file or a folder", "exported/ out.spacy --layer Span"),
    "conll": FormatInfo(
        "columns: a token and its tag (BIO, BMES ...) per line", "train.conll out.spacy --tag-column -1"
    ),
    "conllu": FormatInfo("CoNLL-U with BIO tags (as of GiNZA) or brackets in MISC", "train.conllu out.spacy"),
    "crossre": FormatInfo("CrossRE's JSON lines, a file or a folder", "crossre_data/ out.spacy --part dev"),
    "doccano": FormatInfo("the JSONL or JSON that doccano exports", "admin.jsonl out.spacy"),
    "docred": FormatInfo("documents of DocRED or JacRED: vertexSet and labels", "train.json out.spacy --pairs nearest"),
    "genia": FormatInfo("GENIA as JSON lines of tokens and entity_mentions", "train.jsonl out.spacy"),
    "jsonl": FormatInfo("JSON lines with character offsets, the simplest format", "data.jsonl out.spacy"),
    "labelstudio": FormatInfo("the JSON or JSON_MIN that Label Studio exports", "project.json out.spacy"),
    "prodigy": FormatInfo("the JSONL of Prodigy's db-out", "out.jsonl out.spacy"),
    "pubtator": FormatInfo("PubTator's text format: title, abstract, annotations", "train.txt out.spacy --pairs all"),
    "slots": FormatInfo("a folder with seq.in, seq.out and label", "atis/train out.spacy"),
    "spacy": FormatInfo("spaCy's binary files, also with entities under another key", "other.spacy out.spacy"),
    "spacyjson": FormatInfo("the JSON of spaCy's Doc.to_json, or its older JSON for training", "docs.jsonl out.spacy"),
    "spert": FormatInfo("SpERT's JSON: a list of tokenized sentences", "conll04_train.json out.spacy"),
    "stockmark": FormatInfo("Stockmark's Japanese Wikipedia entities", "ner.json out.spacy --lang ja"),
    "table": FormatInfo(
        "CSV, TSV, Parquet or Arrow, a text per row; also folders of datasets, and JSON of words and tags",
        "reviews.csv out.spacy --text-column body --label-column stars",
    ),
    "webanno": FormatInfo("WebAnno TSV of INCEpTION, a file or a folder", "exported/ out.spacy --layer Span"),
}
