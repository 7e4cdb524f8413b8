import json
import shutil
import sys
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from typer.testing import CliRunner

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.evaluation import reinforce as module
from spacy_mre.evaluation.reinforce import COMPARISONS, compare_arms, make_arms, reinforce
from spacy_mre.evaluation.reinforce_report import arms_table, gains_table, plot_gains, spread
from spacy_mre.evaluation.run_config import set_values
from spacy_mre.evaluation.run_files import write_run


def pipelines(arms):
    return {name: config["nlp"]["pipeline"] for name, config in arms.items()}


def test_the_arms_differ_in_one_thing_each(small_config):
    arms = make_arms(small_config)
    assert pipelines(arms)["text"] == ["tok2vec", "mre_textcat", "doc_cleaner"]
    assert pipelines(arms)["word"] == ["tok2vec", "spert_mt", "doc_cleaner"]
    assert pipelines(arms)["both"] == ["tok2vec", "spert_mt", "mre_textcat", "doc_cleaner"]
    assert pipelines(arms)["word_reads_text"] == ["tok2vec", "mre_textcat", "spert_mt", "doc_cleaner"]
    for name, config in arms.items():
        if "spert_mt" in pipelines(arms)[name]:
            assert config["components"]["spert_mt"]["model"]["see_cats"] is (name == "word_reads_text"), name
        assert config["training"] == small_config["training"], name
        assert config["components"]["tok2vec"] == small_config["components"]["tok2vec"], name


def test_spacy_components_are_levels_that_cannot_read_each_other(small_config):
    stock = set_values(
        small_config,
        {
            "nlp.pipeline": ["tok2vec", "ner", "textcat"],
            "components.ner": {"factory": "ner"},
            "components.textcat": {"factory": "textcat"},
        },
    )
    with pytest.warns(UserWarning, match="W510.*word_reads_text.*see_cats"):
        arms = make_arms(stock)
    assert pipelines(arms) == {
        "text": ["tok2vec", "textcat"],
        "word": ["tok2vec", "ner"],
        "both": ["tok2vec", "ner", "textcat"],
    }


@pytest.mark.parametrize("left, level", [("spert_mt", "text"), ("mre_textcat", "word")])
def test_a_config_without_one_of_the_levels_is_m510(small_config, left, level):
    with pytest.raises(ValueError, match=rf"\[M510\].*{level} level"):
        make_arms(set_values(small_config, {"nlp.pipeline": ["tok2vec", left]}))


def test_a_component_for_both_levels_is_m517(small_config):
    @Language.factory("both_levels", assigns=["doc.cats", "doc.ents"])
    def make(nlp, name):
        return lambda doc: doc

    with pytest.raises(ValueError, match=r"\[M517\].*both_levels"):
        make_arms(
            set_values(
                small_config, {"nlp.pipeline": ["both_levels"], "components.both_levels": {"factory": "both_levels"}}
            )
        )


@pytest.fixture(scope="module")
def made(small_config, assets, tmp_path_factory):
    """All arms with two seeds and a few updates, and the texts of each update in order."""
    output = tmp_path_factory.mktemp("reinforce")
    seen, original = [], Language.update

    def update(self, examples, *args, **kwargs):
        seen[-1].append([eg.reference.text for eg in examples])
        return original(self, examples, *args, **kwargs)

    patch = pytest.MonkeyPatch()
    patch.setattr(Language, "update", update)
    parts = [assets / f"{part}.spacy" for part in ("train", "dev", "test")]
    records, gains = reinforce(small_config, *parts, output, seeds=(0, 1), updates=8, log=lambda line: seen.append([]))
    patch.undo()
    return output, parts, records, gains, seen


@pytest.mark.filterwarnings("ignore")
def test_all_arms_learn_from_the_same_examples_in_the_same_order(made):
    _, _, records, _, seen = made
    assert all(set(by_seed) == {0, 1} for by_seed in records.values())
    assert set(records) == {"text", "word", "both", "word_reads_text"}
    per_seed = len(records)
    assert len(seen) == 2 * per_seed
    for first in (0, per_seed):
        assert all(updates == seen[first] for updates in seen[first : first + per_seed])
    assert seen[0] != seen[per_seed] and len(seen[0]) == 9  # spaCy makes one more update, with learning rate 0
    assert len({run["documents"] for by_seed in records.values() for run in by_seed.values()}) == 1


