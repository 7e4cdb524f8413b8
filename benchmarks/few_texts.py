"""Learning from few texts: which are drawn, the labels of all texts, and rates that do not depend on the start."""

from collections.abc import Callable, Sequence
from pathlib import Path

import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_model_from_config, registry
from thinc.api import Config

from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.corpora.few_shot import few_shot
from spacy_mre.files import replacing
from spacy_mre.pipeline.generative.component import Generative


def is_older(path: Path, source: Path) -> bool:
    """RETURNS (bool): Whether a file that is made from another one is missing, or was made before that one."""
    return not path.exists() or path.stat().st_mtime < source.stat().st_mtime


def draw(source: Path, path: Path, *, shots: int | None, without_shots: int | None, seed: int) -> None:
    """Write a few texts of each class, or all but these.

    source (Path): The `.spacy` file of all texts.
    path (Path): The `.spacy` file to write.
    shots (Optional[int]): How many texts of each class.
    without_shots (Optional[int]): If `shots` is None, how many of each class are left out.
    seed (int): The seed.
    """
    docs = list(load_docs(source))
    save_docs(few_shot(docs, shots, seed=seed) if shots is not None else _others(docs, without_shots or 0, seed), path)


def _others(docs: Sequence[Doc], shots: int, seed: int) -> list[Doc]:
    drawn = {doc.text for doc in few_shot(docs, shots, seed=seed)}
    return [doc for doc in docs if doc.text not in drawn]


def label_files(config: Config) -> dict[str, Path]:
    """RETURNS (dict[str, Path]): The files that components of a pipeline read their labels from, by component."""
    plain = config.interpolate()
    settings = plain.get("initialize", {}).get("components", {})
    labels = {name: settings.get(name, {}).get("labels") for name in plain["nlp"]["pipeline"]}
    return {name: Path(reader["path"]) for name, reader in labels.items() if reader is not None}


def write_labels(config: Config, source: Path) -> None:
    """Write these files for the generative components of a config, as `spacy init labels` does, but without a model.

    config (Config): The config.
    source (Path): The `.spacy` file of the texts with the labels.
    """
    nlp = load_model_from_config(config, auto_fill=True)
    for name, path in label_files(config).items():
        pipe = nlp.get_pipe(name)
        assert isinstance(pipe, Generative)
        labels = pipe._survey(Example(doc, doc) for doc in load_docs(source, nlp.vocab))
        with replacing(path) as temporary:
            srsly.write_json(temporary, labels)


@registry.callbacks("benchmarks.rates_of_warm_start.v1")
def make_rates_of_warm_start(name: str, decoder_layers: int) -> Callable[[Language], Language]:
    """Make a callback for `[initialize] after_init`: the weights that are new when an encoder-decoder is made from an
    encoder have the learning rate of heads, also if a trained one is loaded.

    name (str): The encoder.
    decoder_layers (int): The number of decoder layers.
    RETURNS (Callable[[Language], Language]): The callback.
    """

    def set_new_weights(nlp: Language) -> Language:
        from spacy_mre.pipeline.generative.warm_start import make_warm_started

        new_weights = make_warm_started((), name=name, decoder_layers=decoder_layers).new_weights
        for _, pipe in nlp.pipeline:
            if isinstance(pipe, Generative):
                pipe.model.shims[0].new_weights = new_weights
        return nlp

    return set_new_weights
