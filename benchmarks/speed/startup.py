"""What a process costs before the first text: `spacy.blank` and `spacy.load`, each in a process that has imported
nothing."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .measuring import Settings, call_in_process, measures, ratio_row, run_script
from .pipelines import CONLL04, OURS, BareEncoder, load, trained

# Installed packages are filtered on both sides, so both pay for it. (A package's public name is in its metadata file,
# whose reading would take longer than what is measured.)
BLANK = """
import sys, time
import importlib.metadata as metadata
every = metadata.distributions
metadata.distributions = lambda **how: (one for one in every(**how) if one._normalized_name != sys.argv[1])
start = time.perf_counter()
import spacy
nlp = spacy.blank("en")
print(time.perf_counter() - start)
assert nlp.has_factory("spert_mt") != bool(sys.argv[1])
"""
IMPORTS = """
import sys, time, spacy, spacy_transformers
from transformers import AutoModel, AutoTokenizer
start = time.perf_counter()
"""
PIPELINE = f"{IMPORTS}spacy.load(sys.argv[1])\nprint(time.perf_counter() - start)"
ENCODER = f"""{IMPORTS}
AutoModel.from_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(sys.argv[1])
print(time.perf_counter() - start)
"""


@measures("blank_vs_without")
def blank(settings: Settings) -> dict[str, Any]:
    times = alternate_processes(settings, partial(run_script, BLANK, ""), partial(run_script, BLANK, "spacy_mre"))
    note = 'import spacy; spacy.blank("en"): with the entry points of this package / without them'
    return {"rows": [ratio_row("blank_vs_without", *times, note=note)]}


@measures("load_vs_encoder_load", "size_vs_encoder")
def loading(settings: Settings) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        pipeline, encoder = f"{folder}/pipeline", f"{folder}/encoder"
        call_in_process(save, pipeline, encoder)
        calls = partial(run_script, PIPELINE, pipeline), partial(run_script, ENCODER, encoder)
        note = "spacy.load / from_pretrained of its encoder and tokenizer, all imported before"
        rows = [ratio_row("load_vs_encoder_load", *alternate_processes(settings, *calls), note=note)]
        sizes = [[sum(f.stat().st_size for f in Path(path).rglob("*") if f.is_file())] for path in (pipeline, encoder)]
    note = "folder of the pipeline / of its encoder and tokenizer"
    return {"rows": [*rows, ratio_row("size_vs_encoder", *sizes, note=note, unit="bytes")]}


def save(pipeline: str, encoder: str) -> None:
    load(trained(CONLL04), OURS).to_disk(pipeline)
    bare = BareEncoder(trained(CONLL04))
    bare.module.save_pretrained(encoder)
    bare.tokenizer.save_pretrained(encoder)


def alternate_processes(settings: Settings, *calls: Callable[[], float]) -> list[list[float]]:
    """Calls that time themselves, in turn, after one run of each that does not count."""
    rounds = [[call() for call in calls] for _ in range(1 + settings.rounds)]
    return [list(of_call) for of_call in zip(*rounds[1:])]