@pytest.mark.filterwarnings("ignore")
def test_gains_are_differences_of_the_scores(made):
    output, _, records, gains, _ = made
    by_name = {(gain.level, gain.arm, gain.control): gain for gain in gains}
    assert set(by_name) == set(COMPARISONS)
    for level, key in (("text", "cats_accuracy"), ("word", "spans_f"), ("relations", "rel_strict_f")):
        gain = by_name[level, "both", "text" if level == "text" else "word"]
        means = [sum(run["scores"][key] for run in records[arm].values()) / 2 for arm in (gain.arm, gain.control)]
        assert gain.difference.value == pytest.approx(means[0] - means[1], abs=1e-9)
        assert gain.seeds == [0, 1] and gain.difference.low <= gain.difference.value <= gain.difference.high
    written = json.loads((output / "gains.json").read_text(encoding="utf8"))
    assert [row["difference"]["value"] for row in written] == pytest.approx([gain.difference.value for gain in gains])


@pytest.mark.filterwarnings("ignore")
def test_it_resumes_where_it_stopped(made, small_config):
    output, parts, records, gains, _ = made
    lines = []
    again = reinforce(small_config, *parts, output, seeds=(0, 1), updates=8, log=lines.append)
    assert lines == [] and again[1] == gains
    path = output / "runs" / "word-1.json"
    before = path.read_text(encoding="utf8")
    path.unlink()
    records, _ = reinforce(small_config, *parts, output, seeds=(0, 1), updates=8, log=lines.append)
    assert lines == ["word, seed 1: 8 updates"]
    assert json.loads(before)["scores"] == pytest.approx(records["word"][1]["scores"])  # the run is reproduced
    assert not list((output / "models").glob("*/model-*")) and (output / "models" / "word-1" / "log.txt").stat().st_size


@pytest.mark.filterwarnings("ignore")
def test_each_score_is_compared_with_the_weight_that_is_best_on_dev(small_config, assets, tmp_path):
    parts = [assets / f"{part}.spacy" for part in ("train", "dev", "test")]
    records, gains = reinforce(
        small_config, *parts, tmp_path, seeds=(0,), updates=6, weights=(0.03, 1.0), log=lambda line: None
    )
    weighted = [f"{arm}-{weight}" for arm in ("text", "both", "word_reads_text") for weight in ("0.03", "1")]
    assert set(records) == {"word", *weighted}
    settings = [
        config["components"]["mre_textcat"]["loss_weight"]
        for name, config in make_arms(small_config, (0.03, 1.0)).items()
        if name.startswith("both")
    ]
    assert settings == [0.03, 1.0]
    for gain in gains:
        for name in (gain.arm, gain.control):
            arm = name.partition("-")[0]
            on_dev = {
                other: records[other][0]["dev"][gain.level] for other in records if other.partition("-")[0] == arm
            }
            assert on_dev[name] == max(on_dev.values())
    assert {gain.control for gain in gains} & {"text-0.03", "text-1"} and arms_table(records).row_count == 7
    # Scores on test choose nothing.
    for name, by_seed in records.items():
        by_seed[0]["dev"] = {level: float(name.endswith("-1")) for level in ("text", "word", "whole", "relations")}
    assert {gain.arm for gain in compare_arms(records)} == {"both-1", "word_reads_text-1"}


@pytest.fixture
def only_written(monkeypatch, small_config):
    """Runs are written, but not trained. Returns the config."""

    def write(path, config, test, dev, folder, about, **options):
        on_dev = {} if dev is None else {"dev": {"text": 0.5, "word": 0.5, "whole": 0.5, "relations": 0.5}}
        counts = {"texts": [[1], [1]], "entities": [[1], [1], [0]]}
        write_run(path, {**about, **on_dev, "documents": "same", "counts": counts})

    monkeypatch.setattr(module, "_make_run", write)
    return small_config


def lines_of(config, parts, output, **options):
    lines = []
    reinforce(config, *parts, output, seeds=(0,), updates=1, log=lines.append, **options)
    return [line.partition(",")[0] for line in lines]


