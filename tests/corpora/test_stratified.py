"""Every part of a stratified split has its share of every label, and no text is in two parts."""

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord, Record, RelationRecord
from spacy_mre.corpora.splits import split_records
from spacy_mre.corpora.stratified import SHARES, labels_of, split_stratified, stratify


def make_record(number, labels, cat):
    entities = [EntityRecord(i, i + 1, label) for i, label in enumerate(labels)]
    relations = [RelationRecord(0, 1, "near")] if len(entities) > 1 else []
    return Record(f"a b c d {number}", id=str(number), entities=entities, relations=relations, cats={cat: 1.0, "x": 0})


def test_labels_of_a_record():
    record = make_record(1, ["person", "place"], "news")
    assert labels_of(record) == {
        ("entity", "person"),
        ("entity", "place"),
        ("relation", "near"),
        ("text", "news"),
    }
    assert labels_of(Record("a")) == set()


def test_each_part_has_its_share_of_every_label():
    labels = [["person"], ["person", "place"], ["place", "firm"], []]
    records = [make_record(i, labels[i % 4], ["news", "diary"][i % 3 == 0]) for i in range(40)]
    split = split_records(records, "stratified")
    assert {part: len(found) for part, found in split.items()} == {"train": 28, "dev": 6, "test": 6}
    total = Counter(label for record in records for label in labels_of(record))
    for part, share in SHARES.items():
        found = Counter(label for record in split[part] for label in labels_of(record))
        for label, count in total.items():
            assert abs(found[label] - share * count) <= 1, (part, label)


def test_a_rare_label_is_in_training_first():
    records = [make_record(i, [], "news") for i in range(40)] + [make_record(99, ["rare"], "news")]
    assert [record.id for record in split_records(records, "stratified")["train"] if record.entities] == ["99"]
    more = [*records, make_record(98, ["rare"], "news"), make_record(97, ["rare"], "news")]
    assert sum(bool(record.entities) for record in split_records(more, "stratified")["train"]) == 2


def test_groups_and_equal_texts_are_not_split():
    records = [Record(f"text {i}", id=str(i), group=str(i // 5), cats={str(i % 3): 1.0}) for i in range(100)]
    records += [Record("the same", id=str(i)) for i in range(100, 110)]
    parts = dict(zip((record.id for record in records), split_stratified(records)))
    assert all(len({parts[str(i)] for i in range(5 * group, 5 * group + 5)}) == 1 for group in range(20))
    assert len({parts[str(i)] for i in range(100, 110)}) == 1
    assert set(parts.values()) == set(SHARES)


def test_the_seed_decides_ties():
    records = [make_record(i, ["person"], "news") for i in range(40)]
    assert split_stratified(records, 1) == split_stratified(records, 1)
    assert split_stratified(records, 1) != split_stratified(records, 2)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.frozensets(st.sampled_from("abcdef"), max_size=4), st.integers(0, 9)), max_size=60),
    st.integers(0, 5),
)
def test_every_text_is_in_one_part_and_no_group_in_two(texts, seed):
    labels, groups = [labels for labels, _ in texts], [group for _, group in texts]
    parts = stratify(labels, SHARES, groups=groups, seed=seed)
    assert len(parts) == len(texts) and set(parts) <= set(SHARES)
    assert len(set(zip(groups, parts))) == len(set(groups))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(3, 200), st.integers(0, 5))
def test_the_sizes_are_right_without_labels(size, seed):
    counts = Counter(stratify([()] * size, SHARES, groups=range(size), seed=seed))
    assert all(counts[part] == pytest.approx(share * size, abs=1) for part, share in SHARES.items())


def test_a_split_stays_the_same():
    labels = [{f"a{number % 2}", f"b{number % 3}", f"c{number * number % 11}"} for number in range(40)]
    parts = stratify(labels, SHARES, groups=[number % 29 for number in range(40)], seed=1)
    assert "".join(part[1] for part in parts) == "rreeerererrreerrrrrrrrrrrrrrerreeerererr"


def test_labels_may_grow_with_the_corpus():
    labels = [{f"kind{number // 2}", f"kind{number * 7 % 5000}"} for number in range(10_000)]
    start = time.process_time()
    stratify(labels, SHARES, groups=range(10_000))
    assert time.process_time() - start < 10  # quadratic, it takes minutes
