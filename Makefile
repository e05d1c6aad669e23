# `make verify` and `make test` are all a newcomer needs: Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# a warning, as of a link that leads nowhere, is an error
SPHINX := $(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs docs/_build

.PHONY: verify test coverage nightly mutation check docs clean

verify: $(VENV)/.installed
	$(BIN)/aat verify --profile quick --out out/verify --json out/verify/verdicts.json

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal

# of branches, at least 95 %
coverage: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist worksteal --cov

# hours: hostile inputs by the ten thousand, and every command killed at fifty moments
nightly: $(VENV)/.installed-test
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n auto --dist worksteal

# half an hour: every small mistake in what judges and in what checks proofs; docs/mutation.md has what is left
mutation: $(VENV)/.installed-mutation
	HYPOTHESIS_PROFILE=mutation $(BIN)/mutmut run
	$(BIN)/mutmut results

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SPHINX)

docs: $(VENV)/.installed-docs
	$(SPHINX)
	@echo "docs: $(CURDIR)/docs/_build/index.html"

clean:
	rm -rf $(VENV) mutants out docs/_build build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@ $(VENV)/.installed
