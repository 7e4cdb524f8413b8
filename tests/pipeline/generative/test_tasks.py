"""One component for several tasks: what a Doc is trained on, and what is read back from it."""

import json

import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import fix_random_seed
from typer.testing import CliRunner

from spacy_mre import load_docs, make_relation, save_docs
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import identity
from spacy_mre.cli import app
from spacy_mre.pipeline.generative.format_files import load_formats
from spacy_mre.pipeline.generative.formats import template_names
from spacy_mre.pipeline.generative.formats.task_gold import TaskGold
from spacy_mre.pipeline.generative.language_model import LanguageModel
from spacy_mre.pipeline.generative.trainer.recipe import Recipe
from spacy_mre.pipeline.generative.trainer.train import train_generative
from spacy_mre.training.optimizer import make_adamw

TASKS = ["SCNM", "SCPOS:RW", "SCPOS:Adj&N", "SCPOS:Adj", "SCPOS:N", "TCREE:RE", "TCREE:EE", "TCONER"]
CHARACTERS = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.CharacterTokenizer.v1"}}}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
MODEL = {"@architectures": "spacy_mre.CausalLM.v1", "config": LLAMA, "tokenizer": {"kind": "bpe", "vocab_size": 700}}
# For each language a report with entities, relations and an event; a review with judging words (adjectives, nouns and
# others); and a text with free labels.
REPORTS = {
    "ja": (
        "小湊灯は六月に那珂川町であかり文庫を設立した。",
        "society",
        {"小湊灯": "person", "那珂川町": "place", "あかり文庫": "other_organisation"},
        [("小湊灯", "founded", "あかり文庫"), ("あかり文庫", "located_in", "那珂川町")],
        {"設立した": {"subject": "小湊灯", "time": "六月", "place": "那珂川町", "object": "あかり文庫"}},
    ),
    "en": (
        "In May Ida Lake opened Port Lab in Lima.",
        "academia",
        {"Ida Lake": "person", "Port Lab": "facility", "Lima": "place"},
        [("Ida Lake", "founded", "Port Lab"), ("Port Lab", "located_in", "Lima")],
        {"opened": {"time": "In May", "subject": "Ida Lake", "object": "Port Lab", "place": "Lima"}},
    ),
    "zh": (
        "三月，李青在海城创办了晨光社。",
        "technology",
        {"李青": "person", "海城": "place", "晨光社": "company"},
        [("李青", "founded", "晨光社"), ("晨光社", "located_in", "海城")],
        {"创办": {"time": "三月", "subject": "李青", "place": "海城", "object": "晨光社"}},
    ),
}
REVIEWS = {
    "ja": (
        "景色は絶品、部屋は狭い。また来る。",
        "positive",
        {"狭い": "negative"},
        {"絶品": "positive"},
        "また来る",
    ),
    "en": ("A gem with thin walls; we came back.", "neutral", {"thin": "negative"}, {"gem": "positive"}, "came back"),
    "zh": ("早餐是惊喜，床很硬，还会再来。", "negative", {"硬": "negative"}, {"惊喜": "positive"}, "还会再来"),
}
OPEN = {
    "ja": ("朝は味噌汁と焼き鮭を食べた。", "food", {"味噌汁": "soup", "焼き鮭": "fish dish"}),
    "en": ("The red panda slept on a fir.", "wildlife", {"red panda": "animal", "fir": "tree"}),
    "zh": ("他把小提琴借给了合唱团。", "music", {"小提琴": "instrument", "合唱团": "choir"}),
}
CLASSES = {
    "report": ("society", "academia", "technology"),
    "review": ("positive", "negative", "neutral"),
    "open": ("food", "wildlife", "music"),
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def place(doc, words):
    start = doc.text.index(words)
    span = doc.char_span(start, start + len(words))
    return span.start, span.end


def mark(doc, words, key):
    set_entities(doc, [(*place(doc, text), label, 1.0) for text, label in words.items()], key=key, set_ents=False)


def make_gold(nlp):
    """The gold of each text, by kind and language."""
    golds = {}
    for lang, (text, label, entities, relations, events) in REPORTS.items():
        doc = golds["report", lang] = nlp.make_doc(text)
        mark(doc, entities, "entities")
        mark(doc, dict.fromkeys(events, "founding"), "TCREE:EE")
        doc._.relations = [make_relation(place(doc, head), place(doc, tail), name) for head, name, tail in relations]
        doc._.relations += [
            make_relation(place(doc, trigger), place(doc, argument), role, head_label="founding")
            for trigger, arguments in events.items()
            for role, argument in arguments.items()
        ]
        doc.cats = {name: float(name == label) for name in CLASSES["report"]}
    for lang, (text, label, adjectives, nouns, other) in REVIEWS.items():
        doc = golds["review", lang] = nlp.make_doc(text)
        mark(doc, {**adjectives, **nouns, other: "positive"}, "SCPOS:RW")
        mark(doc, {**adjectives, **nouns}, "SCPOS:Adj&N")
        mark(doc, adjectives, "SCPOS:Adj")
        mark(doc, nouns, "SCPOS:N")
        doc.cats = {name: float(name == label) for name in CLASSES["review"]}
    for lang, (text, label, entities) in OPEN.items():
        doc = golds["open", lang] = nlp.make_doc(text)
        mark(doc, entities, "TCONER")
        doc.cats = {name: float(name == label) for name in CLASSES["open"]}
    return golds


def make_nlp(**settings):
    nlp = spacy.blank("xx", config=CHARACTERS)
    nlp.add_pipe("oiellm", config={"model": MODEL, "tasks": TASKS, "max_new_tokens": 110, **settings})
    return nlp


def examples_of(nlp, golds):
    return [Example(nlp.make_doc(gold.text), gold) for gold in golds.values()]


@pytest.fixture(scope="module")
def trained():
    """A pipeline that is overfit on all texts, and their gold. Tests must not change it."""
    nlp = make_nlp()
    golds = make_gold(nlp)
    examples = examples_of(nlp, golds)
    fix_random_seed(0)
    nlp.initialize(lambda: examples)
    sgd = make_adamw(5e-3)
    for _ in range(150):
        loss = nlp.update(examples, sgd=sgd)["oiellm"]
        sgd.step_schedules()
        if loss < 0.02:
            break
    assert loss < 0.05
    return nlp, golds


def check(kind, doc, gold):
    """Every level that has gold is read back from the Doc."""
    keys = {"report": ["entities", "TCREE:EE"], "review": TASKS[1:5], "open": ["TCONER"]}[kind]
    for key in keys:
        assert [tuple(span[:3]) for span in get_entities(doc, key)] == [span[:3] for span in get_entities(gold, key)]
        assert all(0.5 < span.score <= 1 for span in get_entities(doc, key))
    classes = CLASSES[kind]
    assert max(classes, key=doc.cats.__getitem__) == max(classes, key=gold.cats.__getitem__)
    if kind == "report":
        assert sorted(map(identity, doc._.relations)) == sorted(map(identity, gold._.relations))
        assert {span.text for span in doc.spans["entities"]} <= {ent.text for ent in doc.ents}


def test_all_kinds_in_all_languages_are_read_back(trained, tmp_path):
    nlp, golds = trained
    assert set(TASKS) == set(template_names())
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    texts = [gold.text for gold in golds.values()]
    for pipeline in (nlp, loaded):
        for ((kind, _lang), gold), doc in zip(golds.items(), pipeline.pipe(texts)):
            check(kind, doc, gold)
            assert list(doc._.generated) == list(doc._.generated_score) == TASKS
    strings = {lang: doc._.generated for (kind, lang), doc in zip(golds, loaded.pipe(texts)) if kind == "report"}
    assert strings["en"]["SCNM"] == "Academia/NER/:Person;Ida Lake:Facility Name;Port Lab:Location;Lima"
    assert strings["en"]["TCREE:EE"] == (
        "academia/Event Extraction/:founding;opened;time;In May;subject;Ida Lake;object;Port Lab;place;Lima"
    )
    assert strings["ja"]["TCREE:RE"] == ("society/関係抽出/:小湊灯;設立;あかり文庫:あかり文庫;所在地;那珂川町")
    assert strings["zh"]["TCREE:EE"].endswith(";时间;三月;主体;李青;地点;海城;对象;晨光社")


def test_scores_of_several_tasks(trained):
    nlp, golds = trained
    scores = nlp.evaluate(examples_of(nlp, golds))
    for name in ("format_acc", "sc_acc", "ner_acc", "all_acc", "tl_f", "wl_f", "spans_entities_f", "spans_TCONER_f"):
        assert scores[name] == 1.0
    assert list(scores["by_task"]) == TASKS and scores["by_task"]["TCREE:EE"]["wl_f"] == 1.0
    # One wrong string of one task: of its three texts two are right, and all texts of the other seven tasks are.
    examples = examples_of(nlp, golds)
    for eg in examples:
        eg.predicted = nlp(eg.predicted)
    wrong = next(eg for eg, (kind, _) in zip(examples, golds) if kind == "open")
    wrong.predicted._.generated = {**wrong.predicted._.generated, "TCONER": "x"}
    scores = nlp.get_pipe("oiellm").score(examples)
    assert scores["by_task"]["TCONER"]["all_acc"] == pytest.approx(2 / 3)
    assert scores["all_acc"] == pytest.approx((7 + 2 / 3) / 8)


def test_all_questions_share_the_batches(trained, monkeypatch):
    nlp, golds = trained
    texts = [gold.text for gold in golds.values()]
    alone = [nlp(text)._.generated for text in texts]
    sizes, generate = [], LanguageModel.generate

    def spy(lm, sources, **settings):
        sizes.append(len(sources))
        return generate(lm, sources, **settings)

    monkeypatch.setattr(LanguageModel, "generate", spy)
    together = [doc._.generated for doc in nlp.pipe(texts)]
    assert sizes == [len(texts) * len(TASKS)]
    # Where a task has gold, the model is sure, whatever the other rows are.
    own = {"report": ["SCNM", "TCREE:RE", "TCREE:EE"], "review": TASKS[1:5], "open": ["TCONER"]}
    for (kind, _), one, many in zip(golds, alone, together):
        assert [one[task] for task in own[kind]] == [many[task] for task in own[kind]]
    monkeypatch.setattr(nlp.get_pipe("oiellm"), "num_beams", 2)
    for (kind, _), gold, doc in zip(golds, golds.values(), nlp.pipe(texts)):
        check(kind, doc, gold)


def test_a_second_run_replaces_the_first(trained):
    nlp, golds = trained
    doc = nlp(golds["report", "en"].text)
    before = (doc.to_json(), list(doc._.relations), doc._.generated)
    again = nlp(doc)
    assert (again.to_json(), list(again._.relations), again._.generated) == before


def test_empty_texts(trained):
    doc = trained[0]("")
    assert doc._.generated == dict.fromkeys(TASKS, "") and doc._.generated_score == dict.fromkeys(TASKS, 0.0)
    assert doc._.relations == [] and not doc.ents and not any(doc.cats.values())


# What a Doc is trained on


def rows_of(pipe, doc):
    pairs = pipe.get_pairs([Example(doc, doc)])
    lm = pipe.model.shims[0].lm
    return [lm.decode(source).split("/")[-1].strip() for source in pairs.sources], list(map(lm.decode, pairs.targets))


def test_a_doc_is_trained_on_the_tasks_for_which_it_has_gold(trained):
    nlp, golds = trained
    pipe = nlp.get_pipe("oiellm")
    assert rows_of(pipe, golds["report", "en"])[0] == ["NER", "Relation Extraction", "Event Extraction"]
    words = ["Sentiment Relation Word", "Sentiment Adj and N", "Sentiment Adj", "Sentiment N"]
    assert rows_of(pipe, golds["review", "en"])[0] == words
    assert rows_of(pipe, golds["open", "zh"])[1] == ["music/开放命名实体识别/:instrument;小提琴:choir;合唱团"]
    # Arguments of events only say nothing about relations, and doc.ents nothing if another task has a group.
    doc = golds["report", "en"].copy()
    doc._.relations = [relation for relation in doc._.relations if relation["head_label"] == "founding"]
    del doc.spans["entities"]
    doc.ents = [doc.char_span(7, 15, label="person")]
    assert rows_of(pipe, doc)[0] == ["Event Extraction"]
    doc.spans["TCREE:RE"] = [doc.char_span(7, 15, label="entity")]  # as `strings --read` writes it
    del doc.spans["TCREE:EE"]
    doc._.relations = [make_relation((1, 2), (3, 4), "founded")]
    assert rows_of(pipe, doc)[0] == ["Relation Extraction"]
    del doc.spans["TCREE:RE"]
    assert rows_of(pipe, doc)[0] == ["NER", "Relation Extraction"]
    # Empty is not absent.
    doc = nlp.make_doc("It rains.")
    set_entities(doc, [], key="SCPOS:N")
    doc.cats = {"neutral": 1.0}
    assert rows_of(pipe, doc) == (["Sentiment N"], ["Neutral/Sentiment N/:None;"])


def test_labels_are_learned_by_task(trained):
    labels = trained[0].get_pipe("oiellm").label_data
    assert labels["SCNM"] == {
        "classes": sorted(CLASSES["report"]),
        "labels": ["company", "facility", "other_organisation", "person", "place"],
        "roles": [],
    }
    assert labels["TCREE:EE"]["labels"] == ["founding"]
    assert labels["TCREE:EE"]["roles"] == ["object", "place", "subject", "time"]
    assert labels["TCREE:RE"]["labels"] == ["founded", "located_in"]
    assert labels["SCPOS:N"] == {"classes": sorted(CLASSES["review"]), "labels": ["positive"], "roles": []}
    assert labels["TCONER"]["classes"] == sorted(CLASSES["open"])


def test_text_labels_of_a_doc_with_several_tasks():
    doc = spacy.blank("en")("Ida sings well")
    gold = TaskGold(["SCNM", "SCPOS:Adj", "TCREE:RE"])
    set_entities(doc, [(0, 1, "person", 1.0)])
    set_entities(doc, [(2, 3, "positive", 1.0)], key="SCPOS:Adj")
    doc.cats = {"positive": 1.0, "negative": 0.0, "concert": 1.0}
    assert gold.cats(doc, "SCPOS:Adj") == {"positive": 1.0, "negative": 0.0}
    assert gold.cats(doc, "SCNM") == {"concert": 1.0}
    assert gold.cats(doc, "TCREE:RE") == {}  # there is no gold of relations
    doc._.relations = []
    assert gold.cats(doc, "TCREE:RE") == {"concert": 1.0}
    assert TaskGold(["SCNM"]).cats(doc, "SCNM") == doc.cats


def test_unseen_labels_are_counted_with_their_task(trained):
    nlp, golds = trained
    doc = golds["report", "en"].copy()
    set_entities(doc, [(*place(doc, "opened"), "wedding", 1.0), (*place(doc, "Lima"), "founding", 1.0)], key="TCREE:EE")
    doc._.relations = [make_relation(place(doc, "Lima"), place(doc, "Ida Lake"), "guest", head_label="founding")]
    pipe = nlp.get_pipe("oiellm")
    with pytest.warns(UserWarning, match=r"W813.*add_label\('guest', level='roles', task='TCREE:EE'\)"):
        assert rows_of(pipe, doc)[1][-1] == "academia/Event Extraction/:founding;Lima"
    pipe.left_out.clear()


@pytest.mark.parametrize("tasks", [[], ["SCNM", "SCNM"]])
def test_tasks_that_cannot_be_asked(tasks):
    with pytest.raises(ValueError, match=r"M953.*'oiellm'"):
        make_nlp(tasks=tasks)


# Rows of several tasks


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, ["strings", *map(str, arguments)], env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return invoke


@pytest.fixture
def corpora(tmp_path):
    """A file for each task and language."""
    golds = make_gold(spacy.blank("xx", config=CHARACTERS))
    sources = []
    for (kind, lang), doc in golds.items():
        tasks = {"report": ["SCNM", "TCREE:RE", "TCREE:EE"], "review": TASKS[1:5], "open": ["TCONER"]}[kind]
        for task in tasks:
            one = doc.copy()
            words = get_entities(doc, "entities" if task in ("SCNM", "TCREE:RE") else task)
            for key in list(one.spans):
                del one.spans[key]
            set_entities(one, words)
            head_label = {"TCREE:RE": "", "TCREE:EE": "founding"}.get(task)
            one._.relations = [r for r in doc._.relations or () if r["head_label"] == head_label] or None
            path = tmp_path / f"{task.replace(':', '_').replace('&', '_')}-{lang}.spacy"
            save_docs([one] * (1 if kind == "open" else 4), path)
            sources.append(f"{task}={path}")
    return sources


def test_strings_mixes_tasks_and_languages(run, corpora, tmp_path, trained):
    path = tmp_path / "all.jsonl"
    # 21 corpora of 4 rows and 3 of 1 row. With temperature 2, their square roots are 2 and 1: of 87 rows, each small
    # corpus gets 87 / 45 = 1.93 and each large one 3.87.
    output = run(*corpora, path, "--temperature", 2)
    assert "87 rows" in output and "rows of TCONER (ja) that are repeated" in output and "left out" in output
    rows = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]
    assert sum("Open NER" in row["input"] for row in rows) == 2
    formats = load_formats(tmp_path / "all.format.json")
    assert {(format.task.name, format.task.language) for format in formats} == {
        (task, lang) for task in TASKS for lang in ("ja", "en", "zh")
    }
    # The labels of a task are the same in all languages.
    assert {tuple(format.task.labels) for format in formats if format.task.name == "TCONER"} == {
        ("animal", "choir", "fish dish", "instrument", "soup", "tree")
    }
    first = path.read_bytes()
    run(*corpora, path, "--temperature", 2)
    assert path.read_bytes() == first
    run(*corpora, path, "--temperature", 2, "--seed", 1)
    assert path.read_bytes() != first
    # And back: each task in its own span group, as a component with several tasks reads it.
    run(*corpora, path)
    nlp, golds = trained
    nlp.to_disk(tmp_path / "nlp")
    run(path, tmp_path / "back.spacy", "--read", "--strict", "--nlp", tmp_path / "nlp")
    found = dict.fromkeys(TaskGold(TASKS).keys.values(), 0)
    by_text = {gold.text: gold for gold in golds.values()}
    for doc in load_docs(tmp_path / "back.spacy"):
        (key,) = doc.spans
        found[key] += 1
        gold = by_text[doc.text]
        if key != "TCREE:RE":
            expected = [tuple(span[:3]) for span in get_entities(gold, key)]
            read = [tuple(span[:3]) for span in get_entities(doc, key) if span.label != "entity"]
            assert read == expected
        if key.startswith("TCREE"):
            label = {"TCREE:RE": "", "TCREE:EE": "founding"}[key]
            own = [identity(relation) for relation in gold._.relations if relation["head_label"] == label]
            assert sorted(map(identity, doc._.relations)) == sorted(own)
    assert found == {**dict.fromkeys(found, 12), "TCONER": 3}