def test_other_documents_make_all_runs_again(only_written, assets, tmp_path):
    parts = [shutil.copy(assets / f"{part}.spacy", tmp_path) for part in ("train", "dev", "test")]
    parts = [Path(part) for part in parts]
    everything = ["text", "word", "both", "word_reads_text"]
    assert lines_of(only_written, parts, tmp_path / "out") == everything
    assert lines_of(only_written, parts, tmp_path / "out") == []
    for part in parts:
        save_docs(list(load_docs(part))[:-1], part)
        assert lines_of(only_written, parts, tmp_path / "out") == everything


def test_a_run_without_the_scores_that_choose_a_weight_is_made_again(only_written, assets, tmp_path):
    parts = [assets / f"{part}.spacy" for part in ("train", "dev", "test")]
    first = ["text-0.1", "word", "both-0.1", "word_reads_text-0.1"]
    assert lines_of(only_written, parts, tmp_path, weights=(0.1,)) == first
    both = ["text-0.1", "text-0.3", "both-0.1", "both-0.3", "word_reads_text-0.1", "word_reads_text-0.3"]
    assert lines_of(only_written, parts, tmp_path, weights=(0.1, 0.3)) == both
    assert lines_of(only_written, parts, tmp_path, weights=(0.1, 0.3)) == []


def test_a_weight_that_cannot_be_set_is_m523(small_config):
    stock = set_values(small_config, {"components.mre_textcat": {"factory": "textcat"}})
    with pytest.raises(ValueError, match=r"\[M523\].*mre_textcat.*loss_weight"):
        make_arms(stock, (0.1,))


@pytest.mark.filterwarnings("ignore")
def test_the_command_prints_and_draws(made, small_config, tmp_path):
    output, parts, *_ = made
    (tmp_path / "small.cfg").write_text(small_config.to_str(), encoding="utf8")
    args = ["reinforce", str(tmp_path / "small.cfg"), *map(str, parts), str(output), "--seeds", "1", "--updates", "8"]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert "8 updates" not in result.output  # the runs exist
    assert "text alone" in result.output and "Gains" in result.output
    assert (output / "gains.svg").read_text(encoding="utf8").count("<svg") == 1
    (tmp_path / "small.cfg").write_text(
        set_values(small_config, {"nlp.pipeline": ["tok2vec"]}).to_str(), encoding="utf8"
    )
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 1 and "[M510]" in result.output


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("level", ["text", "word"])
def test_test_documents_without_one_level_are_m512(small_config, assets, tmp_path, level):
    doc = spacy.blank("zh").make_doc("甲在乙地。")
    doc.cats = {} if level == "text" else {"society": 1.0}
    if level == "text":
        set_entities(doc, [(0, 1, "person", 1.0)])
    save_docs([doc], tmp_path / "test.spacy")
    with pytest.raises(ValueError, match=rf"\[M512\].*{level} level"):
        reinforce(
            small_config,
            assets / "train.spacy",
            assets / "dev.spacy",
            tmp_path / "test.spacy",
            tmp_path,
            seeds=(0,),
            updates=1,
        )
    assert not list(tmp_path.glob("runs/*"))


def test_runs_on_different_documents_are_m513(made):
    _, _, records, _, _ = made
    mixed = {"text": records["text"], "both": {0: {**records["both"][0], "documents": "other"}}}
    with pytest.raises(ValueError, match=r"\[M513\].*both-0.*text-0"):
        compare_arms(mixed)


def test_a_plot_without_matplotlib_is_m514(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"\[M514\].*plots"):
        plot_gains({}, tmp_path / "gains.svg")


def test_reports(made, tmp_path):
    _, _, records, gains, _ = made
    assert arms_table(records).row_count == len(records) and gains_table(gains).row_count == len(gains)
    plot_gains({"one": gains, "two": gains}, tmp_path / "gains.png")
    assert (tmp_path / "gains.png").stat().st_size > 5000
    assert (spread([0.5, 0.7]), spread([0.5]), spread([0.5, None]), spread([])) == ("60.00 ± 14.14", "50.00", "-", "-")
