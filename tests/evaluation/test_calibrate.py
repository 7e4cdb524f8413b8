import json
import warnings

import numpy
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import fix_random_seed, load_model, registry
from thinc.api import Adam, Config
from typer.testing import CliRunner

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations, make_relation, set_relations
from spacy_mre.annotations.storage import save_docs
from spacy_mre.cli import app
from spacy_mre.evaluation.calibrate import calibrate, levels_of
from spacy_mre.evaluation.runs import predict
from spacy_mre.evaluation.scaling import Scaling
from spacy_mre.evaluation.thresholds import CANDIDATES, FEWEST, Predictions, tune_thresholds
from spacy_mre.training.corpus import make_corpus

NAMES, PLACES = ["Ida", "Tom", "Bo", "Mara", "Lena", "Max"], ["Lima", "Oslo", "Brook", "Fell", "Kiel"]


def make_gold(nlp, name, place, verb, *, cats=True):
    gold = Doc(nlp.vocab, words=[name, verb, "in", "old", place, "."])
    set_entities(gold, [(0, 1, "person", 1.0), (4, 5, "place", 1.0)])
    found = [make_relation((0, 1), (4, 5), "lives_in", head_label="person", tail_label="place")]
    set_relations(gold, found if verb == "lives" else [])
    gold.cats = {"home": float(verb == "lives"), "music": float(verb != "lives")} if cats else {}
    return gold


def make_examples(nlp, **options):
    golds = [make_gold(nlp, n, p, v, **options) for n in NAMES for p in PLACES for v in ("lives", "sings")]
    return [Example(Doc(nlp.vocab, words=[token.text for token in gold]), gold) for gold in golds]


@Language.factory("test_finds_all")
class FindsAll:
    """Writes the first and the fifth token to the span group of `spert_mt`, with the best score."""

    spans_key = "entities"

    def __init__(self, nlp, name):
        self.name = name

    def __call__(self, doc):
        set_entities(doc, [(0, 1, "person", 1.0), (4, 5, "place", 1.0)], source=self.name)
        return doc


