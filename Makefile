# Everything a contributor types. Needs Python 3.11 or newer, git and make; the rest is fetched into this folder.
#
#   UV=/path/to/uv    use that uv; without it the one on PATH, else one installed into .cache/uv by pip
#   PYTHON=python3    the interpreter that installs uv where it is missing

LOCAL_UV := .cache/uv/bin/uv
ifndef UV
UV := $(or $(shell command -v uv 2>/dev/null),$(LOCAL_UV))
endif
PYTHON ?= python3
RUN = $(UV) run --no-sync

.DEFAULT_GOAL := help
.PHONY: help setup services demo test check docs bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: $(filter $(LOCAL_UV),$(UV))  ## install the exact locked packages into .venv
	@$(UV) sync --quiet --frozen --all-extras

demo: setup  ## run real circuits over two local pilots, check every value, leave a report
	@$(RUN) pilot-quantum demo

services:  ## as root on Debian: install Slurm, sshd, Open MPI for tests (test does it too; SERVICES=no: do not)
	@sh tests/services/install.sh

test: setup services  ## run all tests
	@$(RUN) pytest -rfEs

check: setup  ## formatting, lint, types, layers, examples in the docs (under a minute)
	@$(RUN) ruff format --check --quiet . || { echo "formatting differs: run '$(UV) run ruff format .'"; exit 1; }
	@$(RUN) ruff check --quiet .
	@$(RUN) mypy
	@$(RUN) lint-imports --no-logo
	@$(RUN) pytest tests/test_docs.py

docs: setup  ## build the pages and the API reference as HTML into build/docs
	@$(RUN) python docs/build.py

bench: setup  ## run all benchmarks, one after another, on an otherwise idle machine
	@for command in throughput "throughput --engine dask" "throughput --engine ray" scale primitives startup \
	    "startup --engine dask" "startup --engine ray" cost_models planning cut_finding cutting; do \
	  echo "== benchmarks.$$command"; $(RUN) python -m benchmarks.$$command || exit 1; done

clean:  ## remove what the other targets made, except .venv and .cache
	rm -rf build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# No uv on this machine: put one into this folder. A venv is cleanest; Debian's python3 may lack ensurepip,
# then pip with --target serves; with neither there is nothing to build on, so say what would help.
PIP_FLAGS = --quiet --disable-pip-version-check --only-binary :all:
$(LOCAL_UV):
	@echo "uv is not on PATH; installing it into .cache/uv"
	@rm -rf .cache/uv && mkdir -p .cache/uv/bin
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null && $(PYTHON) -m venv .cache/uv/venv; then \
	  .cache/uv/venv/bin/python -m pip install $(PIP_FLAGS) uv && ln -s ../venv/bin/uv $@; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m pip install $(PIP_FLAGS) --target .cache/uv/lib uv && ln -s ../lib/bin/uv $@; \
	else \
	  echo "cannot install uv: '$(PYTHON)' has neither ensurepip nor pip."; \
	fi
	@$@ --version 2>/dev/null || { rm -rf .cache/uv; \
	  echo "Install uv (https://docs.astral.sh/uv), or on Debian 'apt-get install python3-venv', or set UV=/path/to/uv; then run make again."; \
	  exit 1; }
