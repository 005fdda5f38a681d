# `make sweep`: from nothing to a report.  `make test`: from nothing to tested.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
LAKE   ?= lake

.PHONY: sweep test lint types format setup lock train bench-orchestration clean

sweep: $(VENV)/.ready
	$(BIN)/bon sweep --profile demo --lake $(LAKE)

test: $(VENV)/.ready-dev
	BON_LAKE=$(LAKE) $(BIN)/pytest

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-dev
	$(BIN)/mypy

format: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/.ready-dev

# torch goes first and alone: with it installed, nothing else asks for another build of it.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bon-sweep needs Python 3.11 or newer; name one with PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile -c constraints.txt torch
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e .
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 # on all cores, unlike pip
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e '.[dev]'
	touch $@

# The embedded policy from scratch into build/embedded, about an hour on two cores.
train: $(VENV)/.ready
	$(BIN)/python -m tasks.policies.embedded.train --out build/embedded --minutes 60 --threads 2

bench-orchestration: $(VENV)/.ready
	$(BIN)/python benchmarks/orchestration.py

# Rewrite constraints.txt from what is installed and tested here.
lock: $(VENV)/.ready-dev
	$(BIN)/pip list --format=freeze --exclude-editable | grep -v -E '^(pip|setuptools|wheel|bon-sweep)==' | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) lake build dist *.egg-info
