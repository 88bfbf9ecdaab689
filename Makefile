# `make demo` and `make test` set up all that they need. PYTHON=/path/to/python3.11 chooses an interpreter,
# ARGS="..." goes to pytest, the benchmark or the demo. Tests run in two processes more than there are cores, each
# with servers of its own; ARGS="-n 0 ..." runs them in one.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench chaos docs lock clean sandbox-up sandbox-test sandbox-down

BIN := .venv/bin
PY := $(BIN)/python
# Hundreds of processes are started by tests: each would compile all modules anew where this is set.
export PYTHONDONTWRITEBYTECODE =
COMPOSE = docker compose --file sandbox/docker/compose.yaml
SHELL_SCRIPTS = .ci/run rules/bin/omero_bridge_wake $(shell find rules sandbox tests -name '*.sh')

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 14

setup: ## make .venv with everything in it; does nothing when it is up to date
	@PYTHON='$(PYTHON)' sandbox/setup/setup.sh

demo: setup ## show the bridge at work on embedded servers
	$(BIN)/omero-irods-sandbox demo $(ARGS)

test: setup ## run all tests
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup ## check style, types, layers and shell scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck $(SHELL_SCRIPTS)

chaos: setup ## 200 jobs while workers are killed, connections cut and the database crashes; a quarter of an hour
	CHAOS_JOBS=200 $(PY) -m pytest tests/chaos -s $(ARGS)

bench: setup ## measure throughput and rates, side by side with a file copy
	$(PY) -m tests.bench $(ARGS)

sandbox-up: ## start real servers in containers, and wait until they answer (needs Docker)
	$(COMPOSE) up --build --detach --wait

sandbox-test: setup ## try the bridge between the real servers of sandbox-up
	$(PY) -m pytest tests/docker/test_real_servers.py $(ARGS)

sandbox-down: ## stop the real servers and remove what they kept
	$(COMPOSE) down --volumes

docs: setup ## make the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

lock: setup ## write constraints.txt anew, with the newest versions that pyproject.toml allows
	$(PY) -m pip install -q uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --strip-extras \
	    --no-annotate --custom-compile-command 'make lock' --output-file constraints.txt \
	    pyproject.toml sandbox/setup/build-tools.txt

clean: ## remove .venv and what tools leave behind; the built wheel of zeroc-ice stays in the user's cache
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
