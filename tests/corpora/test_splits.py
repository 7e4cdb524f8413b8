import warnings
from collections import Counter
from weakref import ref

import pytest

from spacy_mre.corpora import Record
from spacy_mre.corpora.splits import SPLIT_RULES, by_hash, by_number, choose_parts, split_last_tenth, split_records


def test_by_hash_is_the_same_on_every_machine():
    assert [by_hash(key) for key in ("1", "青山", "0", "6", "3", "11")] == [
        "train",
        "train",
        "dev",
        "dev",
        "test",
        "test",
    ]
    counts = Counter(by_hash(str(i)) for i in range(5000))
    assert counts["train"] == pytest.approx(4000, rel=0.05)
    assert counts["dev"] == pytest.approx(500, rel=0.15)


def test_groups_are_not_split():
    records = [Record(f"text {i}", id=str(i), group=str(i // 7)) for i in range(700)]
    split = split_records(records, "hash")
    groups = [{record.group for record in part} for part in split.values()]
    assert len(groups) == 3
    assert sum(map(len, groups)) == len(set().union(*groups)) == 100
    assert sum(map(len, split.values())) == 700


def test_by_number():
    assert [by_number(i) for i in range(1, 11)] == ["train"] * 8 + ["dev", "test"]
    counts = Counter(by_number(i) for i in range(1, 401))
    assert counts == {"train": 320, "dev": 40, "test": 40}


def test_split_by_number_needs_numbers():
    split = split_records([Record(f"text {i}", id=f"nature-{i:02}") for i in range(1, 11)], "number")
    assert {part: [record.id for record in found] for part, found in split.items()}["test"] == ["nature-10"]
    with pytest.raises(ValueError, match=r"\[M206\].*'nature'"):
        split_records([Record("a", id="nature")], "number")


def test_last_tenth_does_not_split_groups():
    assert split_last_tenth([Record("a")] * 20) == ["train"] * 18 + ["dev"] * 2
    grouped = [Record("a", group="x")] * 19 + [Record("a", group="y")]
    assert split_last_tenth(grouped) == ["train"] * 19 + ["dev"]
    scattered = [Record("a", group=group) for group in "xxxxxxxxxxxxxxxxxxyx"]
    assert split_last_tenth(scattered) == ["train"] * 18 + ["dev", "train"]
    assert split_last_tenth([Record("a")] * 3) == ["train"] * 3
    assert split_last_tenth([]) == []


@pytest.mark.parametrize("rule", SPLIT_RULES)
def test_the_records_are_never_all_in_memory(rule):
    made = []

    class Source:
        """Makes new records whenever it is read, as a spool does."""

        def __iter__(self):
            for i in range(1, 41):
                record = Record(f"text {i}", id=f"a-{i}")
                made.append(ref(record))
                assert sum(one() is not None for one in made) <= 3
                yield record

    assert choose_parts(Source(), rule) == choose_parts([Record(f"text {i}", id=f"a-{i}") for i in range(1, 41)], rule)


def test_texts_of_other_parts_that_are_in_train_are_warned_of():
    records = [Record(f"text {i}", id=f"a-{i}", group=str(i)) for i in range(1, 21)]
    records[9] = Record("yes", id="a-9", group="x")
    records[18] = Record("yes", id="a-19", group="y")
    records[19] = Record("yes", id="a-20", group="z")
    with pytest.warns(UserWarning, match=r"W202.*'last-tenth'\): 2 of 2 dev in train\."):
        assert choose_parts(records, "last-tenth")[18:] == ["dev", "dev"]
    records[9] = Record("no", id="a-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose_parts(records, "last-tenth")  # equal texts of one part are no harm


@pytest.mark.parametrize("rule", SPLIT_RULES)
def test_every_rule_warns_of_repeated_texts(rule):
    records = [Record("yes", id=f"a-{i}", group=f"dialogue {i}") for i in range(1, 41)]
    with pytest.warns(UserWarning, match=r"W202"):
        choose_parts(records, rule)


def test_unknown_rule():
    with pytest.raises(ValueError, match=r"\[M205\].*'best'.*hash, number, last-tenth"):
        split_records([], "best")


def test_texts_of_dev_that_are_in_test_too():
    records = [Record(f"text {i}", id=str(i)) for i in range(60)]
    dev, test = ([record for record in records if by_hash(record.id) == part] for part in ("dev", "test"))
    test[0].text = dev[0].text
    with pytest.warns(UserWarning, match=rf"W202.*'hash'\): 1 of {len(test)} test in dev\."):
        choose_parts(records, "hash")
    dev[0].text = test[0].text = "text 1"
    counts = f"1 of {len(dev)} dev in train, 1 of {len(test)} test in train, 1 of {len(test)} test in dev"
    with pytest.warns(UserWarning, match=rf"W202.*'hash'\): {counts}\."):
        choose_parts(records, "hash")
