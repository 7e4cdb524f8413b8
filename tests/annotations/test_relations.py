import pickle
import subprocess
import sys
import textwrap

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_mre.annotations.doc_json import to_json
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import (
    KEY,
    Triple,
    get_arguments,
    get_relations,
    get_triples,
    identity,
    make_relation,
    relation_sources,
    set_relations,
    shift,
)
from spacy_mre.annotations.storage import save_docs

WORDS = ["Old", "Aoba", "lies", "by", "Lake", "Mizu", "."]
NEAR = make_relation((0, 2), (4, 6), "near", head_label="town", tail_label="water", score=0.75)
PART = make_relation((1, 2), (0, 2), "part_of")


@pytest.fixture
def doc():
    doc = Doc(Vocab(), words=WORDS)
    doc._.relations = [NEAR, PART]
    return doc


def plain_types(value):
    if isinstance(value, dict):
        return all(type(key) is str and plain_types(inner) for key, inner in value.items())
    if type(value) is list:
        return all(map(plain_types, value))
    return type(value) in (str, int, float)


def has_relations(doc, expected=(NEAR, PART)):
    assert type(doc._.relations) is list
    assert doc._.relations == list(expected)
    assert all(map(plain_types, doc._.relations))
    return True


def test_a_relation_of_spans():
    doc = spacy.blank("en")("Ida lives in Old Lima")
    assert make_relation(doc[0:1], doc[3:5], "lives_in") == make_relation((0, 1), (3, 5), "lives_in")


def test_make_relation():
    assert NEAR == {
        "head": [0, 2],
        "tail": [4, 6],
        "head_label": "town",
        "tail_label": "water",
        "label": "near",
        "score": 0.75,
    }
    assert PART == {
        "head": [1, 2],
        "tail": [0, 2],
        "head_label": "",
        "tail_label": "",
        "label": "part_of",
        "score": 1.0,
    }


@pytest.mark.parametrize(
    "number, score",
    [(numpy.int64, numpy.float32(0.5)), (numpy.int32, numpy.float64(0.5)), (torch.tensor, torch.tensor(0.5))],
    ids=["numpy64", "numpy32", "torch"],
)
def test_numpy_and_torch_scalars_are_converted(number, score):
    made = make_relation((number(0), number(2)), (number(4), number(6)), numpy.str_("near"), score=score)
    assert plain_types(made)
    assert made == make_relation((0, 2), (4, 6), "near", score=0.5)
    doc = Doc(Vocab(), words=WORDS)
    ends = numpy.array([[0, 2], [4, 6]])
    doc._.relations = [{"head": ends[0], "tail": ends[1], "label": "near", "score": score}]
    assert has_relations(doc, [made])


def test_reading_does_not_create_relations():
    doc = Doc(Vocab(), words=WORDS)
    before = dict(doc.user_data)
    assert doc._.relations is None
    assert doc._.triples == []
    assert get_relations(doc) is None
    assert doc.user_data == before == {}


def test_empty_is_not_absent(doc):
    doc._.relations = []
    assert doc._.relations == []
    assert doc._.relations is not None
    doc._.relations = None
    assert doc._.relations is None
    assert KEY not in doc.user_data


@pytest.mark.parametrize("relations", [None, []], ids=["absent", "empty"])
def test_absent_and_empty_survive_every_conversion(relations):
    doc = Doc(Vocab(), words=WORDS)
    doc._.relations = relations
    converted = [
        through_bytes(doc),
        through_doc_bin(doc),
        through_json(doc),
        doc.copy(),
        pickle.loads(pickle.dumps(doc)),
    ]
    assert [conversion._.relations for conversion in converted] == [relations] * len(converted)


def through_bytes(doc):
    return Doc(Vocab()).from_bytes(doc.to_bytes())


def through_doc_bin(doc):
    data = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (loaded,) = DocBin().from_bytes(data).get_docs(Vocab())
    return loaded


def through_json(doc):
    return Doc(Vocab()).from_json(doc.to_json(underscore=["relations"]))


