"""Texts, documents and files for robustness tests, and mutations of valid files."""

import json
import random
from importlib.util import find_spec
from itertools import pairwise

import pytest
from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord, Record, RelationRecord

SCRIPTS = "aZß京都𠮷がカ한ไทย عر עב"
MARKS = "e\u0301\u200d\u200f\u202e\ufe0f🙂👩\u200d🚀"
WHITE_SPACE = "\t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u2029\u3000 "
CONTROLS = "\x00\x07\x1b\x7f\ufeff\ufffe\uffff"
MARKUP = "|\\\"'-;:#$_{}<>&%[]()"
SPECIAL = SCRIPTS + MARKS + WHITE_SPACE + CONTROLS + MARKUP

# Without surrogates, which spaCy cannot store.
texts = st.text(st.sampled_from(SPECIAL) | st.characters(exclude_categories=["Cs"]), max_size=40)
labels = st.text(st.sampled_from("aZ地-_:é$"), min_size=1, max_size=4)
# Labels that a picture may not interpret.
ODD_LABELS = [
    "US$_and_$",
    r"$\frac",
    r"\\frac{a}{b}",
    "<script>alert(1)</script>",
    "{{ x }}",
    "{% raw %}",
    "]]>&amp;",
    "\"'",
    "🙂👩\u200d🚀",
    "عربي\u202e",
    "e\u0301",
    "",
    "  ",
    "two\nlines",
    "NUL\x00 bell\x07 escape\x1b",
    "\ufffe\uffff",
    "x" * 5000,
]


@st.composite
def records(draw, texts=texts, labels=labels):
    """A record with tokens, nested and crossing entities, relations and text labels."""
    text = draw(texts)
    boundaries = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)) | {0, len(text)})
    tokens = [(start, end) for start, end in pairwise(boundaries) if draw(st.booleans())]
    solid = [i for i, (start, end) in enumerate(tokens) if not text[start].isspace() and not text[end - 1].isspace()]
    entities, relations = [], []
    if solid:
        pairs = draw(st.lists(st.tuples(st.sampled_from(solid), st.sampled_from(solid), labels), max_size=8))
        entities = list(
            dict.fromkeys(EntityRecord(tokens[min(i, j)][0], tokens[max(i, j)][1], label) for i, j, label in pairs)
        )
    if entities:
        places = st.integers(0, len(entities) - 1)
        drawn = draw(st.lists(st.builds(RelationRecord, places, places, labels), max_size=6))
        ends = {
            (entities[r.head].start, entities[r.head].end, entities[r.tail].start, entities[r.tail].end, r.label): r
            for r in drawn
        }
        # Relations of an entity with itself are lost, and counted.
        relations = [relation for key, relation in ends.items() if key[:2] != key[2:4]]
    return Record(text=text, tokens=tokens, entities=entities, relations=relations, cats={draw(labels): 1.0})


