# `make verify` and `make test` are all a newcomer needs: Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: verify test nightly check clean

verify: $(VENV)/.installed
	$(BIN)/aat verify --profile quick --out out/verify --json out/verify/verdicts.json

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal

# hours: hostile inputs by the ten thousand, and every command killed at fifty moments
nightly: $(VENV)/.installed-test
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) out build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@ $(VENV)/.installed
