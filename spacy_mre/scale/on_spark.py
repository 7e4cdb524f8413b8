"""Annotation on Spark: on the processors of one machine, or on a cluster."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow
import torch
from spacy.language import Language

from ..errors import Errors
from .engines import Annotated, annotate_table, check_counts, check_engine, find_model
from .options import Options
from .pipelines import load_pipeline

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ENGINE = "Spark"
FORMS = ("parquet", "jsonl", "jsonl.gz")
# Set by `spark-submit`, which knows the cluster.
SUBMITTED = "PYSPARK_GATEWAY_PORT"
_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"
_pipelines: dict[str, Language] = {}


def annotate_in_arrow(
    batches: Iterator[pyarrow.RecordBatch], model: str, options: Options, names: Sequence[str] | None = None
) -> Iterator[pyarrow.RecordBatch]:
    """Annotate batches of texts, for `DataFrame.mapInArrow`. Each process of Spark loads the pipeline once.

    batches (Iterator[pyarrow.RecordBatch]): The texts.
    model (str): The pipeline, a package or a folder that every machine can read.
    options (Options): The settings.
    names (Optional[Sequence[str]]): The names of the columns, if those of the batches are others: `mapInArrow` takes no
        columns with a dot in their name. Default: None.
    YIELDS (pyarrow.RecordBatch): See `engines.annotate_table`.

    >>> import spacy
    >>> spacy.blank("en").to_disk("blank")
    >>> batch = pyarrow.RecordBatch.from_pydict({"text": ["Ida lives in Lima.", None]})
    >>> options = Options(form="parquet", select=())
    >>> [found["error"].to_pylist() for found in annotate_in_arrow(iter([batch]), "blank", options)]
    [[None, 'the text is missing']]
    """
    nlp = _load(model)
    for batch in batches:
        table = pyarrow.Table.from_batches([batch])
        found = annotate_table(table if names is None else table.rename_columns(list(names)), nlp, options)
        yield from found.combine_chunks().to_batches()


def annotate_with_spark(
    model: str,
    source: str,
    output: str,
    options: Options,
    *,
    workers: int = 1,
    master: str | None = None,
) -> Annotated:
    """Annotate texts on Spark. The rows can come in another order, and each stays: the column "error" tells why one has
    no analysis. A session that is active is used. Otherwise one is started here, and stopped at the end. The texts
    never come to the driver.

    model (str): The pipeline, a package or a folder that every machine can read.
    source (str): A file or a folder that Spark can read: .parquet, .jsonl, .ndjson, .csv, .tsv or .txt; all but the
        first also with .gz or .bz2.
    output (str): A new or empty folder, which gets files of Parquet or JSON lines, and when they are complete,
        `_SUCCESS`.
    options (Options): The settings; `rows` is the number of texts that a process gets at once.
    workers (int): At least so many tasks are made; on this machine, so many run at once. Default: 1.
    master (Optional[str]): The cluster. Default: None, which is that of `spark-submit`, or else this machine.
    RETURNS (Annotated): The counts of rows, as they are in the output.
    RAISES (ValueError): If Spark or Java is not installed; if the input, the output or the settings are invalid; if
        Spark stopped; or if rows are missing in the output.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        from .spark_files import count_rows, find_kind, output_type, read_frame, write_frame
    except ImportError:
        raise ValueError(Errors.M746) from None
    check_engine(ENGINE, source, output, options, FORMS)
    kind = find_kind(source)
    model = find_model(model)
    active = SparkSession.getActiveSession()
    spark = active or _start(workers, master)
    before_batch = spark.conf.get(_BATCH)
    spark.conf.set(_BATCH, options.rows)
    try:
        texts = read_frame(spark, source, kind, options)
        result_type = output_type(texts, options)
        annotate = partial(annotate_in_arrow, model=model, options=options, names=texts.columns)
        before = count_rows(texts, options.text)
        if texts.rdd.getNumPartitions() < workers:
            texts = texts.repartition(workers)
        numbered = texts.toDF(*(f"_{number}" for number in range(len(texts.columns))))
        found = write_frame(numbered.mapInArrow(annotate, result_type), output, options)
        return check_counts(output, before, found)
    except (Py4JError, PySparkException) as err:
        raise ValueError(Errors.M748.format(engine=ENGINE, reason=_reason(str(err)), path=output)) from err
    finally:
        if active:
            spark.conf.set(_BATCH, before_batch)
        else:
            spark.stop()


def _start(workers: int, master: str | None) -> "SparkSession":
    from pyspark.sql import SparkSession

    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        raise ValueError(Errors.M747)
    builder: Any = SparkSession.builder.appName("spacy-mre").config("spark.sql.caseSensitive", "true")
    if master is None and SUBMITTED not in os.environ:
        master = f"local[{workers}]"
        # Otherwise it would be the "python3" of the PATH.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config("spark.ui.enabled", "false")
    if master is not None:
        builder = builder.master(master)
    return builder.getOrCreate()


def _load(model: str) -> Language:
    if model not in _pipelines:
        torch.set_num_threads(_cpus())
        _pipelines[model] = load_pipeline(model)
    return _pipelines[model]


def _cpus() -> int:
    """The processors of a task."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.cpus() if context else 1


def _reason(message: str) -> str:
    """The error of Python in what Java says about it, or else the first line."""
    found = re.findall(r"^\w*(?:Error|Exception): .+$", message, re.MULTILINE)
    return found[-1] if found else message.strip().splitlines()[0]
