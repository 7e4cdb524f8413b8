"""The labels of a generative component, and the training pairs that are made from gold."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import srsly
from spacy.tokens import Doc
from spacy.training import Example

from ...annotations.alignment import UNSEEN, Losses
from ...annotations.text_labels import contradicting_cats, highest_cat
from ...errors import Errors, Warnings
from .asking import within
from .formats import Analysis, EntityText, EventText, RelationText, Task
from .formats.analysis import Item, texts_of, with_texts
from .formats.from_docs import analysis_of
from .formats.task import LANGUAGES, get_template
from .tasks import LEVELS, Labels, TaskPipe

if TYPE_CHECKING:  # torch and transformers are loaded only when a model is made
    from .model import SourcesAndTargets

# The kinds of labels, for messages.
KINDS: dict[type, str] = {EntityText: "entity", RelationText: "relation", EventText: "event"}


class LabelledPipe(TaskPipe):
    """A component with labels that a language model writes as words."""

    calls_to_add: ClassVar[dict[str, str]] = {
        "text label": "add_label('{label}', level='classes')",
        "entity": "add_label('{label}')",
        "relation": "add_label('{label}')",
        "event": "add_label('{label}')",
        "role": "add_label('{label}', level='roles')",
    }

    def add_label(self, label: str, *, level: str = "labels", task: str | None = None) -> int:
        """Add a label. The model does not change, because it writes labels as words.

        label (str): The label.
        level (str): "classes" for a text label; "labels" for one of entities or relations, or the type of an event;
            "roles" for the role of an argument. Default: "labels".
        task (Optional[str]): The task. Default: the first one.
        RETURNS (int): 0 if the label exists already, otherwise 1.
        RAISES (ValueError): If there is no such level or task.
        """
        for setting, value, allowed in (("level", level, LEVELS), ("task", task or self.tasks[0], self.tasks)):
            if value not in allowed:
                raise ValueError(Errors.M001.format(setting=setting, value=value, allowed=", ".join(allowed)))
        known = self._labels_of(task or self.tasks[0])[level]
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
        added = [
            label
            for name, found in self._survey(examples).items()
            for level, labels in found.items()
            for label in labels
            if self.add_label(label, level=level, task=name)
        ]
        self._check_room()
        for question in self._questions():
            question.check()
        return added

    def get_pairs(self, examples: Iterable[Example]) -> "SourcesAndTargets":
        """Make the sources and targets of a batch: for each text one of each task for which it has gold.

        examples (Iterable[Example]): The examples, with gold on their references.
        RETURNS (SourcesAndTargets): Tokens. Examples that teach nothing are skipped and counted.
        """
        from .model import SourcesAndTargets

        pairs = SourcesAndTargets([], [])
        for eg in examples:
            for source, target in self._pairs(eg.reference):
                pairs.sources.append(source)
                pairs.targets.append(target)
        return pairs

    def _pairs(self, doc: Doc) -> Iterator[tuple[list[int], list[int]]]:
        """The sources and targets of a gold document, without those for which there is no room."""
        _ = self._lm  # an error if the component is not initialized
        found = {name: self._gold_of(doc, name) for name in self.tasks if self._has_labels(doc, name)}
        known = {name: analysis for name, analysis in found.items() if analysis != Analysis(None, None)}
        if not known or not doc.text.strip():
            self._count_left_out("document without gold", example=doc.text)
            return
        for name, analysis in known.items():
            pair = self._pair(doc, name, analysis)
            if pair is not None:
                yield pair

    def _pair(self, doc: Doc, name: str, analysis: Analysis) -> tuple[list[int], list[int]] | None:
        lm = self._lm
        format = self._format(name, self.language_of(doc.text), analysis.label is not None, analysis.items is not None)
        assert format is not None  # a part with gold has labels
        question = self._question(format)
        (source,), target = question.sources([doc.text]), question.target(self._spell(analysis))
        limit = lm.source_limit(len(target))
        if len(source) > limit > question.overhead:
            text, source = question.truncate(doc, limit, self.name)
            self._count_left_out("text longer than the model reads", example=doc.text)
            target = question.target(self._spell(within(doc, analysis, len(text))))
        if len(target) > lm.target_limit or len(source) > lm.source_limit(len(target)):
            self._count_left_out("answer longer than the model writes", example=doc.text)
            return None
        return source, target

    def _survey(self, examples: Iterable[Example]) -> dict[str, Labels]:
        """Collect the labels of each task in the data, and warn about documents without any gold."""
        found: dict[str, dict[str, set[str]]] = {name: {level: set() for level in LEVELS} for name in self.tasks}
        total = without_gold = 0
        for eg in examples:
            doc, has_gold = eg.reference, False
            for name, levels in found.items():
                cats = self.gold.cats(doc, name)
                several = sorted(contradicting_cats(cats))
                if several and self.parts != "words":
                    raise ValueError(Errors.M941.format(name=self.name, labels=", ".join(several), text=doc.text[:40]))
                levels["classes"].update(cats)
                words = self.gold.labels(doc, name)
                for level, labels in zip(("labels", "roles"), words or ()):
                    levels[level].update(labels)
                labelled, analysed = highest_cat(cats) is not None, words is not None
                has_gold |= {"text": labelled, "words": analysed}.get(self.parts, labelled or analysed)
            total += 1
            without_gold += not has_gold
        if without_gold and without_gold < total:
            reasons = "they have no gold for it"
            message = Warnings.W931.format(name=self.name, count=without_gold, total=total, reasons=reasons)
            warnings.warn(message, stacklevel=2)
        return {name: {level: sorted(levels[level]) for level in LEVELS} for name, levels in found.items()}

    def _all_labels(self, found: dict[str, Labels]) -> dict[str, Labels]:
        """The labels of the pretrained model, then those of the data; those of the template if there are none."""
        trained = self._trained_labels()
        merged = {}
        for name, levels in found.items():
            before = trained.get(name, {})
            merged[name] = {level: list(dict.fromkeys([*before.get(level, ()), *levels[level]])) for level in LEVELS}
            if not any(merged[name].values()):
                template = get_template(name, LANGUAGES[0])
                merged[name] = {level: list(template.get(level, ())) for level in LEVELS}
        return merged

    def _trained_labels(self) -> dict[str, Labels]:
        """The labels of the pipeline or model folder that the model is loaded from, if it has any."""
        name = self.model.attrs["name"]
        folder = Path(name or "")
        if not name or not folder.is_dir():
            return {}
        from .checkpoints import FORMAT_FILE, find_component

        component = find_component(folder)
        if component is not None:
            return srsly.read_json(folder / component / "cfg")["tasks"]
        if not (folder / FORMAT_FILE).is_file():
            return {}
        trained = srsly.read_json(folder / FORMAT_FILE)
        tasks = [Task.from_dict(task) for task in trained.pop("tasks")]
        ours = {"format": self.format_name, **self.format_options}
        languages = self._languages()
        missing = [name for name in self.tasks if not any(t.name == name and t.language in languages for t in tasks)]
        if missing or any(ours.get(setting) != value for setting, value in trained.items()):
            known = ", ".join(f"{task.name} ({task.language})" for task in tasks)
            settings = ", ".join(f"{setting} = {value}" for setting, value in trained.items())
            raise ValueError(Errors.M946.format(path=folder, settings=settings, tasks=known, name=self.name))
        labels: dict[str, Labels] = {}
        for task in tasks:
            if task.language in languages:
                of_task = labels.setdefault(task.name, {level: [] for level in LEVELS})
                for level in LEVELS:
                    of_task[level] = list(dict.fromkeys([*of_task[level], *getattr(task, level)]))
        return labels

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
        texts = [self._lm.spell(text) for text in texts_of(item)]
        return with_texts(item, texts) if all(texts) else None

    def _gold_of(self, doc: Doc, name: str) -> Analysis:
        """The gold of a task without labels that were unseen at initialization and cannot be written, and with None for
        a part that the task does not contain."""
        task, lost = self.format_of(name, doc.text).task, self.gold.unlabelled(doc, name)
        analysis = analysis_of(doc, task, gold=self.gold)
        label = analysis.label if task.classes else None
        if label is not None and label not in task.classes:
            lost.add_unseen("text label", label)
            label = None
        items = None
        if analysis.items is not None and task.labels:
            known = [item for item in analysis.items if task.word_of(item.label) is not None]
            items = tuple(_with_known_roles(item, task, lost) for item in known)
            for item in analysis.items:
                if task.word_of(item.label) is None:
                    lost.add_unseen(KINDS[type(item)], item.label)
        self._count_unseen(lost, name)
        return Analysis(label, items)

    def _count_unseen(self, lost: Losses, task: str) -> None:
        """Count gold without a label, or with one that came after initialization, and warn the first time for each."""
        for reason, count in lost.counts.items():
            if reason.endswith(UNSEEN):
                call = self.calls_to_add[reason.partition(" '")[0]].format(label=lost.examples[reason])
                if len(self.tasks) > 1:
                    call = f"{call[:-1]}, task='{task}')"
                self._count_left_out(reason, count, warning=Warnings.W813, call=call)
            else:
                self._count_left_out(reason, count, warning=Warnings.W803, example=lost.examples[reason])

    def _strings(self, get_examples: Callable[[], Iterable[Example]]) -> Iterator[str]:
        """The strings to train a tokenizer on: the labels once, then texts and targets."""
        for name in self.tasks:
            for language in self._languages():
                whole = self._format(name, language, True, True)
                if whole is not None:
                    yield whole.source("")
        for eg in get_examples():
            doc = eg.reference
            yield doc.text
            for name in self.tasks:
                yield from self._targets(doc, name)

    def _targets(self, doc: Doc, name: str) -> Iterator[str]:
        language = self.language_of(doc.text)
        whole = self._format(name, language, True, True)
        if whole is not None:
            analysis = analysis_of(doc, whole.task, gold=self.gold)
            known = self._format(name, language, analysis.label is not None, analysis.items is not None)
            if known is not None:
                yield known.with_task(known.task.extended([analysis])).target(analysis)


def _with_known_roles(item: Item, task: Task, lost: Losses) -> Item:
    if not isinstance(item, EventText):
        return item
    for argument in item.arguments:
        if argument.role not in task.roles:
            lost.add_unseen("role", argument.role)
    return item._replace(arguments=tuple(argument for argument in item.arguments if argument.role in task.roles))
