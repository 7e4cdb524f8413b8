"""Files that Spark reads and writes."""

from pathlib import Path
from typing import Any

import pyarrow
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type, to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from ..errors import Errors
from .engines import FAULT, LINE, Annotated, is_url, kept_schema, without_error
from .input_files import COMPRESSIONS, KINDS, find_files
from .inputs import DELIMITERS
from .options import Options
from .tables import ERROR, TYPES

COMPRESSION = {"jsonl": "none", "jsonl.gz": "gzip"}
# What Spark decompresses without libraries of the system.
READABLE = ("", "gzip", "bz2")


def find_kind(source: str) -> str:
    """Find the kind of an input.

    source (str): The input. Of the folder at a URL, it is Parquet if its name has no suffix.
    RETURNS (str): A value of `input_files.KINDS`.
    RAISES (ValueError): If there is no input, or Spark cannot read it.
    """
    if is_url(source):
        *_, name = source.rstrip("/").rsplit("/", 1)
        compression = COMPRESSIONS.get(Path(name).suffix, "")
        suffix = Path(Path(name).stem if compression else name).suffix
        kind = KINDS.get(suffix, "Parquet" if not suffix else "")
    else:
        files = find_files(Path(source))
        kind = files[0].kind
        compression = next((file.compression for file in files if file.compression not in READABLE), "")
    if kind in ("", "spaCy") or compression not in READABLE:
        reason = f"it is compressed with {compression}" if kind not in ("", "spaCy") else "it is no file of texts"
        raise ValueError(Errors.M744.format(engine="Spark", path=source, reason=reason))
    return kind


def read_frame(spark: SparkSession, source: str, kind: str, options: Options) -> DataFrame:
    """Open an input.

    spark (SparkSession): The session.
    source (str): The input.
    kind (str): From `find_kind`.
    options (Options): The settings.
    RETURNS (DataFrame): The texts, with the other columns that are kept, and a column of faults if rows can have them.
    RAISES (ValueError): If a column is missing, exists already or has no texts.
    """
    # Names of folders like year=2026 add no columns, as on one machine.
    reader: Any = spark.read.option("recursiveFileLookup", "true")
    if kind == "Parquet":
        found = reader.parquet(source)
    elif kind == "text":
        line = F.regexp_replace(LINE, "\r$", "")
        found = reader.option("lineSep", "\n").text(source).select(line.alias(options.text))
        found = found.where(F.col(options.text).rlike(r"\S"))
    elif kind == "JSON lines":
        found = reader.option("columnNameOfCorruptRecord", FAULT).option("lineSep", "\n").json(source)
    else:
        found = _read_csv(reader, source, DELIMITERS[kind])
    names = kept_schema(to_arrow_schema(_without_faults(found)), [], options).names
    kept = [F.col(_quoted(name)) for name in names]
    if FAULT in found.columns:
        kept.append(F.concat(F.lit("it cannot be read: "), F.col(FAULT)).alias(FAULT))
    return found.select(kept)


def output_type(found: DataFrame, options: Options) -> StructType:
    """RETURNS (StructType): The columns of what `annotate_in_arrow` makes of the rows of `read_frame`."""
    if options.form != "parquet":
        return StructType([StructField(LINE, StringType())])
    new: list[tuple[str, pyarrow.DataType]] = [(name, TYPES[level]) for level, name in options.columns().items()]
    new.append((f"{options.prefix}{ERROR}", pyarrow.string()))
    return StructType(
        [*_without_faults(found), *(StructField(name, from_arrow_type(arrow_type)) for name, arrow_type in new)]
    )


def write_frame(found: DataFrame, output: str, options: Options) -> Annotated:
    """Write what was annotated, and count its rows in the files.

    found (DataFrame): From `annotate_in_arrow`.
    output (str): The folder.
    options (Options): The settings.
    RETURNS (Annotated): The counts.
    """
    # An empty folder, which is allowed, would be an error for Spark; other ones have been found.
    writer: Any = found.write.mode("errorifexists" if is_url(output) else "append")
    reader = found.sparkSession.read
    error = f"{options.prefix}{ERROR}"
    if options.form == "parquet":
        writer.option("compression", "zstd").parquet(output)
        written = reader.parquet(output)
        counts = written.agg(F.count(F.lit(1)), F.count(F.col(_quoted(error))))
    else:
        writer.option("compression", COMPRESSION[options.form]).option("lineSep", "\n").text(output)
        _rename(found.sparkSession, output, options.form)
        is_right = F.col(LINE).endswith(without_error(options))
        counts = reader.option("lineSep", "\n").text(output).agg(F.count(F.lit(1)), F.count(F.when(~is_right, 1)))
    (row,) = counts.collect()
    return Annotated(*row)


def count_rows(found: DataFrame, text: str) -> int:
    """RETURNS (int): The rows. The texts are counted, too: for rows alone, Spark does not read them, and counts blank
    lines of JSON."""
    (row,) = found.agg(F.count(F.lit(1)), F.count(F.col(_quoted(text)))).collect()
    return row[0]


def _read_csv(reader: Any, source: str, delimiter: str) -> DataFrame:
    reader = reader.options(header=True, multiLine=True, sep=delimiter, quote='"', escape='"')
    schema = reader.csv(source).schema.add(FAULT, StringType())
    found = reader.options(columnNameOfCorruptRecord=FAULT, enforceSchema=False).schema(schema).csv(source)
    # Spark reads cells without quotation marks and characters as null.
    cells = [F.coalesce(F.col(_quoted(name)), F.lit("")).alias(name) for name in found.columns if name != FAULT]
    return found.select(*cells, FAULT)


def _without_faults(found: DataFrame) -> StructType:
    return StructType([field for field in found.schema if field.name != FAULT])


def _quoted(name: str) -> str:
    """A name that Spark takes as it is: dots in it would mean parts of a column."""
    return f"`{name.replace('`', '``')}`"


def _rename(spark: SparkSession, output: str, form: str) -> None:
    """Give files of lines the suffix by which JSON lines are known; Spark writes .txt."""
    path = spark._jvm.org.apache.hadoop.fs.Path(output)
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    for status in system.listStatus(path):
        name = status.getPath().getName()
        if name.startswith("part-"):
            new = spark._jvm.org.apache.hadoop.fs.Path(path, f"{name.partition('.')[0]}.{form}")
            system.rename(status.getPath(), new)
