# siphub: `make help` lists what can be made. `make demo` and `make test` need only Python 3.11 or newer, and make.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check docs bench chaos races machine mutants lock clean

# The Python that makes the environment; `make PYTHON=python3.12 test` chooses another.
PYTHON ?= python3
# Where the environment is made.
VENV ?= .venv
# Handed to pytest: `make test ARGS="-k withdraw"`.
ARGS ?=
# How many test processes.
JOBS ?= 2
# What `make test` does first, so that there are a RabbitMQ and a PostgreSQL for the tests to start; `make test SERVICES=` leaves the machine as it is.
SERVICES ?= tests/services.sh
# Handed to the demo: `make demo DEMO="--seed 7 --keep"`.
DEMO ?=
# Only `make lock` needs uv, to pin anew.
UV ?= uv

BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml))
EDITABLE := -e . $(addprefix -e ,$(PLUGINS))
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
CODE := siphub $(wildcard plugins/*/siphub_*) tests docs conftest.py

# The tests start the program hundreds of times: where bytecode is not to be written, each start would compile all of it anew.
test check: export PYTHONDONTWRITEBYTECODE :=

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/run.stamp ## The main job end to end on this machine: a SIP travels, and a withheld one does not
	@$(BIN)/siphub demo $(DEMO)

test: $(VENV)/dev.stamp ## All tests, from nothing to a green suite
	@VENV=$(VENV) $(SERVICES)
	@$(BIN)/pytest -n $(JOBS) $(ARGS)

check: $(VENV)/dev.stamp ## Everything that can be judged without running the hub: style, types, walls, spelling, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	@for tests in $(sort $(dir $(wildcard plugins/*/tests/*.py))); do echo "mypy $$tests"; $(BIN)/mypy $$tests || exit 1; done
	$(BIN)/lint-imports
	$(BIN)/codespell siphub plugins tests docs README.md CHANGELOG.md Makefile pyproject.toml
	$(BIN)/python docs/generate.py --check
	$(BIN)/pytest -q tests/docs
	@$(BIN)/python docs/results.py

docs: $(VENV)/dev.stamp ## Write the generated parts of docs/*.md anew: settings, error codes, commands, states
	$(BIN)/python docs/generate.py

bench: $(VENV)/dev.stamp ## Measure on this machine, and write the figures to docs/results
	@VENV=$(VENV) $(SERVICES)
	$(BIN)/pytest -m bench -p no:randomly --bench-seconds 5 --bench-rounds 5 --bench-cases 128 --bench-partners fast,20ms,200ms \
		--results docs/results --timeout 3600 tests/bench $(ARGS)

chaos: $(VENV)/dev.stamp ## The long dose of kill -9: 100 seeded moments; results to docs/results
	$(BIN)/pytest -m chaos --chaos-rounds 100 --bells 1000 --link-seconds 25 --away-backlog 100000 --away-windows 24 --away-samples 100 --results docs/results --timeout 3600 tests/chaos $(ARGS)

races: $(VENV)/dev.stamp ## 100 000 races of a withdrawal against a send on each store; results to docs/results
	$(BIN)/pytest -n $(JOBS) -m chaos -k race --race-rounds 100000 --race-rounds-postgresql 100000 --results docs/results --timeout 10800 tests/chaos tests/flow $(ARGS)

machine: $(VENV)/dev.stamp ## 500 rounds of anything in any order, restarts and clock jumps among it; results to docs/results
	$(BIN)/pytest -m chaos -k any_order --machine-rounds 500 --results docs/results --timeout 14400 tests/flow $(ARGS)

mutants: $(VENV)/dev.stamp ## Take away one guard at a time, then change the policy in every small way, and see that a test fails
	$(if $(ARGS),,$(BIN)/python tests/mutants.py)
	$(BIN)/python tests/mutation.py $(ARGS)

lock: ## For maintainers: pin every dependency anew with its hashes (needs uv)
	@$(call pin,requirements.txt,build)
	@$(call pin,requirements-dev.txt,dev,--constraint requirements.txt)

clean: ## Remove what was made: the environment, caches, the demo's data
	rm -rf $(VENV) build dist siphub-data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find siphub plugins tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for both. What is pinned is installed first, checked against its hashes and without asking for more;
# then the project and its plugins, editable, built with what has just been installed.
define install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(EDITABLE)
	$(BIN)/python -m pip check
endef

define pin
set -euo pipefail; printf '%s\n' '-e .[rabbitmq,postgresql]' $(foreach p,$(PLUGINS),'-e $(p)') \
	| $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --no-emit-package siphub $(foreach p,$(PLUGINS),--no-emit-package $(notdir $(p))) \
	  --group pyproject.toml:$(2) $(3) --output-file $(1) -
endef

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed. siphub needs Python 3.11 or newer: install it, or say which with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1). siphub needs Python 3.11 or newer: install it, or say which with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) has no venv or ensurepip. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt $(PROJECTS) | $(VENV)/bin/python
	$(call install,requirements.txt)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt $(PROJECTS) | $(VENV)/bin/python
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/run.stamp
