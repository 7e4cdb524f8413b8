"""Every command of the README and the docs runs outside of the clone, or its options and names are checked."""

import contextlib
import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import traceback
from importlib.util import find_spec
from pathlib import Path

import pytest
import spacy
import srsly
import typer
from packaging.utils import parse_wheel_filename
from spacy.cli import app as spacy_app
from spacy.cli._util import parse_config_overrides
from spacy.language import DEFAULT_CONFIG
from spacy.util import dot_to_object, load_config
from typer.testing import CliRunner

import spacy_mre
from benchmarks.__main__ import app as benchmarks_app
from spacy_mre.cli import app
from spacy_mre.corpora import WRITERS, make_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.training.configs import config_path

ROOT = Path(__file__).parent.parent
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", *DOCS)
APPS = {"spacy_mre": app, "spacy": spacy_app, "benchmarks": benchmarks_app}
USAGE_ERROR = typer.BadParameter.__base__  # typer has a click of its own, or uses that of the environment

BLOCK = re.compile(r"^( *)```bash\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
OTHER_SHELL = re.compile(r"^ *(?:```+|~~~+) *(?!bash$)(?:bash|sh|shell|console|zsh)\b.*$", re.MULTILINE)
ANY_BLOCK = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
CONTINUED = re.compile(r"\\\n\s*")
COMMENT = re.compile(r"(^|\s)#.*$")
IN_TEXT = re.compile(r"`((?:python -m (?:spacy_mre|spacy|benchmarks)\b|pip install|make \w)[^`]*)`")
SHELL = re.compile(r"[|<>;&$*]")

# Patterns of commands that cannot run here, with the reason. Their options, arguments and names are checked.
NOT_RUN = {
    r"^pip install ": "needs the network",
    r"^(.venv/bin/)?pre-commit ": "changes the clone",
    r"^make ": "needs the clone, and minutes",
    r"^prodigy ": "must be bought",
    r"^python -m benchmarks ": "needs the clone, and hours",
    r"^python -m spacy_mre train ": "tests/cli/test_train.py runs it",
    r"^(cd project|python -m spacy project run all)$": "tests/cli/test_init.py runs the project",
    r"^python -m spacy_mre download ": "needs the wheels that `make models` builds",
    r"^python -m spacy_mre serve ": "runs until it is stopped; tests/cli/test_serve.py runs it",
    r"^python -m spacy_mre studio ": "runs until it is stopped; tests/cli/test_studio.py runs it",
    r"^python -m spacy_mre push-to-hub ": "tests/cli/test_push_to_hub.py runs it",
    r"^python -m spacy_mre calibrate .* --precision ": "tests/evaluation/test_calibrate.py runs it",
    r"^python -m spacy_mre reinforce ": "tests/evaluation/test_reinforce.py runs it with a small config",
    r"^python -m spacy_mre annotate .* --engine ": "tests/scale/test_on_ray.py and test_on_spark.py run it",
    r"^python -m spacy_mre translate .* --base-url ": "needs a language model; tests/corpora/translation runs it",
    r"^python -m spacy_mre translate .* --engine hf ": "tests/corpora/translation/test_hf_engine.py runs it",
    r"^python -m spacy_mre label .* --base-url ": "needs a language model; tests/pipeline/generative/silver runs it",
    r"^curl ": "needs a server; tests/serving/test_app.py asks one",
    r"^ray ": "needs a cluster",
    r"^python -m spacy(_mre)? .* --gpu-id 0\b": "needs a GPU",
}
# Options that make a command short.
SHORT = {
    "spacy train": "--training.max_steps 1 --training.eval_frequency 2",
    "spacy package": "--build none",  # tests/test_wheel.py and tests/cli/test_train.py build wheels
    "spacy_mre train-generative": "--max-steps 1",
    "spacy_mre audit": "--updates 1",
    "spacy_mre learning-curve": "--updates 1",
}
# The language of the corpus of a page, if it is not Japanese, and the format of data.jsonl, if it is not doccano's.
LANGUAGES = {"docs/multi_ner.md": "en", "docs/generation.md": "en"}
DATA_FORMATS = {"docs/formats.md": "jsonl"}
ANNOTATORS = ("anna.spacy", "ben.spacy", "cy.spacy", "corrected.spacy")
TINY_MODEL = {
    "kind": "causal",
    "config": {
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    },
    "tokenizer": {"kind": "unigram", "vocab_size": 300},
}
# A language model that repeats what it is asked, and a person who accepts that once.
TRANSLATE = "python -m spacy_mre translate corpus/train.spacy translated/ --from ja --to en"
ANSWER = """
import json
rows = [json.loads(line) for line in open("prompts.jsonl", encoding="utf8")]
messages = {row["custom_id"]: {"content": row["body"]["messages"][-1]["content"]} for row in rows}
bodies = {name: {"choices": [{"message": message}]} for name, message in messages.items()}
responses = {name: {"status_code": 200, "body": body} for name, body in bodies.items()}
lines = [json.dumps({"custom_id": name, "response": response}) for name, response in responses.items()]
open("output.jsonl", "w", encoding="utf8").write("".join(line + chr(10) for line in lines))
"""
ACCEPT = """
import json
row = json.loads(next(open("translated/rows.jsonl", encoding="utf8")))
open("edits.jsonl", "w", encoding="utf8").write(json.dumps({"id": row["id"], "action": "accept"}) + chr(10))
"""
# What takes seconds to make. It is made for the pages whose commands name it.
MODELS = {
    "translated/": [
        f"{TRANSLATE} --labels assets/corpus/labels.json --model m --prompts prompts.jsonl",
        f"python -c {shlex.quote(ANSWER)}",
        f"{TRANSLATE} --labels assets/corpus/labels.json --engine replay --answers output.jsonl",
        f"python -c {shlex.quote(ACCEPT)}",
    ],
    "training/demo/model-best": ["python -m spacy train own/config.cfg --output training/demo"],
    "NAME": [
        "python -m spacy_mre strings corpus/train.spacy tiny.jsonl",
        "python -m spacy_mre train-generative tiny.json tiny.jsonl NAME",
    ],
}


def commands_of(text):
    """The commands of the bash blocks, without comments, one a line."""
    blocks = [CONTINUED.sub("", block) for _, block in BLOCK.findall(text)]
    lines = [COMMENT.sub("", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def reason_not_to_run(command):
    return next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, command)), None)


