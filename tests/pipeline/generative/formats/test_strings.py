"""SLG and OIELLM: strings are parsed to what was written."""

import json
from collections import Counter
from math import prod

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.generative.formats import (
    Analysis,
    ArgumentText,
    EntityText,
    EventText,
    FormatError,
    OIELLMFormat,
    RelationText,
    SLGFormat,
    Task,
    format_from_dict,
    template_names,
)
from spacy_mre.pipeline.generative.formats.analysis import texts_of
from spacy_mre.pipeline.generative.formats.escaping import escape, unescape

SIGNS = ":;<>/\\"
# Delimiters, letters of several scripts and planes, marks that combine, and white space of all kinds
CHARACTERS = st.sampled_from(SIGNS + "aZ京都𠮷🙂é\u0301\u200d\n\r\x1c\x85\xa0\u3000 ") | st.characters(
    exclude_categories=["Cs"]
)
TEXT = st.text(CHARACTERS, max_size=30)
WORD = st.text(st.sampled_from(SIGNS + "ab地 "), min_size=1, max_size=5).filter(lambda word: word == word.strip())
FORMATS = {
    "slg": SLGFormat,
    "slg without prompt words": lambda task: SLGFormat(task, prompt_words=False),
    "oiellm": OIELLMFormat,
}
SETTINGS = settings(max_examples=120, deadline=None, derandomize=True)


@st.composite
def tasks(draw):
    """Labels with delimiters and common beginnings: text labels, word-level labels or both."""
    template = draw(st.sampled_from(template_names()))
    language = draw(st.sampled_from(["ja", "en", "zh"]))
    classes = draw(st.lists(WORD, unique=True, max_size=4))
    labels = draw(st.lists(WORD, unique=True, min_size=0 if classes else 1, max_size=4))
    roles = draw(st.lists(WORD, unique=True, max_size=3)) if template == "TCREE:EE" else []
    return Task.of_labels(template, language, classes, labels, roles)


@st.composite
def pieces(draw, text):
    start = draw(st.integers(0, len(text) - 1))
    piece = text[start : draw(st.integers(start + 1, len(text)))].strip()
    return piece or draw(st.just(text.strip()))


@st.composite
def cases(draw):
    """A format, a text and an analysis of it."""
    format = FORMATS[draw(st.sampled_from(sorted(FORMATS)))](draw(tasks()))
    task = format.task
    text = draw(TEXT)
    items = ()
    if task.labels and text.strip():
        labels, parts = st.sampled_from(list(task.labels)), pieces(text)
        arguments = st.just(())
        if task.roles:
            argument = st.builds(ArgumentText, st.sampled_from(list(task.roles)), parts)
            arguments = st.lists(argument, max_size=4).map(tuple)
        item = {
            "entities": st.builds(EntityText, labels, parts),
            "relations": st.builds(RelationText, parts, labels, parts),
            "events": st.builds(EventText, labels, parts, arguments),
        }[task.word_level]
        items = tuple(draw(st.lists(item, max_size=4)))
    label = draw(st.sampled_from(list(task.classes))) if task.classes else None
    return format, text, Analysis(label, items)


def copied(analysis):
    return [text for item in analysis.items for text in texts_of(item)]


def too_often(analysis, text):
    """Whether something is said more often than its names occur."""

    def places(item):
        names = (item.head, item.tail) if isinstance(item, RelationText) else (item.text,)
        return prod(sum(text.startswith(name, i) for i in range(len(text))) for name in names)

    def is_too_often(items):
        return any(count > places(item) for item, count in Counter(items).items())

    # Of events the types with their triggers are counted, and the arguments of each.
    events = [item for item in analysis.items or () if isinstance(item, EventText)]
    items = [item._replace(arguments=()) for item in events] if events else analysis.items
    return is_too_often(items) or any(is_too_often(event.arguments) for event in events)


def parses(format, string):
    try:
        return format.parse(string).analysis
    except FormatError as err:
        assert 0 <= err.position <= len(string) and err.reason
        return None


# Escaping


@SETTINGS
@given(TEXT)
def test_escape_and_back(text):
    escaped = escape(text)
    assert unescape(escaped) == unescape(escaped, strict=False) == text
    assert not any(sign in escaped.replace("\\\\", "").replace(f"\\{sign}", "") for sign in ":;<>/")


@SETTINGS
@given(TEXT)
def test_invalid_escapes_are_refused(text):
    unescape(text, strict=False)
    try:
        assert escape(unescape(text)) == text
    except FormatError:
        assert escape(unescape(text, strict=False)) != text


# By hand, from the papers

SCNM = Task.of_template("SCNM", "ja")
NER = Task.of_template("SCNM", "en")
ADA = Analysis(
    "literature_art",
    (EntityText("person", "Ada Lake"), EntityText("product", "On: the Shore"), EntityText("person", "Bo")),
)


