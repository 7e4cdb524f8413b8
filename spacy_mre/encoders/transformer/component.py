"""A faster drop-in for the `transformer` component of spacy-transformers.

It has the same Hugging Face model, configs, listeners and files. It differs in how it runs: windows of all texts are
sorted by length and run in groups, pieces are stored without padding and aligned at once, a long text is many forwards.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from spacy_transformers import Transformer, install_extensions
from spacy_transformers.layers import TransformerListener
from thinc.api import ArgsKwargs, Model, Optimizer, torch2xp, xp2torch
from thinc.types import Floats2d

from ...errors import Errors
from ...files import check_has, replacing_files
from ...training.buffers import BufferedPipe
from ...training.stored_pipe import read_cfg, read_parts_from_bytes, read_parts_from_disk
from ...training.torch_weights import averaged_weights, fingerprint, pass_gradients, use_sparse_gradients
from ..foreign_code import refusing_code
from ..stored_weights import own_readers
from .batch_gradient import BatchGradient
from .engines import PACKAGES, PRECISIONS, make_engine, torch_inputs
from .frozen_layers import freeze_lowest
from .int8_weights import make_trainable
from .mixed_precision import in_full_precision
from .packing import attention_mask, drop_padding, first_position, pack_rows, pad
from .piece_data import Encodings, piece_mask, split_by_doc
from .settings import Engine, Precision
from .storage import add_int8_model, load_transformer, read_model, save_transformer
from .update import forward_of_update
from .wordpieces import Wordpieces, count_positions, pack, tokenize_windows

# Mixed precision skips an update whose gradients overflow, and halves their scale, which begins at 2^16.
MAX_OVERFLOWS = 50
# A forked process has a different id.
_IMPORTING_PROCESS = os.getpid()
_MAKING_ENGINE = Lock()


class MRETransformer(BufferedPipe, Transformer):
    """Pipeline component that runs a transformer for all components that listen to it.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> transformer = nlp.add_pipe("mre_transformer", name="transformer", config={"precision": "bf16"})
    >>> transformer.precision
    'bf16'
    """

    needs_last_listener = False  # unlike the class it is derived from, see `update`

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        set_extra_annotations: Callable,
        *,
        name: str = "transformer",
        max_batch_items: int = 1024,
        engine: Engine = "torch",
        precision: Precision = "fp32",
        threads: int | None = None,
        freeze_layers: int = 0,
    ) -> None:
        """Initialize the component. `make_mre_transformer` documents the settings.

        vocab (Vocab): The shared vocabulary.
        model (Model): The Thinc Model.
        name (str): The component's name in the pipeline.
        RAISES (ValueError): If the engine does not support the precision.
        """
        super().__init__(vocab, model, set_extra_annotations, name=name)
        self.cfg: dict[str, Any] = {}
        self.max_batch_items = max_batch_items
        if precision not in PRECISIONS[engine]:
            allowed = "; ".join(f"{', '.join(PRECISIONS[each])} with engine = {each}" for each in PRECISIONS)
            raise ValueError(Errors.M001.format(setting="precision", value=precision, allowed=allowed))
        # Not in cfg: cfg is saved with the weights, and the config in force must win.
        self.engine, self.precision, self.threads = engine, precision, threads
        self.freeze_layers = freeze_layers
        self._run: Callable | None = None
        self._weights_of_run: list[float] | None = None  # None before training, which alone changes weights
        self._batch: BatchGradient | None = None
        self._overflows = 0

    @property
    def requires(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The packages that the component needs, besides those of spacy_mre."""
        return ("spacy-transformers", *PACKAGES[self.engine])

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Apply the component to a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The most documents to buffer. Their windows are sorted by length together. Default: 128.
        YIELDS (Doc): The documents, in order.
        """
        install_extensions()
        yield from super().pipe(stream, batch_size=batch_size)

    def predict(self, docs: Iterable[Doc]) -> Encodings:
        """Encode a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (Encodings): The vectors of the pieces.
        """
        run = self._run_of_engine()
        pieces = self._tokenize(docs)
        width = self.model.transformer.config.hidden_size
        vectors = torch.empty(len(pieces.ids), width, device=self.model.transformer.device)
        for ids, mask, types, indices in self._window_groups(pieces):
            vectors[torch.from_numpy(indices).to(vectors.device)] = drop_padding(run(ids, mask, types), mask)
        return Encodings(split_by_doc(pieces, torch2xp(vectors), self.model.tokenizer))

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Encode a batch for the listening components. When all of them have returned their gradients, the weights get
        the sum; or before the next batch and in `finish_update`, if some return none because they are frozen,
        excluded or disabled.

        examples (Iterable[Example]): The batch; only the predicted Docs are read.
        drop (float): Not used. The dropout of a transformer is set in its own config.
        sgd (Optional[Optimizer]): The optimizer. Without it the gradients are kept.
        losses (Optional[dict[str, float]]): The squared gradient is added under the component's name.
        RETURNS (dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        examples = list(examples)
        validate_examples(examples, "MRETransformer.update")
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return losses
        losses.setdefault(self.name, 0.0)
        self._finish_batch()
        self._run, self._weights_of_run = None, []  # the engine of prediction may have a copy of the weights
        pieces = self._tokenize(docs)
        vectors, backprop_vectors = self._encode_for_update(pieces)
        datas = split_by_doc(pieces, vectors, self.model.tokenizer)
        batch = self._batch = BatchGradient(datas, vectors, backprop_vectors)

        def backprop(d_datas: list[Any]) -> list[Doc]:
            losses[self.name] += batch.add(d_datas, self.name)
            if batch.added == len(self.listeners):
                self._finish_batch()
                if sgd is not None:
                    self.finish_update(sgd)
            return docs

        batch_id = TransformerListener.get_batch_id(docs)
        for listener in self.listeners:
            listener.receive(batch_id, datas, backprop)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Pass the gradients to the optimizer.

        sgd (Optimizer): `spacy_mre.AdamW.v1` takes sparse gradients of embeddings; others get dense ones.
        RAISES (ValueError): If mixed precision has skipped so many updates in a row that no scale would help.
        """
        self._finish_batch()
        shim = self.model.layers[0].shims[0]
        pass_gradients(sgd, shim)
        self._overflows = self._overflows + 1 if shim._grad_scaler.found_inf else 0
        if self._overflows == MAX_OVERFLOWS:
            raise ValueError(Errors.M810.format(name=self.name, count=self._overflows))
        self.model.finish_update(sgd)

    def use_params(self, params: dict) -> Iterator[None]:
        """Use averaged weights within a context. This is a plain generator, as spaCy expects.

        params (dict): Averages by weight, from the optimizer.
        YIELDS (None): Once; the old weights are restored afterwards.
        """
        self._run = None  # the engine of prediction may have a copy of the weights
        with averaged_weights(self.model.layers[0].shims[0], params):
            yield
        self._run = None

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None) -> None:
        """Load the transformer.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline.
        RAISES (ValueError): If the model needs code of its own, its folder names other files or models, or it has
            too few layers for `freeze_layers`.
        """
        self._run = None
        with refusing_code(self.model), in_full_precision(self.model):
            super().initialize(get_examples, nlp=nlp)
        freeze_lowest(self.model.transformer, self.freeze_layers)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component. `model` is a folder in Hugging Face's layout. In int8 only this component reads it.

        path (str | Path): The folder.
        exclude (Iterable[str]): Parts to leave out.
        """
        in_folder = self.model.attrs["has_transformer"] and "model" not in exclude
        with replacing_files(path) as fresh:
            super().to_disk(fresh, exclude=[*exclude, "model"] if in_folder else exclude)
        if in_folder:
            folder = Path(path) / "model"
            if folder.is_symlink():  # what it points to is not overwritten
                folder.unlink()
            save_transformer(self.model, folder, int8=self.precision == "int8")

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "MRETransformer":
        """Load a component that this class or `transformer` saved.

        path (str | Path): The folder.
        exclude (Iterable[str]): Parts to leave out.
        RETURNS (MRETransformer): The component.
        RAISES (ValueError): If the data is broken or incomplete, or names other files, models or code.
        """
        self._run = None
        if "model" not in exclude:
            check_has(Path(path) / "model")
        is_folder = (Path(path) / "model").is_dir()  # `transformer` saves a file
        readers = {
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "cfg": lambda p: self.cfg.update(read_cfg(p, self.name)),
            "model": lambda p: load_transformer(self.model, p) if is_folder else self.model.from_bytes(p.read_bytes()),
        }
        with own_readers(self.model):
            read_parts_from_disk(path, readers, self.name, exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Parts to leave out.
        RETURNS (bytes): In int8, the weights take a quarter of the bytes, and are rounded as by `to_disk`.
        """
        if "model" in exclude or self.precision != "int8" or not self.model.attrs["has_transformer"]:
            return super().to_bytes(exclude=exclude)
        return add_int8_model(super().to_bytes(exclude=[*exclude, "model"]), self.model)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "MRETransformer":
        """Load the component from bytes.

        bytes_data (bytes): From `to_bytes`.
        exclude (Iterable[str]): Parts to leave out.
        RETURNS (MRETransformer): The component.
        RAISES (ValueError): If the data is broken or incomplete, or names other files, models or code.
        """
        self._run = None
        readers = {
            "vocab": lambda data: self.vocab.from_bytes(data, exclude=exclude),
            "cfg": lambda data: self.cfg.update(read_cfg(data, self.name)),
            "model": lambda data: read_model(self.model, data),
        }
        with own_readers(self.model):
            read_parts_from_bytes(bytes_data, readers, self.name, exclude)
        return self

    def _run_of_engine(self) -> Callable:
        """The engine. The first thread that needs it makes it, alone: the export to ONNX changes global state. In a
        process that trains, it is made again when the weights have changed, which an optimizer may do at any time."""
        with _MAKING_ENGINE:
            weights = None if self._weights_of_run is None else fingerprint(self.model)
            if self._run is None or weights != self._weights_of_run:
                self._set_threads()
                self._run = make_engine(self.model.transformer, self.engine, self.precision)
                self._weights_of_run = weights
            return self._run

    def _finish_batch(self) -> None:
        """Pass on the gradients that listeners have returned, if any have. The others are expected to return none."""
        if self._batch is not None and self._batch.sum is not None:
            batch, self._batch = self._batch, None
            batch.finish(self.listeners)

    def _tokenize(self, docs: Iterable[Doc]) -> Wordpieces:
        positions = count_positions(self.model.transformer)
        return tokenize_windows(list(docs), self.model.attrs["get_spans"], self.model.tokenizer, positions)

    def _window_groups(
        self, pieces: Wordpieces
    ) -> Iterator[tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray | None, numpy.ndarray]]:
        """Yield the windows in groups of similar length: ids, mask and types (windows x longest), and the indices of
        the pieces in the batch."""
        firsts = numpy.cumsum(pieces.lengths) - pieces.lengths
        for group in pack(pieces.lengths, self.max_batch_items):
            mask = piece_mask(pieces.lengths[group])
            indices = (firsts[group][:, None] + numpy.arange(mask.shape[1]))[mask]
            ids, types = self._gather(pieces, indices, mask)
            yield ids, mask, types, indices

    def _gather(
        self, pieces: Wordpieces, indices: numpy.ndarray, mask: numpy.ndarray
    ) -> tuple[numpy.ndarray, numpy.ndarray | None]:
        """Return the ids and types of some pieces where the mask is true, and padding elsewhere."""
        ids = pad(pieces.ids[indices], mask, self.model.tokenizer.pad_token_id or 0)
        return ids, None if pieces.types is None else pad(pieces.types[indices], mask, 0)

    def _encode_for_update(self, pieces: Wordpieces) -> tuple[Floats2d, Callable[[Floats2d], None]]:
        """Return the vectors of a batch's pieces, and their backprop."""
        make_trainable(self.model.transformer)
        freeze_lowest(self.model.transformer, self.freeze_layers)
        use_sparse_gradients(self.model.layers[0].shims[0])
        outputs, indices, forward = [], [], forward_of_update(self.model)
        for inputs, mask, group_indices in self._inputs_for_update(pieces):
            states, backprop_states = forward(ArgsKwargs((), inputs))
            outputs.append(drop_padding(states, mask))
            indices.append(group_indices)
        batch_order = numpy.argsort(numpy.concatenate(indices))
        vectors = torch.cat(outputs).float().index_select(0, torch.from_numpy(batch_order).to(outputs[0].device))

        def backprop(d_vectors: Floats2d) -> None:
            backprop_states(ArgsKwargs(((vectors,),), {"grad_tensors": [xp2torch(d_vectors)]}))

        return torch2xp(vectors.detach()), backprop

    def _inputs_for_update(
        self, pieces: Wordpieces
    ) -> Iterator[tuple[dict[str, torch.Tensor], numpy.ndarray, numpy.ndarray]]:
        """Yield the arguments of the model for each group of windows, a mask of the pieces, and the indices of the
        pieces in the batch."""
        device, begin = self.model.transformer.device, first_position(self.model.transformer)
        if begin is None:
            for ids, mask, types, indices in self._window_groups(pieces):
                yield torch_inputs(ids, mask, types, device), mask, indices
            return
        for rows in pack_rows(pieces.lengths, self.max_batch_items):
            ids, types = self._gather(pieces, rows.indices, rows.mask)
            inputs = torch_inputs(ids, attention_mask(rows), types, device)
            inputs["position_ids"] = torch.from_numpy(rows.positions + begin).to(device)
            yield inputs, rows.mask, rows.indices

    def _set_threads(self) -> None:
        if os.getpid() != _IMPORTING_PROCESS:
            torch.set_num_threads(1)  # a forked worker would hang in torch's thread pool
        elif self.threads:
            torch.set_num_threads(self.threads)
