PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
CORES ?= 2

.PHONY: help install demo test check docs site lock clean

help:
	@echo "make demo     run the pipeline on example_data, then the risk model on a simulated cohort"
	@echo "make test     run the tests"
	@echo "make install  set up $(VENV) alone"
	@echo "make check    formatting, lint and types"
	@echo "make docs     write again what is made from the code"
	@echo "make site     build the documentation into site/"
	@echo "make lock     pin the newest allowed versions again (needs uv)"

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "qmri needs Python 3.11 or newer; this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned versions into $(VENV) (a minute or two, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/qmri run example_data/study.csv --out results/demo --cores $(CORES)
	@rm -rf results/demo-cohort
	@$(BIN)/qmri simulate results/demo-cohort --cohort 560
	@$(BIN)/qmri risk develop results/demo-cohort/markers --clinical results/demo-cohort/clinical.csv \
	  --outcomes results/demo-cohort/outcomes.csv --out results/demo-cohort/risk

test: $(READY)
	@$(BIN)/python -m pytest -n $(CORES)

check: $(READY)
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

docs: $(READY)
	@$(BIN)/python docs/generate.py

site: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) results site .pytest_cache .mypy_cache .ruff_cache
