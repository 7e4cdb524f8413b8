"""Annotation on Ray: on the processors of one machine, or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow
import torch

from ..errors import Errors
from .engines import Annotated, annotate_table, check_counts, check_engine, find_model
from .forms import COMPRESSION
from .options import Options
from .pipelines import load_pipeline

ENGINE = "Ray"
FORMS = ("parquet", *COMPRESSION)


class Annotator:
    """An actor that annotates tables.

    model (str): The pipeline, a package or a folder that every machine can read. Each actor loads it by itself: arrays
        that come from Ray's object store are read-only, and the layers of thinc write to theirs.
    options (Options): The settings.
    gpu (bool): Whether to use the GPU that Ray gave to the actor. Default: False.
    threads (int): The threads of torch. Default: 1.

    >>> import spacy
    >>> spacy.blank("en").to_disk("blank")
    >>> annotate = Annotator("blank", Options(form="parquet", select=()))
    >>> annotate(pyarrow.table({"text": ["Ida lives in Lima.", None]}))["error"].to_pylist()
    [None, 'the text is missing']
    """

    def __init__(self, model: str, options: Options, *, gpu: bool = False, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        if gpu:
            from spacy import require_gpu

            require_gpu(0)  # the only one that the actor sees
        self.options = options
        self.nlp = load_pipeline(model)

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """RETURNS (pyarrow.Table): See `engines.annotate_table`."""
        return annotate_table(table, self.nlp, self.options)


def annotate_with_ray(
    model: str,
    source: str,
    output: str,
    options: Options,
    *,
    workers: int = 1,
    gpu: int = -1,
    cpus: int = 1,
    address: str | None = None,
) -> Annotated:
    """Annotate texts on Ray. The rows come in any order, and each stays: the column "error" tells why one has no
    analysis. If this process has started or joined Ray already, that is used. Otherwise this is done here, and undone
    at the end.

    model (str): The pipeline, a package or a folder that every machine can read.
    source (str): Files as for `open_input`, which every machine can read; or the URL of Parquet files (s3://...). A
        file that is not Parquet is read by one task, but annotated by all actors.
    output (str): A new or empty folder, which gets files of Parquet or JSON lines, and when they are complete,
        `_SUCCESS`.
    options (Options): The settings; `rows` is the number of texts that an actor gets at once.
    workers (int): The number of actors. They wait until the cluster has the processors or GPUs for them. Default: 1.
    gpu (int): -1 for the CPU. Otherwise each actor gets a GPU, which Ray chooses. Default: -1.
    cpus (int): The processors, and threads, of each actor. Default: 1.
    address (Optional[str]): The cluster. Default: None, which is that of the environment variable RAY_ADDRESS, or one
        that was started on this machine, or else a new one.
    RETURNS (Annotated): The counts of rows, as they are in the output.
    RAISES (ValueError): If Ray is not installed; if the input, the output or the settings are invalid; if Ray stopped;
        or if rows are missing in the output.
    """
    try:
        import ray

        from .ray_files import mark_complete, read_dataset, write_dataset
    except ImportError:
        raise ValueError(Errors.M745) from None
    check_engine(ENGINE, source, output, options, FORMS)
    model = find_model(model)
    with _running(address):
        try:
            texts, before = read_dataset(source, options)
            found = texts.map_batches(
                Annotator,
                fn_constructor_args=(model, options),
                fn_constructor_kwargs={"gpu": gpu >= 0, "threads": cpus},
                batch_size=options.rows,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=cpus,
                num_gpus=1 if gpu >= 0 else 0,
            )
            counts = check_counts(output, before, write_dataset(found, output, options))
        except ray.exceptions.RayError as err:
            # The first error comes first, with its traceback; then those that Ray made of it.
            reason = str(err).split("\n\nThe above exception")[0].strip().splitlines()[-1].strip()
            raise ValueError(Errors.M748.format(engine=ENGINE, reason=reason, path=output)) from err
        mark_complete(output)
        return counts


@contextmanager
def _running(address: str | None) -> Iterator[None]:
    import ray

    if ray.is_initialized():
        yield
        return
    ray.init(address=address, log_to_driver=False, configure_logging=False)
    try:
        yield
    finally:
        ray.shutdown()