@pytest.mark.parametrize(
    "conversion", [through_bytes, through_doc_bin, through_json, Doc.copy, lambda doc: pickle.loads(pickle.dumps(doc))]
)
def test_relations_survive(doc, conversion):
    assert has_relations(conversion(doc))
    assert has_relations(conversion(conversion(doc)))
    assert [triple.head.text for triple in conversion(doc)._.triples] == ["Old Aoba", "Aoba"]


def test_copy_does_not_share_relations(doc):
    copied = doc.copy()
    copied._.relations[0]["head"][0] = 1
    copied._.relations.append(make_relation((2, 3), (3, 4), "x"))
    assert has_relations(doc)


# In a new process: workers import only what they are sent, and threads of this process could hang after the fork.
PIPE = """
import spacy, torch
from spacy.language import Language
from spacy_mre import make_relation

torch.set_num_threads(1)

@Language.component("pair_up")
def pair_up(doc):
    if doc.text != "skip":
        doc._.relations = [make_relation((0, 1), (i, i + 1), "first", score=0.25) for i in range(1, len(doc))]
    return doc

nlp = spacy.blank("en")
nlp.add_pipe("pair_up")
texts = ["a b c", "skip", "d", "e f"]
one = [doc._.relations for doc in nlp.pipe(texts)]
two = [doc._.relations for doc in nlp.pipe(texts, n_process=2, batch_size=1)]
assert one == two, (one, two)
assert [None if found is None else len(found) for found in two] == [2, None, 0, 1]
assert two[3] == [make_relation((0, 1), (1, 2), "first", score=0.25)]
"""


def test_relations_survive_worker_processes():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(PIPE)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_appended_relations_are_kept(doc):
    for current in (doc, through_doc_bin(doc), through_bytes(doc)):
        current._.relations.append(make_relation((2, 3), (6, 7), "ends"))
        assert [relation["label"] for relation in current._.relations] == ["near", "part_of", "ends"]
        assert through_bytes(current)._.relations == current._.relations


def test_a_relation_that_is_appended_twice_stays_twice_in_every_conversion(doc):
    doc._.relations.append(dict(NEAR))
    for current in (doc, through_bytes(doc), through_doc_bin(doc)):
        assert has_relations(current, [NEAR, PART, NEAR])
        set_relations(current, current._.relations)
        assert has_relations(current)


@pytest.mark.parametrize("order", [1, -1])
def test_best_scored_of_equal_relations_is_kept(order):
    doc = Doc(Vocab(), words=WORDS)
    worse, better = (
        make_relation((0, 1), (1, 2), "x", score=0.2),
        make_relation((0, 1), (1, 2), "x", head_label="t", score=0.9),
    )
    doc._.relations = [worse, better][::order]
    assert doc._.relations == [better]
    assert identity(worse) == identity(better) == (0, 1, 1, 2, "x")


def test_a_pair_may_have_several_labels_and_both_directions():
    doc = Doc(Vocab(), words=WORDS)
    relations = [
        make_relation((0, 1), (1, 2), "x"),
        make_relation((0, 1), (1, 2), "y"),
        make_relation((1, 2), (0, 1), "x"),
    ]
    doc._.relations = relations
    assert doc._.relations == relations


@pytest.mark.parametrize("head", [(-1, 1), (6, 8), (2, 2), (3, 2)], ids=["before", "behind", "empty", "backwards"])
@pytest.mark.parametrize("end", ["head", "tail"])
def test_argument_outside_the_document_is_m102(doc, head, end):
    relation = {**NEAR, end: list(head)}
    with pytest.raises(ValueError, match=r"\[M102\].*near.*7 tokens"):
        doc._.relations = [relation]
    assert has_relations(doc)  # a failed write changes nothing


@pytest.mark.parametrize("field", ["head", "tail", "label"])
def test_missing_field_is_m101(doc, field):
    relation = {name: value for name, value in NEAR.items() if name != field}
    with pytest.raises(ValueError, match=rf"\[M101\].*{field}"):
        set_relations(doc, [relation])


def test_argument_labels_and_score_are_optional(doc):
    doc._.relations = [{"head": (0, 1), "tail": (1, 2), "label": "x"}]
    assert doc._.relations == [make_relation((0, 1), (1, 2), "x", score=1.0)]


