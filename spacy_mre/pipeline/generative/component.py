"""Text in, a string of labels out, anchored back onto the Doc: the `slg` and `oiellm` components.

One model writes the text label and all word-level labels as one string (`spacy_mre.pipeline.generative.formats`). The
string is parsed, and what it names is found again in the text.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import srsly
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import Model
from thinc.types import Floats1d

from ...annotations.entities import DEFAULT_KEY
from ...errors import Errors, Warnings
from .asking import Answer, in_words_of
from .formats import Analysis, FormatError, Parsed
from .formats.anchored import Anchored
from .formats.anchoring import anchor
from .formats.from_docs import token_boundaries, write_analysis
from .formats.task import LANGUAGES, get_template
from .labels import LabelledPipe, Labels
from .settings import (
    ASSIGNS,
    DEFAULT_OIELLM_MODEL,
    DEFAULT_SLG_MODEL,
    SCORE_WEIGHTS,
    SCORER,
    ConstraintKind,
    Parts,
)


class Generative(LabelledPipe):
    """A component that writes what it finds as one string. `SLG` and `OIELLM` differ in the format of the string."""

    left_out_warning = Warnings.W930

    def __init__(
        self,
        nlp: Language,
        name: str,
        *,
        model: Model,
        template: str = "SCNM",
        language: Literal["ja", "en", "zh"] | None = None,
        parts: Parts = "both",
        constraint: ConstraintKind = "grammar",
        prompt_words: bool = True,
        strict: bool = False,
        max_new_tokens: int | None = None,
        num_beams: int = 1,
        batch_tokens: int = 16384,
        spans_key: str = DEFAULT_KEY,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component.

        nlp (Language): The pipeline.
        name (str): The component's name in the pipeline.
        model (Model): For `slg` an encoder-decoder, `spacy_mre.Seq2SeqLM.v1` or `spacy_mre.WarmStartedSeq2Seq.v1`; for
            `oiellm` a decoder-only model, `spacy_mre.CausalLM.v1`.
        template (str): What is asked for: "SCNM" (text labels and entities), "TCREE:RE" (relations), and others; see
            `template_names`. Labels are those of the training data; the template has their words. Default: "SCNM".
        language (Optional[Literal]): The language of the template's words. Default: that of the pipeline, else "en".
        parts (Parts): "both"; or only the "text" label; or only the "words", the entities or relations. Default:
            "both".
        constraint (ConstraintKind): What restricts the output to the format: "none"; "first_token", as in the SLG
            paper; or "grammar": every output can be parsed, all labels are known ones and all pieces occur in the
            text. Default: "grammar".
        prompt_words (bool): `slg` only: source and target contain the name of the task. Default: True.
        strict (bool): Discard a string that is not completely in the format; otherwise its readable parts are used.
            Default: False.
        max_new_tokens (Optional[int]): The most tokens to write. Default: by the length of the source, see
            `LanguageModel.allowance`.
        num_beams (int): Beams of beam search; 1 for greedy search. Default: 1.
        batch_tokens (int): The most tokens in one batch: read ones, written ones and padding. Default: 16384.
        spans_key (str): The span group of the entities. Default: "entities".
        scorer (Optional[Callable]): The scorer. Default: `spacy_mre.generative_scorer.v1`.
        RAISES (ValueError): If the template does not exist.
        """
        super().__init__(nlp, name, model, scorer, learned={"classes": [], "labels": []})
        self._made: dict[Any, Any] = {}
        self._pipeline_language = nlp.lang if nlp.lang in LANGUAGES else "en"
        self.template = template
        self.language = language
        self.parts = parts
        self.constraint = constraint
        self.prompt_words = prompt_words
        self.strict = strict
        self.max_new_tokens = max_new_tokens
        self.num_beams = num_beams
        self.batch_tokens = batch_tokens
        self.spans_key = spans_key
        get_template(template, self.template_language)

    def score(self, examples: Iterable[Example], **kwargs) -> dict[str, Any]:
        """Score some examples, with this component's format and settings.

        examples (Iterable[Example]): Predicted and gold documents.
        RETURNS (dict[str, Any]): See the scorer.
        """
        if self.scorer is None or not self.labels:
            return {}
        settings = {"format": self.format, "labels": self.classes, "spans_key": self.spans_key}
        return self.scorer(examples, **{**settings, **kwargs})

    def predict(self, docs: Iterable[Doc]) -> list[Answer | None]:
        """Write a string about every document of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Optional[Answer]]): None for a document without text.
        RAISES (ValueError): If the component is not initialized, or labels and prompt words leave no room for a text.
        """
        from .batches import batches

        docs = list(docs)
        lm, question = self._lm, self._question()
        answers: list[Answer | None] = [None] * len(docs)
        asked = [i for i, doc in enumerate(docs) if doc.text.strip()]
        texts = [docs[i].text for i in asked]
        sources = question.sources(texts)
        allowed = [self.max_new_tokens or question.allowance(len(source)) for source in sources]
        for row, (i, new_tokens) in enumerate(zip(asked, allowed)):
            if len(sources[row]) > lm.source_limit(new_tokens):
                texts[row], sources[row] = question.cut(docs[i], lm.source_limit(new_tokens), self.name)
                self._count_left_out("text longer than the model reads", example=docs[i].text)
        for batch in batches(
            [(new_tokens, len(source)) for new_tokens, source in zip(allowed, sources)], self.batch_tokens
        ):
            new_tokens = allowed[batch[0]]
            # A name that begins or ends within a token could not be written on the Doc.
            boundaries = [token_boundaries(docs[asked[row]]) for row in batch]
            processors = question.constraint.processors(
                self.constraint, [texts[row] for row in batch], new_tokens, boundaries
            )
            for characters in (
                characters for processor in processors for characters in processor.unwritable if characters
            ):
                self._count_left_out("character that the tokenizer cannot write", len(characters), example=characters)
            written = lm.write(
                [sources[row] for row in batch],
                max_new_tokens=new_tokens,
                num_beams=self.num_beams,
                processors=processors,
            )
            for row, (tokens, log_probs) in zip(batch, written):
                answers[asked[row]] = Answer(texts[row], lm.decode(tokens), log_probs, lm.ends_of(tokens))
        return answers

    def set_annotations(self, docs: Iterable[Doc], answers: list[Answer | None]) -> None:
        """Parse the strings, and write their content to the Docs. Text labels of other components are kept.

        docs (Iterable[Doc]): The documents.
        answers (list[Optional[Answer]]): What `predict` wrote about them.
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
                scores = [answer.probability(place) for place in parsed.places]
                label_score = 0.0 if parsed.label_place is None else answer.probability(parsed.label_place)
                self._write(doc, anchored, scores, label_score)
                doc._.generated = answer.string if problems else in_words_of(format, answer, parsed.analysis, anchored)
                doc._.generated_score = sum(answer.log_probs)
            doc.cats = {**cats, **doc.cats}

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch. For a document without gold for one part, only the other part is asked
            for. A document without any gold, or with an answer that is too long for the model, is skipped.
        drop (float): Not used: dropout is set in the model's config.
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
        """Read the labels from the data and make the model.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[dict[str, list[str]]]): "classes" and "labels", as in `label_data`. By default those of the
            trained pipeline or of the folder of `train-generative` that the model is from, and behind them those of
            the data; where there are none at all, those of the template.
        RAISES (ValueError): No labels; two text labels on one document; labels that the tokenizer cannot write or the
            model has no room for; a model that was trained on strings of another kind.
        """
        validate_get_examples(get_examples, "Generative.initialize")
        self._made.clear()
        self.left_out.clear()
        survey = self._survey(get_examples())
        labels = labels or self._all_labels(survey)
        self.cfg["classes"], self.cfg["labels"] = list(labels["classes"]), list(labels["labels"])
        if self._format(self.parts != "words", self.parts != "text") is None:
            raise ValueError(Errors.M939.format(name=self.name, template=self.template, key=self.spans_key))
        self.model.initialize(X=self._strings(get_examples))
        self._check_room()
        self._question().check()  # reports a label that the tokenizer cannot write

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component; the model becomes a Hugging Face model folder.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): What to leave out.
        """
        writers = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": lambda p: self.model.shims[0].to_disk(p),
        }
        util.to_disk(path, writers, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Generative":
        """Load what `to_disk` saved.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): What to leave out.
        RETURNS (Generative): The component itself.
        RAISES (ValueError): A missing or broken model folder.
        """
        readers = {
            "cfg": lambda p: self.cfg.update(srsly.read_json(p)),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "model": lambda p: self.model.shims[0].from_disk(p),
        }
        util.from_disk(path, readers, exclude)
        self._made.clear()
        return self

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "Generative":
        """Load what `to_bytes` gave.

        bytes_data (bytes): The component.
        exclude (Iterable[str]): What to leave out.
        RETURNS (Generative): The component itself.
        """
        super().from_bytes(bytes_data, exclude=exclude)
        self._made.clear()
        return self

    def _parse(self, answer: Answer) -> tuple[Parsed, bool]:
        """The content of a string, and whether it differs from the format."""
        format = self._question().format
        try:
            return format.parse(answer.string), False
        except FormatError:
            if self.strict:
                self._count_left_out("string that is not of the format", example=answer.string)
                return Parsed(Analysis(None, ()), []), True
            parsed = format.parse(answer.string, strict=False)
            # The first problem is that the string is not of the format at all.
            self._count_left_out(
                "part of a string that is not of the format", max(len(parsed.problems) - 1, 1), example=answer.string
            )
            return parsed, True

    def _anchor(self, doc: Doc, answer: Answer, analysis: Analysis) -> Anchored:
        return anchor(answer.text, analysis, normalize=self._lm.table.normalize, boundaries=token_boundaries(doc))

    def _write(self, doc: Doc, anchored: Anchored, scores: list[float] | None = None, label_score: float = 0.0) -> None:
        task = self.format.task
        lost = write_analysis(
            doc, anchored, task, spans_key=self.spans_key, source=self.name, scores=scores, label_score=label_score
        )
        for reason, count in lost.items():
            self._count_left_out(reason, count, example=doc.text)


class SLG(Generative):
    """Pipeline component for sentence-to-label generation (SLG, Gan et al. 2023, arXiv 2307.10291): the source lists
    all labels.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> slg = nlp.add_pipe("slg", config={"template": "SCNM", "constraint": "grammar"})
    >>> slg.add_label("person"), slg.add_label("travel", text_level=True)
    (1, 1)
    >>> slg.labels
    ('travel', 'person')
    """

    format_name = "slg"


class OIELLM(Generative):
    """Pipeline component for open information extraction with a large language model (OIELLM, Gan et al. 2024, arXiv
    2407.10953): the source names the task only.

    >>> import spacy
    >>> oiellm = spacy.blank("en").add_pipe("oiellm", config={"parts": "words"})
    >>> oiellm.add_label("person")
    1
    >>> oiellm.format.target(oiellm.format.parse("/NER/:Person;Ida").analysis)
    '/NER/:Person;Ida'
    """

    format_name = "oiellm"


Language.factory(
    "slg",
    assigns=ASSIGNS,
    default_config={"model": DEFAULT_SLG_MODEL, "scorer": SCORER},
    default_score_weights=SCORE_WEIGHTS,
    func=SLG,
)
Language.factory(
    "oiellm",
    assigns=ASSIGNS,
    default_config={"model": DEFAULT_OIELLM_MODEL, "scorer": SCORER},
    default_score_weights=SCORE_WEIGHTS,
    func=OIELLM,
)