def test_slg_of_the_paper():
    format = SLGFormat(SCNM)
    assert format.source("青山は港町にいた。") == (
        "青山は港町にいた。<社会><文芸><学問><技術><自然>青山は港町にいた。固有表現抽出:人名;:法人名;:政治的組織名;:その他の組織名;:地名;:施設名;:製品名;:イベント名;:無い;"
    )
    assert (
        format.target(Analysis("society", (EntityText("other_organisation", "灯の会"),)))
        == "<社会>固有表現抽出:その他の組織名;灯の会"
    )
    assert (
        format.target(Analysis("nature", (EntityText("person", "青山"), EntityText("place", "港町"))))
        == "<自然>固有表現抽出:人名;青山:地名;港町"
    )
    assert format.target(Analysis("nature", ())) == "<自然>固有表現抽出:無い;"


def test_slg_without_prompt_words():
    format = SLGFormat(Task.of_labels("SCNM", "ja", ["society"], ["place"]), prompt_words=False)
    assert format.source("雨。") == "雨。<社会>雨。:地名;:無い;"
    assert format.target(Analysis("society", (EntityText("place", "港"),))) == "<社会>:地名;港"


def test_slg_with_one_part_only():
    words = SLGFormat(Task.of_labels("SCNM", "ja", [], ["place"]))
    assert (words.source("雨。"), words.target(Analysis(None, ()))) == (
        "雨。固有表現抽出:地名;:無い;",
        "固有表現抽出:無い;",
    )
    text = SLGFormat(Task.of_labels("SCNM", "ja", ["society"], []))
    assert (text.source("雨。"), text.target(Analysis("society", ()))) == ("雨。<社会>", "<社会>")


def test_oiellm_of_the_model_card():
    format = OIELLMFormat(NER)
    assert format.source("Ada Lake wrote it.") == "Ada Lake wrote it./NER"
    assert format.target(ADA) == "Literature/NER/:Person;Ada Lake:Product Name;On\\: the Shore:Person;Bo"
    assert format.target(Analysis("nature", ())) == "Nature/NER/:None;"


def test_oiellm_with_one_part_only():
    words = OIELLMFormat(Task.of_labels("SCNM", "en", [], ["place"]))
    assert words.target(Analysis(None, (EntityText("place", "Aoba"),))) == "/NER/:Location;Aoba"
    assert OIELLMFormat(Task.of_labels("SCNM", "en", ["society"], [])).target(Analysis("society", ())) == "Society/NER/"


def test_tuples_and_polarity():
    relations = OIELLMFormat(Task.of_labels("TCREE:RE", "en", ["news"], ["works_for"]))
    assert (
        relations.target(Analysis("news", (RelationText("Ada", "works_for", "Lake & Co"),)))
        == "news/Relation Extraction/:Ada;works for;Lake & Co"
    )
    assert relations.target(Analysis("news", ())) == "news/Relation Extraction/;None;"
    polar = OIELLMFormat(Task.of_template("SCPOS:Adj&N", "en"))
    assert (
        polar.target(Analysis("positive", (EntityText("positive", "lovely"),)))
        == "Positive/Sentiment Adj and N/:Positive;lovely"
    )


# By property


@SETTINGS
@given(cases())
def test_a_target_is_parsed(case):
    format, text, analysis = case
    string = format.target(analysis)
    parsed = format.parse(string)
    assert parsed == format.parse(string, strict=False)
    assert parsed.analysis == analysis and not parsed.problems
    assert format.grammar().accepts(string, text) != too_often(analysis, text)
    assert "".join(format.parts(string)) == string
    if format.task.classes:
        assert format.parts(string) == (format.class_part(analysis.label), format.word_part(analysis.items))
        assert string[slice(*parsed.label_offsets)] == escape(format.task.classes[analysis.label])
    assert len(parsed.item_offsets) == len(analysis.items)
    for item, offsets in zip(analysis.items, parsed.item_offsets):
        assert format.word_part((item,)).endswith(string[slice(*offsets)])
    assert format.words(string) == (
        format.task.classes.get(analysis.label, ""),
        [format.task.labels[item.label] for item in analysis.items],
        [format.task.roles[argument.role] for item in analysis.items for argument in getattr(item, "arguments", ())],
    )


@SETTINGS
@given(cases())
def test_a_source_is_read(case):
    format, text, _ = case
    assert format.read_source(format.source(text)) == text
    again = format_from_dict(json.loads(json.dumps(format.to_dict())))
    assert again.source(text) == format.source(text) and again.to_dict() == format.to_dict()
    assert format.with_task(format.task).to_dict() == format.to_dict()


@st.composite
def nearly(draw, string):
    """A string with a few characters removed, doubled or inserted."""
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(string)))
        inserted = draw(st.sampled_from([*SIGNS, " ", "a", string[position : position + 1], ""]))
        string = string[:position] + inserted + string[position + draw(st.integers(0, 1)) :]
    return string


