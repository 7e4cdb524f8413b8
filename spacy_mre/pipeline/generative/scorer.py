"""Scores of generated strings, as in SLG and in OIELLM, and of the labels that are parsed from them.

**Of strings**, per text (Gan et al. 2023, arXiv 2307.10291, section on evaluation). `format_acc`: the share of strings
in the format. `sc_acc`: the part of the text label equals gold. `ner_acc`: the rest, with all entities or relations,
equals gold. `scnm_acc`: the whole string equals gold. Strings are compared exactly, including the order. The paper does
not define the two parts of a string that is not in the format; we split it where the text label should end
(`StringFormat.parts`). Without such a position the first part is empty.

**Of strictly parsed strings** (Gan et al. 2024, arXiv 2407.10953). TL, WL and ALL, see `evaluation.mmm`. A string
that is not in the format has no labels.

**Absent is not empty.** A text without gold for a part is scored neither for that part nor as a whole. What is not part
of the task is not scored. Scores without anything to count are None.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from spacy.training import Example
from spacy.util import registry

from ...annotations.entities import DEFAULT_KEY
from ...errors import Errors
from ...evaluation.mmm import TextAndWords, score_mmm, share
from ...evaluation.scorers import check_texts, score_cats, score_entities, score_relations
from .formats import Analysis, Format, FormatError, format_from_dict
from .formats.from_docs import analysis_of

Scores = dict[str, Any]


@registry.scorers("spacy_mre.generative_scorer.v1")
def make_generative_scorer(spans_key: str | None = None) -> Callable[..., Scores]:
    """Make a scorer of generated strings and the labels that are parsed from them.

    spans_key (Optional[str]): The span group of the entities. Default: that of the component, or "entities".
    RETURNS (Callable[..., dict[str, Any]]): See `score_generative`.
    """
    return partial(_score_with, {} if spans_key is None else {"spans_key": spans_key})


def score_generative(
    examples: Iterable[Example],
    *,
    format: Format | dict[str, Any] | None = None,
    spans_key: str = DEFAULT_KEY,
    **cfg: Any,
) -> Scores:
    """Score the strings in `doc._.generated`. A document without a string counts as one with an empty string.

    examples (Iterable[Example]): Predicted and gold documents.
    format (Union[Format, dict[str, Any]]): The format of the strings, or the result of its `to_dict`.
    spans_key (str): The span group of the entities. Default: "entities".
    cfg (Any): Further arguments of the scorers.
    RETURNS (dict[str, Any]): The scores of `score_strings` and `score_parsed`, and those of `score_cats`,
        `score_entities` and `score_relations` for the parts of the task.
    RAISES (ValueError): If there is no format.
    """
    if format is None:
        raise ValueError(Errors.M910)
    if isinstance(format, dict):
        format = format_from_dict(format)
    examples = list(examples)
    for eg in examples:
        check_texts(eg)
    texts = _texts(
        [(analysis_of(eg.reference, format.task, spans_key), eg.predicted._.generated) for eg in examples], format
    )
    scores = {**_score_strings(texts, format), **_score_parsed(texts, format)}
    if format.task.classes:
        scores.update(score_cats(examples, **{"labels": list(format.task.classes), **cfg}))
    if format.task.labels:
        if format.task.word_level == "relations":
            scores.update(score_relations(examples, **cfg))
        else:
            scores.update(score_entities(examples, spans_key=spans_key, **cfg))
    return scores


def score_strings(pairs: Iterable[tuple[str, str | None]], format: Format) -> Scores:
    """Compare strings with gold strings.

    pairs (Iterable[tuple[str, Optional[str]]]): Gold strings and predicted ones; None counts as empty.
    format (Format): The format of both.
    RETURNS (dict[str, Any]): `format_acc`, `sc_acc`, `ner_acc` and `scnm_acc`.
    """
    texts = [_Text(*format.parts(gold), Analysis(), *_parse(predicted, format)) for gold, predicted in pairs]
    return _score_strings(texts, format)


def score_parsed(pairs: Iterable[tuple[str, str | None]], format: Format) -> Scores:
    """Compare the labels in strings. Predicted strings are parsed strictly.

    pairs (Iterable[tuple[str, Optional[str]]]): Gold strings and predicted ones; None counts as empty.
    format (Format): The format of both.
    RETURNS (dict[str, Any]): `tl_p`, `tl_r`, `tl_f`, `wl_p`, `wl_r`, `wl_f` and `all_acc`.
    RAISES (ValueError): If a gold string is not in the format.
    """
    texts = [_Text("", "", format.parse(gold).analysis, *_parse(predicted, format)) for gold, predicted in pairs]
    return _score_parsed(texts, format)


class _Text(NamedTuple):
    """Gold and prediction of one text.

    class_part, word_part (Optional[str]): The parts of the gold string; None without gold.
    gold (Analysis): The gold labels.
    string (str): The predicted string.
    predicted (Optional[Analysis]): Its labels; None if it is not in the format.
    """

    class_part: str | None
    word_part: str | None
    gold: Analysis
    string: str
    predicted: Analysis | None


def _texts(pairs: list[tuple[Analysis, str | None]], format: Format) -> list[_Text]:
    # Gold may contain labels that the component does not have. They are missed, not an error.
    writer = format.with_task(format.task.extended(gold for gold, _ in pairs))
    texts = []
    for gold, string in pairs:
        class_part = None if format.task.classes and gold.label is None else writer.class_part(gold.label)
        word_part = None if format.task.labels and gold.items is None else writer.word_part(gold.items)
        texts.append(_Text(class_part, word_part, gold, *_parse(string, format)))
    return texts


def _parse(string: str | None, format: Format) -> tuple[str, Analysis | None]:
    try:
        return string or "", format.parse(string or "").analysis
    except FormatError:
        return string or "", None


def _score_strings(texts: list[_Text], format: Format) -> Scores:
    right: dict[str, list[bool]] = {name: [] for name in ("format_acc", "sc_acc", "ner_acc", "scnm_acc")}
    for text in texts:
        class_part, word_part = format.parts(text.string)
        right["format_acc"].append(text.predicted is not None)
        if format.task.classes and text.class_part is not None:
            right["sc_acc"].append(class_part == text.class_part)
        if format.task.labels and text.word_part is not None:
            right["ner_acc"].append(word_part == text.word_part)
        if text.class_part is not None and text.word_part is not None:
            right["scnm_acc"].append(text.string == text.class_part + text.word_part)
    return {name: share(values) for name, values in right.items()}


def _score_parsed(texts: list[_Text], format: Format) -> Scores:
    def levels(analysis: Analysis) -> TextAndWords:
        unknown = None if format.task.classes else ()
        return TextAndWords(unknown if analysis.label is None else (analysis.label,), analysis.items)

    return score_mmm((levels(text.gold), None if text.predicted is None else levels(text.predicted)) for text in texts)


def _score_with(options: dict[str, Any], examples: Iterable[Example], **cfg: Any) -> Scores:
    return score_generative(examples, **{**cfg, **options})