def test_unknown_fields_are_not_stored(doc):
    doc._.relations = [{**NEAR, "head_text": "Old Aoba", "object": object()}]
    assert has_relations(doc, [NEAR])


def test_triples_are_named_tuples_of_spans(doc):
    first, second = doc._.triples
    assert isinstance(first, Triple)
    assert (first.head.text, first.label, first.tail.text, first.score) == ("Old Aoba", "near", "Lake Mizu", 0.75)
    assert (first.head.label_, first.tail.label_, second.head.label_) == ("town", "water", "")
    assert first.head.doc is doc


def test_triples_are_a_read_only_view(doc):
    with pytest.raises(ValueError, match=r"\[M103\]"):
        doc._.triples = []
    doc._.triples.clear()
    assert len(doc._.triples) == 2
    assert has_relations(doc)


def test_triples_of_a_retokenized_document_are_m104(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[2:7])
    with pytest.raises(ValueError, match=r"\[M104\]"):
        get_triples(doc)


def test_shift():
    moved = shift(NEAR, 10)
    assert (moved["head"], moved["tail"]) == ([10, 12], [14, 16])
    assert shift(moved, -10) == NEAR


def test_empty_pipeline_does_not_change_relations(doc):
    doc = through_bytes(doc)
    assert has_relations(spacy.blank("en")(doc))


RELATION = {"head": (0, 1), "tail": (3, 4), "label": "lives_in"}
OTHER = {"head": (3, 4), "tail": (0, 1), "label": "home_of"}


@pytest.fixture
def ida():
    return spacy.blank("en").make_doc("Ida lives in Lima")


def labels(doc):
    return [relation["label"] for relation in get_relations(doc)]


def test_a_source_replaces_its_own_relations_and_keeps_those_of_others(ida):
    set_relations(ida, [RELATION], source="rules")
    for _ in range(2):
        set_relations(ida, [OTHER], source="spert_mt")
        assert labels(ida) == ["lives_in", "home_of"]
    set_relations(ida, [], source="spert_mt")
    assert labels(ida) == ["lives_in"]
    set_relations(ida, [OTHER])  # assignment replaces all
    assert labels(ida) == ["home_of"]


def test_relations_appended_by_hand_are_kept(ida):
    set_relations(ida, [RELATION], source="spert_mt")
    ida._.relations.append(make_relation((3, 4), (0, 1), "home_of"))
    set_relations(ida, [], source="spert_mt")
    assert labels(ida) == ["home_of"]


@pytest.mark.parametrize(
    "read",
    [
        lambda doc: doc._.relations,
        lambda doc: doc._.triples,
        get_arguments,
        relation_sources,
        lambda doc: set_relations(doc, [], source="spert_mt"),
        to_json,
        lambda doc: through_bytes(doc)._.triples,
        lambda doc: through_doc_bin(doc)._.triples,
    ],
)
def test_an_appended_relation_needs_a_head_a_tail_and_a_label_only(read, ida):
    set_relations(ida, [RELATION], source="rules")
    ida._.relations.append(dict(OTHER))
    read(ida)
    assert has_relations(ida, [make_relation(**RELATION), make_relation(**OTHER)])
    assert relation_sources(ida) == ["rules", ""]


@pytest.mark.parametrize(
    ("relation", "error"),
    [
        ({"head": (3, 4), "tail": (0, 1)}, "M101"),
        ((3, "home_of", 0), "M101"),
        ({"head": (3, 5), "tail": (0, 1), "label": "home_of"}, "M102"),
    ],
)
def test_an_appended_relation_that_is_none_is_m101_or_m102(relation, error, ida):
    set_relations(ida, [RELATION])
    ida._.relations.append(relation)
    for _ in range(2):
        with pytest.raises(ValueError, match=error):
            ida._.triples  # noqa: B018