@settings(SETTINGS, max_examples=300)
@given(st.data(), cases())
def test_the_grammar_and_the_strict_parser_agree(data, case):
    format, text, analysis = case
    string = data.draw(nearly(format.target(analysis)) | st.text(st.sampled_from(SIGNS + "ab地 ")))
    read = parses(format, string)
    assert format.grammar().accepts(string, text) == (
        read is not None and all(piece in text for piece in copied(read)) and not too_often(read, text)
    )
    if read is not None:
        assert format.target(read) == string


@settings(SETTINGS, max_examples=200)
@given(st.data(), cases())
@example(None, None)
def test_the_lenient_parser_accepts_any_string(data, case):
    if data is None:
        format, string = OIELLMFormat(NER), "\\"
    else:
        format, _, analysis = case
        string = data.draw(nearly(format.target(analysis)) | st.text(CHARACTERS))
    parsed = format.parse(string, strict=False)
    strictly = parses(format, string)
    assert (strictly is None) == bool(parsed.problems)
    assert strictly is None or strictly == parsed.analysis
    assert len(parsed.item_offsets) == len(parsed.analysis.items)
    format.word_part(parsed.analysis.items)  # what was parsed can be written
    if parsed.analysis.label is not None:
        format.class_part(parsed.analysis.label)


@settings(SETTINGS, max_examples=50)
@given(cases())
def test_a_source_with_another_question_is_refused(case):
    format, text, _ = case
    string = format.source(text)[:-1]
    assume(string != format.source(string[: len(text)]))
    with pytest.raises(FormatError, match="M901"):
        format.read_source(string)


# Lenient, by hand


@pytest.mark.parametrize(
    "string, label, items",
    [
        ("literature/NER/:person;Ada Lake", "literature_art", [("person", "Ada Lake")]),  # letter case
        (" Literature / NER /: Person ; Ada ", "literature_art", [("person", "Ada")]),  # white space
        ("Literature/:Person;Ada", "literature_art", [("person", "Ada")]),  # no task word
        ("Literature:Person;Ada", "literature_art", [("person", "Ada")]),
        ("/NER/:Person;Ada", None, [("person", "Ada")]),
        ("Poetry/NER/:Person;Ada", None, [("person", "Ada")]),
        ("Literature/NER/:Poet;Ada:Person;Bo", "literature_art", [("person", "Bo")]),
        (
            "Literature/NER/:Product Name;On: the Shore:Person;Bo",
            "literature_art",
            [("product", "On: the Shore"), ("person", "Bo")],
        ),
        ("Literature/NER/:Product Name;AC/DC; live", "literature_art", [("product", "AC/DC; live")]),
        ("Literature/NER/:Person;Ada:Produ", "literature_art", [("person", "Ada")]),  # cut by a length limit
        ("Literature/NER/:Person;Ada:Person;", "literature_art", [("person", "Ada")]),
        ("Literature/NER/:Person;Ada:", "literature_art", [("person", "Ada")]),
        ("Literature/NER/", "literature_art", []),
        ("Literature/NER/: None;", "literature_art", []),
        ("Literature", "literature_art", []),
        ("", None, []),
        ("Literature/NER/:Person;A\\d\\a", "literature_art", [("person", "A\\d\\a")]),
    ],
)
def test_readable_parts_of_invalid_strings(string, label, items):
    parsed = OIELLMFormat(NER).parse(string, strict=False)
    assert parsed.problems
    assert parsed.analysis == Analysis(label, tuple(EntityText(*item) for item in items))


def test_lenient_slg_and_relations():
    format = SLGFormat(SCNM)
    for string in ("<社会固有表現抽出:人名;青山", "社会>固有表現抽出:人名;青山", "< 社会 >:人名;青山"):
        assert format.parse(string, strict=False).analysis == Analysis("society", (EntityText("person", "青山"),)), (
            string
        )
    relations = OIELLMFormat(Task.of_template("TCREE:RE", "en"))
    parsed = relations.parse("/Relation Extraction/:Ada; Works For ;AC/DC; live:Bo;met;Cy:Ed;lea", strict=False)
    assert parsed.analysis.items == (RelationText("Ada", "works_for", "AC/DC; live"),)
    assert len(parsed.problems) == 3  # the first departure, the unknown label and the end that is cut
    assert relations.parse(":A: B;leads;C", strict=False).analysis.items == (RelationText("B", "leads", "C"),)


