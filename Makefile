# make demo   simulated exposures, calibrated, up to a mosaic with its catalogue and to spectra; measured against true (docs in README.md)
# make test   lint, documentation and all tests
# Both work on a machine with nothing but Python 3.11 or newer: the environment is made in .venv, and renewed when the list of packages changes.

.DEFAULT_GOAL := help
.PHONY: help env demo test lint docs wheel format trace parity bench clean

# The first Python that is new enough; `make PYTHON=/path/to/python ...` takes another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2

help:
	@echo "make demo     simulate exposures, calibrate them, to a mosaic with its catalogue and to spectra, and compare with the truth; results in demo/"
	@echo "make test     lint, documentation, then all tests"
	@echo "make lint     ruff, pyright, direction of imports"
	@echo "make docs     the documentation: build/docs/index.html"
	@echo "make wheel    build a wheel, install it into an environment of its own, calibrate there"
	@echo "make format   rewrite the layout of the code, and the stubs of the public modules"
	@echo "make trace    how many rows of docs/requirements the passing tests show"
	@echo "make parity   compare with the reference implementation, as a black box (it is installed beside, on its own)"
	@echo "make truth    how close to the truth of simulated exposures: as documented, as recommended, and the reference implementation"
	@echo "make bench    times and peak memory, against the reference implementation"
	@echo "make env      only make the environment .venv"
	@echo "make clean    remove the environment, caches and demo/"

env: $(READY)

$(READY): pyproject.toml requirements-dev.lock
	@test -n "$(PYTHON)" || { echo "Hexcal needs Python 3.11 or newer; none was found. Install it, or name it: make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's module venv is needed (a package such as python3-venv)"; exit 1; }
	@echo "Installing into .venv: about a minute, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null || { $(BIN)/python -m pip check; echo "requirements-dev.lock does not hold what pyproject.toml asks for"; exit 1; }
	@$(BIN)/python tools/movable.py
	@# Where Python is told to write no bytecode, each command would compile all modules that it imports again.
	@$(BIN)/python -m compileall -q src
	@echo "Compiling the largest kernels: a quarter of a minute, once ..."
	@$(BIN)/python tools/compile_kernels.py
	@touch $@

demo: $(READY)
	$(BIN)/hexcal demo --output demo
	$(BIN)/hexcal demo imaging --output demo/imaging
	$(BIN)/hexcal demo spectra --output demo/spectra

test: lint docs
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(READY)
	$(BIN)/ruff check --quiet --output-format concise
	$(BIN)/ruff format --check --output-format concise
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -q docs build/docs

wheel: $(READY)
	$(BIN)/python tools/try_wheel.py

format: $(READY)
	$(BIN)/python tools/type_doors.py
	$(BIN)/ruff check --fix --select I --quiet
	$(BIN)/ruff format

trace: $(READY)
	@HEXCAL_TRACE=.trace/requirements.json $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile; status=$$?; \
	$(BIN)/python tools/requirements_trace.py .trace/requirements.json && exit $$status

parity: $(READY)
	$(BIN)/python parity/run.py
	$(BIN)/python parity/crds_draws.py
	$(BIN)/python parity/crds_insert.py
	$(BIN)/python parity/guider.py
	$(BIN)/python parity/imaging.py
	$(BIN)/python parity/spectra.py
	$(BIN)/python parity/pointing.py
	$(BIN)/python parity/irs2.py
	$(BIN)/python parity/events.py
	$(BIN)/python parity/stripes.py
	$(BIN)/python parity/steppars.py
	$(BIN)/python parity/simulated_cache.py
	$(BIN)/python parity/crds_server.py
	$(BIN)/python parity/associations.py

truth: $(READY)
	$(BIN)/python benchmarks/truth.py
	$(BIN)/python benchmarks/truth_references.py

bench: $(READY)
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf docs/steps docs/developer/messages.md .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis .trace build dist demo src/*.egg-info
	find src tests tools parity benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
