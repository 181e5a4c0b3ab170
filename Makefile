# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.

# The first Python that is new enough and can make environments.
PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11; do \
    "$$candidate" -c 'import ensurepip, sys, venv; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null \
    && { echo "$$candidate"; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Further environments: the oldest versions of what the extras bring along, the compiled codec for measurements, and
# one for each Python.
VENV_OLDEST := .venv-oldest
VENV_COMPILED := .venv-compiled

# The Pythons that the driver is for, and the path of each: on PATH or under pyenv, or nothing.
VERSIONS := 3.11 3.12 3.13
PYTHON_OF = $(shell for candidate in python$(1) $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(1).*/bin/python3; do \
    "$$candidate" -c 'import ensurepip, sys, venv; raise SystemExit("%d.%d" % sys.version_info[:2] != "$(1)")' 2>/dev/null \
    && { echo "$$candidate"; break; }; done)
SKIPPED = { echo "Python $(1) is not here (neither on PATH nor under pyenv): skipped"; exit 0; }
INTERPRETED := $(VERSIONS:%=test-%-interpreted)
COMPILED := $(VERSIONS:%=test-%-compiled)
# What is in a wheel, and what it is made by.
WHEEL_SOURCES := pyproject.toml setup.py MANIFEST.in README.md $(shell find ignite_dbapi sqlalchemy_ignite -type f \
    -not -path '*/__pycache__/*' -not -name '*.so')

PYTEST_ARGUMENTS ?=
BENCH_ARGUMENTS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-oldest wheels environments test-matrix $(INTERPRETED) $(COMPILED) compiled lint \
    format bench clean python pythons

help:
	@echo "make demo                 start a node, load data, show SQL through DB-API, SQLAlchemy and pandas, and keys and values"
	@echo "make test                 run all tests against nodes that they start themselves"
	@echo "make test-oldest          run the SQLAlchemy, pandas, Arrow and Alembic tests with the oldest versions of these"
	@echo "make wheels               build the source distribution and wheels into dist, and check them"
	@echo "make test-3.12-compiled   run all tests from a wheel, with that Python; also -interpreted, 3.11 and 3.13"
	@echo "make test-matrix          all six of these, one after the other (or side by side: make -j3 -O test-matrix)"
	@echo "make pythons              tell which of the Pythons are here; fails if one is missing"
	@echo "make lint                 check formatting, style and types"
	@echo "make format               format the sources"
	@echo "make bench                measure this driver, the raw wire, the JDBC driver and pyignite, side by side"
	@echo "make clean                remove environments and caches of this folder"

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed (on Debian: apt-get install python3-venv)"; exit 1; }

pythons:
	@missing=; $(foreach version,$(VERSIONS),path="$(call PYTHON_OF,$(version))"; \
	    echo "Python $(version): $${path:-missing}"; test -n "$$path" || missing=1;) test -z "$$missing"

# The codec is interpreted here, so that an edit to its source takes effect at once.
$(VENV)/.demo: pyproject.toml setup.py | python
	$(PYTHON) -m venv $(VENV)
	IGNITE_DBAPI_PURE=1 $(BIN)/pip install --quiet --editable ".[demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml setup.py | python
	$(PYTHON) -m venv $(VENV)
	IGNITE_DBAPI_PURE=1 $(BIN)/pip install --quiet --editable ".[dev]"
	@touch $@ $(VENV)/.demo

# With Python 3.11: the oldest NumPy has wheels for no newer one.
$(VENV_OLDEST)/.dev: pyproject.toml setup.py tests/oldest.txt
	@test -n "$(call PYTHON_OF,3.11)" || $(call SKIPPED,3.11); set -ex; \
	"$(call PYTHON_OF,3.11)" -m venv --clear $(VENV_OLDEST); \
	IGNITE_DBAPI_PURE=1 $(VENV_OLDEST)/bin/pip install --quiet --constraint tests/oldest.txt --editable ".[test]"; \
	touch $@

demo: $(VENV)/.demo
	$(BIN)/python -m examples.demo

test: $(VENV)/.dev
# By coverage itself and not by pytest's option, which starts to measure only after the plugins are imported.
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PYTEST_ARGUMENTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-oldest: $(VENV_OLDEST)/.dev
	@test -n "$(call PYTHON_OF,3.11)" || $(call SKIPPED,3.11); set -x; \
	$(VENV_OLDEST)/bin/python -m pytest -k "sqlalchemy or pandas or alembic or arrow or columns" $(PYTEST_ARGUMENTS)

