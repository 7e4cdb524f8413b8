"""Text in, a string of labels out, anchored back onto the Doc: the `slg` and `oiellm` components.

One model writes the text label and all word-level labels as one string (`spacy_mre.pipeline.generative.formats`). On the way out the string is parsed, and what it names is
found again in the text.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import srsly
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats1d

from ...annotations.entities import DEFAULT_KEY, get_entities
from ...annotations.relations import get_relations
from ...errors import Errors, Warnings
from ..old_base import MREPipe
from .asking import Answer, Question
from .formats import Analysis, Format, FormatError, Link, Mention, OIELLMFormat, Parsed, SLGFormat, Task
from .formats.anchoring import Anchored, anchor
from .formats.from_docs import analysis_of, token_borders, write_analysis
from .formats.task import LANGUAGES, get_template

if TYPE_CHECKING:  # torch and transformers are not for every pipeline
    from .language_model import LanguageModel
    from .model import Pairs

default_slg_config = """
[model]
@architectures = "spacy_mre.Seq2SeqLM.v1"

[model.config]
model_type = "bart"
d_model = 256
encoder_layers = 4
decoder_layers = 4
encoder_attention_heads = 4
decoder_attention_heads = 4
encoder_ffn_dim = 1024
decoder_ffn_dim = 1024
max_position_embeddings = 1024

[model.tokenizer]
kind = "bpe"
vocab_size = 4000
"""
default_oiellm_config = """
[model]
@architectures = "spacy_mre.CausalLM.v1"

[model.config]
model_type = "llama"
hidden_size = 256
intermediate_size = 1024
num_hidden_layers = 4
num_attention_heads = 4
max_position_embeddings = 1024

