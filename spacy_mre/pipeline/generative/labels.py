"""The labels of a generative component, and the format and question that are made of them."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import srsly
from spacy.tokens import Doc
from spacy.training import Example

from ...annotations.entities import get_entities
from ...annotations.relations import get_relations
from ...errors import Errors, Warnings
from ..base import MREPipe
from .asking import Question, within
from .formats import Analysis, EntityText, Format, RelationText, Task
from .formats.analysis import Item
from .formats.from_docs import analysis_of
from .formats.task import get_template
from .settings import FORMAT_CLASSES, Parts

if TYPE_CHECKING:  # torch and transformers are loaded only when a model is made
    from .language_model import LanguageModel
    from .model import SourcesAndTargets

Labels = dict[str, list[str]]


class LabelledPipe(MREPipe):
    """A component whose labels are written as words: a format and a question follow from them.

    format_name (str): "slg" or "oiellm".
    """

    format_name: str
    template: str
    parts: Parts
    spans_key: str
    prompt_words: bool
    max_new_tokens: int | None
    language: str | None
    _made: dict[Any, Any]
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
    def format(self) -> Format:
        """RETURNS (Format): How strings are written, in the words of the template."""
        format = self._format(self.parts != "words", self.parts != "text")
        if format is None:
            raise ValueError(Errors.M803.format(name=self.name))
        return format

    def add_label(self, label: str, *, text_level: bool = False) -> int:
        """Add a label. The model writes labels as words, so it does not change.

        label (str): The label.
        text_level (bool): Whether it is a text label; otherwise one of entities or relations.
        RETURNS (int): 0 if it was known, otherwise 1.
        """
        known = self.cfg["classes" if text_level else "labels"]
        if label in known:
            return 0
        known.append(label)
        self._made.clear()
        return 1

    def _survey(self, examples: Iterable[Example]) -> Labels:
        """The labels of the data. Warns about documents without any gold."""
        classes: set[str] = set()
        labels: set[str] = set()
        total = bare = 0
        word_level = get_template(self.template, self.template_language)["word_level"]
        for eg in examples:
            doc = eg.reference
            positive = [label for label, score in doc.cats.items() if score > 0]
            if len(positive) > 1 and self.parts != "words" and sum(score >= 0.5 for score in doc.cats.values()) > 1:
                raise ValueError(Errors.M941.format(name=self.name, labels=", ".join(positive), text=doc.text[:40]))
            classes.update(doc.cats)
            known = True
            if word_level == "relations":
                found = get_relations(doc)
                known = found is not None
                labels.update(relation["label"] for relation in found or ())
            else:
                entities = get_entities(doc, self.spans_key)
                known = entities is not None
                labels.update(entity.label for entity in entities or ())
            total += 1
            bare += not (positive and self.parts != "words") and (not known or self.parts == "text")
        if bare and bare < total:
            message = Warnings.W931.format(name=self.name, count=bare, total=total, reasons="they have no gold for it")
            warnings.warn(message, stacklevel=2)
        return {"classes": sorted(classes), "labels": sorted(labels)}

    def _all_labels(self, found: Labels) -> Labels:
        trained = self._trained_labels()
        found = {part: list(dict.fromkeys([*trained.get(part, ()), *found[part]])) for part in found}
        if any(found.values()):
            return found
        template = get_template(self.template, self.template_language)
        return {part: list(template[part]) for part in found}

    def _trained_labels(self) -> Labels:
        """The labels of the pipeline or model folder that the model is from, if it has any."""
        folder = Path(self.model.attrs["name"] or "")
        if not self.model.attrs["name"] or not folder.is_dir():
            return {}
        from .checkpoints import FORMAT_FILE, find_component

        component = find_component(folder)
        if component is not None:
            return srsly.read_json(folder / component / "cfg")
        if not (folder / FORMAT_FILE).is_file():
            return {}
        trained = srsly.read_json(folder / FORMAT_FILE)
        task = trained["task"]
        theirs: dict[str, Any] = {"format": trained["format"], "template": task["name"], "language": task["language"]}
        if trained["format"] == "slg":
            theirs["prompt_words"] = trained["prompt_words"]
        own: dict[str, Any] = {
            "format": self.format_name,
            "template": self.template,
            "language": self.template_language,
        }
        own["prompt_words"] = self.prompt_words
        if any(own[setting] != value for setting, value in theirs.items()):
            shown = ", ".join(f"{setting} = {value}" for setting, value in theirs.items())
            raise ValueError(Errors.M946.format(path=folder, settings=shown, name=self.name))
        return {part: list(task[part]) for part in ("classes", "labels")}

    def _format(self, text: bool, words: bool) -> Format | None:
        """The format for one part or both; None if nothing is left to ask for."""
        classes = self.classes if text and self.parts != "words" else ()
        labels = self.word_labels if words and self.parts != "text" else ()
        if not classes and not labels:
            return None
        key = ("format", bool(classes), bool(labels), self.prompt_words, self.template, self.template_language)
        if key not in self._made:
            task = Task.of_labels(self.template, self.template_language, classes, labels)
            options = {"prompt_words": self.prompt_words} if self.format_name == "slg" else {}
            self._made[key] = FORMAT_CLASSES[self.format_name](task, **options)
        return self._made[key]

    def _question(self, text: bool = True, words: bool = True) -> Question:
        """The question to the model, for one part or both."""
        format = self._format(text, words) or self.format
        key = ("question", format)
        if key not in self._made:
            self._made[key] = Question(format, self._lm)
        return self._made[key]

    def _spell(self, analysis: Analysis) -> Analysis:
        spell = self._lm.spell
        items: list[Item] = []
        for item in analysis.items or ():
            texts = [
                spell(text) for text in ((item.head, item.tail) if isinstance(item, RelationText) else (item.text,))
            ]
            if not all(texts):
                self._count_left_out("piece that the tokenizer cannot write", example=str(item))
            elif isinstance(item, RelationText):
                items.append(RelationText(texts[0], item.label, texts[1]))
            else:
                items.append(EntityText(item.label, texts[0]))
        return Analysis(analysis.label, tuple(items))

    def _known(self, analysis: Analysis, doc: Doc) -> Analysis:
        """The analysis without labels that are unknown since initialization, and with None for a part that is not
        asked for."""
        task = self.format.task
        label = analysis.label if task.classes else None
        if label is not None and label not in task.classes:
            self._count_left_out("text label unseen at initialization", example=label)
            label = None
        if analysis.items is None or not task.labels:
            return Analysis(label, None)
        items = tuple(item for item in analysis.items if item.label in task.labels)
        if len(items) < len(analysis.items):
            self._count_left_out("label unseen at initialization", len(analysis.items) - len(items), example=doc.text)
        return Analysis(label, items)

    @property
    def _lm(self) -> "LanguageModel":
        lm = self.model.shims[0].lm
        if lm is None or not self.labels:
            raise ValueError(Errors.M803.format(name=self.name))
        return lm

    def get_pairs(self, examples: Iterable[Example]) -> "SourcesAndTargets":
        """Make the sources and targets of some examples.

        examples (Iterable[Example]): The examples, with gold on their references.
        RETURNS (SourcesAndTargets): Tokens; examples that teach nothing are skipped and counted.
        """
        from .model import SourcesAndTargets

        lm = self._lm
        pairs = SourcesAndTargets([], [])
        for eg in examples:
            doc = eg.reference
            analysis = self._known(analysis_of(doc, self.format.task, self.spans_key), doc)
            if (analysis.label is None and analysis.items is None) or not doc.text.strip():
                self._count_left_out("document without gold", example=doc.text)
                continue
            question = self._question(analysis.label is not None, analysis.items is not None)
            (source,), target = question.sources([doc.text]), question.target(self._spell(analysis))
            limit = lm.source_limit(len(target))
            if len(source) > limit > question.overhead:
                text, source = question.cut(doc, limit, self.name)
                self._count_left_out("text longer than the model reads", example=doc.text)
                target = question.target(self._spell(within(doc.text, analysis, len(text))))
            if len(target) > lm.target_limit or len(source) > lm.source_limit(len(target)):
                self._count_left_out("answer longer than the model writes", example=doc.text)
                continue
            pairs.sources.append(source)
            pairs.targets.append(target)
        return pairs

    def _strings(self, get_examples: Callable[[], Iterable[Example]]) -> Iterator[str]:
        """The strings to train a tokenizer on: sources without their repetitions, and targets."""
        format = self.format
        yield format.source("")
        for eg in get_examples():
            yield eg.reference.text
            analysis = analysis_of(eg.reference, format.task, self.spans_key)
            known = self._format(analysis.label is not None, analysis.items is not None)
            if known is not None:
                yield known.with_task(known.task.extended([analysis])).target(analysis)

    def _check_room(self) -> None:
        lm, new_tokens = self._lm, self.max_new_tokens
        if new_tokens and (new_tokens > lm.target_limit or lm.source_limit(new_tokens) <= 0):
            raise ValueError(Errors.M942.format(value=new_tokens, limit=lm.target_limit))
        question = self._question()
        limit = lm.source_limit(new_tokens or question.allowance(question.overhead))
        if question.overhead >= limit:
            raise ValueError(Errors.M940.format(name=self.name, needed=question.overhead, limit=limit))