@pytest.fixture(scope="module")
def trained():
    """A pipeline after a few updates, and examples that it does not know."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt")
    nlp.add_pipe("mre_textcat", config={"loss_weight": 1.0})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(6):
        nlp.update(examples[::3], sgd=optimizer)
    return nlp, examples[1::3] + examples[2::3]


@pytest.fixture
def pipes(trained):
    spert_mt, textcat = (pipe for _, pipe in trained[0].pipeline)
    yield spert_mt, textcat
    for pipe in (spert_mt, textcat):
        pipe.set_scaling({})
    spert_mt.entity_threshold = spert_mt.relation_threshold = None


def found_in(docs):
    """What is predicted, and its scores."""
    what, scores = [], []
    for doc in docs:
        for entity in get_entities(doc):
            what.append((entity.start, entity.end, entity.label))
            scores.append(entity.score)
        for relation in get_relations(doc):
            what.append((relation["head"], relation["tail"], relation["label"]))
            scores.append(relation["score"])
        what.append(max(doc.cats, key=doc.cats.get))
    return what, scores


def run(nlp, examples):
    return [eg.predicted for eg in predict(nlp, examples)]


def test_scores_change_and_predictions_do_not(trained, pipes):
    nlp, examples = trained
    before, scores = found_in(run(nlp, examples))
    found = calibrate(nlp, examples)
    assert {name: list(levels) for name, levels in found.items()} == {
        "spert_mt": ["entities", "relations"],
        "mre_textcat": ["cats"],
    }
    after, calibrated = found_in(run(nlp, examples))
    assert after == before and len(before) > len(examples)
    assert not numpy.allclose(scores, calibrated)
    entities = [entity for doc in run(nlp, examples) for entity in get_entities(doc)]
    raw = [entity for doc in run_raw(nlp, examples) for entity in get_entities(doc)]
    expected = found["spert_mt"]["entities"].apply(numpy.array([entity.score for entity in raw]))
    assert [entity.score for entity in entities] == pytest.approx(expected, abs=1e-6)
    for doc in run(nlp, examples):
        assert sum(doc.cats.values()) == pytest.approx(1.0, abs=1e-5)


def run_raw(nlp, examples):
    kept = {name: pipe.cfg["scaling"] for name, pipe in nlp.pipeline}
    for _, pipe in nlp.pipeline:
        pipe.cfg["scaling"] = {}
    docs = run(nlp, examples)
    for name, pipe in nlp.pipeline:
        pipe.cfg["scaling"] = kept[name]
    return docs


def test_heads_that_read_text_labels_are_calibrated_on_calibrated_ones(make_nlp):
    fix_random_seed(0)
    nlp = make_nlp("mre_textcat")
    nlp.add_pipe("spert_mt", config={"model": {"@architectures": "spacy_mre.SpertMT.v1", "see_cats": True}})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    textcat, spert_mt = (pipe for _, pipe in nlp.pipeline)
    with torch.no_grad():  # a sure text classifier, and heads that read its labels
        textcat._shim.module.layers[-1].bias.copy_(torch.tensor([2.0, -2.0]))
        spert_mt._shim.module.entity_text.weight[0, -2:] = torch.tensor([8.0, -8.0])
    on_raw_ones = calibrate(nlp, examples, skip=["mre_textcat"])["spert_mt"]
    found = calibrate(nlp, examples)
    assert found["mre_textcat"]["cats"].slope < 0.9
    assert found["spert_mt"] == calibrate(nlp, examples, skip=["mre_textcat"])["spert_mt"] != on_raw_ones


def test_a_threshold_is_one_of_calibrated_scores(trained, pipes):
    nlp, examples = trained
    calibrate(nlp, examples)
    spert_mt, _ = pipes
    _, scores = found_in(run(nlp, examples))
    middle = float(numpy.median([entity.score for doc in run(nlp, examples) for entity in get_entities(doc)]))
    spert_mt.entity_threshold = middle
    kept = [entity.score for doc in run(nlp, examples) for entity in get_entities(doc)]
    assert kept and min(kept) >= middle - 1e-6 and len(kept) < len(scores)


def test_calibrating_twice_gives_the_same(trained, pipes):
    nlp, examples = trained
    assert calibrate(nlp, examples) == calibrate(nlp, examples)


@pytest.fixture
def with_others(trained):
    """Other components before spert_mt write to the same span group, and relations."""

    @Language.component("certain_relations")
    def relate(doc):
        set_relations(doc, [make_relation((1, 2), (3, 4), "lives_in", score=1.0)], source="certain_relations")
        return doc

    nlp, _ = trained
    ruler = nlp.add_pipe("span_ruler", first=True, config={"spans_key": "entities"})
    ruler.add_patterns([{"label": "thing", "pattern": word} for word in ("in", "old", ".")])
    nlp.add_pipe("certain_relations", first=True)
    yield
    nlp.remove_pipe("span_ruler")
    nlp.remove_pipe("certain_relations")


def test_what_other_components_write_is_left_out(trained, pipes, request):
    nlp, examples = trained
    tuned, found = tune_thresholds(nlp, examples), calibrate(nlp, examples)
    for pipe in pipes:
        pipe.set_scaling({})
    request.getfixturevalue("with_others")
    pipes[0].entity_threshold = pipes[0].relation_threshold = None
    doc = run(nlp, examples)[0]
    assert {"thing", "person"} <= {entity.label for entity in get_entities(doc)}
    assert ([1, 2], [3, 4]) in [(relation["head"], relation["tail"]) for relation in get_relations(doc)]
    assert tune_thresholds(nlp, examples) == tuned
    pipes[0].entity_threshold = pipes[0].relation_threshold = None
    assert calibrate(nlp, examples) == found


def test_an_update_ends_it(trained, pipes):
    nlp, examples = trained
    calibrate(nlp, examples)
    spert_mt, textcat = pipes
    spert_mt.update(examples[:2])
    assert spert_mt.get_scaling("entities") is None and textcat.get_scaling("cats") is not None


@pytest.mark.parametrize("is_calibrated", [True, False])
@pytest.mark.parametrize("level", ["entities", "relations", "cats"])
def test_levels_without_gold_stay_as_they_are(level, is_calibrated, trained, pipes):
    """Calibrated on other texts: a threshold that is set is one of these scores."""
    nlp, examples = trained
    if is_calibrated:
        calibrate(nlp, examples[: len(examples) // 2])
    before = {each: pipe.get_scaling(each) for pipe in pipes for each in levels_of(pipe)}
    assert before.keys() == {"entities", "relations", "cats"} and all(before.values()) == is_calibrated
    bare = [Example(eg.predicted, Doc(nlp.vocab, words=[token.text for token in eg.reference])) for eg in examples]
    for eg, without in zip(examples, bare):
        if level == "entities":
            set_entities(without.reference, get_entities(eg.reference))
        elif level == "relations":
            without.reference._.relations = get_relations(eg.reference)
        else:
            without.reference.cats = eg.reference.cats
    found = calibrate(nlp, bare)
    assert [each for of_pipe in found.values() for each in of_pipe] == [level]
    after = {each: pipe.get_scaling(each) for pipe in pipes for each in levels_of(pipe)}
    assert {each for each in after if after[each] != before[each]} == {level}
    assert calibrate(nlp, []) == {"spert_mt": {}, "mre_textcat": {}}
    assert {each: pipe.get_scaling(each) for pipe in pipes for each in levels_of(pipe)} == after
    assert calibrate(nlp, [], skip=["spert_mt", "mre_textcat"]) == {}


def test_it_is_saved(trained, pipes, tmp_path):
    nlp, examples = trained
    found = calibrate(nlp, examples)
    nlp.to_disk(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.get_pipe("spert_mt").get_scaling("entities") == pytest.approx(found["spert_mt"]["entities"])
    (what, scores), (expected, expected_scores) = (found_in(run(each, examples)) for each in (loaded, nlp))
    assert what == expected and scores == pytest.approx(expected_scores)


@pytest.mark.parametrize("found", [[0, 0], [1.0], "high", 5, [1.0, "low"], [True, 0]])
def test_a_broken_file_is_refused(trained, pipes, tmp_path, found):
    nlp, _ = trained
    nlp.to_disk(tmp_path / "model")
    path = tmp_path / "model" / "spert_mt" / "cfg"
    path.write_text(json.dumps({**json.loads(path.read_text()), "scaling": {"entities": found}}))
    with pytest.raises(ValueError, match=r"\[M807\].*scaling"):
        load_model(tmp_path / "model")


def test_several_labels(tmp_path):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe("mre_textcat", config={"multi_label": True, "loss_weight": 1.0})
    examples = make_examples(nlp)
    for eg in examples:
        del eg.reference.cats["music"]  # not known
    examples[0].reference.cats = {"home": 1.0, "music": 1.0}
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(10):
        nlp.update(examples[:10], sgd=optimizer)
    raw = [eg.predicted.cats["home"] for eg in predict(nlp, examples)]
    scaling = calibrate(nlp, examples)["mre_textcat"]["cats"]
    assert scaling.bias == 0.0 and scaling.slope != 1.0
    scaled = [eg.predicted.cats["home"] for eg in predict(nlp, examples)]
    assert scaled == pytest.approx(scaling.apply(numpy.array(raw)), abs=1e-5)
    assert textcat.get_scaling("cats") == scaling
    for eg in examples:  # a share is one side of the threshold, as in scores
        eg.reference.cats = {label: 0.3 + 0.3 * value for label, value in eg.reference.cats.items()}
    assert calibrate(nlp, examples)["mre_textcat"]["cats"] == scaling


def test_multi_ner():
    fix_random_seed(0)
    nlp = spacy.blank("en")
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, "width": 32, "depth": 1}
    rest = {"embed_size": 200, "window_size": 1, "maxout_pieces": 2, "subword_features": True}
    encoder = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": {**tok2vec, **rest}}
    interaction = {"@architectures": "spacy_mre.LateInteraction.v1", "encoder": encoder}
    questions = {"person": "Who is it?", "place": "Where is it?"}
    model = {"@architectures": "spacy_mre.MultiNER.v1", "interaction": interaction}
    nlp.add_pipe("multi_ner", config={"questions": questions, "model": model})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(20):
        nlp.update(examples[::2], sgd=optimizer)
    raw = [entity.score for doc in run(nlp, examples) for entity in get_entities(doc)]
    scaling = calibrate(nlp, examples)["multi_ner"]["entities"]
    scaled = [entity.score for doc in run(nlp, examples) for entity in get_entities(doc)]
    assert raw and scaled == pytest.approx(scaling.apply(numpy.array(raw)), abs=1e-6)


@pytest.mark.parametrize("other", ["mre_textcat", "textcat_multilabel"])
@pytest.mark.parametrize("multi_label", [False, True])
def test_two_components_for_text_labels(multi_label, other):
    """Each is calibrated as it is alone."""
    nlp = spacy.blank("en")
    labels = {"topic": ["home", "music"], "person": NAMES}
    nlp.add_pipe("mre_textcat", name="topic", config={"loss_weight": 1.0, "multi_label": multi_label})
    nlp.add_pipe(other, name="person")
    examples = make_examples(nlp)
    for eg in examples:
        # First in the order of the labels, and with the same values.
        eg.reference.cats = {**{name: float(name == eg.text.split()[0]) for name in NAMES}, **eg.reference.cats}
    nlp.config["initialize"]["components"] = {name: {"labels": own} for name, own in labels.items()}
    optimizer = nlp.initialize(lambda: examples)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # none of the labels of the other one
        for _ in range(6):
            nlp.update(examples[::3], sgd=optimizer)
    together = calibrate(nlp, examples)
    assert set(together) == ({"topic", "person"} if other == "mre_textcat" else {"topic"})
    for name, found in together.items():
        alone = [Example(eg.predicted, Doc(nlp.vocab, words=[token.text for token in eg.reference])) for eg in examples]
        for eg, both in zip(alone, examples):
            eg.reference.cats = {label: both.reference.cats[label] for label in labels[name]}
        assert found["cats"] == pytest.approx(calibrate(nlp, alone)[name]["cats"])
    assert nlp.get_pipe("topic").add_labels_of(examples) == []


@registry.readers("tests.corpora_of_a_folder.v1")
def make_corpora_of_a_folder(folder: str):
    """All corpora from one function, as spaCy allows it."""
    return {name: make_corpus(f"{folder}/{name}.spacy") for name in ("train", "dev")}


@pytest.mark.parametrize("one_function", [False, True])
def test_at_the_end_of_training(one_function, trained, tmp_path):
    nlp, examples = trained
    for name in ("train", "dev"):
        save_docs([eg.reference for eg in examples[name == "dev" :: 2]], tmp_path / f"{name}.spacy")
    config = nlp.config.merge(
        Config(
            {
                "corpora": {"@readers": "tests.corpora_of_a_folder.v1", "folder": str(tmp_path)}
                if one_function
                else {
                    name: {"@readers": "spacy_mre.Corpus.v1", "path": str(tmp_path / f"{name}.spacy")}
                    for name in ("train", "dev")
                },
                "training": {
                    "max_steps": 4,
                    "eval_frequency": 2,
                    "before_to_disk": {"@callbacks": "spacy_mre.calibrate.v1"},
                    "score_weights": {"spans_entities_f": 1.0},
                },
            }
        )
    )
    config["training"]["frozen_components"] = []
    new = init_nlp(config)
    with (tmp_path / "log").open("w") as log:
        train(new, tmp_path, stdout=log, stderr=log)
    for name in ("model-best", "model-last"):
        loaded = load_model(tmp_path / name)
        held_out = [Example(loaded.make_doc(eg.text), eg.reference) for eg in examples[1::2]]
        saved = {pipe_name: pipe.cfg["scaling"] for pipe_name, pipe in loaded.pipeline}
        assert saved["mre_textcat"]["cats"]
        again = calibrate(loaded, held_out)
        assert saved["mre_textcat"]["cats"] == pytest.approx(list(again["mre_textcat"]["cats"]), abs=1e-3)


@pytest.mark.parametrize("kept", ["nothing", "entities"])
def test_training_with_a_dev_corpus_that_lacks_gold(trained, tmp_path, kept):
    nlp, examples = trained
    save_docs([eg.reference for eg in examples[:8]], tmp_path / "train.spacy")
    plain = [nlp.make_doc(eg.text) for eg in examples[8:16]]
    for doc, eg in zip(plain, examples[8:16]):
        if kept == "entities":
            set_entities(doc, get_entities(eg.reference))
    save_docs(plain, tmp_path / "dev.spacy")
    corpora = {
        name: {"@readers": "spacy_mre.Corpus.v1", "path": str(tmp_path / f"{name}.spacy")} for name in ("train", "dev")
    }
    training = {
        "max_steps": 2,
        "eval_frequency": 2,
        "before_to_disk": {"@callbacks": "spacy_mre.calibrate.v1"},
        "frozen_components": [],
    }
    config = nlp.config.merge(Config({"corpora": corpora, "training": training}))
    config["training"]["score_weights"] = {"spans_entities_f": 1.0}
    with (tmp_path / "log").open("w") as log:
        train(init_nlp(config), tmp_path, stdout=log, stderr=log)
    loaded = load_model(tmp_path / "model-last")
    assert loaded.get_pipe("mre_textcat").cfg["scaling"] == {}
    assert set(loaded.get_pipe("spert_mt").cfg["scaling"]) <= ({"entities"} if kept == "entities" else set())


def make_predictions(scores, correct):
    return Predictions(numpy.array(scores), numpy.array(correct, dtype=bool), len(scores))


def test_the_lowest_threshold_with_a_precision():
    scores = numpy.linspace(0.99, 0.5, 50)
    correct = [i < 30 or i % 2 == 0 for i in range(50)]  # after 30, every other one
    found = make_predictions(scores, correct)
    everything = numpy.ones(50, dtype=bool)
    for precision in (0.8, 0.9, 1.0):
        threshold = found.precise(everything, precision, "entities")
        kept = scores >= threshold
        assert numpy.mean(numpy.array(correct)[kept]) >= precision
        lower = scores >= scores[kept.sum()] - 1e-9 if kept.sum() < 50 else kept
        # No larger set has it.
        for count in range(int(kept.sum()) + 1, 51):
            assert numpy.mean(correct[:count]) < precision
        assert lower.sum() >= kept.sum()


@pytest.mark.parametrize("gap", [1e-4, 1e-6, 1e-9, 1e-12, 1e-16])
def test_a_precise_threshold_leaves_out_what_is_only_a_little_lower(gap):
    """Scores of a pipeline that is sure of everything are nearly 1."""
    below = 0.99999
    scores = [numpy.nextafter(below, 1.0)] * 30 + [below] * 30 if gap == 1e-16 else [below + gap] * 30 + [below] * 30
    threshold = make_predictions(scores, [True] * 30 + [False] * 30).precise(
        numpy.ones(60, dtype=bool), 0.95, "entities"
    )
    assert numpy.sum(numpy.array(scores) >= threshold) == 30
    assert threshold <= scores[0]


def test_too_few_predictions_and_impossible_precisions_are_m521():
    found = make_predictions([0.9] * 5 + [0.5] * 30, [True] * 5 + [False] * 30)
    with pytest.raises(ValueError, match=r"\[M521\].* 20 of the 35 .*relations.*95\.0 %"):
        found.precise(numpy.ones(35, dtype=bool), 0.95, "relations")
    with pytest.raises(ValueError, match=r"\[M521\].*at least 3 of the 3 .*has 66\.7 %"):
        make_predictions([0.9, 0.8, 0.7], [True, True, False]).precise(numpy.ones(3, dtype=bool), 0.7, "entities")
    assert FEWEST > 5


def test_if_everything_is_precise_enough_nothing_is_left_out():
    """Also what has lower scores in other texts."""
    found = make_predictions(numpy.linspace(0.99, 0.9, 30), [True] * 29 + [False])
    assert found.precise(numpy.ones(30, dtype=bool), 0.9, "entities") == CANDIDATES[0]


def test_a_level_without_predictions_is_left_as_it_is():
    """That of relations in a pipeline that was trained without any."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("spert_mt")
    examples = make_examples(nlp)
    without = [eg for eg in examples if not get_relations(eg.reference)]
    optimizer = nlp.initialize(lambda: without)
    for _ in range(6):
        nlp.update(without, sgd=optimizer)
    chosen = tune_thresholds(nlp, examples, precision=0.6)
    assert pipe.entity_threshold == chosen["entity_threshold"]
    assert pipe.relation_threshold is None
    assert chosen.keys() == {"entity_threshold"}


