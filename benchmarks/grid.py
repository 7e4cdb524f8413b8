"""The cells of grid.yml, and the training config of each."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from spacy.util import load_config
from thinc.api import Config

from spacy_mre.evaluation.run_config import set_budget, set_values

from .calling import run_here
from .few_texts import draw, is_older, label_files, write_labels

GRID = Path(__file__).with_name("grid.yml")
RUNS = Path("benchmarks/runs")
MODELS = Path("training/benchmarks")
TRIALS = MODELS / "trials"
COMPILED = "assets/compiled"


class Cell(NamedTuple):
    """One training.

    updates (Optional[int]): Another number of updates than the grid's: a trial, which is not recorded.
    """

    suite: str
    phase: str
    dataset: str
    variant: str
    seed: int
    updates: int | None = None

    @property
    def path(self) -> Path:
        """The file of the run."""
        folder = TRIALS if self.updates else RUNS
        return folder / self.suite / self.phase / self.dataset / f"{self.variant}-{self.seed}.json"

    @property
    def folder(self) -> Path:
        """Where spaCy trains."""
        name = "-".join(map(str, self[: 6 if self.updates else 5]))
        return MODELS / name

    @property
    def start_folder(self) -> Path:
        """Where spaCy trains the start. It is in the folder of the cell, so no other run writes to it."""
        return self.folder / "start"

    def __str__(self) -> str:
        return " ".join(map(str, self[:5]))


@dataclass
class Grid:
    """What grid.yml contains; its comments explain it."""

    corpora: dict[str, dict[str, Any]]
    suites: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, path: Path = GRID) -> "Grid":
        return cls(**yaml.safe_load(path.read_text(encoding="utf8")))

    def cells(
        self,
        suite: str,
        phase: str | None = None,
        datasets: Sequence[str] = (),
        variants: Sequence[str] = (),
        seeds: Sequence[int] = (),
        updates: int | None = None,
    ) -> Iterator[Cell]:
        """The cells of a phase, limited to some data sets, variants and seeds if these are given.

        RAISES (ValueError): If the grid lacks one of the names.
        """
        about = self.suites[suite]
        phase = phase or next(iter(about["phases"]))
        for names, kind in (([phase], "phases"), (datasets, "datasets"), (variants, "variants")):
            for name in names:
                if name not in about[kind]:
                    raise ValueError(f"'{name}' is not one of the {kind} of {suite}: {', '.join(about[kind])}")
        of_phase = about["phases"][phase]
        for dataset in datasets or of_phase.get("datasets", about["datasets"]):
            for seed in seeds or of_phase["seeds"]:
                for variant in variants or of_phase.get("variants", about["variants"]):
                    if dataset in about["variants"][variant].get("datasets", about["datasets"]):
                        yield Cell(suite, phase, dataset, variant, seed, updates)

    def config(self, cell: Cell) -> Config:
        """RETURNS (Config): The complete training config of a cell."""
        suite = self.suites[cell.suite]
        phase, dataset = suite["phases"][cell.phase], suite["datasets"][cell.dataset]
        parts = [part for name in self.lineage(cell) for part in self._parts(cell, name)]
        config = load_config(_last(parts, "config", dataset["config"]), interpolate=False)
        values = dict(dataset.get("set", {}))
        for part in parts:
            values.update(part.get("set", {}))
        updates = phase.get("updates", {}).get(cell.dataset)
        if updates is None:
            updates = _last(parts, "updates", round(dataset["updates"] * phase["share"]))
        batch = _last(parts, "batch", None)
        if batch is not None:
            updates = round(updates * config["training"]["batcher"]["size"] / batch)
            values["training.batcher.size"] = batch
        if self.start(cell) is not None:
            values["paths.model"] = str(cell.start_folder / "model-last")
        source = self.part(cell, "train")
        if self.train_part(cell) != source:
            values["paths.labels"] = str(source.with_name(f"{source.stem}-labels"))
        updates = cell.updates if cell.updates and updates else updates
        config = set_values(config, values)
        components = config.interpolate()["components"]
        config["components"] = {name: components[name] for name in config["nlp"]["pipeline"]}
        # Without updates spaCy would train without end; such a variant is scored as initialized.
        config = set_budget(
            config, updates=max(updates, 1), seed=cell.seed, train=self.train_part(cell), dev=self.part(cell, "dev")
        )
        if phase.get("select"):
            selecting = {
                "training.eval_frequency": max(updates // phase["select"], 1),
                f"{config['training']['dev_corpus']}.limit": 0,
            }
            config = set_values(config, selecting)
        return config

    def setting(self, cell: Cell, name: str, default: Any = None) -> Any:
        """What a variant, or else its phase, sets for its run: "updates", "limit", "start", "shots", "without_shots" or
        "select"."""
        parts = [part for variant in self.lineage(cell) for part in self._parts(cell, variant)]
        return _last(parts, name, self.suites[cell.suite]["phases"][cell.phase].get(name, default))

    def start(self, cell: Cell) -> Cell | None:
        """RETURNS (Optional[Cell]): The cell whose weights a cell begins with."""
        variant = self.setting(cell, "start")
        return None if variant is None else cell._replace(variant=variant)

    def part(self, cell: Cell, name: str) -> Path:
        """The file that a phase trains on ("train") or is scored on ("test"), or the part "dev"."""
        suite = self.suites[cell.suite]
        corpus = self.corpora[suite["datasets"][cell.dataset]["corpus"]]
        file = f"{suite['phases'][cell.phase].get(name, name)}.spacy"
        if file == "train_dev.spacy" and file not in corpus["convert"]:
            file = "train.spacy"
        return Path(corpus["folder"]) / file

    def train_part(self, cell: Cell) -> Path:
        """What a cell is trained on: the part of its phase, a few texts of each class, or all but these."""
        part = self.part(cell, "train")
        shots, without = self.setting(cell, "shots"), self.setting(cell, "without_shots")
        if shots is not None:
            return part.with_name(f"train-{shots}-shots-seed-{cell.seed}.spacy")
        return part if without is None else part.with_name(f"train-without-{without}-shots-seed-{cell.seed}.spacy")

    def prepare(self, cell: Cell) -> None:
        """Fetch and convert the corpus of a cell, unless it is there, and draw its texts and those of its start, unless
        they were drawn since.

        RAISES (SystemExit): If a command fails; it has printed why.
        """
        start = self.start(cell)
        if start is not None:
            self.prepare(start)
        self.prepare_corpus(self.suites[cell.suite]["datasets"][cell.dataset]["corpus"])
        source, train = self.part(cell, "train"), self.train_part(cell)
        if train == source:
            return
        if is_older(train, source):
            shots, without = self.setting(cell, "shots"), self.setting(cell, "without_shots")
            draw(source, train, shots=shots, without_shots=without, seed=cell.seed)
        config = self.config(cell)
        if any(is_older(path, source) for path in label_files(config).values()):
            write_labels(config, source)

    def prepare_corpus(self, name: str) -> Path:
        """Fetch or compile a corpus and convert it, unless it is there.

        RETURNS (Path): The folder of its `.spacy` files.
        RAISES (SystemExit): If a command fails; it has printed why.
        """
        corpus = self.corpora[name]
        folder = Path(corpus["folder"])
        files = {"train.spacy", "dev.spacy", "test.spacy", *corpus["convert"]} - {""}
        if not all((folder / file).exists() for file in files):
            if "compile" in corpus:
                run_here("compile-assets", corpus["compile"], COMPILED)
            else:
                run_here("fetch", corpus["fetch"])
            for output, arguments in corpus["convert"].items():
                reader, source, *options = shlex.split(arguments)
                run_here("convert", reader, source, folder / output, *options)
        return folder

    def pairs(self, suite: str, variant: str) -> list[list[str]]:
        """The pairs of variants that are compared and that include one variant."""
        about = self.suites[suite]
        pairs = [[name, of["from"]] for name, of in about["variants"].items() if "from" in of]
        pairs += [[name, about["control"]] for name in about["variants"] if "control" in about]
        pairs += about.get("pairs", [])
        pairs = [pair for pair in pairs if variant in pair and pair[0] != pair[1]]
        return [list(pair) for pair in dict.fromkeys(map(tuple, pairs))]

    def lineage(self, cell: Cell) -> list[str]:
        """The variant of a cell, after those that it takes values over from."""
        variants, lineage = self.suites[cell.suite]["variants"], [cell.variant]
        while "from" in variants[lineage[0]]:
            lineage.insert(0, variants[lineage[0]]["from"])
        return lineage

    def _parts(self, cell: Cell, variant: str) -> list[dict[str, Any]]:
        suite = self.suites[cell.suite]
        about = suite["variants"][variant]
        return [about, about.get(f"with_{suite['datasets'][cell.dataset]['encoder']}", {})]


def _last(parts: Sequence[dict[str, Any]], key: str, default: Any) -> Any:
    return next((part[key] for part in reversed(parts) if key in part), default)
