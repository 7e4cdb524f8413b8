"""The common part of `slg` and `oiellm`: a language model writes all labels of a task as one string.

The string contains the text label and the entities, relations or events (see
`spacy_mre.pipeline.generative.formats`). It is parsed, and the strings of the entities are aligned with the text.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import srsly
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import Model
from thinc.types import Floats1d

from ...annotations.entities import DEFAULT_KEY
from ...annotations.relations import Relation
from ...errors import Errors, Warnings
from ...files import replacing_files
from ...requirements import record_requirements
from ...settings import Positive
from .answering import AnsweringPipe, Answers
from .asking import Answer, with_text_of
from .formats.anchored import Anchored
from .formats.from_docs import write_analysis
from .formats.task import TemplateLanguage
from .settings import ConstraintKind, Parts
from .tasks import LEVELS, Labels
from .word_finding import texts_with_clauses


class Generative(AnsweringPipe):
    """What `SLG` and `OIELLM` share. They differ in the format of the string."""

    left_out_warning = Warnings.W930
    requires = ("transformers", "sentencepiece")

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        model: Model,
        tasks: Sequence[str] = ("SCNM",),
        language: TemplateLanguage | None = None,
        parts: Parts = "both",
        constraint: ConstraintKind = "grammar",
        strict: bool = False,
        max_new_tokens: Positive | None = None,
        num_beams: Positive = 1,
        batch_tokens: Positive = 16384,
        spans_key: str = DEFAULT_KEY,
        set_ents: bool = True,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component.

        nlp (Language): The pipeline.
        name (str): The component's name in the pipeline.
        model (Model): For `slg` an encoder-decoder, `spacy_mre.Seq2SeqLM.v1` or `spacy_mre.WarmStartedSeq2Seq.v1`; for
            `oiellm` a decoder-only model, `spacy_mre.CausalLM.v1`. For both, a model behind a server,
            `spacy_mre.ServedLM.v1`.
        tasks (list[str]): What is asked about each text, by the names of templates: "SCNM" (text labels and entities),
            "TCREE:RE" (relations), "TCREE:EE" (events), and others; see `template_names`. The labels themselves are
            read from the training data. Where the labels of several tasks are in a Doc: see
            `spacy_mre.pipeline.generative.formats.task_gold`. Default: ["SCNM"].
        language (Optional[Literal]): The language of the words of templates. Default: that of the pipeline; in a
            pipeline of another language that of each text, or else "en".
        parts (Literal): "both"; or only the "text" label; or only the "words", the entities or relations. Default:
            "both".
        constraint (Literal): How the output is restricted: "none"; "first_token", as in the SLG paper; or "grammar":
            every output can be parsed, all its labels are known, and all its strings occur in the text. Default:
            "grammar".
        strict (bool): Discard a string that is not completely in the format; otherwise its readable parts are used.
            Default: False.
        max_new_tokens (Optional[int]): The most tokens of an answer. Default: depends on the length of the source, see
            `LanguageModel.allowance`.
        num_beams (int): Beams of beam search; 1 for greedy search. Default: 1.
        batch_tokens (int): The most tokens in a batch: source, answer and padding, for each beam. Default: 16384.
        spans_key (str): The span group of the only task, or of the first one with entities. Each other task has the
            group of its name. Default: "entities".
        set_ents (bool): Also write to `doc.ents`, around the entities of other components. Default: True.
        scorer (Optional[Callable]): The scorer. Default: `spacy_mre.generative_scorer.v1`.
        RAISES (ValueError): If there is no such task, or it is given twice.
        """
        super().__init__(nlp, name, model, scorer, learned={"tasks": {}})
        self._cache: dict[Any, Any] = {}
        self._pipeline_language = nlp.lang or ""
        self.tasks = list(tasks)
        self.language = language
        self.parts = parts
        self.constraint = constraint
        self.strict = strict
        self.max_new_tokens = max_new_tokens
        self.num_beams = num_beams
        self.batch_tokens = batch_tokens
        self.spans_key = spans_key
        self.set_ents = set_ents
        self._check_tasks()
        record_requirements(nlp, *model.shims)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score a batch of examples, with the component's format and settings.

        examples (Iterable[Example]): Predicted and gold documents.
        kwargs (Any): Arguments of the scorer that replace those of the component.
        RETURNS (dict[str, Any]): The scores; see the scorer.
        """
        if self.scorer is None or not self.labels:
            return {}
        settings = {
            "formats": {
                name: partial(self.format_of, name) for name in self.tasks if any(self.label_data[name].values())
            },
            "gold": self.gold,
            "spans_key": self.spans_key,
            "set_ents": self.set_ents,
            "symmetric": self._symmetric_labels(),
        }
        return self.scorer(examples, **{**settings, **kwargs})

    def set_annotations(self, docs: Iterable[Doc], answers: list[Answers]) -> None:
        """Parse the strings, and write their content to the Docs. Text labels of other components are kept. A text
        label of several tasks has the mean of their scores.

        docs (Iterable[Doc]): The documents.
        answers (list[dict[str, Answer]]): What `predict` returned.
        """
        for doc, of_doc in zip(docs, answers):
            cats, scores_of_cats = doc.cats, defaultdict(list)
            relations: list[Relation] = []
            strings, log_probs = {}, {}
            for name in self._asked_tasks(doc):
                strings[name], log_probs[name] = self._set_task(doc, name, of_doc.get(name), relations)
                if self.format_of(name, doc.text).task.classes:
                    for label, score in doc.cats.items():
                        scores_of_cats[label].append(score)
            doc.cats = {**cats, **{label: sum(scores) / len(scores) for label, scores in scores_of_cats.items()}}
            if len(self.tasks) > 1:
                doc._.generated, doc._.generated_score = strings, log_probs
            else:
                doc._.generated, doc._.generated_score = strings[self.tasks[0]], log_probs[self.tasks[0]]

    def _set_task(self, doc: Doc, name: str, answer: Answer | None, relations: list[Relation]) -> tuple[str, float]:
        """Write the answer of one task to a Doc. Returns its string and its log probability."""
        if answer is None:
            self._write(doc, name, Anchored(None, (), (), ()), relations)
            return "", 0.0
        format = self.format_of(name, doc.text)
        parsed, problems = self._parse(answer, self._question(format).format)
        anchored = self._anchor(doc, answer, parsed.analysis)
        scores = [answer.probability(offsets) for offsets in parsed.item_offsets]
        label_score = 0.0 if parsed.label_offsets is None else answer.probability(parsed.label_offsets)
        self._write(doc, name, anchored, relations, scores, label_score)
        string = answer.string if problems else with_text_of(answer, format, parsed.analysis, anchored)
        return string, sum(answer.log_probs)

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch. A document is trained on each task for which it has gold; if it has gold
            for one part only, on that part. A document without gold, or with an answer that is too long for the model,
            is skipped.
        drop (float): Not used: dropout is set in the config of the model.
        RETURNS (Optional[float]): The loss; None if all documents were skipped.
        RAISES (ValueError): If the component is not initialized.
        """
        pairs = self.get_pairs(examples)
        if not pairs.targets:
            return None
        scores, backprop = self.model.begin_update(pairs)
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        return loss

    def get_loss(self, examples: Iterable[Example], scores: Floats1d) -> tuple[float, Floats1d]:
        """Compute the cross-entropy of the target tokens, and its gradient. Source tokens are not counted.

        examples (Iterable[Example]): The batch.
        scores (Floats1d): The negative log probability of every target token.
        RETURNS (tuple[float, Floats1d]): The mean over tokens, and the gradient of the scores.
        """
        d_scores = self.model.ops.alloc1f(len(scores))
        d_scores += 1 / max(len(scores), 1)
        return float(scores.mean()) if len(scores) else 0.0, d_scores

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, Labels] | None = None,
    ) -> None:
        """Collect the labels and create the model.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[dict[str, dict[str, list[str]]]]): For each task "classes", "labels" and "roles", as in
            `label_data`. Default: those of the trained pipeline or `train-generative` folder that the model is loaded
            from, then those of the data; if there are none, those of the template.
        RAISES (ValueError): If there are no labels, a document has two text labels, the tokenizer cannot write a
            label, the model has no room for the labels, the model was trained on strings of another format, or the
            pipeline's tokenizer does not find the words of the texts.
        """
        validate_get_examples(get_examples, "Generative.initialize")
        self._cache.clear()
        if self.parts != "text":
            self._check_words(eg.predicted for eg in get_examples())
        survey = self._survey(get_examples())
        self._set_learned(tasks=labels or self._all_labels(survey))
        self.cfg["tasks"] = {
            name: {level: found.get(level, []) for level in LEVELS} for name, found in self.cfg["tasks"].items()
        }
        for name in self.tasks:
            if self._format(name, self.language_of(""), True, True) is None:
                raise ValueError(Errors.M939.format(name=self.name, task=name, key=self.gold.keys[name]))
        self._initialize_model(self._strings(get_examples))
        self._check_room()
        for question in self._questions():
            question.check()  # reports a label that the tokenizer cannot write

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component, with the model as a Hugging Face model folder.

        path (Union[str, Path]): The folder. Links in it are replaced, not followed.
        exclude (Iterable[str]): What to leave out.
        """
        writers = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": lambda p: self.model.shims[0].to_disk(p),
        }
        with replacing_files(path) as fresh:
            util.to_disk(fresh, writers, exclude)

    def _read_model(self, path: Path) -> None:
        self.model.shims[0].from_disk(path)

    def _check_loaded(self, exclude: Iterable[str]) -> Any:
        self._cache.clear()
        return super()._check_loaded(exclude)

    def _check_words(self, docs: Iterable[Doc]) -> None:
        lang, count, total = texts_with_clauses(docs)
        if lang:
            message = Errors.M950.format(name=self.name, count=count, total=total, lang=lang, used=self.vocab.lang)
            raise ValueError(message)

    def _write(
        self,
        doc: Doc,
        name: str,
        anchored: Anchored,
        relations: list[Relation],
        scores: list[float] | None = None,
        label_score: float = 0.0,
    ) -> None:
        lost = write_analysis(
            doc,
            anchored,
            self.format_of(name, doc.text).task,
            source=self.name,
            scores=scores,
            label_score=label_score,
            set_ents=self.set_ents,
            gold=self.gold,
            relations=relations,
        )
        for reason, count in lost.items():
            self._count_left_out(reason, count, example=doc.text)