def test_entities_that_another_component_finds_too_are_counted(trained, pipes):
    """Of an entity that two components have found, the document has the one with the better score."""
    nlp, examples = trained
    alone = tune_thresholds(nlp, examples)
    scaling = calibrate(nlp, examples)
    for pipe in pipes:
        pipe.set_scaling({})
    nlp.add_pipe("test_finds_all", first=True)
    try:
        assert get_entities(nlp(Doc(nlp.vocab, words=["Ida", "lives", "in", "old", "Lima", "."])))[0].score == 1.0
        pipes[0].entity_threshold = pipes[0].relation_threshold = None
        assert tune_thresholds(nlp, examples) == alone
        found = calibrate(nlp, examples)
    finally:
        nlp.remove_pipe("test_finds_all")
    assert found == scaling


def test_a_precision_is_set(trained, pipes):
    nlp, examples = trained
    calibrate(nlp, examples)
    spert_mt, _ = pipes
    chosen = tune_thresholds(nlp, examples, precision=0.6)
    assert (spert_mt.entity_threshold, spert_mt.relation_threshold) == tuple(chosen.values())
    right = total = 0
    for eg in predict(nlp, examples):
        gold = {(each.start, each.end, each.label) for each in get_entities(eg.reference)}
        found = {(each.start, each.end, each.label) for each in get_entities(eg.predicted)}
        right, total = right + len(gold & found), total + len(found)
    assert total >= FEWEST and right / total >= 0.6


