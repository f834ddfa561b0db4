# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`.
# uv is used where it is on PATH (it is only faster); pip and venv otherwise.

# The first Python on PATH that TensorFlow has wheels for; `make PYTHON=/path/to/python3.12 demo` takes another.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && command -v $$python && break; done)
BIN := .venv/bin
UV := $(shell command -v uv)

.PHONY: help demo test quick check format lock clean

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: .venv/installed  ## Run the quickstart study: both stages, confirmation, report, YAML and models
	$(BIN)/hpo run studies/quickstart.yaml

# One more than the two cores that CI has: a fifth of the time a test waits for processes, leases and pages.
test: .venv/installed  ## Run the whole test suite
	$(BIN)/pytest -n 3 --dist worksteal

QUICK := tests/recipe tests/config tests/search tests/results tests/stages tests/evaluation tests/data tests/storage

quick: .venv/installed  ## Run the tests that need neither TensorFlow, a browser nor PostgreSQL
	$(BIN)/pytest -n 2 --dist worksteal -k "not postgresql" $(QUICK)

check: .venv/installed  ## Lint, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed  ## Format the code and put imports in order
	$(BIN)/ruff check --select I --fix --quiet .
	$(BIN)/ruff format .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--extra dashboard --extra postgres --extra s3

lock:  ## Pin the newest versions that pyproject.toml allows (needs uv); the image's lock has the same pins, but fewer
	$(LOCK) --upgrade --extra dev --extra figures --extra mlflow --extra onnx --extra ray --extra slides --extra slurm \
		--extra tensorboard pyproject.toml --output-file requirements.lock
	$(LOCK) --upgrade --constraint requirements.lock pyproject.toml --output-file requirements-image.lock

clean:  ## Remove the environment and everything the studies made
	rm -rf .venv runs

.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(SUPPORTED)' || { \
		echo "Python 3.11, 3.12 or 3.13 is needed. Try: make PYTHON=/path/to/python3.12 demo" >&2; exit 1; }
ifneq ($(UV),)
	uv venv --quiet --seed --allow-existing --python $(PYTHON) .venv
	uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@touch $@
