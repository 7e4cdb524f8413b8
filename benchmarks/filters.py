"""What `translate` drops, and why, when translations that exist are given as answers: `python -m benchmarks.filters`,
which writes results/filters.json. The Japanese and Chinese texts of CrossRE are machine translations; the texts of
`assets` were written in three languages by people, so a row of them that is dropped is a false alarm.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, cast

import srsly
from rich.progress import track

from spacy_mre.corpora import READERS
from spacy_mre.corpora.record import CharOffsets, EntityRecord, Record
from spacy_mre.corpora.translation.engine import Answer, Message
from spacy_mre.corpora.translation.label_table import LabelTable, read_label_table
from spacy_mre.corpora.translation.marking import Marked, mark
from spacy_mre.corpora.translation.prompts import MODES, Mode
from spacy_mre.corpora.translation.row import Translated
from spacy_mre.corpora.translation.translating import translate
from spacy_mre.files import replacing
from tests.corpora.translation.parallel import read_parallel

from .calling import run_here
from .results import RESULTS, get_commit

SUITE = "filters"
ASSETS, CROSSRE = Path("assets/corpus"), Path("assets/real/crossre")
LANGUAGES = ("ja", "en", "zh")
MARK = re.compile(r"(\\.)|\[x:([a-z]+)\|")


class Pair(NamedTuple):
    """A text and its translation.

    source (Record): The text.
    text (str): The translation.
    places (dict[int, CharOffsets]): Where the entities of the source are in it, by index. An entity that the
        translation lacks has no place.
    """

    source: Record
    text: str
    places: dict[int, CharOffsets]


def read_crossre_pairs(folder: Path, target: str) -> Iterator[Pair]:
    """YIELDS (Pair): The English texts of CrossRE with their translations, whose files tell which entity is which."""
    for path in sorted((folder / "en").glob("*.json")):
        translations = {line["doc_key"]: line for line in srsly.read_jsonl(folder / target / path.name)}
        for source in READERS["crossre"](path):
            line = translations[source.id]
            places = {}
            for (first, last, _), index in zip(line["ner"], line["ner_mapping_to_source"], strict=True):
                chars = line["token2charspan"]
                places[index] = (chars[first][0], chars[last][1])
            yield Pair(source, line["sentence-detokenized"], places)


def read_own_pairs(source: str, target: str) -> Iterator[Pair]:
    """YIELDS (Pair): The texts of `assets` with their translations."""
    table = read_label_table(ASSETS / "labels.json", target)
    for path in sorted(ASSETS.glob("*.mre")):
        for before, after, _ in read_parallel(path, source, target, table):
            places = {index: (entity.start, entity.end) for index, entity in enumerate(after.entities or ())}
            yield Pair(before, after.text, places)


def answer_with(pair: Pair, marked: Marked, mode: Mode) -> str:
    """Write a translation as an engine should answer.

    pair (Pair): The text and its translation.
    marked (Marked): The text with marks.
    mode (Mode): How entities are sent.
    RETURNS (str): The answer. Entities without a place are not in it.
    """
    keys = {index: key for key, index in marked.keys.items() if index in pair.places}
    if mode == "strings":
        strings = {key: pair.text[slice(*pair.places[index])] for index, key in keys.items()}
        return json.dumps({"text": pair.text, "entities": strings}, ensure_ascii=False)
    indices = list(keys)
    written = mark(Record(pair.text, entities=[EntityRecord(*pair.places[index], "x") for index in indices]))

    def opening(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        key = keys[indices[written.keys[match[2]]]]
        return f"[{marked.words[key]}:{key}|"

    return MARK.sub(opening, written.line)


class Replay:
    """Answers prompts in their order with translations that exist."""

    name = "replay"

    def __init__(self, pairs: Sequence[Pair], words: Mapping[str, str], mode: Mode) -> None:
        self._answers = (answer_with(pair, mark(pair.source, words), mode) for pair in pairs)

    def answer(self, messages: Sequence[Message], /) -> Answer:
        """RETURNS (Answer): The next translation."""
        return Answer(next(self._answers))


def measure(pairs: Sequence[Pair], table: LabelTable, source: str, target: str, mode: Mode) -> dict[str, Any]:
    """Translate a corpus by its translations.

    pairs (Sequence[Pair]): The texts and translations.
    table (LabelTable): Their labels.
    source, target (str): Their languages.
    mode (Mode): How entities are sent.
    RETURNS (dict[str, Any]): The numbers of texts, of rows that are kept, of those that each filter dropped, also
        beside others, of the entities that the translations have, and of these by how they were found: "exact" where
        they are, or "elsewhere".
    """
    engine = Replay(pairs, table.words, mode)
    rows = list(translate([pair.source for pair in pairs], engine, table, source=source, target=target, mode=mode))
    found: Counter[str] = Counter()
    for pair, row in zip(pairs, rows, strict=True):
        found.update(_places(pair, row))
    return {
        "source": source,
        "target": target,
        "mode": mode,
        "texts": len(rows),
        "kept": sum(row.is_kept for row in rows),
        "dropped": dict(Counter(str(reason) for row in rows for reason in set(row.reasons)).most_common()),
        "entities": sum(len(pair.places) for pair in pairs),
        **{name: found[name] for name in ("exact", "elsewhere")},
    }


def _places(pair: Pair, row: Translated) -> Iterator[str]:
    """Whether each entity that was found is where the translation has it."""
    indices = [index for index, method in enumerate(row.methods) if method]
    for index, entity in zip(indices, (row.record.entities if row.record else None) or ()):
        if index in pair.places:
            yield "exact" if (entity.start, entity.end) == pair.places[index] else "elsewhere"


def same_labels(pairs: Sequence[Pair]) -> LabelTable:
    """RETURNS (LabelTable): A table in which all labels stay as they are."""
    sources = [pair.source for pair in pairs]
    return LabelTable(
        entities={entity.label: entity.label for one in sources for entity in one.entities or ()},
        relations={relation.label: relation.label for one in sources for relation in one.relations or ()},
        cats={label: label for one in sources for label in one.cats or ()},
    )


def main() -> None:
    """Measure and record all corpora."""
    for lang in LANGUAGES:
        run_here("fetch", f"crossre/{lang}")
    corpora: list[tuple[str, str, str, list[Pair], LabelTable]] = []
    for target in ("ja", "zh"):
        pairs = list(read_crossre_pairs(CROSSRE, target))
        corpora.append(("crossre", "en", target, pairs, same_labels(pairs)))
    for source in LANGUAGES:
        for target in LANGUAGES:
            if source != target:
                pairs = list(read_own_pairs(source, target))
                corpora.append(("assets", source, target, pairs, read_label_table(ASSETS / "labels.json", target)))
    rows = [
        {"corpus": name, **measure(pairs, table, source, target, cast(Mode, mode))}
        for name, source, target, pairs, table in track(corpora, "corpora")
        for mode in MODES
    ]
    versions = {"spacy-mre": version("spacy-mre")}
    about = {"command": f"python -m benchmarks.{SUITE}", "commit": get_commit(), "versions": versions}
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        srsly.write_json(temporary, {**about, "rows": rows})


if __name__ == "__main__":
    main()
