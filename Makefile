# The whole of Xinglin from an empty machine: Python 3.11, pip, make, git. Everything goes into .venv/.
# --no-compile: Python compiles what is actually imported; compiling all of torch and transformers took half the time
PYTHON ?= python3
BIN := .venv/bin
# pip fails where it cannot make its cache
NO_CACHE := $(shell test -w "$$HOME" || echo --no-cache-dir)
PIP_INSTALL := $(BIN)/pip install --quiet --quiet --disable-pip-version-check --no-compile $(NO_CACHE) --constraint constraints.txt
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false
unexport PYTHONDONTWRITEBYTECODE  # images set it; every command would compile torch and transformers again

.PHONY: help install install-dev quickstart gate test test-all test-real lint format serve clean

help:  ## lists the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

install: .venv/installed  ## the environment in .venv/

# the pip that Python brings may be years old, and takes three times as long
.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --upgrade pip || echo "pip stays as it is: installing takes longer"

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP_INSTALL) --editable '.[serve]'
	touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP_INSTALL) --editable '.[serve,dev]'
	touch .venv/installed $@

quickstart: .venv/installed  ## knowledge base -> dataset -> QLoRA -> merged model -> report
	$(BIN)/python training/run.py recipe=medical_qlora

serve: .venv/installed  ## the QA service on the newest run, http://127.0.0.1:8000
	$(BIN)/python -m app model=latest

gate: .venv/installed  ## may a run be released: make gate RUN=runs/… [GATE=medical]
	@$(BIN)/python eval/gate.py report="$(RUN)" gate="$(or $(GATE),medical)"

test: .venv/installed-dev  ## the test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow and not real"

test-all: .venv/installed-dev  ## slow tests too
	$(BIN)/python -m pytest -m "not real"

test-real: .venv/installed-dev  ## on weights at hand: make test-real MODEL=DIR|FILE.gguf
	XINGLIN_REAL_MODEL="$(MODEL)" $(BIN)/python -m pytest -m real -s tests/real

lint: .venv/installed-dev  ## style, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-dev  ## fixes the style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## removes .venv/ (runs/ and the cache stay)
	rm -rf .venv *.egg-info