def read(page):
    return (ROOT / page).read_text(encoding="utf8")


COMMANDS = {page: commands for page in PAGES if (commands := commands_of(read(page)))}
IN_TEXTS = [(page, " ".join(line.split())) for page in PAGES for line in IN_TEXT.findall(ANY_BLOCK.sub("", read(page)))]


def run(command):
    """Run a command in the working directory: in this process if it is a command of one of the apps, else by bash.

    command (str): The command.
    RAISES (AssertionError): If it fails, with its output.
    """
    # `accelerate launch` starts processes for several GPUs, which run this.
    words = shlex.split(command.replace("accelerate launch -m ", "python -m "))
    if words[:2] == ["python", "-m"] and words[2] in APPS and not SHELL.search(command):
        words += shlex.split(SHORT.get(" ".join(words[2:4]), ""))
        result = CliRunner().invoke(APPS[words[2]], words[3:], env={"COLUMNS": "200", "TERM": "dumb"})
        code, output = result.exit_code, result.output
        if result.exception and not isinstance(result.exception, SystemExit):
            output += "".join(traceback.format_exception(result.exception))
    else:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(["bash", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True)
        code, output = done.returncode, done.stdout + done.stderr
    assert code == 0, f"{command}\n{output[-3000:]}"


def check(command):
    """Check the arguments and names of a command that is not run. Its files must exist in the working directory.

    command (str): The command.
    RAISES (Exception): If something does not exist.
    """
    words = shlex.split(command.partition(" > ")[0])
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", read("Makefile"), re.MULTILINE), f"no target: {command}"
    elif words[:2] == ["pip", "install"]:
        check_requirements(words[2:])
    elif words[:3] == ["python", "-m", "benchmarks"]:
        with contextlib.chdir(ROOT):
            check_benchmarks(words[3:])
    elif words[:2] == ["python", "-m"]:
        made, arguments = find_command(words[2:])
        context = made.command.make_context(made.info_name, arguments)
        if words[2:4] == ["spacy", "train"]:
            config = DEFAULT_CONFIG.merge(load_config(words[4], interpolate=False))
            for override in parse_config_overrides(context.args, env_var=None):
                dot_to_object(config, override)  # a KeyError if there is none


def check_in_text(command):
    """Check the options of a command in a sentence or a table. Its arguments may be missing, or have invented names."""
    words = shlex.split(command)
    if words[0] != "python":
        check(command)
    elif words[2] not in APPS:
        assert find_spec(words[2]), f"no module: {command}"
    else:
        context, arguments = find_command(words[2:])
        _, rest, _ = context.command.make_parser(context).parse_args(arguments)
        assert not rest or context.allow_extra_args, f"too many arguments: {command}"


def find_command(words):
    """The context of the command that some words name, and the words after its name."""
    command = typer.main.get_command(APPS[words[0]])
    context, rest = typer.Context(command, info_name=words[0]), words[1:]
    while rest and hasattr(context.command, "commands"):
        command = context.command.get_command(context, rest[0])
        assert command is not None, f"no command: {' '.join(words)}"
        context = typer.Context(command, info_name=rest[0], parent=context, **command.context_settings)
        rest = rest[1:]
    return context, rest


def check_benchmarks(words):
    """`run` and `config` fail if they do not know a data set or a variant."""
    context, arguments = find_command(["benchmarks", *words])
    context.command.make_context(context.info_name, arguments)
    if words[0] in ("run", "config"):
        dry = ["--dry"] if words[0] == "run" else []
        result = CliRunner().invoke(benchmarks_app, [*words, *dry])
        assert result.exit_code == 0, result.output


def check_requirements(words):
    """Extras are those of the package, and wheels those that are built."""
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    for word in words:
        path, _, names = word.rstrip("]").partition("[")
        assert not names or names == "EXTRA" or set(names.split(",")) <= set(extras), f"no extra: {word}"
        if path.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(Path(path).name)
            made = str(version) == spacy_mre.__version__ if name == "spacy-mre" else Path(path).parents[1].is_dir()
            assert made, f"no wheel: {word}"


def prepare(page):
    """Write the files that the docs speak of to the working directory."""
    lang = LANGUAGES.get(page, "ja")
    shutil.copytree(ROOT / "assets", "assets", ignore=shutil.ignore_patterns("compiled", "real"))
    texts = read_corpus(Path("assets/corpus"), read_labels(Path("assets/corpus/labels.json")))
    docs = list(make_docs(texts[lang][:24], spacy.blank("xx")))
    WRITERS["pubtator"](make_docs(texts["en"][:24], spacy.blank("en")), Path("CDR_TrainingSet.PubTator.txt"))
    for file, name in {
        "data.jsonl": DATA_FORMATS.get(page, "doccano"),
        "admin.jsonl": "doccano",
        "corrected.jsonl": "doccano",
        "project-3.json": "labelstudio",
        "out.jsonl": "prodigy",
        "exported": "webanno",
        "standoff": "brat",
        "treebank.conllu": "conllu",
        "docs.jsonl": "spacyjson",
        "annotated": "cas",
        "train.json": "docred",
    }.items():
        WRITERS[name](docs, Path(file))
    lines = [srsly.json_dumps({"id": str(i), "text": doc.text}) for i, doc in enumerate(docs)]
    Path("new.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    # What is imported into Label Studio are predictions; what is exported are annotations.
    tasks = srsly.read_json("project-3.json")
    srsly.write_json("project-3.json", [{**task, "annotations": task.pop("predictions")} for task in tasks])
    with open("reviews.csv", "w", encoding="utf8", newline="") as file:
        csv.writer(file).writerows([("body", "stars"), *((doc.text, max(doc.cats, key=doc.cats.get)) for doc in docs)])
    Path("saved/data").mkdir(parents=True)
    for part in ("train", "validation"):
        WRITERS["table"](docs, Path(f"saved/data/{part}-00000-of-00001.parquet"))
    labels = sorted({span.label_ for doc in docs for span in doc.spans["entities"]})
    srsly.write_json("questions.json", {label: f"Find each {label.replace('_', ' ')}." for label in labels})
    srsly.write_json("tiny.json", TINY_MODEL)
    run(f"python -m spacy_mre convert doccano admin.jsonl corpus --split-rule stratified --nlp {lang}_cpu")
    Path("corpus/demo").mkdir()
    for copy in ("corpus/demo/test.spacy", "found.spacy", *ANNOTATORS):
        shutil.copy("corpus/test.spacy", copy)
    wheel = Path("packages/ja_names-1.0.0/dist/ja_names-1.0.0-py3-none-any.whl")
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    # As `python -m spacy_mre train data.jsonl own` makes them.
    Path("own/packages").mkdir(parents=True)
    paths = {f"paths.{part}": f"own/corpus/{part}.spacy" for part in ("train", "dev")}
    load_config(config_path(f"{lang}_cpu"), overrides=paths).to_disk("own/config.cfg")
    shutil.copytree("corpus", "own/corpus")
    for model, commands in MODELS.items():
        if any(model in shlex.split(command) for command in COMMANDS.get(page, ())):
            for command in commands:
                run(command)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory outside of the clone. Pipelines are large, so it is removed."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.filterwarnings(r"error:\[W(?!303)\d")  # W303: on a CPU without bf16
@pytest.mark.parametrize("page", COMMANDS)
def test_commands_run(page, folder):
    """In the order of the page: later ones read what earlier ones write."""
    pytest.importorskip("ja_ginza")
    prepare(page)
    for command in COMMANDS[page]:
        if reason_not_to_run(command):
            check(command)
        else:
            run(command)


@pytest.mark.parametrize("page, command", IN_TEXTS)
def test_commands_in_sentences_and_tables_have_their_options(page, command):
    check_in_text(command)


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_what_is_not_run_is_in_the_docs(pattern):
    assert any(re.search(pattern, command) for commands in COMMANDS.values() for command in commands)


def test_commands_are_found():
    shell, nested = "```bash\n# a\nmake b  # c\npython -m d \\\n  --e f\n```", "    ```bash\n    g\n    ```"
    assert commands_of(f"{shell}\n{nested}\n```python\nh\n```") == ["make b", "python -m d --e f", "g"]
    for page in PAGES:
        assert read(page).count("```bash") == len(BLOCK.findall(read(page))), page
        assert not OTHER_SHELL.findall(read(page)), page


@pytest.mark.parametrize(
    "command, message",
    [
        ("python -m spacy_mre stats corpus.spacy --width-limt 12", "No such option"),
        ("python -m spacy_mre stats nowhere.spacy", "does not exist"),
        ("python -m spacy_mre config ja_gpu", "M030"),
        ("python -m spacy train nowhere.cfg", "does not exist"),
        ("echo a > b && false", ""),
        ("mkdir a/b", "a/b"),
    ],
)
def test_a_wrong_command_fails(command, message, folder):
    with pytest.raises(AssertionError, match=re.escape(command)) as failed:
        run(command)
    assert message in " ".join(str(failed.value).split())


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "pip install 'spacy-mre[jp]'",
        "pip install dist/spacy_mre-9.9-py3-none-any.whl",
        "pip install packages/ja_mre-0.0.0/dist/ja_mre-0.0.0-py3-none-any.whl",
        "python -m benchmarks tables",
        "python -m benchmarks run --datasets conll04",
        "python -m benchmarks run --dataset conll03",
        "python -m benchmarks config conll04 spart",
        "python -m spacy_mre train nowhere.jsonl own",
        "python -m spacy_mre evaluate model data.spacy --gpu 0",
        "python -m spacy train ja.cfg --gpu-id 0 --trainin.max_steps 2",
        "python -m spacy train ja.cfg --gpu-id none",
    ],
)
def test_a_wrong_command_that_is_not_run_fails(command, folder):
    Path("data.spacy").touch()
    run("python -m spacy_mre config ja_cpu -o ja.cfg")
    check("python -m spacy train ja.cfg --gpu-id 0 --training.max_steps 2")
    with pytest.raises((AssertionError, KeyError, USAGE_ERROR)):
        check(command)


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "python -m benchmarks.nothing",
        "python -m spacy_mre nothing",
        "python -m spacy_mre page MODEL TEXTS OUT MORE",
        "python -m spacy_mre page MODEL TEXTS OUT --atention out.svg",
    ],
)
def test_a_wrong_command_in_a_sentence_fails(command):
    with pytest.raises((AssertionError, USAGE_ERROR)):
        check_in_text(command)