# A valid source of each format: the content of its files. The first file is the source itself unless it is in a folder.
_JSONL = [
    {
        "id": "1",
        "text": "Ada met Bo in Lima.",
        "entities": [
            {"start": 0, "end": 3, "label": "person"},
            {"start": 8, "end": 10, "label": "person"},
            {"start": 14, "end": 18, "label": "place"},
        ],
        "relations": [{"head": 0, "tail": 1, "label": "met"}, {"head": 1, "tail": 2, "label": "in"}],
        "cats": {"diary": 1.0, "news": 0.0},
        "group": "g1",
    },
    {"id": 2, "text": "雨 🙂", "entities": [], "relations": [], "cats": {"news": 1.0}, "tokens": [[0, 1], [2, 3]]},
]
_SPERT = [
    {
        "tokens": ["Ada", "met", "Bo", "Fox"],
        "entities": [
            {"type": "person", "start": 0, "end": 1},
            {"type": "person", "start": 2, "end": 4},
            {"type": "given", "start": 2, "end": 3},
        ],
        "relations": [{"type": "met", "head": 0, "tail": 1}],
        "orig_id": 7,
    },
    {"tokens": ["Rain"], "entities": [], "relations": []},
]
_CROSSRE = [
    {
        "doc_key": "music-dev-1",
        "sentence": ["Ada", "sang", "in", "Lima"],
        "ner": [[0, 0, "person"], [3, 3, "place"], [2, 3, "phrase"]],
        "relations": [[0, 0, 3, 3, "in", "", False, False]],
    },
    {
        "doc_key": "music-dev-2",
        "sentence": ["雨", "だ"],
        "sentence-detokenized": "雨だ",
        "token2charspan": [[0, 1], [1, 2]],
        "ner": [[0, 0, "weather"]],
        "relations": [],
    },
]
_DOCCANO = [
    {
        "id": 11,
        "text": "Ada met Bo.",
        "source": "letters",
        "entities": [
            {"id": 4, "label": "person", "start_offset": 0, "end_offset": 3},
            {"id": 5, "label": "person", "start_offset": 8, "end_offset": 10},
        ],
        "relations": [{"id": 7, "from_id": 4, "to_id": 5, "type": "met"}],
        "Comments": ["sure"],
    },
    {"id": 12, "text": "Ada in Lima", "label": [[0, 3, "person"], [7, 11, "place"]], "Comments": []},
    {"id": 13, "text": "雨 🙂", "entities": [[0, 1, "weather"]], "cats": ["news"], "Comments": []},
    {"id": 14, "text": "Rain", "label": ["diary", "news"], "meta": {"by": "Ada"}},
]
_GENIA = [
    {
        "tokens": ["jun", "B", "binds"],
        "doc_id": "M:1",
        "sent_id": "M:1-0",
        "entity_mentions": [
            {"start": 0, "end": 2, "entity_type": "DNA", "text": "jun B"},
            {"start": 0, "end": 1, "entity_type": "protein", "text": "jun"},
        ],
    },
    {"tokens": ["None"], "entity_mentions": []},
]


def _region(id, start, end, text, *labels):
    value = {"start": start, "end": end, "text": text, "labels": list(labels)}
    return {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value, "origin": "manual"}


