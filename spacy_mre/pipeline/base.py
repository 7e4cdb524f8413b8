"""What all trainable components of this package share: settings, an update step, and counts of what is left out."""

import inspect
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from spacy.language import Language
from spacy.training import Example, validate_examples
from thinc.api import Model, Optimizer

from ..annotations.alignment import UNSEEN, Losses
from ..encoders.foreign_code import refusing_code
from ..encoders.last_listener import LastListeners
from ..encoders.stored_weights import own_readers, wrong_array
from ..errors import Errors, Warnings
from ..evaluation.pipeline_settings import get_symmetric
from ..evaluation.scaling import Scaling
from ..files import check_has, replacing_files
from ..requirements import record_requirements
from ..settings import check_setting, check_storable
from ..training.buffers import BufferedPipe
from ..training.stored_pipe import read_cfg, read_parts_from_bytes, read_parts_from_disk
from .learned import check_sizes, checked_cfg, checked_labels
from .membership import join, pipeline_of, pipelines_with

# Arguments of a component that are not settings.
NOT_SETTINGS = ("nlp", "name", "model", "scorer")
# The end of the key in `left_out` of gold that is not learned, or that will not be predicted.
IN_TRAINING = " in training"


class MREPipe(BufferedPipe):
    """A trainable component.

    A subclass registers itself with `Language.factory(name, func=Class)`: the keyword arguments of its `__init__` are
    its settings, and their defaults are its default config. It stores each setting as an attribute of the same name,
    which it reads at prediction time, and implements `learn`.

    Settings belong to the config, so the config in force always wins over what was saved. A setting changed in Python
    is also changed in the config of the pipeline that made the component, or of its copy, and is saved with it. `cfg`
    holds only what was learned, labels for example; spaCy saves it next to the weights.

    left_out_warning (str): The warning given the first time something is left out; it takes `name`, `what`, `count`
        and what the subclass adds.
    lost_warnings (dict[str, str]): By reason, the warning of gold that is not learned, or that will not be predicted;
        it takes what W803 takes.
    left_out (Counter): How much was left out since initialization, by reason.
    requires (tuple[str, ...]): The packages that the component needs, besides those of spacy_mre.
    calls_to_add (dict[str, str]): By kind of label, the call that adds a label to a trained component, for messages.
    head_ref (str): The reference of the model to the layer whose sizes depend on the labels, if it has one.
    """

    left_out_warning = Warnings.W802
    lost_warnings: ClassVar[dict[str, str]] = {}
    requires: ClassVar[tuple[str, ...]] = ()
    calls_to_add: ClassVar[dict[str, str]] = {}
    head_ref: ClassVar[str] = "heads"

    def __init__(
        self, nlp: Language, name: str, model: Model, scorer: Callable | None, *, learned: dict[str, Any]
    ) -> None:
        """Initialize the component.

        nlp (Language): The pipeline.
        name (str): The component's name in the pipeline.
        model (Model): The Thinc Model.
        scorer (Optional[Callable]): The scorer.
        learned (dict[str, Any]): What initialization sets: labels and the like, empty for now.
        """
        self.join(nlp)
        self.vocab = nlp.vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: dict[str, Any] = learned
        self.left_out: Counter = Counter()
        self._last_listeners = LastListeners()
        # What initialization has warned of already.
        self._announced: set[str] = set()
        record_requirements(nlp, nlp.tokenizer, self)

    def __setattr__(self, name: str, value: Any) -> None:
        settings = self._settings()
        if name not in settings:
            super().__setattr__(name, value)
            return
        value = check_setting(name, value, settings[name])
        check_storable(name, value)
        super().__setattr__(name, value)
        nlp = pipeline_of(self)
        if nlp is not None:
            for pipe_name, pipe in nlp.components:
                if pipe is self:
                    nlp.get_pipe_config(pipe_name)[name] = value

    def join(self, nlp: Language) -> None:
        """Become a component of a pipeline, which one with a `source` is not by itself: settings that are changed later
        are saved with it, and its other components are known.

        nlp (Language): The pipeline.
        """
        join(nlp, self)

    @classmethod
    def _settings(cls) -> dict[str, Any]:
        """Each setting with its annotation."""
        if "_annotations_of_settings" not in cls.__dict__:
            parameters = inspect.signature(cls).parameters.values()
            cls._annotations_of_settings = {
                parameter.name: parameter.annotation for parameter in parameters if parameter.name not in NOT_SETTINGS
            }
        return cls._annotations_of_settings

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch.

        examples (Iterable[Example]): The batch. `learn` documents which examples are skipped.
        drop (float): Dropout of Thinc layers. Dropout of torch modules is set in their architectures.
        sgd (Optional[Optimizer]): The optimizer. Without it the gradients are kept.
        losses (Optional[dict[str, float]]): The loss is added under the component's name.
        RETURNS (dict[str, float]): The losses.
        RAISES (ValueError): If the component is not initialized, or the loss is not finite.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        self._last_listeners.check()
        if any(len(eg.predicted) for eg in examples):  # an encoder sends nothing of empty texts
            self._last_listeners.watch(self.model)
        loss = self.learn(examples, drop)
        if loss is not None:
            if not math.isfinite(loss):
                raise ValueError(Errors.M805.format(name=self.name, loss=loss))
            losses[self.name] += loss
            self.set_scaling({})
            if sgd is not None:
                self.finish_update(sgd)
        return losses

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score a batch of examples, with the component's settings and labels.

        examples (Iterable[Example]): Predicted and gold documents.
        kwargs (Any): Arguments of the scorer that replace those of the component.
        RETURNS (dict[str, Any]): The scores; see the scorer.
        """
        if self.scorer is None:
            return {}
        settings = {name: getattr(self, name) for name in self._settings()}
        if "symmetric" in settings:
            settings["symmetric"] = self._symmetric_labels()
        return self.scorer(examples, **{**settings, "labels": self.labels, **kwargs})

    def _symmetric_labels(self) -> list[str]:
        """Those of all components of the pipeline, because the relations of all of them are scored."""
        own: list[str] = getattr(self, "symmetric", [])
        return sorted({*own, *(label for nlp in pipelines_with(self) for label in get_symmetric(nlp))})

    def get_scaling(self, level: str) -> Scaling | None:
        """RETURNS (Optional[Scaling]): The calibration of the scores of a level; None if they are not calibrated."""
        found = self.cfg.get("scaling", {}).get(level)
        return None if found is None else Scaling(*found)

    def set_scaling(self, scaling: Mapping[str, Scaling]) -> None:
        """Calibrate the scores, or stop that. It holds until the next update, because it belongs to the weights.

        scaling (Mapping[str, Scaling]): By level; empty for the scores of the network.
        """
        if "scaling" in self.cfg:
            self.cfg["scaling"] = {level: list(found) for level, found in scaling.items()}

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component. Its files are replaced when all of them are written. Links in the folder are replaced,
        not followed.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): What to leave out.
        """
        with replacing_files(path) as fresh:
            super().to_disk(fresh, exclude=exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> Any:
        """Load the component.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): What to leave out.
        RETURNS (MREPipe): The component itself.
        RAISES (ValueError): If a file is missing or broken, or is not of such a component.
        """
        if "model" not in exclude:
            check_has(Path(path) / "model")
        readers = {
            "cfg": self._set_cfg,
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "model": self._read_model,
        }
        read_parts_from_disk(path, readers, self.name, exclude)
        return self._check_loaded(exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Any:
        """Load the component from bytes.

        bytes_data (bytes): What `to_bytes` returned.
        exclude (Iterable[str]): What to leave out.
        RETURNS (MREPipe): The component itself.
        RAISES (ValueError): If a part is missing or broken, or is not of such a component.
        """
        readers = {
            "cfg": self._set_cfg,
            "vocab": lambda data: self.vocab.from_bytes(data, exclude=exclude),
            "model": self.model.from_bytes,
        }
        with own_readers(self.model):
            read_parts_from_bytes(bytes_data, readers, self.name, exclude)
        return self._check_loaded(exclude)

    @property
    def _shim(self) -> Any:
        """The `SizedShim` of the heads."""
        return self.model.get_ref(self.head_ref).shims[0]

    def _check_initialized(self) -> None:
        if self._shim.module is None:
            raise ValueError(Errors.M803.format(name=self.name))

    def _set_learned(self, **learned: Any) -> None:
        """Set what initialization has found, or was given. What could not be loaded again is refused."""
        self.cfg.update(checked_labels(learned, self.cfg, self.name))

    def _initialize_model(self, X: Any) -> None:
        self.left_out.clear()
        with refusing_code(self.model):
            self.model.initialize(X=X)

    def _set_cfg(self, data: bytes | str | Path) -> None:
        self.cfg.update(checked_cfg(read_cfg(data, self.name), self.cfg, self.name))

    def _read_model(self, path: Path) -> None:
        with own_readers(self.model):
            self.model.from_bytes(path.read_bytes())

    def _check_loaded(self, exclude: Iterable[str]) -> Any:
        reason = wrong_array(self.model)
        if reason:
            raise ValueError(Errors.M806.format(part="model", name=self.name, where="", reason=reason))
        if "cfg" not in exclude and "model" not in exclude:
            check_sizes(self.model, self.cfg, self.name)
        return self

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None if nothing went through the model, so that there is nothing to
            backpropagate.
        RAISES (ValueError): If the component is not initialized.
        """
        raise NotImplementedError

    def add_labels_of(self, examples: Iterable[Example]) -> list[str]:
        """Add the labels of some examples that the trained component lacks, so that it can be trained on them.

        examples (Iterable[Example]): The examples.
        RETURNS (list[str]): The labels that were added.
        RAISES (ValueError): If the component is not initialized.
        """
        raise NotImplementedError

    def _count_lost(self, lost: Losses) -> None:
        """Count gold that is not learned, or that will not be predicted, and warn the first time for each reason: for
        labels that came after initialization, and for what initialization has not warned of."""
        for reason, count in lost.counts.items():
            example = lost.examples[reason]
            if reason.endswith(UNSEEN):
                call = self.calls_to_add[reason.partition(" '")[0]].format(label=example)
                self._count_left_out(reason, count, warning=Warnings.W813, call=call)
            else:
                warning = self.lost_warnings.get(reason, Warnings.W803)
                self._count_left_out(f"{reason}{IN_TRAINING}", count, warning=warning, example=example)

    def _warn_of_partly_annotated(self, count: int, total: int) -> None:
        """Warn of documents that are read as complete though they are not."""
        if count:
            warnings.warn(Warnings.W804.format(name=self.name, count=count, total=total), stacklevel=3)

    def _set_announced(self, lost: Losses) -> None:
        """Remember what initialization has warned of."""
        self._announced = {f"{reason}{IN_TRAINING}" for reason in lost.counts}

    def _count_left_out(self, what: str, count: int = 1, *, warning: str | None = None, **details: str) -> None:
        """Count what was left out, and warn the first time."""
        with _COUNTING:
            is_first = count > 0 and not self.left_out[what] and what not in self._announced
            self.left_out[what] += count
        if is_first:
            message = (warning or self.left_out_warning).format(name=self.name, what=what, count=count, **details)
            warnings.warn(message, stacklevel=2)


# Threads share the counts of a component. Not its attribute, so that it can be pickled.
_COUNTING = Lock()