def invoke(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "120"})


@pytest.mark.filterwarnings("ignore")
def test_the_command(trained, pipes, tmp_path):
    nlp, examples = trained
    nlp.to_disk(tmp_path / "model")
    save_docs([eg.reference for eg in examples], tmp_path / "dev.spacy")
    result = invoke(tmp_path / "model", tmp_path / "dev.spacy", tmp_path / "out", "--best-f1")
    assert result.exit_code == 0, result.output
    assert "on the texts that it was calibrated on" in " ".join(result.output.split())
    assert "entity_threshold: 0." in result.output and "strict relations: precision" in result.output
    loaded = load_model(tmp_path / "out")
    assert isinstance(loaded.get_pipe("mre_textcat").get_scaling("cats"), Scaling)
    assert loaded.get_pipe("spert_mt").entity_threshold is not None
    assert load_model(tmp_path / "model").get_pipe("spert_mt").get_scaling("entities") is None
    # Beside other files, which are kept; and in place.
    (tmp_path / "model" / "notes.txt").write_text("kept")
    result = invoke(tmp_path / "model", tmp_path / "dev.spacy", tmp_path / "model")
    assert result.exit_code == 0 and load_model(tmp_path / "model").get_pipe("spert_mt").get_scaling("entities")
    assert (tmp_path / "model" / "notes.txt").exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("option", [("--best-f1",), ("--precision", 0.1)])