_LABEL_STUDIO = [
    {
        "id": 1,
        "data": {"text": "🙂 Ada met Bo.", "by": "x"},
        "annotations": [
            {
                "id": 5,
                "completed_by": 1,
                "was_cancelled": False,
                "result": [
                    _region("r1", 2, 5, "Ada", "person"),
                    _region("r2", 10, 12, "Bo", "person"),
                    {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right", "labels": ["met"]},
                    {
                        **{"id": "c", "from_name": "kind", "to_name": "text", "type": "choices"},
                        "value": {"choices": ["diary", "news"]},
                    },
                ],
            }
        ],
        "drafts": [],
        "predictions": [],
    },
    {
        "id": 2,
        "data": {"text": "Rain"},
        "annotations": [{"was_cancelled": False, "result": [_region("r1", 0, 4, "Rain", "weather", "short")]}],
    },
]
_PRODIGY_SPANS = [
    {"text": "Ada", "start": 0, "end": 3, "token_start": 0, "token_end": 0, "type": "span", "label": "person"},
    {"text": "Bo Fox", "start": 8, "end": 14, "token_start": 2, "token_end": 3, "type": "span", "label": "person"},
]
_PRODIGY_HEADS = [{key: value for key, value in span.items() if key not in ("text", "type")} for span in _PRODIGY_SPANS]
_PRODIGY = [
    {
        "text": "Ada met Bo Fox",
        "_input_hash": 5,
        "_task_hash": -6,
        "meta": {"source": "letters"},
        "tokens": [
            {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True, "disabled": False},
            {"text": "met", "start": 4, "end": 7, "id": 1, "ws": True, "disabled": False},
            {"text": "Bo", "start": 8, "end": 10, "id": 2, "ws": True, "disabled": False},
            {"text": "Fox", "start": 11, "end": 14, "id": 3, "ws": False, "disabled": False},
        ],
        "spans": _PRODIGY_SPANS,
        "_view_id": "relations",
        "relations": [
            {"head": 0, "child": 3, "head_span": _PRODIGY_HEADS[0], "child_span": _PRODIGY_HEADS[1], "label": "met"},
            {"head": 3, "child": 0, "label": "met", "color": "#c5bdf4"},
        ],
        "answer": "accept",
    },
    {
        "text": "雨 🙂",
        "options": [{"id": "diary", "text": "Diary"}, {"id": "news", "text": "News"}],
        "accept": ["news"],
        "answer": "accept",
    },
    {"text": "Rain", "label": "weather", "answer": "accept"},
    {"text": "Sun", "label": "weather", "answer": "reject"},
]
_STOCKMARK = [
    {
        "curid": "1",
        "text": "青葉市の木村",
        "entities": [
            {"name": "青葉市", "span": [0, 3], "type": "地名"},
            {"name": "青葉", "span": [0, 2], "type": "人名"},
        ],
    },
    {"curid": "1", "text": "雨", "entities": []},
]
_ACTS = "utterance_id\tsrc_file_id\tspeaker\tutterance\tspeech_act"
_SPANS = [
    f"{p}_{n}" for p in ("span", "sub_span", "demon_span") for n in ("id", "utterance_id", "start", "length", "text")
]
_SPAN_HEADER = "\t".join([_ACTS, *_SPANS, "span_type", "negation"])
_NO_SPAN = "\t" * 5


def _lines(items):
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


_TABLE = (
    "id,text,label,entities,relations,by\n"
    'r1,"Ada met Bo, twice.",diary,"[{""start"": 0, ""end"": 3, ""label"": ""person""}, '
    '{""start"": 8, ""end"": 10, ""label"": ""person""}]","[{""head"": 0, ""tail"": 1, ""label"": ""met""}]",x\n'
    'r2,"雨, 🙂",news,[],,y\n'
    "r3,Sun,news,,,y\n"
)

SAMPLES: dict[str, dict[str, str]] = {
    "asdc": {
        "dialog_act/001.tsv": f"{_ACTS}\n1\t5\tagent\t湖の部屋です。\t\n2\t5\tuser\t湖の広い部屋、それで。\t要求\n"
        "3\t5\tuser\tはい。\tはい\n",
        "request_span/001.tsv": f"{_SPAN_HEADER}\n1\t5\tagent\t湖の部屋です。\t{_NO_SPAN}{_NO_SPAN}{_NO_SPAN}\t\t\n"
        "2\t5\tuser\t湖の広い部屋、それで。\t要求\t7\t2\t2\t4\t広い部屋\t8\t2\t0\t1\t湖\t9\t2\t7\t2\tそれ\t部屋\t0\n"
        f"3\t5\tuser\tはい。\tはい{_NO_SPAN}{_NO_SPAN}{_NO_SPAN}\t\t\n",
    },
    "brat": {
        "a.txt": "Ada met Bo\nin Lima.\n",
        "a.ann": "T1\tperson 0 3\tAda\nT2\tperson 8 10\tBo\nT3\tplace 14 18\tLima\n"
        "R1\tmet Arg1:T1 Arg2:T2\t\n*\tnear T2 T3\nA1\tSure T1\n#1\tAnnotatorNotes T2\tsure\n"
        "T4\tmeeting 4 7\tmet\nE1\tmeeting:T4 Who:T1 Who2:T2\nN1\tReference T1 Wiki:1\tAda\n",
        "b.txt": "Rain.",
        "b.ann": "",
    },
    "conll": {
        "part.conll": "-DOCSTART- -X- O\n\nAda NNP B-person\nFox NNP I-person\nmet VBD O\nBo NNP B-person\n\n"
        "Rain NN O\n\n"
    },
    "crossre": {"music-dev.json": _lines(_CROSSRE)},
    "doccano": {"admin.jsonl": _lines(_DOCCANO)},
    "genia": {"dev.jsonlines": _lines(_GENIA)},
    "jsonl": {"data.jsonl": _lines(_JSONL)},
    "labelstudio": {"project-1.json": json.dumps(_LABEL_STUDIO, ensure_ascii=False, indent=1)},
    "prodigy": {"out.jsonl": _lines(_PRODIGY)},
    "slots": {
        "seq.in": "play Blue Rain now\nstop\n",
        "seq.out": "O B-song I-song B-time\nO\n",
        "label": "PlayMusic\nStop\n",
    },
    "spert": {"data.json": json.dumps(_SPERT, indent=1)},
    "stockmark": {"ner.json": json.dumps(_STOCKMARK, ensure_ascii=False, indent=1)},
}
_CONLLU = [
    "# newdoc id = d1",
    "# sent_id = s1",
    "# text = Ada ate salami au Lac",
    *("1\tAda\t_\tPROPN\t_\t_\t2\tnsubj\t_\tNE=B-person", "2\tate\t_\tVERB\t_\t_\t0\troot\t_\t_"),
    *("3\tsalami\t_\tNOUN\t_\t_\t2\tobj\t_\t_", "4-5\tau\t_\t_\t_\t_\t_\t_\t_\t_"),
    *("4\tà\t_\tADP\t_\t_\t6\tcase\t_\t_", "5\tle\t_\tDET\t_\t_\t6\tdet\t_\tNE=B-place"),
    *("6\tLac\t_\tPROPN\t_\t_\t2\tobl\t_\tNE=I-place", "6.1\tate\t_\t_\t_\t_\t_\t_\t_\t_"),
    "",
    "# text = 京都だ",
    "1\t京都\t_\tPROPN\t_\t_\t0\troot\t_\tSpacesBefore=\\t|SpaceAfter=No|NE=B-place",
    "2\tだ\t_\tAUX\t_\t_\t1\tcop\t_\tSpaceAfter=No",
    "",
    "",
]
_SPACY = [
    {
        "text": "Ada met Bo.",
        "ents": [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 8, "end": 10, "label": "PERSON"}],
        "sents": [{"start": 0, "end": 11}],
        "cats": {"diary": 1.0, "news": 0.0},
        "tokens": [
            {"id": 0, "start": 0, "end": 3, "tag": "NNP", "pos": "PROPN", "lemma": "Ada", "dep": "nsubj", "head": 1},
            {"id": 1, "start": 4, "end": 7, "tag": "VBD", "pos": "VERB", "lemma": "meet", "dep": "ROOT", "head": 1},
            {"id": 2, "start": 8, "end": 10, "tag": "NNP", "pos": "PROPN", "lemma": "Bo", "dep": "dobj", "head": 1},
            {"id": 3, "start": 10, "end": 11, "tag": ".", "pos": "PUNCT", "lemma": ".", "dep": "punct", "head": 1},
        ],
    },
    {
        "text": "🙂 Ada in Lima",
        "tokens": [{"id": i, "start": s, "end": e} for i, (s, e) in enumerate([(0, 1), (2, 5), (6, 8), (9, 13)])],
        "spans": {
            "entities": [
                {"start": 2, "end": 5, "label": "person", "kb_id": ""},
                {"start": 9, "end": 13, "label": "place", "kb_id": ""},
            ]
        },
        "span_attrs": {"entities": {"scores": [0.9, 1.0]}},
        "relations": [
            {
                **{"head": [1, 2], "tail": [3, 4], "head_label": "person", "tail_label": "place", "label": "in"},
                **{"score": 0.5, "head_char": [2, 5], "head_text": "Ada", "tail_char": [9, 13], "tail_text": "Lima"},
            }
        ],
    },
    {
        "id": 7,
        "paragraphs": [
            {
                "raw": "雨 Fox",
                "sentences": [
                    {
                        "tokens": [
                            {"id": 0, "orth": "雨", "space": " ", "ner": "U-weather"},
                            {"id": 1, "orth": "Fox", "space": "", "ner": "O"},
                        ],
                        "brackets": [],
                    }
                ],
                "cats": [{"label": "news", "value": 1.0}],
                "entities": [[0, 1, "weather"]],
                "links": [],
            }
        ],
    },
]
SAMPLES["spacyjson"] = {"docs.jsonl": _lines(_SPACY)}
SAMPLES["conllu"] = {"part.conllu": "\n".join(_CONLLU)}
SAMPLES["table"] = {"data.csv": _TABLE}
SAMPLES["webanno"] = {
    "a.tsv": "#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|label\n#T_RL=custom.Relation|label|BT_custom.Span\n\n\n"
    "#Text=🙂 Ada Fox met\n1-1\t0-2\t🙂\t_\t_\t_\t\n1-2\t3-6\tAda\tperson[1]\t_\t_\t\n"
    "1-3\t7-10\tFox\tperson[1]|animal[2]\t_\t_\t\n1-4\t11-14\tmet\t_\t_\t_\t\n\n"
    "#Text=Bo.\n2-1\t15-17\tBo\tperson\tmet|knows\t1-2[1_0]|1-3[2_0]\t\n2-2\t17-18\t.\t_\t_\t_\t\n"
    "2-2.1\t17-18\t.\tmark\t_\t_\t\n"
}
_DOCRED = [
    {
        "title": "Ada",
        "sents": [["Ada", "met", "Bo", "."], ["Bo", "was", "in", "Lima", "."]],
        "vertexSet": [
            [{"name": "Ada", "sent_id": 0, "pos": [0, 1], "type": "PER"}],
            [
                {"name": "Bo", "sent_id": 0, "pos": [2, 3], "type": "PER"},
                {"name": "Bo", "sent_id": 1, "pos": [0, 1], "type": "PER"},
            ],
            [{"name": "Lima", "sent_id": 1, "pos": [3, 4], "type": "LOC"}],
        ],
        "labels": [{"h": 0, "t": 1, "r": "P26", "evidence": [0]}, {"h": 1, "t": 2, "r": "P551", "evidence": []}],
    },
    {"title": "雨", "sents": [["雨", "🙂"]], "vertexSet": [], "labels": []},
]
SAMPLES["docred"] = {"dev.json": json.dumps(_DOCRED, ensure_ascii=False, indent=1)}
SAMPLES["pubtator"] = {
    "corpus.txt": "11|t|🙂 Ada met Bo.\n11|a|Bo was in Lima.\n11\t2\t5\tAda\tperson\tP1\n"
    "11\t10\t12\tBo\tperson\tP2|P9\n"
    "11\t14\t16\tBo\tperson\tP2\n11\t24\t28\tLima\tplace\t-1\n11\tmet\tP1\tP2\tNovel\n\n"
    "12|t|Rain\n12|a|\n12\t0\t4\tRain\tweather\tW\n12\tsame\tW\tW\n\n"
}
SAMPLES["bioc"] = {
    "corpus.xml": """<?xml version='1.0' encoding='utf-8' standalone='yes'?>
<!DOCTYPE collection SYSTEM 'BioC.dtd'>
<collection>
  <source>x</source><date>2020</date><key>x.key</key>
  <document>
    <id>11</id>
    <infon key="journal">Letters</infon>
    <passage>
      <infon key="type">title</infon><offset>0</offset><text>🙂 Ada met Bo.</text>
      <annotation id="1">
        <infon key="type">person</infon><infon key="identifier">P1</infon>
        <location offset="2" length="3"/><text>Ada</text>
      </annotation>
      <annotation id="2"><infon key="type">person</infon><location offset="10" length="2"/><text>Bo</text></annotation>
    </passage>
    <passage>
      <offset>14</offset><text>Bo was in Lima.</text>
      <annotation id="3"><infon key="type">place</infon><location offset="24" length="4"/><text>Lima</text></annotation>
    </passage>
    <relation id="R1"><infon key="type">met</infon><node refid="1" role="a"/><node refid="2" role="b"/></relation>
    <relation id="R2"><infon key="type">in</infon><node refid="2" role="a"/><node refid="3" role="b"/></relation>
  </document>
  <document>
    <id>12</id>
    <passage><offset>0</offset><text>Rain</text></passage>
  </document>
</collection>
"""
}