# --- wheels, and the tests of what is in them -------------------------------------------------------------------------

# Stamps, which make would remove as intermediate files.
.PRECIOUS: .venv-%/.made dist/.wheel-% .venv-%/.test

dist/.sdist: $(WHEEL_SOURCES) | $(VENV)/.dev
	rm -rf dist build
	$(BIN)/python -m build --sdist --outdir dist > $(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	@touch $@

.venv-%/.made:
	@test -n "$(call PYTHON_OF,$*)" || $(call SKIPPED,$*); \
	"$(call PYTHON_OF,$*)" -m venv --clear .venv-$* && touch $@

# From the source distribution, as users build it for whose platform there is no wheel. What is a warning here is an
# error for GCC 14 and later.
dist/.wheel-%: dist/.sdist .venv-%/.made
	@test -e .venv-$*/.made || $(call SKIPPED,$*); \
	IGNITE_DBAPI_PURE= CC="$${CC:-cc} -Werror=incompatible-pointer-types" \
	.venv-$*/bin/pip wheel --quiet --no-deps --wheel-dir dist dist/*.tar.gz && \
	ls dist/*-cp$(subst .,,$*)-*.whl && touch $@

wheels: $(VERSIONS:%=dist/.wheel-%)
	$(BIN)/python -m pytest tests/packaging

# One environment for both forms, since IGNITE_DBAPI_PURE=1 interprets what is compiled.
.venv-%/.test: dist/.wheel-%
	@test -e .venv-$*/.made || $(call SKIPPED,$*); \
	.venv-$*/bin/pip install --quiet --force-reinstall --no-deps dist/*-cp$(subst .,,$*)-*.whl && \
	.venv-$*/bin/pip install --quiet "$$(ls dist/*-cp$(subst .,,$*)-*.whl)[test]" && touch $@

environments: $(VENV)/.dev $(VENV_OLDEST)/.dev $(VERSIONS:%=.venv-%/.test)

test-matrix: $(INTERPRETED) $(COMPILED)

# From a copy, because beside the sources Python would import these instead of what is installed.
define TEST_INSTALLED
@test -e .venv-$(1)/.made || $(call SKIPPED,$(1)); \
set -ex; rm -rf .venv-$(1)/$(2); mkdir .venv-$(1)/$(2); \
cp -r tests examples benchmarks docs *.md pyproject.toml setup.cfg .venv-$(1)/$(2)/; cd .venv-$(1)/$(2); \
export IGNITE_DBAPI_PURE=$(3); \
../bin/python -c "import ignite_dbapi; assert ignite_dbapi.COMPILED is not bool($(3)), ignite_dbapi"; \
../bin/python -m pytest $(PYTEST_ARGUMENTS)
endef

$(INTERPRETED): test-%-interpreted: .venv-%/.test
	$(call TEST_INSTALLED,$*,interpreted,1)

$(COMPILED): test-%-compiled: .venv-%/.test
	$(call TEST_INSTALLED,$*,compiled,0)

compiled: | python
	$(PYTHON) -m venv --clear $(VENV_COMPILED)
	rm -rf $(VENV_COMPILED)/wheel $(VENV_COMPILED)/run
	$(VENV_COMPILED)/bin/pip wheel --quiet --no-deps --wheel-dir $(VENV_COMPILED)/wheel .
	$(VENV_COMPILED)/bin/pip install --quiet "$$(ls $(VENV_COMPILED)/wheel/*.whl)[$(EXTRA)]"
	mkdir $(VENV_COMPILED)/run
	cp -r tests examples benchmarks docs *.md pyproject.toml setup.cfg $(VENV_COMPILED)/run/
	cd $(VENV_COMPILED)/run && ../bin/python -c "import ignite_dbapi; assert ignite_dbapi.COMPILED, 'not compiled'"

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
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.encoding
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.keyvalue_concurrency
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.columns
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.batches
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.bulk_load
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.paging
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.sqlalchemy_overhead
	cd $(VENV_COMPILED)/run && ../bin/python -m benchmarks.footprint

clean:
	rm -rf $(VENV) $(VENV_OLDEST) $(VENV_COMPILED) $(VERSIONS:%=.venv-%) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