def test_the_model_folder_knows_all_formats(run, corpora, tmp_path):
    run(*corpora, tmp_path / "train.jsonl")
    config = {"kind": "causal", "config": {**LLAMA, "hidden_size": 16}, "tokenizer": {"vocab_size": 700}}
    (tmp_path / "tiny.json").write_text(json.dumps(config))
    recipe = Recipe(str(tmp_path / "tiny.json"), max_steps=1, batch_size=2)
    train_generative(recipe, tmp_path / "train.jsonl", tmp_path / "out", progress=False)

    def begin(lang="xx", **settings):
        nlp = spacy.blank(lang, config=CHARACTERS)
        model = {"@architectures": "spacy_mre.CausalLM.v1", "name": str(tmp_path / "out")}
        nlp.add_pipe("oiellm", config={"model": {**model, "config": None, "tokenizer": None}, **settings})
        nlp.initialize()
        return nlp.get_pipe("oiellm")

    pipe = begin(tasks=TASKS)
    assert pipe.label_data["TCREE:EE"]["roles"] == ["object", "place", "subject", "time"]
    assert pipe.format_of("TCONER", "雨だ。").task.task_word != pipe.format_of("TCONER", "It rains.").task.task_word
    assert begin("zh", tasks=["TCREE:RE"]).label_data["TCREE:RE"]["labels"] == ["founded", "located_in"]
    with pytest.raises(ValueError, match=r"M946.*tasks: SCNM \(ja\)"):
        (tmp_path / "out" / "format.json").write_text(
            json.dumps({"format": "oiellm", "tasks": [load_formats(tmp_path / "train.format.json")[0].task.to_dict()]})
        )
        begin(tasks=["SCNM"], language="en")


def test_files_that_cannot_be_mixed(run, corpora, tmp_path):
    out = tmp_path / "a.jsonl"
    assert "does not exist" in run("SCNM=nowhere.spacy", out, code=2)
    assert "'fr'" in run(corpora[0].replace("=", "@fr="), out, code=2)
    assert "--read takes one file" in run("a.jsonl", "b.jsonl", tmp_path / "a.spacy", "--read", code=2)
    run(*corpora[:3], out)
    assert "[M954]" in run(*corpora[3:5], tmp_path / "b.jsonl", "--format-file", tmp_path / "a.format.json", code=1)
    run(corpora[0].replace("=", "@en="), out)
    assert "/NER" in out.read_text(encoding="utf8")