def _cas_type(name, above, **features):
    described = {key: {"%NAME": key, "%RANGE": range_type} for key, range_type in features.items()}
    return {"%NAME": name, "%SUPER_TYPE": above, **described}


def _cas_item(id, kind, **features):
    return {"%ID": id, "%TYPE": kind, **{key.replace("ref_", "@"): value for key, value in features.items()}}


_DKPRO = "de.tudarmstadt.ukp.dkpro.core.api."
_STRING, _ANNOTATION = "uima.cas.String", "uima.tcas.Annotation"
_CAS_ITEMS = [
    _cas_item(
        1, "uima.cas.Sofa", sofaNum=1, sofaID="_InitialView", mimeType="text", sofaString="🙂 Ada met Bo.\nRain."
    ),
    _cas_item(
        2,
        _DKPRO + "metadata.type.DocumentMetaData",
        **{"ref_sofa": 1, "begin": 0, "end": 20, "language": "x-unspecified"},
        **{"documentTitle": "a.txt", "documentId": "anna", "isLastSegment": False},
    ),
    *(
        _cas_item(10 + i, _DKPRO + "segmentation.type.Token", ref_sofa=1, begin=begin, end=end, order=0)
        for i, (begin, end) in enumerate([(0, 2), (3, 6), (7, 10), (11, 13), (13, 14), (15, 19), (19, 20)])
    ),
    _cas_item(20, _DKPRO + "segmentation.type.Sentence", ref_sofa=1, begin=0, end=14),
    _cas_item(21, _DKPRO + "segmentation.type.Sentence", ref_sofa=1, begin=15, end=20),
    _cas_item(30, "custom.Span", ref_sofa=1, begin=3, end=6, label="person"),
    _cas_item(31, "custom.Span", ref_sofa=1, begin=11, end=13, label="person"),
    _cas_item(32, "custom.Span", ref_sofa=1, begin=15, end=20, label="weather", note="sure"),
    _cas_item(40, "custom.Relation", ref_sofa=1, begin=11, end=13, ref_Governor=30, ref_Dependent=31, label="met"),
    _cas_item(50, "custom.DocumentLabel", ref_sofa=1, label="diary"),
]
_CAS_TYPES = [
    _cas_type(
        _DKPRO + "metadata.type.DocumentMetaData",
        "uima.tcas.DocumentAnnotation",
        **{"documentTitle": _STRING, "documentId": _STRING, "isLastSegment": "uima.cas.Boolean"},
    ),
    _cas_type(_DKPRO + "segmentation.type.Token", _ANNOTATION, order="uima.cas.Integer"),
    _cas_type(_DKPRO + "segmentation.type.Sentence", _ANNOTATION),
    _cas_type("custom.Span", _ANNOTATION, label=_STRING, note=_STRING),
    _cas_type("custom.Relation", _ANNOTATION, Governor="custom.Span", Dependent="custom.Span", label=_STRING),
    _cas_type("custom.DocumentLabel", "uima.cas.AnnotationBase", label=_STRING),
]
_CAS = {
    "%TYPES": {item["%NAME"]: item for item in _CAS_TYPES},
    "%FEATURE_STRUCTURES": _CAS_ITEMS,
    "%VIEWS": {"_InitialView": {"%SOFA": 1, "%MEMBERS": [item["%ID"] for item in _CAS_ITEMS[1:]]}},
}
SAMPLES["cas"] = {"a.json": json.dumps(_CAS, ensure_ascii=False, indent=1)}
FOLDERS = ("asdc", "brat", "slots")
# How a reader finds what the writer of its format has written, if not by itself.
READ_WITH = {"labelstudio": {"annotations": "predictions"}}
# Formats that need another package.
EXTRAS = {"bioc": "bioc", "bioc_json": "bioc", "cas": "cassis", "table_parquet": "pyarrow"}


