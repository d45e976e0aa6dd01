# Everything here can be run again at any time and from a clean clone; `make` alone lists the targets.
PYTHON ?= python3
BIN := .venv/bin
# Of the order in which tests run. One order for everybody: what fails can be repeated. SEED=$$RANDOM looks for another.
SEED ?= 20261120
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: help serve test check bench fuzz docs lock clean

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

serve: .venv/.service ## run the service on 127.0.0.1:8080, on nothing but Python and the folder ./data
	$(BIN)/ooni serve $(ARGS)

test: .venv/.dev .venv/.tools ## install what tests need and run all of them
	$(BIN)/pytest -n auto --dist worksteal --randomly-seed=$(SEED) $(ARGS)

check: .venv/.dev ## lint, format, types and the dependency rule
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## measure; prints one table and writes benchmarks/results.md
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: .venv/.dev ## look for inputs that break a promise, FUZZ_SECONDS (60) for each kind of input
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@for target in scoring intake files; do \
		$(BIN)/python -m tests.fuzz.fuzz_bytes $$target -max_total_time=$(or $(FUZZ_SECONDS),60) -artifact_prefix=.fuzz/ || exit 1; done

docs: .venv/.dev ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: .venv/.dev ## resolve all dependencies again
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
		--extra dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
		--extra service --extra build -c requirements/dev.txt pyproject.toml -o requirements/service.txt
	echo atheris | $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
		- -o requirements/fuzz.txt

clean: ## remove what the other targets made, except ./data
	rm -rf .venv site dist

.venv/bin/python:
	$(PYTHON) -m venv .venv || { rm -rf .venv; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv \
		&& $(PYTHON) -m venv .venv; }

# Compiled here, as pip does with all else: whoever runs a service need not be allowed to write beside its program.
.venv/.service: requirements/service.txt pyproject.toml | .venv/bin/python
	@[ -e .venv/.dev ] || $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/service.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

# Programs that no one here wrote, with which tests open our published files.
.venv/.tools: | .venv/bin/python
	@command -v zstd >/dev/null && command -v git >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq zstd git; }
	@touch $@
