"""What is trained on SNIPS, and how: each variant is a config of the project, changed in a few places, for a number of updates."""

from pathlib import Path
from typing import Any, NamedTuple

import srsly
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model
from thinc.api import Config

from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.corpora.few_shot import few_shot
from spacy_mre.evaluation.runs import fingerprint, set_budget, set_values, train_last

from ..speed.pipelines import corpus_file

DATASET = "snips"
SHOTS = 20
FOLDER = Path("training/generative")
FEW = Path("corpus/snips-few")


class Variant(NamedTuple):
    """One training.

    about (str): In a few words.
    config (str): The config of the project.
    updates (int): The budget.
    values (Dict[str, Any]): What is changed in the config.
    few (bool): Trained on a few texts of every class instead of all.
    begins_as (Optional[str]): The variant whose weights it begins with.
    """

    about: str
    config: str
    updates: int
    values: dict[str, Any] = {}
    few: bool = False
    begins_as: str | None = None


# Of the ablations: all of them take two hours on one core.
SHORT, FEW_UPDATES = 600, 200
# What the other systems are compared with.
JOINT = "spert_mt + mre_textcat"
MODELS = ("slg", "oiellm")
ABLATIONS = ("joint", "no prompt words", "text label alone", "entities alone", "few", "few after entities")

VARIANTS = {
    "slg": Variant("encoder-decoder, begun as MiniLM", "configs/slg.cfg", 1500),
    "oiellm": Variant("LLaMA of 8 M weights, from nothing", "configs/oiellm.cfg", 2500),
    JOINT: Variant("span heads on MiniLM", "configs/en_cpu.cfg", 3000),
    "joint": Variant("text label and entities, with prompt words", "configs/slg.cfg", SHORT),
    "no prompt words": Variant(
        "the same without prompt words", "configs/slg.cfg", SHORT, {"components.slg.prompt_words": False}
    ),
    "text label alone": Variant(
        "asked for the text label only", "configs/slg.cfg", SHORT, {"components.slg.parts": "text"}
    ),
    "entities alone": Variant(
        "asked for the entities only", "configs/slg.cfg", SHORT, {"components.slg.parts": "words"}
    ),
    "few": Variant(f"{SHOTS} texts of every class", "configs/slg.cfg", FEW_UPDATES, few=True),
    "few after entities": Variant(
        f"{SHOTS} texts of every class, begun as `entities alone`",
        "configs/slg.cfg",
        FEW_UPDATES,
        few=True,
        begins_as="entities alone",
    ),
}


def component_of(variant: Variant) -> str:
    """RETURNS (str): The generative component's name, or that of the joint pipeline's word level."""
    return Path(variant.config).stem if variant.config != VARIANTS[JOINT].config else "spert_mt"


def make_config(name: str, *, seed: int = 0, updates: int | None = None) -> Config:
    """The config of a variant.

    name (str): The variant.
    seed (int): The seed.
    updates (Optional[int]): Another budget.
    RETURNS (Config): For `train_last`.
    """
    variant = VARIANTS[name]
    values = dict(variant.values)
    if variant.begins_as is not None:
        values["paths.model"] = str(folder_of(variant.begins_as, seed) / "model-last")
    config = set_values(load_config(variant.config, interpolate=False), values)
    train = few_texts(seed) if variant.few else corpus_file(DATASET, "train")
    return set_budget(
        config, updates=updates or variant.updates, seed=seed, train=train, dev=corpus_file(DATASET, "dev")
    )


def few_texts(seed: int) -> Path:
    """RETURNS (Path): A few texts of every class, others for every seed; drawn now if they are not there."""
    path = FEW / f"{SHOTS}-seed-{seed}.spacy"
    if not path.exists():
        save_docs(few_shot(list(load_docs(corpus_file(DATASET, "train"))), SHOTS, seed=seed), path)
    return path


def folder_of(name: str, seed: int) -> Path:
    return FOLDER / f"{name.replace(' + ', '-').replace(' ', '-')}-{seed}"


def trained(name: str, *, seed: int = 0, updates: int | None = None) -> Language:
    """A trained variant; trained now if it is not there.

    name (str): The variant.
    seed (int): The seed.
    updates (Optional[int]): Another budget.
    RETURNS (Language): The pipeline.
    """
    variant, folder = VARIANTS[name], folder_of(name, seed)
    if variant.begins_as is not None:
        trained(variant.begins_as, seed=seed, updates=updates)
    config, note = make_config(name, seed=seed, updates=updates), folder / "trained_as.json"
    trained_as = {"fingerprint": fingerprint(config), "updates": config["training"]["max_steps"]}
    if note.exists() and srsly.read_json(note) == trained_as:
        return load_model(folder / "model-last")
    print(f"training: {name}, {trained_as['updates']} updates", flush=True)
    nlp = train_last(config, folder)
    srsly.write_json(note, trained_as)
    return nlp


def untrained(name: str, *, seed: int = 0) -> Language:
    """RETURNS (Language): A variant with the weights it begins with."""
    return init_nlp(make_config(name, seed=seed))


def names_of(chosen: list[str], known) -> list[str]:
    """The variants to be measured.

    chosen (List[str]): Names; none for all.
    known (Iterable[str]): All names.
    RETURNS (List[str]): Names, in the order of the known ones.
    RAISES (ValueError): An unknown name.
    """
    unknown = set(chosen) - set(known)
    if unknown:
        raise ValueError(f"no variant is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    return [name for name in known if not chosen or name in chosen]