def with_extras(formats):
    """Formats as parameters of a test: those whose package is not installed are skipped."""
    return [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                name in EXTRAS and find_spec(EXTRAS[name]) is None, reason=f"needs the package {EXTRAS.get(name)}"
            ),
        )
        for name in formats
    ]


ODD_VALUES = [
    None, True, -1, 0, 10**20, 1.5, "", " ", "x", [], {}, [None], {"a": 1}, "Anna \ud83d Bell", "\x00", "a\u2028b",
    [[0]],
]  # fmt: skip
ODD_JSON = ["1e999", "NaN", "-Infinity", "9" * 5000, "[" * 100_000, '{"a":1,"a":2}', '"\\ud83d"', "1e-999", "0" * 30]
ODD_CHARS = [*"\t\n\r \x00\x0b\x1c\x85\u2028\u3000\ufeffT0-{[\"',9Bx:*#R", "\n\n", "\r\n"]


@st.composite
def mutations(draw, content: str):
    """The bytes of a file that has been damaged, and the name of the damage."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    kinds = [*TEXT_MUTATIONS, *BYTE_MUTATIONS]
    if content[:1] in "[{":
        kinds += JSON_MUTATIONS * 3
    kind = draw(st.sampled_from(kinds))
    made = kind(rng, content)
    return kind.__name__, made if isinstance(made, bytes) else made.encode("utf8", "surrogatepass")


def _line_list(content):
    return content.splitlines(keepends=True) if "\u2028" not in content else content.split("\n")


def delete_line(rng, content):
    lines = _line_list(content)
    if lines:
        del lines[rng.randrange(len(lines))]
    return "".join(lines)


def duplicate_line(rng, content):
    lines = _line_list(content)
    if lines:
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    return "".join(lines)


def swap_lines(rng, content):
    lines = _line_list(content)
    if lines:
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[i], lines[j] = lines[j], lines[i]
    return "".join(lines)


def truncate(rng, content):
    return content[: rng.randrange(len(content) + 1)]


def delete_chars(rng, content):
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.randrange(1, 6) :]


def change_char(rng, content):
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(ODD_CHARS) + content[place + 1 :]


def insert_char(rng, content):
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(ODD_CHARS) + content[place:]


def change_number(rng, content):
    places = [i for i, char in enumerate(content) if char in "0123456789"]
    if not places:
        return content
    place = rng.choice(places)
    return content[:place] + rng.choice(["-1", "99", "0", "１", "1.0", "9" * 5000, "", "7"]) + content[place + 1 :]


def replace_line_ends(rng, content):
    return content.replace("\n", rng.choice(["\r\n", "\r", "\x85", "\u2028", "\x0b", ""]))


def repeat(rng, content):
    return content * 2


def empty(rng, content):
    return rng.choice(["", " ", "\n\n", "\ufeff", "[]", "{}", "null", "0"])


def other_encoding(rng, content):
    encoded = content.encode(rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"]))
    return encoded


def insert_bytes(rng, content):
    data = content.encode("utf8")
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice([b"\xff", b"\xed\xa0\xbd", b"\x80", b"\xc3", b"\x00"]) + data[place:]


def _places(value):
    """All containers of a JSON value with their keys."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, (dict, list)):
            yield from _places(item)


