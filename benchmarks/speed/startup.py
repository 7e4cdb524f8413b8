"""What is paid before the first text: imports, `spacy.blank`, `spacy.load`, disk space. Every run is a process that has imported nothing yet."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .measuring import Settings, call_in_process, measures, ratio_row, run_script
from .pipelines import OURS, BareEncoder, load

# Installed packages are filtered either way, so that both sides pay for it; a name that no package has hides nothing. (A package's public name is read
# from its metadata file, which would take longer than all that is measured.)
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
IMPORT = """
import sys, time
start = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - start)
"""
PIPELINE = """
spacy.load(sys.argv[1])
print(time.perf_counter() - start)
"""
ENCODER = """
AutoModel.from_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(sys.argv[1])
print(time.perf_counter() - start)
"""
EVERYTHING = "import sys, time, spacy, spacy_transformers; from transformers import AutoModel, AutoTokenizer; start = time.perf_counter()"
ONLY_SPACY = "import sys, time; start = time.perf_counter(); import spacy"
ONLY_TRANSFORMERS = "import sys, time; start = time.perf_counter(); from transformers import AutoModel, AutoTokenizer"


@measures("blank_vs_without")
def blank(settings: Settings) -> dict[str, Any]:
    times = alternate_processes(settings, partial(run_script, BLANK, ""), partial(run_script, BLANK, "spacy_mre"))
    note = 'import spacy; spacy.blank("en"): this package\'s entry points visible / hidden'
    return {"rows": [ratio_row("blank_vs_without", *times, note)]}


@measures("import_vs_spacy")
def imports(settings: Settings) -> dict[str, Any]:
    times = alternate_processes(
        settings, partial(run_script, IMPORT, "spacy_mre"), partial(run_script, IMPORT, "spacy")
    )
    return {"rows": [ratio_row("import_vs_spacy", *times, "import spacy_mre / import spacy")]}


@measures("load_vs_encoder_load", "start_vs_encoder_start", "size_vs_encoder")
def loading(settings: Settings) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        pipeline, encoder = f"{folder}/pipeline", f"{folder}/encoder"
        call_in_process(save, settings.model, pipeline, encoder)
        compared = {
            "load_vs_encoder_load": (
                EVERYTHING,
                EVERYTHING,
                "spacy.load / from_pretrained of its encoder and tokenizer, all imported before",
            ),
            "start_vs_encoder_start": (
                ONLY_SPACY,
                ONLY_TRANSFORMERS,
                "the same with the imports: of spacy / of transformers",
            ),
        }
        rows = []
        for name, (before_pipeline, before_encoder, note) in compared.items():
            times = alternate_processes(
                settings,
                partial(run_script, before_pipeline + PIPELINE, pipeline),
                partial(run_script, before_encoder + ENCODER, encoder),
            )
            rows.append(ratio_row(name, *times, note))
        sizes = [size_on_disk(Path(path)) for path in (pipeline, encoder)]
        note = "folder of the pipeline / of its encoder and tokenizer"
        rows.append(ratio_row("size_vs_encoder", *([size] for size in sizes), note, unit="bytes"))
    return {"rows": rows}


def save(model: str, pipeline: str, encoder: str) -> None:
    """Save the joint pipeline, and its encoder and tokenizer as Hugging Face does."""
    load(model, OURS).to_disk(pipeline)
    bare = BareEncoder(model)
    bare.module.save_pretrained(encoder)
    bare.tokenizer.save_pretrained(encoder)


def size_on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def alternate_processes(settings: Settings, *calls: Callable[[], float]) -> list[list[float]]:
    """Calls that time themselves, in turn, after one uncounted run of each."""
    rounds = [[call() for call in calls] for _ in range(1 + settings.rounds)]
    return [list(of_call) for of_call in zip(*rounds[1:])]
