"""The labels of a generative component, and the formats, questions and training pairs that are made from them."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import srsly
from spacy.tokens import Doc
from spacy.training import Example

from ...annotations.alignment import Losses
from ...annotations.entities import get_entities
from ...annotations.relations import get_relations
from ...errors import Errors, Warnings
from ..base import MREPipe
from .asking import Question, within
from .formats import FORMATS, Analysis, EntityText, Format, RelationText, Task
from .formats.analysis import Item
from .formats.from_docs import analysis_of
from .formats.task import TemplateLanguage, get_template
from .settings import Parts

if TYPE_CHECKING:  # torch and transformers are loaded only when a model is made
    from .language_model import LanguageModel
    from .model import SourcesAndTargets

Labels = dict[str, list[str]]


class LabelledPipe(MREPipe):
    """A component with labels that a language model writes as words.

    format_name (str): "slg" or "oiellm".
    """

    calls_to_add: ClassVar[dict[str, str]] = {
        "text label": "add_label('{label}', text_level=True)",
        "entity": "add_label('{label}')",
        "relation": "add_label('{label}')",
    }
    format_name: str
    template: str
    parts: Parts
    spans_key: str
    max_new_tokens: int | None
    language: TemplateLanguage | None
    _cache: dict[Any, Any]
    _pipeline_language: str

    @property
    def template_language(self) -> str:
        """RETURNS (str): The language of the template's words."""
        return self.language or self._pipeline_language

    @property
    def classes(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): The text labels."""
        return tuple(self.cfg["classes"])

    @property
    def word_labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): The labels of entities or relations."""
        return tuple(self.cfg["labels"])

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str]): The text labels, then the others."""
        return self.classes + self.word_labels

    @property
    def label_data(self) -> Labels:
        """RETURNS (dict[str, list[str]]): What `spacy init labels` stores and `initialize` takes."""
        return {"classes": list(self.classes), "labels": list(self.word_labels)}

    @property
    def format_options(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The arguments of the format, besides the task."""
        return {}

    @property
    def format(self) -> Format:
        """RETURNS (Format): The format of the strings, with the words of the template.

        RAISES (ValueError): If there are no labels.
        """
        format = self._format(self.parts != "words", self.parts != "text")
        if format is None:
            raise ValueError(Errors.M803.format(name=self.name))
        return format

    def add_label(self, label: str, *, text_level: bool = False) -> int:
        """Add a label. The model does not change, because it writes labels as words.

        label (str): The label.
        text_level (bool): Whether it is a text label; otherwise it is one of entities or relations.
        RETURNS (int): 0 if the label exists already, otherwise 1.
        """
        known = self.cfg["classes" if text_level else "labels"]
        if label in known:
            return 0
        known.append(label)
        self._cache.clear()
        return 1

    def add_labels_of(self, examples: Iterable[Example]) -> list[str]:
        """Add the labels of some examples that the component lacks.

        examples (Iterable[Example]): The examples.
        RETURNS (list[str]): The labels that were added.
        RAISES (ValueError): If the component is not initialized, the tokenizer cannot write a label, or the labels
            leave no room for a text.
        """
        found = self._survey(examples)
        added = [label for label in found["classes"] if self.add_label(label, text_level=True)]
        added += [label for label in found["labels"] if self.add_label(label)]
        self._check_room()
        self._question().check()
        return added

    def get_pairs(self, examples: Iterable[Example]) -> "SourcesAndTargets":
        """Make the sources and targets of a batch.

        examples (Iterable[Example]): The examples, with gold on their references.
        RETURNS (SourcesAndTargets): Tokens. Examples that teach nothing are skipped and counted.
        """
        from .model import SourcesAndTargets

        pairs = SourcesAndTargets([], [])
        for eg in examples:
            pair = self._pair(eg.reference)
            if pair is not None:
                pairs.sources.append(pair[0])
                pairs.targets.append(pair[1])
        return pairs

    def _pair(self, doc: Doc) -> tuple[list[int], list[int]] | None:
        """The source and target of a gold document; None if there is nothing to learn, or no room for it."""
        lm = self._lm
        analysis = self._known(analysis_of(doc, self.format.task, self.spans_key))
        if (analysis.label is None and analysis.items is None) or not doc.text.strip():
            self._count_left_out("document without gold", example=doc.text)
            return None
        question = self._question(analysis.label is not None, analysis.items is not None)
        (source,), target = question.sources([doc.text]), question.target(self._spell(analysis))
        limit = lm.source_limit(len(target))
        if len(source) > limit > question.overhead:
            text, source = question.truncate(doc, limit, self.name)
            self._count_left_out("text longer than the model reads", example=doc.text)
            target = question.target(self._spell(within(doc.text, analysis, len(text))))
        if len(target) > lm.target_limit or len(source) > lm.source_limit(len(target)):
            self._count_left_out("answer longer than the model writes", example=doc.text)
            return None
        return source, target

    def _survey(self, examples: Iterable[Example]) -> Labels:
        """Collect the labels of the data, and warn about documents without any gold."""
        classes: set[str] = set()
        labels: set[str] = set()
        total = without_gold = 0
        word_level = get_template(self.template, self.template_language)["word_level"]
        for eg in examples:
            doc = eg.reference
            positive = [label for label, score in doc.cats.items() if score > 0]
            if len(positive) > 1 and self.parts != "words" and sum(score >= 0.5 for score in doc.cats.values()) > 1:
                raise ValueError(Errors.M941.format(name=self.name, labels=", ".join(positive), text=doc.text[:40]))
            classes.update(doc.cats)
            found = _word_labels(doc, word_level, self.spans_key)
            labels.update(found or ())
            total += 1
            has_gold = (positive and self.parts != "words") or (found is not None and self.parts != "text")
            without_gold += not has_gold
        if without_gold and without_gold < total:
            reasons = "they have no gold for it"
            message = Warnings.W931.format(name=self.name, count=without_gold, total=total, reasons=reasons)
            warnings.warn(message, stacklevel=2)
        return {"classes": sorted(classes), "labels": sorted(labels)}

    def _all_labels(self, found: Labels) -> Labels:
        """The labels of the pretrained model, then those of the data; those of the template if there are none."""
        trained = self._trained_labels()
        merged = {part: list(dict.fromkeys([*trained.get(part, ()), *found[part]])) for part in found}
        if any(merged.values()):
            return merged
        template = get_template(self.template, self.template_language)
        return {part: list(template[part]) for part in found}

    def _trained_labels(self) -> Labels:
        """The labels of the pipeline or model folder that the model is loaded from, if it has any."""
        name = self.model.attrs["name"]
        folder = Path(name or "")
        if not name or not folder.is_dir():
            return {}
        from .checkpoints import FORMAT_FILE, find_component

        component = find_component(folder)
        if component is not None:
            return srsly.read_json(folder / component / "cfg")
        if not (folder / FORMAT_FILE).is_file():
            return {}
        trained = srsly.read_json(folder / FORMAT_FILE)
        task = trained.pop("task")
        trained = {**trained, "template": task["name"], "language": task["language"]}
        ours = {"format": self.format_name, "template": self.template, "language": self.template_language}
        ours.update(self.format_options)
        if any(ours.get(setting) != value for setting, value in trained.items()):
            settings = ", ".join(f"{setting} = {value}" for setting, value in trained.items())
            raise ValueError(Errors.M946.format(path=folder, settings=settings, name=self.name))
        return {part: list(task[part]) for part in ("classes", "labels")}

    def _format(self, text: bool, words: bool) -> Format | None:
        """The format of one part or both; None if no labels are left."""
        classes = self.classes if text and self.parts != "words" else ()
        labels = self.word_labels if words and self.parts != "text" else ()
        if not classes and not labels:
            return None
        options = self.format_options
        key = ("format", bool(classes), bool(labels), *options.values(), self.template, self.template_language)
        if key not in self._cache:
            task = Task.of_labels(self.template, self.template_language, classes, labels)
            self._cache[key] = FORMATS[self.format_name](task, **options)
        return self._cache[key]

    def _question(self, text: bool = True, words: bool = True) -> Question:
        """The question about one part or both."""
        format = self._format(text, words) or self.format
        key = ("question", format)
        if key not in self._cache:
            self._cache[key] = Question(format, self._lm)
        return self._cache[key]

    def _spell(self, analysis: Analysis) -> Analysis:
        """The analysis as the tokenizer can write it, without items that it cannot write."""
        items = []
        for item in analysis.items or ():
            spelled = self._spelled_item(item)
            if spelled is None:
                self._count_left_out("item that the tokenizer cannot write", example=str(item))
            else:
                items.append(spelled)
        return Analysis(analysis.label, tuple(items))

    def _spelled_item(self, item: Item) -> Item | None:
        spell = self._lm.spell
        if isinstance(item, RelationText):
            head, tail = spell(item.head), spell(item.tail)
            return RelationText(head, item.label, tail) if head and tail else None
        text = spell(item.text)
        return EntityText(item.label, text) if text else None

    def _known(self, analysis: Analysis) -> Analysis:
        """The analysis without labels that were unseen at initialization and cannot be written, and with None for a
        part that the task does not contain."""
        task, lost = self.format.task, Losses()
        label = analysis.label if task.classes else None
        if label is not None and label not in task.classes:
            lost.add_unseen("text label", label)
            label = None
        items = None
        if analysis.items is not None and task.labels:
            items = tuple(item for item in analysis.items if task.word_of(item.label) is not None)
            for item in analysis.items:
                if task.word_of(item.label) is None:
                    lost.add_unseen("relation" if isinstance(item, RelationText) else "entity", item.label)
        self._count_unseen_labels(lost)
        return Analysis(label, items)

    @property
    def _lm(self) -> "LanguageModel":
        lm = self.model.shims[0].lm
        if lm is None or not self.labels:
            raise ValueError(Errors.M803.format(name=self.name))
        return lm

    def _strings(self, get_examples: Callable[[], Iterable[Example]]) -> Iterator[str]:
        """The strings to train a tokenizer on: the labels once, then texts and targets."""
        format = self.format
        yield format.source("")
        for eg in get_examples():
            yield eg.reference.text
            analysis = analysis_of(eg.reference, format.task, self.spans_key)
            known = self._format(analysis.label is not None, analysis.items is not None)
            if known is not None:
                yield known.with_task(known.task.extended([analysis])).target(analysis)

    def _check_room(self) -> None:
        """Check that the labels leave room for a text."""
        lm, new_tokens = self._lm, self.max_new_tokens
        if new_tokens and (new_tokens > lm.target_limit or lm.source_limit(new_tokens) <= 0):
            raise ValueError(Errors.M942.format(value=new_tokens, limit=lm.target_limit))
        question = self._question()
        limit = lm.source_limit(new_tokens or question.allowance(question.overhead))
        if question.overhead >= limit:
            raise ValueError(Errors.M940.format(name=self.name, needed=question.overhead, limit=limit))


def _word_labels(doc: Doc, word_level: str, spans_key: str) -> set[str] | None:
    """The labels of the entities or relations of a document; None if it has no gold for them."""
    if word_level == "relations":
        relations = get_relations(doc)
        return None if relations is None else {relation["label"] for relation in relations}
    entities = get_entities(doc, spans_key)
    return None if entities is None else {entity.label for entity in entities}