def test_the_command_says_what_it_leaves(option, trained, pipes, tmp_path):
    nlp, examples = trained
    nlp.to_disk(tmp_path / "model")
    for name, keys in (("no_relations", ["entities"]), ("cats", [])):
        docs = [Doc(nlp.vocab, words=[token.text for token in eg.reference]) for eg in examples]
        for doc, eg in zip(docs, examples):
            doc.cats = eg.reference.cats
            if keys:
                set_entities(doc, get_entities(eg.reference))
        save_docs(docs, tmp_path / f"{name}.spacy")
    left = "left as it is: no gold, or nothing found"
    result = invoke(tmp_path / "model", tmp_path / "no_relations.spacy", tmp_path / "out", *option)
    assert result.exit_code == 0, result.output
    assert f"relations of spert_mt: {left}\n" in result.output and f"relation_threshold: {left}\n" in result.output
    assert "entities of spert_mt" not in result.output and "entity_threshold: 0." in result.output
    result = invoke(tmp_path / "model", tmp_path / "cats.spacy", tmp_path / "none", *option)
    assert result.exit_code == 1 and "[M530]" in result.output and not (tmp_path / "none").exists()
    result = invoke(tmp_path / "model", tmp_path / "cats.spacy", tmp_path / "labels")
    assert result.exit_code == 0 and f"entities of spert_mt: {left}\n" in result.output


@pytest.mark.filterwarnings("ignore")
def test_bad_input_of_the_command(trained, tmp_path):
    save_docs([eg.reference for eg in trained[1]], tmp_path / "dev.spacy")
    blank = spacy.blank("en")
    blank.add_pipe("sentencizer")
    blank.to_disk(tmp_path / "blank")
    result = invoke(tmp_path / "blank", tmp_path / "dev.spacy", tmp_path / "out")
    assert result.exit_code == 1 and "[M522]" in result.output and not (tmp_path / "out").exists()
    result = invoke(tmp_path / "blank", tmp_path / "dev.spacy", tmp_path / "out", "--best-f1", "--precision", 0.9)
    assert result.exit_code == 2 and "Give one of them" in result.output
