"""The 21 data sets of MMM (Gan et al. 2024, arXiv 2407.10953, section 3) from the hand-written corpora: seven kinds of
task in each language. TCREE is in two folders, relations and events, because each is a question of its own.

The order of this file: the kinds, all data sets of a folder, and one function for each conversion.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import Errors
from .assets import Labels, read_corpus, read_labels, write_parts
from .record import EntityRecord, Record

# A label of assets/sentiment is a polarity and a part of speech.
ADJECTIVE, NOUN, OTHER = "adjective", "noun", "other"

Corpora = dict[str, list[Record]]


def compile_mmm(assets: Path, output: Path) -> dict[str, dict[str, dict[str, int]]]:
    """Write the data sets to `output/LANGUAGE/KIND/PART.jsonl`.

    assets (Path): The folder with `corpus`, `sentiment`, `events` and `open`, each with its `labels.json`.
    output (Path): The folder to write.
    RETURNS (dict[str, dict[str, dict[str, int]]]): The number of records by language, kind and part.
    RAISES (CorpusError): If the mark-up is malformed, or a label is not in the table of its folder.
    RAISES (ValueError): If the corpora have different languages.
    """
    mmm = read_mmm(assets)
    counts = write_parts({f"{lang}/{kind}": records for lang in mmm for kind, records in mmm[lang].items()}, output)
    return {lang: {kind: counts[f"{lang}/{kind}"] for kind in mmm[lang]} for lang in mmm}


def read_mmm(assets: Path) -> dict[str, dict[str, list[Record]]]:
    """Read the hand-written corpora as the data sets of MMM.

    assets (Path): The folder with `corpus`, `sentiment`, `events` and `open`, each with its `labels.json`.
    RETURNS (dict[str, dict[str, list[Record]]]): The records by language and kind. What a kind does not
        contain is None.
    RAISES (CorpusError): If the mark-up is malformed, or a label is not in the table of its folder.
    RAISES (ValueError): If the corpora have different languages.
    """
    folders = {name: Path(assets) / name for name in ("corpus", "sentiment", "events", "open")}
    labels: dict[str, Labels] = {name: read_labels(folder / "labels.json") for name, folder in folders.items()}
    corpora: dict[str, Corpora] = {name: read_corpus(folder, labels[name]) for name, folder in folders.items()}
    langs = sorted({lang for corpus in corpora.values() for lang in corpus})
    if any(sorted(corpus) != langs for corpus in corpora.values()):
        found = "; ".join(f"{name}: {', '.join(sorted(corpus))}" for name, corpus in corpora.items())
        raise ValueError(Errors.M258.format(folder=assets, found=found))
    return {
        lang: {kind: list(make({name: corpora[name][lang] for name in corpora})) for kind, make in KINDS.items()}
        for lang in langs
    }


def _classes_and_entities(corpora: Corpora) -> Iterator[Record]:
    return (replace(record, relations=None) for record in corpora["corpus"])


def _sentiment(*parts_of_speech: str) -> Callable[[Corpora], Iterator[Record]]:
    """The reviews with the words of some parts of speech, labelled with their polarity."""

    def make(corpora: Corpora) -> Iterator[Record]:
        for record in corpora["sentiment"]:
            words = []
            for entity in record.entities or ():
                polarity, _, part_of_speech = entity.label.partition("_")
                if part_of_speech in parts_of_speech:
                    words.append(EntityRecord(entity.start, entity.end, polarity))
            yield replace(record, entities=words, relations=None)

    return make


def _relations(corpora: Corpora) -> Iterator[Record]:
    return iter(corpora["corpus"])


def _events(corpora: Corpora) -> Iterator[Record]:
    return iter(corpora["events"])


def _open_entities(corpora: Corpora) -> Iterator[Record]:
    return (replace(record, relations=None) for record in corpora["open"])


KINDS: dict[str, Callable[[Corpora], Iterator[Record]]] = {
    "SCNM": _classes_and_entities,
    "SCPOS_RW": _sentiment(ADJECTIVE, NOUN, OTHER),
    "SCPOS_Adj_N": _sentiment(ADJECTIVE, NOUN),
    "SCPOS_Adj": _sentiment(ADJECTIVE),
    "SCPOS_N": _sentiment(NOUN),
    "TCREE_RE": _relations,
    "TCREE_EE": _events,
    "TCONER": _open_entities,
}