EVENTS = {
    "ja": (
        "イベント抽出",
        ":合併;統合する;主体;甲社;主体;乙社;時;来春:始動;稼働",
        ("統合する", "甲社", "乙社", "来春", "稼働"),
        "無い",
    ),
    "en": (
        "Event Extraction",
        ":merger;merge;subject;Alpha;subject;Beta;time;next spring:launch;start",
        ("merge", "Alpha", "Beta", "next spring", "start"),
        "None",
    ),
    "zh": (
        "事件抽取",
        ":合并;合并;主体;甲公司;主体;乙公司;时间;明年春天:启动;投产",
        ("合并", "甲公司", "乙公司", "明年春天", "投产"),
        "无",
    ),
}


@pytest.mark.parametrize("language", EVENTS)
def test_events_have_any_number_of_roles(language):
    prompt_word, items, (trigger, one, two, time, bare), none = EVENTS[language]
    task = Task.of_template("TCREE:EE", language)
    merger = EventText("merger", trigger, tuple(map(ArgumentText, ("subject", "subject", "time"), (one, two, time))))
    analysis = Analysis(None, (merger, EventText("launch", bare)))
    for format, lead in ((SLGFormat(task), prompt_word), (OIELLMFormat(task), f"/{task.task_word}/")):
        assert format.target(analysis) == lead + items
        assert format.parse(lead + items).analysis == analysis
        assert format.target(Analysis(None, ())) == f"{lead}:{none};"
        assert not format.parse(f"{lead}:{none};").analysis.items
    assert f":{task.labels['merger']};" in SLGFormat(task).source("x") and task.roles["time"] in SLGFormat(task).source(
        "x"
    )


@pytest.mark.parametrize(
    "string, items",
    [
        # Delimiters within names, a space, another case
        (
            ":Merger; merge;SUBJECT;Al;pha;time;3:00",
            (EventText("merger", "merge", (ArgumentText("subject", "Al;pha"), ArgumentText("time", "3:00"))),),
        ),
        # A role without an argument at the end
        (":merger;merge;time;3;place", (EventText("merger", "merge", (ArgumentText("time", "3"),)),)),
        (":merger;time;time;time", (EventText("merger", "time", (ArgumentText("time", "time"),)),)),
        (":merger;x:wedding;y:launch;z;", (EventText("merger", "x"), EventText("launch", "z"))),
        (":merger", ()),
    ],
)
def test_events_that_are_not_exactly_in_the_format(string, items):
    format = OIELLMFormat(Task.of_template("TCREE:EE", "en"))
    assert format.parse(f"/Event Extraction/{string}", strict=False).analysis.items == items


def test_labels_of_events_that_cannot_be_written():
    format = OIELLMFormat(Task.of_template("TCREE:EE", "en"))
    for event in (EventText("wedding", "wed"), EventText("merger", "merge", (ArgumentText("guest", "Ida"),))):
        with pytest.raises(ValueError, match=r"M907.*(wedding|guest)"):
            format.target(Analysis(None, (event,)))
    with pytest.raises(ValueError, match="M908"):
        format.target(Analysis(None, (EventText("merger", "merge", (ArgumentText("time", " "),)),)))


# What cannot be written or read


@pytest.mark.parametrize(
    "analysis, code",
    [
        (Analysis(None, ()), "M907"),
        (Analysis("poetry", ()), "M907"),
        (Analysis("nature", None), "M909"),
        (Analysis("nature", (EntityText("poet", "Ada"),)), "M907"),
        (Analysis("nature", (EntityText("person", " Ada"),)), "M908"),
        (Analysis("nature", (EntityText("person", ""),)), "M908"),
        (Analysis("nature", (RelationText("Ada", "person", "Bo"),)), "M906"),
    ],
)
def test_analyses_that_cannot_be_written(analysis, code):
    for format in (SLGFormat(NER), OIELLMFormat(NER)):
        with pytest.raises(ValueError, match=code):
            format.target(analysis)


@pytest.mark.parametrize(
    "string, position, reason",
    [
        ("Poetry/NER/:None;", 0, "'Poetry' is no text label"),
        ("Nature/RE/:None;", 6, "'/NER/' was expected"),
        ("Nature/NER/", 11, "':' was expected"),
        ("Nature/NER/:Poet;Ada", 12, "'Poet' is no label"),
        ("Nature/NER/:Person;Ada:None;", 23, "'None' is no label"),
        ("Nature/NER/:Person", 18, "';' was expected"),
        ("Nature/NER/:Person; Ada", 19, "white space"),
        ("Nature/NER/:Person;Ada/Bo", 22, "':' was expected"),
        ("Nature/NER/:Person;A\\da", 20, "backslash"),
    ],
)
def test_invalid_strings_are_refused(string, position, reason):
    with pytest.raises(FormatError, match="M901") as caught:
        OIELLMFormat(NER).parse(string)
    assert caught.value.position == position
    assert reason in caught.value.reason and string in str(caught.value)


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match=r"M001.*slg, oiellm"):
        format_from_dict({"format": "mrc", "task": NER.to_dict()})
