PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
CODE = spacy_mre tests benchmarks docs models
export HF_HUB_OFFLINE ?= 1
export PYTHONWARNINGS ?= ignore::FutureWarning,ignore::DeprecationWarning

.PHONY: run models test newcomer fuzz lint docs bench bench-check setup

# The demonstration: train, test, package and draw a page. Its last lines are the scores and the path of the page.
run: setup
	$(BIN)/python -m spacy project run all
	$(BIN)/python -m spacy_mre evaluate training/demo/model-best corpus/demo/test.spacy --baseline corpus/demo/train.spacy
	@echo "The page: pages/demo.html    The scores: metrics/demo.json    The wheel: packages/"

# The pipelines that people install: wheels in packages/models, with model cards and SHA256SUMS. Takes hours; continues if killed.
models: setup
	$(BIN)/python -m models
	$(BIN)/python -m benchmarks table

test: setup
	$(BIN)/python -m pytest -n auto

# From forty sentences to a package that works elsewhere, in empty environments. Downloads several hundred megabytes.
newcomer: setup
	MRE_NEWCOMER=1 $(BIN)/python -m pytest -s tests/test_newcomer.py

# The robustness tests with FUZZ times as many inputs. Their table is in docs/reliability.md.
FUZZ = 25
fuzz: setup
	MRE_FUZZ=$(FUZZ) MRE_FUZZ_RESULTS=benchmarks/results/reliability.json \
		$(BIN)/python -m pytest tests/robustness --numprocesses auto --timeout 7200
	$(BIN)/python -m benchmarks table

lint: setup
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

# The documentation as a web site, in site/. A broken link is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Speed and memory, compared with what a user would run instead. Needs a machine that runs nothing else.
bench: setup
	$(BIN)/python -m benchmarks run --suite speed
	$(BIN)/python -m benchmarks table
	$(BIN)/python -m benchmarks plot

# Whether the code became slower: some of these ratios, and the instructions of the heads, against the committed ones.
bench-check: setup
	$(BIN)/python -m benchmarks instructions
	$(BIN)/python -m benchmarks check

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ja,zh,minilm,e5,generative,onnx,tables,scale,serve,served,translate,bioc,cas,plots,docs,dev]'
	touch $@
