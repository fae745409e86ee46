# A fresh machine needs Python 3.11 or newer and make; everything else is brought into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
CODE := src tests bench clients docs/pictures
ROWS ?= 10000000
MINUTES ?= 30
# Twice the cores: much of a test is waiting for another process.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench soak pictures client lock

help: ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.run ## Put the command at .venv/bin/guerdon

demo: $(VENV)/.run ## Start a programme with members, options, a provider and live redemptions
	$(BIN)/guerdon demo

test: $(VENV)/.dev ## Run every test on real parts
	@.ci/chromium
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: $(VENV)/.dev ## Format, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	cd clients/python && ../../$(BIN)/deptry src

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(VENV)/.dev ## Measure, beside pgbench in the same run; the lists at ROWS transactions, ten million
	$(BIN)/guerdon bench
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.strict_json
	$(BIN)/python -m bench.lists --rows $(ROWS)

soak: $(VENV)/.dev ## Random faults against real processes for MINUTES, thirty
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

pictures: $(VENV)/.dev ## Take the pictures of the documentation anew, from the demo
	@.ci/chromium
	$(BIN)/python docs/pictures/take.py

client: $(UV) ## Build the Python client's wheel into dist
	$(UV) build -q --wheel --out-dir dist clients/python

lock: $(UV) ## Choose the pinned versions anew
	$(UV) pip compile -q --generate-hashes --upgrade pyproject.toml -o requirements.txt
	$(UV) pip compile -q --generate-hashes pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Guerdon needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments: install your system's python3-venv."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.txt

$(VENV)/.run: requirements.txt pyproject.toml | $(UV)
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	@$(MAKE) -s $(BIN)/guerdon
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt pyproject.toml | $(UV)
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@$(MAKE) -s $(BIN)/guerdon
	@touch $@ $(VENV)/.run

# The packages are used where they stand: a path file and a starter, so that no build tool is fetched.
$(BIN)/guerdon: Makefile
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "guerdon.pth").write_text("".join(f"{pathlib.Path(one).resolve()}\n" for one in ("src", "clients/python/src")))'
	@printf '#!%s\nfrom guerdon.__main__ import main\n\nmain()\n' "$(abspath $(BIN)/python)" > $@
	@chmod +x $@
	@$(BIN)/python -m compileall -q src clients/python/src
