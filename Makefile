# `make demo` and `make test` need Python >= 3.11, make and git; everything else they fetch.

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# In processes of their own, a file at once: a browser's driver that hangs takes down one of them, which is
# replaced, and not the run.
TEST_ARGS = $(or $(PYTEST_ARGS),-n 2 --dist loadfile)
BIN = $(VENV)/bin
READY = $(VENV)/.ready
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo .uv/bin/uv)
export UV_PYTHON_DOWNLOADS = never

.PHONY: demo test engines lists blockers size check lint types bench client fuzz torture workers backfill build \
	docs constraints

demo: $(READY)  ## The Django shop with its store, and the events as they arrive
	@$(BIN)/python -m track_middleware demo

test: $(READY)  ## All tests: the library's, then each example's own
	$(BIN)/python -m pytest tests $(TEST_ARGS)
	$(BIN)/python -m pytest examples/django_app $(TEST_ARGS)
	$(BIN)/python -m pytest examples/flask_app $(TEST_ARGS)
	$(BIN)/python -m pytest examples/fastapi_app $(TEST_ARGS)

# pandas, which the engine names as well, is for its data frames.
engines: $(READY)  ## ClickHouse's engine, for the tests that need it
	$(UV) pip install -q --python $(VENV) --no-deps chdb-core-lite==26.5.0 pyarrow==26.0.1

lists: $(READY)  ## Ad blockers' engines and lists into .blockers/, for the tests that need them
	$(BIN)/python -m tests.blockers.sources

blockers: $(READY)  ## A full walk's requests against real ad blockers' engines
	$(BIN)/python -m tests.blockers

check: lint types test  ## What a change must pass

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)  ## Every bar as a ratio measured in one run (BENCH_SMALL=1: in a minute)
	$(BIN)/python -m benchmarks

client:  ## Builds the browser script into the package
	cd client && npm install --no-audit --no-fund && npm run build

size:  ## The browser script's sizes beside others', bundled alike
	cd client/size && npm install --no-audit --no-fund --silent && node compare.mjs

torture: $(READY)  ## kill -9, forks, full disks: the long form
	TORTURE=full $(BIN)/python -m pytest tests/torture --timeout 0 $(PYTEST_ARGS)

workers: $(READY)  ## Three web hosts and workers with one store (each kind), killed and cut: 100,000 events
	TORTURE=full $(BIN)/python -m pytest tests/torture/test_many_workers*.py -s \
		--timeout 0 $(PYTEST_ARGS)

backfill: $(READY)  ## A million rows to an emulated Mixpanel, killed five times on the way
	BACKFILL=1000000 $(BIN)/python -m pytest tests/torture/test_backfill.py -s -k sqlite \
		--timeout 0 $(PYTEST_ARGS)

fuzz: $(READY)  ## Hostile requests to our own doors: the long form
	FUZZ=100000 $(BIN)/python -m pytest tests/fuzz -s --timeout 0 $(PYTEST_ARGS)

build: $(READY)  ## Wheel and source distribution into dist/
	rm -rf dist && $(UV) build -q --out-dir dist

docs: $(READY)  ## The generated parts of docs/
	$(BIN)/python docs/generate.py

constraints: .uv/ready  ## The versions that tests run with
	$(UV) pip compile -q --universal --all-extras --no-header --no-annotate --no-emit-index-url \
		--upgrade --output-file constraints.txt pyproject.toml

.uv/ready:
	@$(PYTHON) -c '' || { echo 'no Python >= 3.11 was found; name one with PYTHON=…'; exit 1; }
	@mkdir -p .uv
	@$(UV) --version >/dev/null 2>&1 || \
		{ for p in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
			$$p -c 'import ensurepip' 2>/dev/null && break; done; \
		$$p -m venv .uv && .uv/bin/python -m pip install -q uv; }
	@touch $@

$(READY): pyproject.toml constraints.txt | .uv/ready
	@$(UV) venv -q --allow-existing --python $(PYTHON) $(VENV)
	@$(UV) pip install -q --python $(VENV) --constraints constraints.txt --editable '.[dev]'
	@touch $@
