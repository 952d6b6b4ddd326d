# Both commands work on a fresh machine: they create .venv and install the versions in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint clean

demo: $(STAMP)  ## the main job on the embedded collection: no network, no GPU, a few minutes
	$(BIN)/pyterrier-hybrid demo

test: $(STAMP)  ## all tests; those on real data skip, with a reason, where it is not there
	$(BIN)/python -m pytest -q

lint: $(STAMP)
	$(BIN)/ruff check .

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build *.egg-info
