"""What is in the grid? Cells, and the complete config of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from spacy.util import load_config
from thinc.api import Config

from spacy_mre.evaluation.runs import set_budget, set_values

GRID = Path(__file__).with_name("grid.yml")
RUNS = Path("benchmarks/runs/accuracy")
# Runs with a budget of one's own prove that things work; they are no results.
TRIALS = Path("training/accuracy-trials")
MODELS = Path("training/accuracy")


class Cell(NamedTuple):
    """One run.

    updates (Optional[int]): A budget of one's own in place of that of the grid, for a trial.
    limit (int): In a trial, so many test documents; 0 for all.
    """

    phase: str
    dataset: str
    variant: str
    seed: int
    updates: int | None = None
    limit: int = 0

    @property
    def is_trial(self) -> bool:
        return bool(self.updates or self.limit)

    @property
    def path(self) -> Path:
        """The file of the run."""
        return (TRIALS if self.is_trial else RUNS) / self.phase / self.dataset / f"{self.variant}-{self.seed}.json"

    @property
    def folder(self) -> Path:
        """Where spaCy trains."""
        return MODELS / f"{self.phase}-{self.dataset}-{self.variant}-{self.seed}"

    def __str__(self) -> str:
        return f"{self.phase} {self.dataset} {self.variant} {self.seed}"


@dataclass
class Grid:
    """grid.yml.

    phases, datasets, variants (Dict[str, Dict[str, Any]]): By name; the comments of the file say what stands in each.
    comparisons (List[List[str]]): Pairs of variants to compare, beside each with its base.
    reinforcement (Dict[str, Dict[str, Any]]): The corpora of mutual reinforcement.
    """

    phases: dict[str, dict[str, Any]]
    datasets: dict[str, dict[str, Any]]
    variants: dict[str, dict[str, Any]]
    comparisons: list[list[str]]
    reinforcement: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, path: Path = GRID) -> "Grid":
        return cls(**yaml.safe_load(path.read_text(encoding="utf8")))

    def cells(
        self,
        phase: str,
        datasets: Sequence[str] = (),
        variants: Sequence[str] = (),
        seeds: Sequence[int] = (),
        updates: int | None = None,
        limit: int = 0,
    ) -> Iterator[Cell]:
        """The cells of a phase; where nothing is chosen, all that the phase has. A variant is left out where it says nothing of a data set."""
        about = self.phases[phase]
        for dataset in datasets or about.get("datasets", self.datasets):
            for seed in seeds or about["seeds"]:  # every variant has its first seed before any has its second
                for variant in variants or about.get("variants", self.variants):
                    if dataset in self.variants[variant].get("datasets", self.datasets):
                        yield Cell(phase, dataset, variant, seed, updates, limit)

    def config(self, cell: Cell) -> Config:
        """The complete training config of a cell."""
        dataset = self.datasets[cell.dataset]
        parts = [part for name in self._lineage(cell.variant) for part in self._parts(name, dataset["encoder"])]
        path = next((part["config"] for part in reversed(parts) if "config" in part), dataset["config"])
        config = load_config(path, interpolate=False)
        values = {
            **dataset.get("set", {}),
            **{key: value for part in parts for key, value in part.get("set", {}).items()},
        }
        updates = round(dataset["updates"] * self.phases[cell.phase]["share"])
        batches = [
            self.variants[name]["batch"] for name in self._lineage(cell.variant) if "batch" in self.variants[name]
        ]
        if batches:
            updates = round(updates * config["training"]["batcher"]["size"] / batches[-1])
            values["training.batcher.size"] = batches[-1]
        train, dev = (self.part(cell, name) for name in ("train", "dev"))
        config = set_values(config, values)
        # spaCy keeps only the components of the pipeline: what refers to others must not be left open.
        config["components"] = config.interpolate()["components"]
        # The schedules shrink with the budget, whatever the variant has set in them.
        return set_budget(config, updates=cell.updates or updates, seed=cell.seed, train=train, dev=dev)

    def part(self, cell: Cell, name: str) -> Path:
        """The file that a phase trains on ("train") or is scored on ("test"), and the part for choosing ("dev")."""
        dataset = self.datasets[cell.dataset]
        part = self.phases[cell.phase].get(name, name)
        return Path(dataset["corpus"]) / f"{part if part in dataset['parts'] else 'train'}.spacy"

    def is_calibrated(self, variant: str) -> bool:
        return any(self.variants[name].get("calibrate") for name in self._lineage(variant))

    def pairs(self) -> list[list[str]]:
        """The variants to compare: each with its base, and those that the grid names."""
        return [[name, about["from"]] for name, about in self.variants.items() if "from" in about] + self.comparisons

    def _lineage(self, variant: str) -> list[str]:
        """The variant after those that it comes from."""
        base = self.variants[variant].get("from")
        return [*(self._lineage(base) if base else []), variant]

    def _parts(self, variant: str, encoder: str) -> list[dict[str, Any]]:
        about = self.variants[variant]
        return [about, *([about[f"with_{encoder}"]] if f"with_{encoder}" in about else [])]
