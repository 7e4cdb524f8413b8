"""Scores of generated strings, as in SLG and in OIELLM, and of the labels that are parsed from them.

**Of strings**, per text (Gan et al. 2023, arXiv 2307.10291, section on evaluation). `format_acc`: the share of strings
in the format. `sc_acc`: the part of the text label equals gold. `ner_acc`: the rest, with all entities or relations,
equals gold. `scnm_acc`: the whole string equals gold. Strings are compared exactly, including the order. The paper does
not define the two parts of a string that is not in the format; we split it where the text label should end
(`StringFormat.parts`). Without such a position the first part is empty.

**Of strictly parsed strings** (Gan et al. 2024, arXiv 2407.10953). TL, WL and ALL, see `evaluation.mmm`. A string
that is not in the format has no labels. The pairs of an event are its trigger, and each argument with the trigger.

**Absent is not empty.** A text without gold for a part is scored neither for that part nor as a whole. What is not part
of the task is not scored. Scores without anything to count are None.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from spacy.training import Example
from spacy.util import registry

from ...annotations.entities import DEFAULT_KEY
from ...errors import Errors
from ...evaluation.mmm import TextAndWords, score_mmm, share
from ...evaluation.scorers import check_texts, score_cats, score_entities, score_relations
from .formats import Analysis, EventText, Format, FormatError, format_from_dict
from .formats.from_docs import analysis_of
from .formats.task_gold import TaskGold

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
    formats: Mapping[str, Callable[[str], Format]] | None = None,
    spans_key: str = DEFAULT_KEY,
    set_ents: bool = True,
    gold: TaskGold | None = None,
    **cfg: Any,
) -> Scores:
    """Score the strings in `doc._.generated`. A document without a string counts as one with an empty string.

    examples (Iterable[Example]): Predicted and gold documents.
    format (Union[Format, dict[str, Any]]): The format of the strings, or the result of its `to_dict`.
    formats (Optional[Mapping[str, Callable[[str], Format]]]): Instead of `format`, by task the format for a text.
    spans_key (str): The span group of the entities; see `TaskGold`. Default: "entities".
    set_ents (bool): Also score `doc.ents`. Default: True.
    gold (Optional[TaskGold]): Where the labels of the tasks are in a Doc. Default: as for a component with the tasks of
        `formats`.
    cfg (Any): Further arguments of the scorers.
    RETURNS (dict[str, Any]): The scores of `score_strings` and `score_parsed`, and those of `score_cats`,
        `score_entities` and `score_relations` for the parts of the task. For several tasks the means over those with
        gold, and all scores of each in "by_task"; relations and events are then scored in the strings only.
    RAISES (ValueError): If there is no format.
    """
    if formats is None:
        if format is None:
            raise ValueError(Errors.M910)
        only = format_from_dict(format) if isinstance(format, dict) else format
        formats = {only.task.name: lambda text: only}
    examples = list(examples)
    for eg in examples:
        check_texts(eg)
    gold = gold or TaskGold(formats, spans_key)
    scores = {name: _score_task(name, examples, format_of, gold, set_ents, cfg) for name, format_of in formats.items()}
    return scores[next(iter(scores))] if len(scores) == 1 else {**_means(scores.values()), "by_task": scores}


def _score_task(
    name: str,
    examples: list[Example],
    format_of: Callable[[str], Format],
    gold: TaskGold,
    set_ents: bool,
    cfg: dict[str, Any],
) -> Scores:
    formats = [format_of(eg.reference.text) for eg in examples] or [format_of("")]
    task, is_only = formats[0].task, len(gold.levels) == 1
    analyses = [analysis_of(eg.reference, format.task, gold=gold) for eg, format in zip(examples, formats)]
    if not is_only:
        # A text without any gold of this task says nothing about it.
        known = [i for i, analysis in enumerate(analyses) if analysis != Analysis(None, None)]
        examples, formats = [examples[i] for i in known], [formats[i] for i in known]
        analyses = [analyses[i] for i in known]
    texts = _texts(
        (analysis, _string_of(eg, name), format) for eg, analysis, format in zip(examples, analyses, formats)
    )
    scores = {**_score_strings(texts), **_score_parsed(texts)}
    if task.classes:
        scores.update(score_cats(examples, **{**cfg, "labels": list(task.classes)}))
    if task.labels and task.word_level == "entities":
        with_entities = [eg for eg in examples if gold.entities(eg.reference, name) is not None]
        key = gold.keys[name]
        ents = set_ents and key == gold.spans_key
        scores.update(score_entities(with_entities, **{**cfg, "spans_key": key, "set_ents": ents}))
    elif task.labels and is_only:
        scores.update(score_relations(examples, **{**cfg, "spans_key": gold.spans_key}))
    return scores


def _string_of(eg: Example, task: str) -> str | None:
    generated = eg.predicted._.generated
    return generated.get(task) if isinstance(generated, dict) else generated


def _means(of_tasks: Iterable[Scores]) -> Scores:
    """The mean of each number over the tasks that have it; None if none has."""
    values: dict[str, list[float]] = {}
    for name, value in (item for scores in of_tasks for item in scores.items()):
        if value is None or isinstance(value, int | float):
            values.setdefault(name, []).extend([] if value is None else [value])
    return {name: sum(found) / len(found) if found else None for name, found in values.items()}


def score_strings(pairs: Iterable[tuple[str, str | None]], format: Format) -> Scores:
    """Compare strings with gold strings.

    pairs (Iterable[tuple[str, Optional[str]]]): Gold strings and predicted ones; None counts as empty.
    format (Format): The format of both.
    RETURNS (dict[str, Any]): `format_acc`, `sc_acc`, `ner_acc` and `scnm_acc`.
    """
    texts = [_Text(format, *format.parts(gold), Analysis(), *_parse(predicted, format)) for gold, predicted in pairs]
    return _score_strings(texts)


def score_parsed(pairs: Iterable[tuple[str, str | None]], format: Format) -> Scores:
    """Compare the labels in strings. Predicted strings are parsed strictly.

    pairs (Iterable[tuple[str, Optional[str]]]): Gold strings and predicted ones; None counts as empty.
    format (Format): The format of both.
    RETURNS (dict[str, Any]): `tl_p`, `tl_r`, `tl_f`, `wl_p`, `wl_r`, `wl_f` and `all_acc`.
    RAISES (ValueError): If a gold string is not in the format.
    """
    texts = [_Text(format, "", "", format.parse(gold).analysis, *_parse(string, format)) for gold, string in pairs]
    return _score_parsed(texts)


class _Text(NamedTuple):
    """Gold and prediction of one text.

    format (Format): The format of both.
    class_part, word_part (Optional[str]): The parts of the gold string; None without gold.
    gold (Analysis): The gold labels.
    string (str): The predicted string.
    predicted (Optional[Analysis]): Its labels; None if it is not in the format.
    """

    format: Format
    class_part: str | None
    word_part: str | None
    gold: Analysis
    string: str
    predicted: Analysis | None


def _texts(found: Iterable[tuple[Analysis, str | None, Format]]) -> list[_Text]:
    texts = []
    for gold, string, format in found:
        # Gold may contain labels that the component does not have. They are missed, not an error.
        task = format.task.extended([gold])
        writer = format if task is format.task else format.with_task(task)
        class_part = None if format.task.classes and gold.label is None else writer.class_part(gold.label)
        word_part = None if format.task.labels and gold.items is None else writer.word_part(gold.items)
        texts.append(_Text(format, class_part, word_part, gold, *_parse(string, format)))
    return texts


def _parse(string: str | None, format: Format) -> tuple[str, Analysis | None]:
    try:
        return string or "", format.parse(string or "").analysis
    except FormatError:
        return string or "", None


def _score_strings(texts: list[_Text]) -> Scores:
    right: dict[str, list[bool]] = {name: [] for name in ("format_acc", "sc_acc", "ner_acc", "scnm_acc")}
    for text in texts:
        format = text.format
        class_part, word_part = format.parts(text.string)
        right["format_acc"].append(text.predicted is not None)
        if format.task.classes and text.class_part is not None:
            right["sc_acc"].append(class_part == text.class_part)
        if format.task.labels and text.word_part is not None:
            right["ner_acc"].append(word_part == text.word_part)
        if text.class_part is not None and text.word_part is not None:
            right["scnm_acc"].append(text.string == text.class_part + text.word_part)
    return {name: share(values) for name, values in right.items()}


def _score_parsed(texts: list[_Text]) -> Scores:
    return score_mmm(
        (
            _levels(text.gold, text.format),
            None if text.predicted is None else _levels(text.predicted, text.format),
        )
        for text in texts
    )


def _levels(analysis: Analysis, format: Format) -> TextAndWords:
    """The text label and the pairs or tuples of an analysis: of an event its trigger, and each argument."""
    facts: list[tuple] = []
    for item in analysis.items or ():
        trigger = item[:2] if isinstance(item, EventText) else item
        facts.append(tuple(trigger))
        facts += [(*trigger, *argument) for argument in getattr(item, "arguments", ())]
    unknown = None if format.task.classes else ()
    words = None if analysis.items is None and format.task.labels else facts
    return TextAndWords(unknown if analysis.label is None else (analysis.label,), words)


def _score_with(options: dict[str, Any], examples: Iterable[Example], **cfg: Any) -> Scores:
    return score_generative(examples, **{**cfg, **options})