def _json_mutation(rng, content, change):
    """Apply a change to a random place of the JSON."""
    by_line = content[0] == "{" and content[1] != "\n"
    values = [json.loads(line) for line in content.splitlines()] if by_line else json.loads(content)
    places = list(_places(values))
    container, key = rng.choice([place for place in places if not (by_line and place[0] is values)])
    change(container, key)
    dumped = [json.dumps(value) for value in values] if by_line else [json.dumps(values, indent=1)]
    return "\n".join(dumped) + "\n"


def change_type(rng, content):
    return _json_mutation(rng, content, lambda container, key: container.__setitem__(key, rng.choice(ODD_VALUES)))


def drop_key(rng, content):
    return _json_mutation(rng, content, lambda container, key: container.__delitem__(key))


def rename_key(rng, content):
    def rename(container, key):
        if isinstance(container, dict):
            container[rng.choice([key + "s", key[:-1], key.upper(), "tags"])] = container.pop(key)

    return _json_mutation(rng, content, rename)


def odd_json(rng, content):
    changed = _json_mutation(rng, content, lambda container, key: container.__setitem__(key, "@@"))
    return changed.replace('"@@"', rng.choice(ODD_JSON))


TEXT_MUTATIONS = [
    delete_line, duplicate_line, swap_lines, truncate, delete_chars, change_char, insert_char, change_number,
    replace_line_ends, repeat, empty,
]  # fmt: skip
BYTE_MUTATIONS = [other_encoding, insert_bytes]
JSON_MUTATIONS = [change_type, drop_key, rename_key, odd_json]