def test_sources_survive_bytes_and_a_docbin(ida):
    set_relations(ida, [RELATION], source="rules")
    set_relations(ida, [OTHER], source="spert_mt")
    docs = DocBin(store_user_data=True, docs=[ida]).get_docs(ida.vocab)
    for doc in (Doc(ida.vocab).from_bytes(ida.to_bytes()), ida.copy(), *docs):
        set_relations(doc, [], source="spert_mt")
        assert labels(doc) == ["lives_in"]


@pytest.mark.parametrize("change", ["merge", "split"])
def test_reading_after_retokenization_is_m104(change, ida):
    set_relations(ida, [{"head": (1, 2), "tail": (3, 4), "label": "in"}], source="spert_mt")
    with ida.retokenize() as retokenizer:
        if change == "merge":  # the offsets are still inside the document, but of other words
            retokenizer.merge(ida[1:3])
        else:
            retokenizer.split(ida[0], ["I", "da"], heads=[ida[1], ida[1]])
    for read in (get_relations, get_triples, to_json, lambda doc: doc._.relations):
        with pytest.raises(ValueError, match=r"\[M104\].*have changed"):
            read(ida)
    set_relations(ida, [{"head": (0, 1), "tail": (2, 3), "label": "in"}], source="spert_mt")  # its own may be replaced
    assert [(head.text, tail.text) for head, _, tail, _ in get_triples(ida)] in ([("Ida", "Lima")], [("I", "lives")])


@pytest.mark.parametrize("write", [[], [RELATION]], ids=["empty", "emptied by hand"])
def test_an_empty_list_has_no_offsets_that_could_be_wrong(write, ida):
    set_relations(ida, write)
    get_relations(ida).clear()
    with ida.retokenize() as retokenizer:
        retokenizer.merge(ida[1:3])
    assert get_relations(ida) == []
    ida._.relations.append(make_relation((0, 1), (2, 3), "in"))
    assert [(head.text, tail.text) for head, _, tail, _ in get_triples(ida)] == [("Ida", "Lima")]
    with ida.retokenize() as retokenizer:
        retokenizer.merge(ida[1:3])
    with pytest.raises(ValueError, match=r"\[M104\].*its 1 relations"):
        get_relations(ida)


def test_a_document_that_was_retokenized_is_not_saved(ida, tmp_path):
    set_relations(ida, [RELATION])
    with ida.retokenize() as retokenizer:
        retokenizer.merge(ida[1:3])
    with pytest.raises(ValueError, match=r"\[M104\]"):
        save_docs([ida], tmp_path / "docs.spacy")


def test_sources_are_right_after_the_list_was_edited_by_hand(ida):
    """They belonged to positions: a relation in the place of a deleted one counted as the component's."""
    set_relations(ida, [RELATION, OTHER], source="spert_mt")
    mine = make_relation((0, 1), (1, 2), "does")
    del ida._.relations[0]
    ida._.relations.append(mine)
    assert relation_sources(ida) == ["spert_mt", ""]
    set_relations(ida, [], source="spert_mt")
    assert get_relations(ida) == [mine]


def test_a_prediction_stays_one_after_another_was_deleted(ida):
    set_relations(ida, [RELATION, OTHER], source="spert_mt")
    del ida._.relations[0]
    assert relation_sources(ida) == ["spert_mt"]
    set_relations(ida, [], source="spert_mt")
    assert get_relations(ida) == []


def test_a_relation_appended_by_hand_stays_if_it_was_predicted_too(ida):
    set_relations(ida, [{**RELATION, "score": 0.5}], source="spert_mt")
    ida._.relations.append(make_relation(RELATION["head"], RELATION["tail"], RELATION["label"]))
    set_relations(ida, [], source="spert_mt")
    assert [relation["score"] for relation in get_relations(ida)] == [1.0]


def test_arguments_without_a_label_have_that_of_their_entity(ida):
    set_entities(ida, [(0, 1, "person", 1.0), (3, 4, "place", 1.0), (3, 4, "town", 1.0)])
    ida._.relations = [make_relation((0, 1), (3, 4), "lives_in"), make_relation((3, 4), (1, 2), "x", head_label="town")]
    assert [(head.label, tail.label) for head, tail in get_arguments(ida)] == [("person", "place"), ("town", "")]
