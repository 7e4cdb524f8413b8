"""The string that a model writes for a text: text label, entities and relations, in the format of OIELLM.

    CLASS/NER/:TYPE;NAME:TYPE;NAME/Relation Extraction/:HEAD;LABEL;TAIL

The second part follows the first without a break; delimiters in a name have a backslash, so that it is found.
"""

from collections.abc import Sequence
from dataclasses import replace

from spacy.tokens import Doc

from ....annotations.entities import DEFAULT_KEY
from ..formats import Analysis, FormatError, OIELLMFormat, RelationText, Task
from ..formats.analysis import Item
from ..formats.from_docs import analysis_of
from ..formats.scanning import normalized, says_none
from .row import Lost, Reason

# Before a word that is no label. No label begins with it.
UNKNOWN = "\0"


class SilverForm:
    """Writes and reads the strings of a closed set of labels.

    entities (Task): The text labels and the entity labels, with their words.
    relations (Optional[Task]): The relation labels, without text labels. Default: None, there are none.
    """

    def __init__(self, entities: Task, relations: Task | None = None) -> None:
        self.entities = OIELLMFormat(entities)
        self.relations = None if relations is None else OIELLMFormat(relations)

    @property
    def parts(self) -> list[OIELLMFormat]:
        """RETURNS (list[OIELLMFormat]): The formats of the parts of a string."""
        return [self.entities] if self.relations is None else [self.entities, self.relations]

    def source(self, text: str) -> str:
        """RETURNS (str): What is asked about a text.

        text (str): The text.
        """
        for part in self.parts:
            text = part.source(text)
        return text

    def target(self, doc: Doc, spans_key: str = DEFAULT_KEY) -> str | None:
        """RETURNS (str | None): The right answer; None if the document is not annotated with all parts.

        doc (Doc): The document.
        spans_key (str): The span group of the entities. Default: "entities".
        """
        analyses = [analysis_of(doc, part.task, spans_key) for part in self.parts]
        pairs = list(zip(self.parts, analyses, strict=True))
        if not all(part.task.complete(analysis) for part, analysis in pairs):
            return None
        return "".join(part.target(analysis) for part, analysis in pairs)

    def read(self, string: str) -> tuple[Analysis, list[Lost]]:
        """Read an answer. Case, and white space around words, may differ from what was asked for.

        string (str): The answer.
        RETURNS (tuple[Analysis, list[Lost]]): The text label, and the entities before the relations; and what has a
            label that does not exist.
        RAISES (FormatError): If a part of the answer cannot be read.
        """
        strings = [string]
        if self.relations is not None:
            first, lead, rest = string.partition(self.relations.lead)
            if not lead:
                raise FormatError(string, len(string), f"'{self.relations.lead}' was expected")
            strings = [first, lead + rest]
        label: str | None = None
        items: list[Item] = []
        lost: list[Lost] = []
        for part, own in zip(self.parts, strings, strict=True):
            analysis = _read_part(part, own.strip())
            found, invented = _split_known(part.task, analysis)
            label = found.label if part is self.entities else label
            items += found.items or ()
            lost += invented
        return Analysis(label, tuple(items)), lost


def _read_part(part: OIELLMFormat, string: str) -> Analysis:
    """Read a part with the unknown words as labels of their own."""
    text_word, item_words, _ = part.words(string)
    task = part.task
    opened = replace(
        task,
        classes=task.classes and {**task.classes, **_unknown([text_word], task.classes, "")},
        labels=task.labels and {**task.labels, **_unknown(item_words, task.labels, task.none_word)},
    )
    parsed = part.with_task(opened).parse(string, strict=False)
    if not parsed.problems:
        return parsed.analysis
    # The first problem is that the string is not exactly in the format.
    has_lead, has_items = _contains(string, part.lead), not task.labels or bool(parsed.analysis.items)
    has_label = not task.classes or parsed.analysis.label is not None
    if has_lead and has_label and not has_items and says_none(string, task.none_word):
        return parsed.analysis  # no result, perhaps with the delimiters of another part
    if len(parsed.problems) > 1 or not has_lead or not has_items:
        raise FormatError(string, 0, "; ".join(parsed.problems))
    return parsed.analysis


def _unknown(words: Sequence[str], labels: dict[str, str], none_word: str) -> dict[str, str]:
    known = {normalized(word) for word in (*labels.values(), none_word)}
    found = {normalized(word): word for word in words}
    return {UNKNOWN + word: word for key, word in found.items() if key and key not in known}


def _split_known(task: Task, analysis: Analysis) -> tuple[Analysis, list[Lost]]:
    kept: list[Item] = []
    lost: list[Lost] = []
    label = analysis.label
    if label is not None and label not in task.classes:
        lost.append(Lost(Reason.INVENTED_LABEL, label.removeprefix(UNKNOWN)))
        label = None
    for item in analysis.items or ():
        if item.label in task.labels:
            kept.append(item)
        else:
            lost.append(Lost(Reason.INVENTED_LABEL, describe(item)))
    return Analysis(label, tuple(kept)), lost


def describe(item: Item) -> str:
    """RETURNS (str): An entity or a relation, for people.

    item (Union[EntityText, RelationText, EventText]): The item.
    """
    label = item.label.removeprefix(UNKNOWN)
    if isinstance(item, RelationText):
        return f"{item.head} - {label} - {item.tail}"
    return f"{label}: {item.text}"


def _contains(string: str, part: str) -> bool:
    return normalized(part) in normalized(string)
