"""The common part of `slg` and `oiellm`: a language model writes all labels of a text as one string.

The string contains the text label and the entities or relations (see `spacy_mre.pipeline.generative.formats`). It is
parsed, and the strings of the entities are aligned with the text.
"""

from collections.abc import Callable, Iterable, Sequence
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
from ...errors import Errors, Warnings
from ...files import replacing_files
from ...requirements import record_requirements
from ...settings import Positive
from .asking import Answer, Prompt, with_text_of
from .formats import Analysis, FormatError, Parsed
from .formats.anchored import Anchored
from .formats.anchoring import anchor
from .formats.from_docs import token_boundaries, write_analysis
from .formats.task import LANGUAGES, TemplateLanguage, get_template
from .labels import LabelledPipe, Labels
from .settings import ConstraintKind, Parts
from .word_finding import has_clauses_as_tokens, texts_with_clauses


class Generative(LabelledPipe):
    """What `SLG` and `OIELLM` share. They differ in the format of the string."""

    left_out_warning = Warnings.W930
    requires = ("transformers", "sentencepiece")

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        model: Model,
        template: str = "SCNM",
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
        template (str): The kind of labels, and the words for them: "SCNM" (text labels and entities), "TCREE:RE"
            (relations), and others; see `template_names`. The labels themselves are read from the training data.
            Default: "SCNM".
        language (Optional[Literal]): The language of the template's words. Default: that of the pipeline, or "en" if
            there is no template in it.
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
        batch_tokens (int): The most tokens in a batch: source, answer and padding. Default: 16384.
        spans_key (str): The span group of the entities. Default: "entities".
        set_ents (bool): Also write to `doc.ents`, around the entities of other components. Default: True.
        scorer (Optional[Callable]): The scorer. Default: `spacy_mre.generative_scorer.v1`.
        RAISES (ValueError): If the template does not exist.
        """
        super().__init__(nlp, name, model, scorer, learned={"classes": [], "labels": []})
        self._cache: dict[Any, Any] = {}
        self._pipeline_language = nlp.lang if nlp.lang in LANGUAGES else "en"
        self.template = template
        self.language = language
        self.parts = parts
        self.constraint = constraint
        self.strict = strict
        self.max_new_tokens = max_new_tokens
        self.num_beams = num_beams
        self.batch_tokens = batch_tokens
        self.spans_key = spans_key
        self.set_ents = set_ents
        get_template(template, self.template_language)
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
            "format": self.format,
            "labels": self.classes,
            "spans_key": self.spans_key,
            "set_ents": self.set_ents,
        }
        return self.scorer(examples, **{**settings, **kwargs})

    def predict(self, docs: Iterable[Doc]) -> list[Answer | None]:
        """Generate a string for each document of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Optional[Answer]]): None for a document without text.
        RAISES (ValueError): If the component is not initialized, or if the labels leave no room for a text.
        """
        from .batches import batches

        docs = list(docs)
        answers: list[Answer | None] = [None] * len(docs)
        asked = [i for i, doc in enumerate(docs) if doc.text.strip()]
        prompts = self._prompts([docs[i] for i in asked])
        sizes = [(prompt.new_tokens, len(prompt.source)) for prompt in prompts]
        # A server batches by itself.
        all_rows = [range(len(prompts))] if prompts and self._lm.is_served else batches(sizes, self.batch_tokens)
        for rows in all_rows:
            for row, answer in zip(rows, self._answers([prompts[row] for row in rows])):
                answers[asked[row]] = answer
        return answers

    def set_annotations(self, docs: Iterable[Doc], answers: list[Answer | None]) -> None:
        """Parse the strings, and write their content to the Docs. Text labels of other components are kept.

        docs (Iterable[Doc]): The documents.
        answers (list[Optional[Answer]]): What `predict` returned.
        """
        format = self.format
        for doc, answer in zip(docs, answers):
            cats = doc.cats
            if answer is None:
                self._write(doc, Anchored(None, (), (), ()))
                doc._.generated, doc._.generated_score = "", 0.0
            else:
                parsed, problems = self._parse(answer)
                anchored = self._anchor(doc, answer, parsed.analysis)
                scores = [answer.probability(offsets) for offsets in parsed.item_offsets]
                label_score = 0.0 if parsed.label_offsets is None else answer.probability(parsed.label_offsets)
                self._write(doc, anchored, scores, label_score)
                doc._.generated = answer.string if problems else with_text_of(answer, format, parsed.analysis, anchored)
                doc._.generated_score = sum(answer.log_probs)
            doc.cats = {**cats, **doc.cats}

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch. If a document has gold for one part only, it is trained on that part. A
            document without gold, or with an answer that is too long for the model, is skipped.
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
        labels: Labels | None = None,
    ) -> None:
        """Collect the labels and create the model.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[dict[str, list[str]]]): "classes" and "labels", as in `label_data`. Default: those of the
            trained pipeline or `train-generative` folder that the model is loaded from, then those of the data; if
            there are none, those of the template.
        RAISES (ValueError): If there are no labels, a document has two text labels, the tokenizer cannot write a
            label, the model has no room for the labels, the model was trained on strings of another format, or the
            pipeline's tokenizer does not find the words of the texts.
        """
        validate_get_examples(get_examples, "Generative.initialize")
        self._cache.clear()
        self.left_out.clear()
        if self.parts != "text":
            self._check_words(eg.predicted for eg in get_examples())
        survey = self._survey(get_examples())
        labels = labels or self._all_labels(survey)
        self.cfg["classes"], self.cfg["labels"] = list(labels["classes"]), list(labels["labels"])
        if self._format(self.parts != "words", self.parts != "text") is None:
            raise ValueError(Errors.M939.format(name=self.name, template=self.template, key=self.spans_key))
        self._initialize_model(self._strings(get_examples))
        self._check_room()
        self._question().check()  # reports a label that the tokenizer cannot write

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

    def _prompts(self, docs: list[Doc]) -> list[Prompt]:
        question = self._question()
        sources = question.sources([doc.text for doc in docs])
        prompts = []
        for doc, source in zip(docs, sources):
            if self.parts != "text" and has_clauses_as_tokens(doc):
                self._count_left_out("text whose words the tokenizer does not find", example=doc.text)
            text, new_tokens = doc.text, self.max_new_tokens or question.allowance(len(source))
            limit = self._lm.source_limit(new_tokens)
            if len(source) > limit:
                text, source = question.truncate(doc, limit, self.name)
                self._count_left_out("text longer than the model reads", example=doc.text)
            prompts.append(Prompt(text, source, new_tokens, token_boundaries(doc)))
        return prompts

    def _answers(self, prompts: list[Prompt]) -> Sequence[Answer | None]:
        """Generate the strings of a batch, all with the same number of new tokens. Only a server may fail to answer."""
        lm, new_tokens = self._lm, prompts[0].new_tokens
        if lm.is_served:
            return self._ask_server(prompts)
        # A string that begins or ends within a token of the Doc could not be written to it.
        processors = self._question().constraint.processors(
            self.constraint,
            [prompt.text for prompt in prompts],
            new_tokens,
            [prompt.boundaries for prompt in prompts],
        )
        for processor in processors:
            for characters in filter(None, processor.unwritable):
                self._count_left_out("character that the tokenizer cannot write", len(characters), example=characters)
        generated = lm.generate(
            [prompt.source for prompt in prompts],
            max_new_tokens=new_tokens,
            num_beams=self.num_beams,
            processors=processors,
        )
        return [
            Answer(prompt.text, lm.decode(tokens), log_probs, lm.ends_of(tokens))
            for prompt, (tokens, log_probs) in zip(prompts, generated)
        ]

    def _ask_server(self, prompts: list[Prompt]) -> list[Answer | None]:
        for setting, value in (("constraint", self.constraint), ("num_beams", self.num_beams)):
            if value not in ("grammar", "none", 1):
                raise ValueError(Errors.M963.format(name=self.name, setting=setting, value=value))
        server = self.model.shims[0].lm
        answers = []
        results = server.answers(self._question().format, prompts, has_grammar=self.constraint == "grammar")
        for prompt, (answer, problem) in zip(prompts, results):
            if problem:
                self._count_left_out(problem, example=prompt.text)
            answers.append(answer)
        return answers

    def _parse(self, answer: Answer) -> tuple[Parsed, bool]:
        """The content of a string, and whether the string differs from the format."""
        format = self._question().format
        try:
            return format.parse(answer.string), False
        except FormatError:
            if self.strict:
                self._count_left_out("string that is not in the format", example=answer.string)
                return Parsed(Analysis(None, ()), []), True
            parsed = format.parse(answer.string, strict=False)
            # The first problem is that the string is not in the format at all.
            self._count_left_out(
                "part of a string that is not in the format", max(len(parsed.problems) - 1, 1), example=answer.string
            )
            return parsed, True

    def _anchor(self, doc: Doc, answer: Answer, analysis: Analysis) -> Anchored:
        return anchor(answer.text, analysis, normalize=self._lm.table.normalize, boundaries=token_boundaries(doc))

    def _write(self, doc: Doc, anchored: Anchored, scores: list[float] | None = None, label_score: float = 0.0) -> None:
        task = self.format.task
        lost = write_analysis(
            doc,
            anchored,
            task,
            spans_key=self.spans_key,
            source=self.name,
            scores=scores,
            label_score=label_score,
            set_ents=self.set_ents,
        )
        for reason, count in lost.items():
            self._count_left_out(reason, count, example=doc.text)
