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
.PHONY: help install install-tensorflow demo check format test test-tensorflow monitor loop
.PHONY: bench bench-train bench-serve bench-drift clean

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

TENSORFLOW_VENV := .venv-tensorflow
install-tensorflow: $(TENSORFLOW_VENV)/.installed ## Make .venv-tensorflow, for `framework: tensorflow`

$(TENSORFLOW_VENV)/.installed: pyproject.toml constraints.txt | $(STAMP)
	test -x $(TENSORFLOW_VENV)/bin/python || $(PYTHON) -m venv $(TENSORFLOW_VENV)
	$(BIN)/uv pip install --python $(TENSORFLOW_VENV)/bin/python --constraint constraints.txt \
		--editable '.[data,train,onnx,tracking,deploy,pipeline,predictor,transformer,tensorflow,demo]' \
		pytest pytest-timeout
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

test-tensorflow: $(TENSORFLOW_VENV)/.installed ## The tests that need TensorFlow, in its own environment
	KERAS_BACKEND=tensorflow $(TENSORFLOW_VENV)/bin/pytest tests/train_lstm/test_fit_tensorflow.py \
		tests/train_lstm/test_network_tensorflow.py tests/training/test_keras_learner.py \
		tests/training/test_tensorflow_runtime.py tests/test_imports.py

monitor: $(STAMP) ## Prometheus and Alertmanager beside `tamis serve` (MONITOR="--quick": alerts in seconds)
	@$(BIN)/python -m manifests.monitoring.monitor $(MONITOR)

loop: $(STAMP) ## From drift to a better champion: everything real, no network, minutes
	$(BIN)/python -m pipelines.loop

bench: $(STAMP) ## Accuracy, time and memory beside plain references
	$(BIN)/python -m tests.bench

bench-train: $(STAMP) ## Training beside scikit-learn, floret, plain loops, Trainer (ONLY=lstm: that alone)
	$(BIN)/python -m tests.bench.train $(if $(ONLY),--only $(ONLY))

bench-serve: $(STAMP) ## The service beside FastAPI, KServe and MLServer (needs wrk)
	$(BIN)/python -m tests.bench.serve

bench-drift: $(STAMP) ## False alarms, delays and names of drift, beside alibi-detect
	$(BIN)/python -m tests.bench.drift

clean: ## Remove what running leaves behind (not .venv)
	rm -rf .tamis data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# --- Images and manifests ---------------------------------------------------------------------
DOCKER ?= docker
REGISTRY ?=
TAG ?= latest
BASE ?= python:3.11-slim
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# The wheels of a machine that has its own, torch's CPU build among them, else PyTorch's index.
WHEELS := $(wildcard $(PIP_FIND_LINKS)/*.whl)
TORCH_BACKEND ?= $(if $(filter $(PIP_FIND_LINKS)/torch-%,$(WHEELS)),,cpu)
BUILD = $(DOCKER) build --build-arg BASE=$(BASE) --build-arg REVISION=$(REVISION) \
	--build-arg VERSION=$(VERSION)
DRIFT_ARG = $(if $(filter undefined,$(origin DRIFT)),,--build-arg DRIFT=$(DRIFT))
# Bundles whose tokenizer is spaCy's need it to be trained and served; SPACY_PIPELINE names a package.
PIPELINE_ARG = $(if $(SPACY_PIPELINE),--build-arg SPACY_PIPELINE="$(SPACY_PIPELINE)")
SPACY_TRAIN = $(if $(SPACY),--build-arg SPACY=lemmas $(PIPELINE_ARG))
SPACY_SERVE = $(if $(SPACY),--build-arg SPACY=spacy $(PIPELINE_ARG))
RENDERED := build/manifests
FOLDERS := overlays/local overlays/production service trainer
BASE_REF ?= origin/main
IMAGES := train predictor transformer registry

.PHONY: images wheels test-images manifests lint-delivery compile report comment release

wheels: # what the build's network may lack goes with the build's files
	@rm -rf build/wheels && mkdir -p build/wheels
	@$(if $(WHEELS),cp $(WHEELS) build/wheels/)

images: $(IMAGES:%=image-%) ## Build the images (DOCKER=, REGISTRY=, TAG=, BASE=, TORCH_BACKEND=cu128, DEMO=1, DRIFT=, SPACY=1)

image-train: wheels
	$(BUILD) --build-arg TORCH_BACKEND=$(TORCH_BACKEND) $(if $(DEMO),--build-arg DEMO=demo) \
		$(SPACY_TRAIN) -f Dockerfile.train \
		-t $(REGISTRY)tamis-train:$(TAG) .

image-train-tensorflow: wheels ## Build the train image of `framework: tensorflow`
	$(BUILD) --build-arg TORCH_BACKEND=$(TORCH_BACKEND) --build-arg TENSORFLOW=1 \
		$(if $(DEMO),--build-arg DEMO=demo) -f Dockerfile.train \
		-t $(REGISTRY)tamis-train-tensorflow:$(TAG) .

image-predictor image-transformer image-registry: image-%: wheels
	$(BUILD) --build-arg TORCH_BACKEND=$(TORCH_BACKEND) $(DRIFT_ARG) $(SPACY_SERVE) -f Dockerfile.serve \
		--target $* -t $(REGISTRY)tamis-$*:$(TAG) .

test-images: $(STAMP) ## Build the images and run them as a cluster would (Docker, or root and dockerd)
	$(BIN)/python -m tests.images

manifests: $(STAMP) ## Render every overlay into build/manifests
	@mkdir -p $(RENDERED)
	@for folder in $(FOLDERS); do \
		$(BIN)/kubectl kustomize manifests/$$folder > $(RENDERED)/$${folder##*/}.yaml || exit 1; \
		echo $(RENDERED)/$${folder##*/}.yaml; \
	done

lint-delivery: manifests ## Linters of Dockerfiles, manifests and workflows; findings need a waiver
	$(BIN)/python -m tests.manifests.lint

compile: $(STAMP) ## Compile the pipeline into build/pipeline.yaml
	@mkdir -p build
	$(BIN)/tamis compile --output build/pipeline.yaml

report: $(STAMP) ## What a change does to the pipeline: its compiled diff, a tiny run (BASE_REF=)
	$(BIN)/python -m tests.ci.report --base $(BASE_REF) --output build/report

comment: ## Post build/report on a pull request (PR=; needs gh and GH_TOKEN)
	gh pr comment $(PR) --edit-last --create-if-none --body-file build/report/report.md

release: $(STAMP) wheels ## Build and push the images with SBOM and provenance (REGISTRY=, TAG=)
	@mkdir -p build/release
	@$(DOCKER) buildx inspect tamis >/dev/null 2>&1 || $(DOCKER) buildx create --name tamis
	for image in $(IMAGES); do \
		$(subst $(DOCKER) build,$(DOCKER) buildx build --builder tamis,$(BUILD)) \
			--build-arg TORCH_BACKEND=$(TORCH_BACKEND) --push --sbom=true --provenance=mode=max --metadata-file build/release/$$image.json \
			$$(test $$image = train && echo "-f Dockerfile.train" \
				|| echo "-f Dockerfile.serve --target $$image") \
			-t $(REGISTRY)tamis-$$image:$(TAG) . || exit 1; \
	done
	$(BIN)/python manifests/pins.py $(REGISTRY) build/release > build/release/images.yaml
