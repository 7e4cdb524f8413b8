PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
export HF_HUB_OFFLINE ?= 1
export PYTHONWARNINGS ?= ignore::FutureWarning,ignore::DeprecationWarning

.PHONY: run test setup lint bench

# The demonstration: train, test, package and look. Ends with the scores and the path of the page.
run: setup
	$(BIN)/python -m spacy project run all
	$(BIN)/python -m spacy_mre evaluate training/demo/model-best corpus/demo/test.spacy --baseline corpus/demo/train.spacy
	@echo "The page: pages/demo.html    The scores: metrics/demo.json    The wheel: packages/"

test: setup
	$(BIN)/python -m pytest -n auto

lint: setup
	$(BIN)/ruff check spacy_mre tests benchmarks
	$(BIN)/ruff format --check spacy_mre tests benchmarks

# Speed and memory, each against what a user would run instead; wants a quiet machine. Ends with the tables and plots of docs/performance.md.
bench: setup
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.tables
	$(BIN)/python -m benchmarks.speed.plots

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[ja,zh,minilm,e5,generative,onnx,plots,docs,dev]'
	touch $@
