# The commands of this project; `make help` lists them. Only Python 3.11+ and make must be there.
PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
DATA   ?= $(or $(MALLSENSE_DATA),../shared/data)

bin  := $(VENV)/bin
code := $(wildcard contracts positioning edge_agent firmware_configs gateway dashboards simulators mallsense \
        tests benchmarks scripts hatch_build.py)
# All tests take one process a core. A file stays in one process, since its tests share a gateway or a browser.
side_by_side := --numprocesses auto --dist loadfile --no-loadscope-reorder
.DEFAULT_GOAL := help

.PHONY: help
help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: $(VENV)/.demo ## install what a mall needs and show one, live, in the browser (ARGS="--port 8000 ...")
	@$(bin)/python hatch_build.py console
	$(bin)/mallsense demo $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## run all tests, installing mosquitto, Chromium and tshark where it may (or some: ARGS="-k name")
	@sh scripts/install-test-tools.sh
	@$(bin)/python hatch_build.py
	$(bin)/python -m pytest $(or $(ARGS),$(side_by_side) --cov --cov-report=term)

.PHONY: wheels
wheels: $(VENV)/.demo ## fetch what a node installs, into dist/node; CAMERAS=1: also dist/camera-node, for those with cameras
	@PYTHON=$(bin)/python sh scripts/node-wheels.sh dist/node
	@[ -z "$(CAMERAS)" ] || PYTHON=$(bin)/python sh scripts/node-wheels.sh dist/camera-node requirements-camera.lock

.PHONY: accuracy
accuracy: $(VENV)/.dev ## measure positions on recorded data, into docs/accuracy.md (DATA=FOLDER)
	$(bin)/mallsense evaluate $(DATA) --report docs/accuracy.md \
	  --calibration survey --calibration points --calibration zero
	MALLSENSE_DATA=$(DATA) OPENBLAS_NUM_THREADS=1 $(bin)/python -m benchmarks.node_outage \
	  --report docs/accuracy.md

.PHONY: lint
lint: $(VENV)/.dev ## check style and format
	$(bin)/ruff check $(code)
	$(bin)/ruff format --check $(code)

.PHONY: types
types: $(VENV)/.dev ## check types
	$(bin)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## check that imports point the way docs/architecture.md says
	$(bin)/lint-imports

.PHONY: check
check: lint types imports test ## everything that CI checks

.PHONY: lock
lock: $(VENV)/.dev ## write the lock files anew, with the newest releases that pyproject.toml allows
	UV=$(bin)/uv sh scripts/lock.sh

.PHONY: clean
clean: ## remove everything that is built, the virtual environment too
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* \
	  dashboards/console/static dashboards/console/node_modules tests/dashboards/grafana/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(bin)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("mallsense needs Python 3.11 or newer, this is " \
	  + sys.version.split()[0] + "; name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# Both share one folder: the test lock holds all of the demo's packages, in the same versions.
$(VENV)/.demo: requirements.lock pyproject.toml | $(bin)/python
	@sh scripts/install.sh requirements.lock $(VENV)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(bin)/python
	@sh scripts/install.sh requirements-dev.lock $(VENV)
	@touch $@ $(VENV)/.demo
