# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.

# The first Python that is new enough and can make environments.
PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11; do \
    "$$candidate" -c 'import ensurepip, sys, venv; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null \
    && { echo "$$candidate"; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Further environments: the oldest SQLAlchemy, and the compiled codec.
VENV_SQLALCHEMY_20 := .venv-sqlalchemy-2.0
VENV_COMPILED := .venv-compiled

PYTEST_ARGUMENTS ?=
BENCH_ARGUMENTS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-sqlalchemy-2.0 compiled test-compiled lint format bench clean python

help:
	@echo "make demo                 start a node, load data, show SQL through DB-API, SQLAlchemy and pandas, and keys and values"
	@echo "make test                 run all tests against nodes that they start themselves"
	@echo "make test-sqlalchemy-2.0  run the SQLAlchemy, pandas and Alembic tests with SQLAlchemy 2.0"
	@echo "make test-compiled        build a wheel with the compiled codec and run the tests with it"
	@echo "make lint                 check formatting, style and types"
	@echo "make format               format the sources"
	@echo "make bench                measure this driver, the raw wire, the JDBC driver and pyignite, side by side"
	@echo "make clean                remove environments and caches of this folder"

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed (on Debian: apt-get install python3-venv)"; exit 1; }

# The codec is interpreted here, so that an edit to its source takes effect at once.
$(VENV)/.demo: pyproject.toml setup.py | python
	$(PYTHON) -m venv $(VENV)
	IGNITE_DBAPI_PURE=1 $(BIN)/pip install --quiet --editable ".[demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml setup.py | python
	$(PYTHON) -m venv $(VENV)
	IGNITE_DBAPI_PURE=1 $(BIN)/pip install --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.demo

$(VENV_SQLALCHEMY_20)/.dev: pyproject.toml setup.py | python
	$(PYTHON) -m venv $(VENV_SQLALCHEMY_20)
	IGNITE_DBAPI_PURE=1 $(VENV_SQLALCHEMY_20)/bin/pip install --quiet --editable ".[test]" "SQLAlchemy<2.1"
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/python -m examples.demo

test: $(VENV)/.dev
# By coverage itself and not by pytest's option, which starts to measure only after the plugins are imported.
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PYTEST_ARGUMENTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-sqlalchemy-2.0: $(VENV_SQLALCHEMY_20)/.dev
	$(VENV_SQLALCHEMY_20)/bin/python -m pytest -k "sqlalchemy or pandas or alembic" $(PYTEST_ARGUMENTS)

# Installed from a wheel and not from the tree, so that what users install is what is tested. The tests run from
# a copy: beside the sources, Python would import the interpreted package instead.
compiled: | python
	$(PYTHON) -m venv --clear $(VENV_COMPILED)
	rm -rf $(VENV_COMPILED)/wheel $(VENV_COMPILED)/run
	$(VENV_COMPILED)/bin/pip wheel --quiet --no-deps --wheel-dir $(VENV_COMPILED)/wheel .
	$(VENV_COMPILED)/bin/pip install --quiet "$$(ls $(VENV_COMPILED)/wheel/*.whl)[$(EXTRA)]"
	mkdir $(VENV_COMPILED)/run
	cp -r tests examples benchmarks docs *.md pyproject.toml setup.cfg $(VENV_COMPILED)/run/
	cd $(VENV_COMPILED)/run && ../bin/python -c "import ignite_dbapi; assert ignite_dbapi.COMPILED, 'not compiled'"

test-compiled: EXTRA = test
test-compiled: compiled
	cd $(VENV_COMPILED)/run && ../bin/python -m pytest tests/unit tests/integration $(PYTEST_ARGUMENTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: EXTRA = bench
bench: compiled
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks --save "$(CURDIR)/benchmarks/results" $(BENCH_ARGUMENTS)
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.columns
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.bulk_load
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.footprint

clean:
	rm -rf $(VENV) $(VENV_SQLALCHEMY_20) $(VENV_COMPILED) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