[model.tokenizer]
kind = "bpe"
vocab_size = 4000
"""
DEFAULT_SLG_MODEL = Config().from_str(default_slg_config)["model"]
DEFAULT_OIELLM_MODEL = Config().from_str(default_oiellm_config)["model"]

FORMAT_CLASSES = {"slg": SLGFormat, "oiellm": OIELLMFormat}
PARTS = ("both", "text", "words")
CONSTRAINTS = ("none", "first_token", "grammar")
SHARED_CONFIG = {
    "template": "SCNM",
    "language": None,
    "parts": "both",
    "constraint": "grammar",
    "strict": False,
    "max_new_tokens": None,
    "num_beams": 1,
    "batch_tokens": 16384,
    "spans_key": DEFAULT_KEY,
    "scorer": {"@scorers": "spacy_mre.generative_scorer.v1"},
}
ASSIGNS = ["doc.cats", "doc.spans", "doc.ents", "doc._.relations", "doc._.generated", "doc._.generated_score"]
SCORE_WEIGHTS = {
    "all_acc": 1.0,
    "sc_acc": None,
    "ner_acc": None,
    "format_acc": None,
    "ents_f": None,
    "cats_macro_f": None,
}

Labels = dict[str, list[str]]


@Language.factory(
    "slg",
    assigns=ASSIGNS,
    default_config={"model": DEFAULT_SLG_MODEL, "prompt_words": True, **SHARED_CONFIG},
    default_score_weights=SCORE_WEIGHTS,
)
def make_slg(
    nlp: Language,
    name: str,
    model: Model,
    prompt_words: bool,
    template: str,
    language: str | None,
    parts: str,
    constraint: str,
    strict: bool,
    max_new_tokens: int | None,
    num_beams: int,
    batch_tokens: int,
    spans_key: str,
    scorer: Callable | None,
) -> "Generative":
    """Make the component for sentence-to-label generation (SLG, arXiv 2307.10291): the source names all labels that there are.

    model (Model): An encoder-decoder: `spacy_mre.Seq2SeqLM.v1` or `spacy_mre.WarmStartedSeq2Seq.v1`.
    prompt_words (bool): Whether source and target hold the name of the task, such as "Named Entity Recognition". Default: True.
    template (str): What is asked for, see `spacy_mre.pipeline.generative.formats.template_names`: "SCNM" (classes and entities), "TCREE:RE" (relations), ... The labels
        are those of the training data; the template gives them their words. Default: "SCNM".
    language (Optional[str]): Of the template's words: "ja", "en" or "zh". Default: that of the pipeline, else "en".
    parts (str): "both"; or only the "text" label; or only the "words", the entities or relations. Default: "both".
    constraint (str): What holds the model to the format: "none"; "first_token", as in the paper; or "grammar": every output can be read, all labels
        are known ones and all pieces stand in the text. Default: "grammar".
    strict (bool): Take nothing from a string that is not wholly of the format; otherwise what can be read of it. Default: False.
    max_new_tokens (Optional[int]): The most tokens to write. Default: by the length of the source, see `LanguageModel.allowance`.
    num_beams (int): Of beam search. Default: 1, greedy search.
    batch_tokens (int): The most tokens, read and written ones and padding, that are worked on at once. Default: 16384.
    spans_key (str): The span group of the entities. Default: "entities".
    scorer (Optional[Callable]): The scorer, by default `spacy_mre.generative_scorer.v1`.
    """
    return Generative(
        nlp.vocab,
        model,
        name,
        format="slg",
        prompt_words=prompt_words,
        template=template,
        language=_language(nlp, language),
        parts=parts,
        constraint=constraint,
        strict=strict,
        max_new_tokens=max_new_tokens,
        num_beams=num_beams,
        batch_tokens=batch_tokens,
        spans_key=spans_key,
        scorer=scorer,
    )


@Language.factory(
    "oiellm",
    assigns=ASSIGNS,
    default_config={"model": DEFAULT_OIELLM_MODEL, **SHARED_CONFIG},
    default_score_weights=SCORE_WEIGHTS,
)
def make_oiellm(
    nlp: Language,
    name: str,
    model: Model,
    template: str,
    language: str | None,
    parts: str,
    constraint: str,
    strict: bool,
    max_new_tokens: int | None,
    num_beams: int,
    batch_tokens: int,
    spans_key: str,
    scorer: Callable | None,
) -> "Generative":
    """Make the component for open information extraction with a large language model (OIELLM, arXiv 2407.10953): the source names the task only.

    model (Model): A decoder-only model: `spacy_mre.CausalLM.v1`.
    All other settings are those of `make_slg`.
    """
    return Generative(
        nlp.vocab,
        model,
        name,
        format="oiellm",
        template=template,
        language=_language(nlp, language),
        parts=parts,
        constraint=constraint,
        strict=strict,
        max_new_tokens=max_new_tokens,
        num_beams=num_beams,
        batch_tokens=batch_tokens,
        spans_key=spans_key,
        scorer=scorer,
    )


def _language(nlp: Language, language: str | None) -> str:
    return language or (nlp.lang if nlp.lang in LANGUAGES else "en")


class Generative(MREPipe):
    """Pipeline component that writes what it finds as one string."""

    left_out_warning = Warnings.W930

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "slg",
        *,
        format: str = "slg",
        prompt_words: bool = True,
        template: str = "SCNM",
        language: str = "en",
        parts: str = "both",
        constraint: str = "grammar",
        strict: bool = False,
        max_new_tokens: int | None = None,
        num_beams: int = 1,
        batch_tokens: int = 16384,
        spans_key: str = DEFAULT_KEY,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component; `make_slg` explains the settings.

        vocab (Vocab): The shared vocabulary.
        model (Model): The Thinc Model.
        name (str): The component's name in the pipeline.
        format (str): "slg" or "oiellm".
        RAISES (ValueError): A setting with an unknown value.
        """
        for setting, value, allowed in (
            ("format", format, FORMAT_CLASSES),
            ("parts", parts, PARTS),
            ("constraint", constraint, CONSTRAINTS),
        ):
            if value not in allowed:
                raise ValueError(Errors.M001.format(setting=setting, value=value, allowed=", ".join(allowed)))
        get_template(template, language)
        cfg: dict[str, Any] = {
            "format": format,
            "prompt_words": prompt_words,
            "template": template,
            "language": language,
            "classes": [],
            "labels": [],
            "parts": parts,
            "constraint": constraint,
            "strict": strict,
            "max_new_tokens": max_new_tokens,
            "num_beams": num_beams,
            "batch_tokens": batch_tokens,
            "spans_key": spans_key,
        }
        super().__init__(vocab, model, name, cfg=cfg, scorer=scorer)
        self._made: dict[Any, Any] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str]): The text labels."""
        return tuple(self.cfg["classes"])

    @property
    def word_labels(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str]): The labels of entities or relations."""
        return tuple(self.cfg["labels"])

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str]): The text labels, then the others."""
        return self.classes + self.word_labels

    @property
    def label_data(self) -> Labels:
        """RETURNS (Dict[str, List[str]]): What `spacy init labels` stores and `initialize` takes."""
        return {"classes": list(self.classes), "labels": list(self.word_labels)}

    @property
    def format(self) -> Format:
        """RETURNS (Format): How strings are written, in the words of the template."""
        format = self._format(self.cfg["parts"] != "words", self.cfg["parts"] != "text")
        if format is None:
            raise ValueError(Errors.M803.format(name=self.name))
        return format

    def add_label(self, label: str, *, text_level: bool = False) -> int:
        """Add a label. The model writes labels as words, so that nothing in it has to grow.

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

    def score(self, examples: Iterable[Example], **kwargs) -> dict[str, Any]:
        """Score some examples, with this component's format and settings.

        examples (Iterable[Example]): Predicted and gold documents.
        RETURNS (Dict[str, Any]): See the scorer.
        """
        if self.scorer is None or not self.labels:
            return {}
        settings = {"format": self.format, "labels": self.classes, "spans_key": self.key}
        return self.scorer(examples, **{**settings, **kwargs})

    def predict(self, docs: Iterable[Doc]) -> list[Answer | None]:
        """Write a string about every document of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (List[Optional[Answer]]): None for a document without text.
        RAISES (ValueError): The component was not initialised, or labels and prompt words leave no room for a text.
        """
        from .language_model import batches

        docs = list(docs)
        lm, question = self._lm, self._question()
        answers: list[Answer | None] = [None] * len(docs)
        asked = [i for i, doc in enumerate(docs) if doc.text.strip()]
        texts = [docs[i].text for i in asked]
        sources = question.sources(texts)
        allowed = [self.cfg["max_new_tokens"] or question.allowance(len(source)) for source in sources]
        for row, (i, new_tokens) in enumerate(zip(asked, allowed)):
            if len(sources[row]) > lm.source_limit(new_tokens):
                texts[row], sources[row] = question.cut(docs[i], lm.source_limit(new_tokens), self.name)
                self._leave_out("text longer than the model reads", example=docs[i].text)
        for batch in batches(
            [(new_tokens, len(source)) for new_tokens, source in zip(allowed, sources)], self.cfg["batch_tokens"]
        ):
            new_tokens = allowed[batch[0]]
            # A name that begins or ends within a token could not be written on the Doc.
            borders = [token_borders(docs[asked[row]]) for row in batch]
            processors = question.constraint.processors(
                self.cfg["constraint"], [texts[row] for row in batch], new_tokens, borders
            )
            for characters in (
                characters for processor in processors for characters in processor.unwritable if characters
            ):
                self._leave_out("character that the tokenizer cannot write", len(characters), example=characters)
            written = lm.write(
                [sources[row] for row in batch],
                max_new_tokens=new_tokens,
                num_beams=self.cfg["num_beams"],
                processors=processors,
            )
            for row, (tokens, log_probs) in zip(batch, written):
                answers[asked[row]] = Answer(texts[row], lm.decode(tokens), log_probs, lm.ends_of(tokens))
        return answers

    def set_annotations(self, docs: Iterable[Doc], answers: list[Answer | None]) -> None:
        """Read the strings, and write what they say on the Docs. Cats of other components stay.

        docs (Iterable[Doc]): The documents.
        answers (List[Optional[Answer]]): What `predict` wrote about them.
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
                doc._.generated = (
                    answer.string if problems else self._in_words_of(format, answer, parsed.analysis, anchored)
                )
                doc._.generated_score = sum(answer.log_probs)
            doc.cats = {**cats, **doc.cats}

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Give the gradient of a batch back to the model.

        examples (List[Example]): The batch. A document without gold for one part learns the other: its source asks only for that. A document
            without any gold, or with an answer too long for the model, is left out.
        drop (float): Not used: dropout is set in the model's config.
        RETURNS (Optional[float]): The loss; None where nothing is left.
        RAISES (ValueError): The component was not initialised.
        """
        pairs = self.get_pairs(examples)
        if not pairs.targets:
            return None
        scores, backprop = self.model.begin_update(pairs)
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        return loss

    def get_loss(self, examples: Iterable[Example], scores: Floats1d) -> tuple[float, Floats1d]:
        """Cross-entropy of the targets' tokens, and its gradient. The tokens of the sources count nothing.

        examples (Iterable[Example]): The batch.
        scores (Floats1d): The negative log probability of every target token.
        RETURNS (Tuple[float, Floats1d]): The mean over tokens, and the gradient of the scores.
        """
        d_scores = self.model.ops.alloc1f(len(scores))
        d_scores += 1 / max(len(scores), 1)
        return float(scores.mean()) if len(scores) else 0.0, d_scores

    def get_pairs(self, examples: Iterable[Example]) -> "Pairs":
        """Write sources and targets of some examples.

        examples (Iterable[Example]): The examples, with gold on their references.
        RETURNS (Pairs): Tokens; examples from which nothing can be learnt are left out and counted.
        """
        from .model import Pairs

        lm = self._lm
        pairs = Pairs([], [])
        for eg in examples:
            doc = eg.reference
            analysis = self._known(analysis_of(doc, self.format.task, self.key), doc)
            if (analysis.label is None and analysis.items is None) or not doc.text.strip():
                self._leave_out("document without gold", example=doc.text)
                continue
            question = self._question(analysis.label is not None, analysis.items is not None)
            (source,), target = question.sources([doc.text]), question.target(self._spell(analysis))
            limit = lm.source_limit(len(target))
            if len(source) > limit > question.overhead:
                text, source = question.cut(doc, limit, self.name)
                self._leave_out("text longer than the model reads", example=doc.text)
                target = question.target(self._spell(_within(doc.text, analysis, len(text))))
            if len(target) > lm.target_limit or len(source) > lm.source_limit(len(target)):
                self._leave_out("answer longer than the model writes", example=doc.text)
                continue
            pairs.sources.append(source)
            pairs.targets.append(target)
        return pairs

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
        labels (Optional[Dict[str, List[str]]]): "classes" and "labels", as in `label_data`. By default those of the trained pipeline or of the folder
            of `train-generative` that the model is from, and behind them those of the data; where there are none at all, those of the template.
        RAISES (ValueError): No labels; two text labels on one document; labels that the tokenizer cannot write or the model has no room for; a model
            that was trained on strings of another kind.
        """
        validate_get_examples(get_examples, "Generative.initialize")
        self._made.clear()
        self.left_out.clear()
        survey = self._survey(get_examples())
        labels = labels or self._all_labels(survey)
        self.cfg["classes"], self.cfg["labels"] = list(labels["classes"]), list(labels["labels"])
        if self._format(self.cfg["parts"] != "words", self.cfg["parts"] != "text") is None:
            raise ValueError(Errors.M939.format(name=self.name, template=self.cfg["template"], key=self.key))
        self.model.initialize(X=self._strings(get_examples))
        self._check_room()
        self._question().constraint  # a label that the tokenizer cannot write is told now

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

    # Labels and formats

    def _survey(self, examples: Iterable[Example]) -> Labels:
        """The labels of the data; and a warning of documents without any gold."""
        classes: set[str] = set()
        labels: set[str] = set()
        total = bare = 0
        links = get_template(self.cfg["template"], self.cfg["language"])["word_level"] == "links"
        for eg in examples:
            doc = eg.reference
            positive = [label for label, score in doc.cats.items() if score > 0]
            if (
                len(positive) > 1
                and self.cfg["parts"] != "words"
                and sum(score >= 0.5 for score in doc.cats.values()) > 1
            ):
                raise ValueError(Errors.M941.format(name=self.name, labels=", ".join(positive), text=doc.text[:40]))
            classes.update(doc.cats)
            found = get_relations(doc) if links else get_entities(doc, self.key)
            labels.update(item["label"] if links else item.label for item in found or ())
            total += 1
            bare += not (positive and self.cfg["parts"] != "words") and (found is None or self.cfg["parts"] == "text")
        if bare and bare < total:
            warnings.warn(
                Warnings.W931.format(name=self.name, count=bare, total=total, reasons="they have no gold for it")
            )
        return {"classes": sorted(classes), "labels": sorted(labels)}

    def _all_labels(self, found: Labels) -> Labels:
        trained = self._trained_labels()
        found = {part: list(dict.fromkeys([*trained.get(part, ()), *found[part]])) for part in found}
        if any(found.values()):
            return found
        template = get_template(self.cfg["template"], self.cfg["language"])
        return {part: list(template[part]) for part in found}

    def _trained_labels(self) -> Labels:
        """The labels of the pipeline or model folder that the model is from, as far as it says any."""
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
        theirs = {"format": trained["format"], "template": task["name"], "language": task["language"]}
        if trained["format"] == "slg":
            theirs["prompt_words"] = trained["prompt_words"]
        if any(self.cfg[setting] != value for setting, value in theirs.items()):
            shown = ", ".join(f"{setting} = {value}" for setting, value in theirs.items())
            raise ValueError(Errors.M946.format(path=folder, settings=shown, name=self.name))
        return {part: list(task[part]) for part in ("classes", "labels")}

    def _format(self, text: bool, words: bool) -> Format | None:
        """The format for one part or both; None if nothing is left to ask for."""
        classes = self.classes if text and self.cfg["parts"] != "words" else ()
        labels = self.word_labels if words and self.cfg["parts"] != "text" else ()
        if not classes and not labels:
            return None
        key = ("format", bool(classes), bool(labels), self.cfg["prompt_words"])
        if key not in self._made:
            task = Task.of_labels(self.cfg["template"], self.cfg["language"], classes, labels)
            options = {"prompt_words": self.cfg["prompt_words"]} if self.cfg["format"] == "slg" else {}
            self._made[key] = FORMAT_CLASSES[self.cfg["format"]](task, **options)
        return self._made[key]

    def _question(self, text: bool = True, words: bool = True) -> Question:
        """What the model is asked: for one part or, by default, all that is to be found."""
        format = self._format(text, words) or self.format
        key = ("question", bool(format.task.classes), bool(format.task.labels), self.cfg["prompt_words"])
        if key not in self._made:
            self._made[key] = Question(format, self._lm)
        return self._made[key]

    def _spell(self, analysis: Analysis) -> Analysis:
        spell = self._lm.spell
        items = []
        for item in analysis.items or ():
            texts = [spell(text) for text in ((item.head, item.tail) if isinstance(item, Link) else (item.text,))]
            if not all(texts):
                self._leave_out("piece that the tokenizer cannot write", example=str(item))
            elif isinstance(item, Link):
                items.append(Link(texts[0], item.label, texts[1]))
            else:
                items.append(Mention(item.label, texts[0]))
        return Analysis(analysis.label, tuple(items))

    def _known(self, analysis: Analysis, doc: Doc) -> Analysis:
        """The analysis without labels that were not there at initialisation, and with None for a part that is not asked for."""
        task = self.format.task
        label = analysis.label if task.classes else None
        if label is not None and label not in task.classes:
            self._leave_out("text label unseen at initialisation", example=label)
            label = None
        if analysis.items is None or not task.labels:
            return Analysis(label, None)
        items = tuple(item for item in analysis.items if item.label in task.labels)
        if len(items) < len(analysis.items):
            self._leave_out("label unseen at initialisation", len(analysis.items) - len(items), example=doc.text)
        return Analysis(label, items)

    # Sources

    @property
    def _lm(self) -> "LanguageModel":
        lm = self.model.shims[0].lm
        if lm is None or not self.labels:
            raise ValueError(Errors.M803.format(name=self.name))
        return lm

    def _strings(self, get_examples: Callable[[], Iterable[Example]]) -> Iterator[str]:
        """All that a tokenizer should know: sources without their repetitions, and targets."""
        format = self.format
        yield format.source("")
        for eg in get_examples():
            yield eg.reference.text
            analysis = analysis_of(eg.reference, format.task, self.key)
            known = self._format(analysis.label is not None, analysis.items is not None)
            if known is not None:
                yield known.with_task(known.task.extended([analysis])).target(analysis)

    def _check_room(self) -> None:
        lm, new_tokens = self._lm, self.cfg["max_new_tokens"]
        if new_tokens and (new_tokens > lm.target_limit or lm.source_limit(new_tokens) <= 0):
            raise ValueError(Errors.M942.format(value=new_tokens, limit=lm.target_limit))
        question = self._question()
        limit = lm.source_limit(new_tokens or question.allowance(question.overhead))
        if question.overhead >= limit:
            raise ValueError(Errors.M940.format(name=self.name, needed=question.overhead, limit=limit))

    # Answers

    def _parse(self, answer: Answer) -> tuple[Parsed, bool]:
        """What a string says, and whether it departs from the format."""
        format = self._question().format
        try:
            return format.parse(answer.string), False
        except FormatError:
            if self.cfg["strict"]:
                self._leave_out("string that is not of the format", example=answer.string)
                return Parsed(Analysis(None, ()), []), True
            parsed = format.parse(answer.string, strict=False)
            # The first problem is that the string is not of the format at all.
            self._leave_out(
                "part of a string that is not of the format", max(len(parsed.problems) - 1, 1), example=answer.string
            )
            return parsed, True

    def _anchor(self, doc: Doc, answer: Answer, analysis: Analysis) -> Anchored:
        return anchor(answer.text, analysis, normalize=self._lm.table.normalize, borders=token_borders(doc))

    def _write(self, doc: Doc, anchored: Anchored, scores: list[float] | None = None, label_score: float = 0.0) -> None:
        task = self.format.task
        lost = write_analysis(
            doc, anchored, task, span_key=self.key, source=self.name, scores=scores, label_score=label_score
        )
        for reason, count in lost.items():
            self._leave_out(reason, count, example=doc.text)

    def _in_words_of(self, format: Format, answer: Answer, analysis: Analysis, anchored: Anchored) -> str:
        """The string with the words of the template and the letters of the text, where the tokenizer changed them."""
        text = answer.text
        items = list(analysis.items or ())
        for mention in anchored.mentions:
            items[mention.item] = Mention(mention.label, text[mention.start : mention.end].strip())
        for link in anchored.links:
            items[link.item] = Link(text[slice(*link.head)].strip(), link.label, text[slice(*link.tail)].strip())
        return format.target(Analysis(analysis.label, tuple(items)))


def _within(text: str, analysis: Analysis, length: int) -> Analysis:
    """The part of an analysis that stands in the beginning of its text."""
    anchored = anchor(text, analysis)
    kept = {mention.item for mention in anchored.mentions if mention.end <= length}
    kept |= {link.item for link in anchored.links if max(link.head[1], link.tail[1]) <= length}
    return Analysis(
        analysis.label,
        None if analysis.items is None else tuple(item for i, item in enumerate(analysis.items) if i in kept),
    )
