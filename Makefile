# Both commands work on a fresh machine: they create .venv and install the versions in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# training steps of the demo that tries the wheel
STEPS ?= 20

.PHONY: demo test lint wheel clean

demo: $(STAMP)  ## the main job on the embedded collection: no network, no GPU, a few minutes
	$(BIN)/pyterrier-hybrid demo

test: $(STAMP)  ## all tests, a process for each core; those on real data skip, with a reason, where it is not there
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check .

wheel: $(STAMP)  ## builds the wheel, installs it in an environment of its own, and runs the demo there, in an empty folder
	rm -rf build/wheel && mkdir -p build/wheel/empty
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet -c constraints.txt torch
	build/wheel/venv/bin/python -m pip install --quiet -c constraints.txt build/wheel/*.whl
	cd build/wheel/empty && env -u PYTHONPATH ../venv/bin/pyterrier-hybrid demo --quiet --steps $(STEPS)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build *.egg-info
