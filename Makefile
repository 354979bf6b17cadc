# Everything here is the same on a laptop and in CI. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# uv doesn't read pip's setting for folders of wheels, so hand it over.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export DVC_NO_ANALYTICS := true
export HF_HUB_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help install demo check format test bench bench-serve clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## Make .venv with pinned dependencies

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "Tamis needs Python 3.11 or 3.12; say make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt \
		--editable '.[all,demo,dev]'
	@touch $@

demo: $(STAMP) ## Train all architectures on the demo's reviews and register a champion
	$(BIN)/tamis run

check: $(STAMP) ## Format, lint, types, import rules, docstrings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint --quiet components pipelines serving

format: $(STAMP) ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(STAMP) ## Every test, those that train models and start servers too
	$(BIN)/pytest -n 2 --dist loadfile

bench: $(STAMP) ## Accuracy, time and memory beside plain references
	$(BIN)/python -m tests.bench

bench-serve: $(STAMP) ## The service beside FastAPI, KServe and MLServer (needs wrk)
	$(BIN)/python -m tests.bench.serve

clean: ## Remove what running leaves behind (not .venv)
	rm -rf .tamis data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
