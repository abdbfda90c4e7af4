# Each goal does its own set-up: a virtual environment with the locked versions, Java, the Delta jars.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
EXTRAS := keras,java,connect,test,dev
LOCK_VENV := build/lock-venv
# Set PYTHON to choose one; else the first of these that runs, is new enough and can make environments.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)

.PHONY: help demo test test-slow torture check format lock clean setup prepare

help: ## list the goals
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 18

demo: prepare ## from simulated order data to predictions in SQL, set-up included
	@$(BIN)/foretable demo

test: prepare ## run the suite, set-up included
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test-slow: prepare ## run the heavy cases: several processes, fresh installations, long races
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

torture: prepare ## kill, race, fuzz and fill the disk: the harness at full size, with its figures (hours on two cores)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "torture or slow" tests/torture

check: setup ## formatter, linter and type check, changing nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup ## format and repair what the linter can repair
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## write constraints.txt anew: the newest versions that setup.cfg allows
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 to 3.13 with venv is needed" >&2; exit 2; }
	@rm -rf $(LOCK_VENV) && $(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check '.[$(EXTRAS)]'
	@{ sed -n '/^#/p' constraints.txt; $(LOCK_VENV)/bin/python -m pip freeze --exclude foretable; } > $(LOCK_VENV)/constraints.txt
	@mv $(LOCK_VENV)/constraints.txt constraints.txt && rm -rf $(LOCK_VENV)
	@git --no-pager diff --stat -- constraints.txt

clean: ## remove the environment and everything built; tables and models stay
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup: .venv/installed

# The stamp is made last, so that a set-up that was cut off is done again.
.venv/installed: setup.cfg pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 to 3.13 with venv is needed (Debian: apt-get install python3-venv); name one with make PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || { echo "making .venv with $$($(PYTHON) --version)" && $(PYTHON) -m venv .venv; }
	@echo "installing the locked packages into .venv (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

prepare: setup
	@$(BIN)/python -m jobs.prepare
