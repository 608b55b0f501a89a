# Each target is one command that a reader can also type. They need Python 3.11+ and pip; `browser` also needs
# Node.js 20+ and three browsers (ENGINES=chromium names those that a reader is played in), `pdf` needs LaTeX.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
LIGHT := .venv-light/bin
OLDEST := .venv-oldest/bin
SITE := .venv-site/bin
export OMP_NUM_THREADS := 1# so that printed digits do not depend on the number of cores
NEW_ENOUGH := $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed')"
PIP_QUIET := --quiet --disable-pip-version-check

.NOTPARALLEL:
# An environment holds absolute paths: one that was moved or half made is made anew.
$(shell for v in .venv .venv-light .venv-site; do \
	[ "$$(cat $$v/installed 2>/dev/null)" = "$(CURDIR)" ] || rm -f $$v/installed; done)

.PHONY: book test light oldest site serve browser pdf zip dist notebooks bench clean

book: .venv/installed
	@echo "[1/2] building the book, warnings are errors"
	@$(BIN)/jupyter-book build . --all -W -n --keep-going -q
	@echo "[2/2] done: open _build/html/index.html"

test: .venv/installed
	@echo "[1/3] lint, and types: stubs are compared with the code, and a user's sample with them"
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet bnlib tests tools benchmarks _ext assets/run conftest.py book/*.py
	@$(BIN)/python tools/stubs.py && $(BIN)/mypy
	@echo "[2/3] unit tests"
	@$(BIN)/pytest -q -n 2 --doctest-modules
	@echo "[3/3] notebooks: every stored output and figure is compared with a fresh one"
	@$(BIN)/pytest -q -n 2 --dist loadfile --nbval --nbval-current-env book

light: .venv-light/installed
	@echo "[1/1] unit tests with NumPy alone: no torch, no matplotlib"
	@$(LIGHT)/pytest -q -n 2 --doctest-modules

# Made anew each time, so that PYTHON can be another: the first NumPy from 2.0 on that it can have without a compiler.
oldest:
	@$(NEW_ENOUGH)
	@echo "[0] installing the oldest NumPy and the test runner into .venv-oldest"
	@$(PYTHON) -m venv --clear .venv-oldest
	@$(OLDEST)/pip install $(PIP_QUIET) -c requirements.txt pytest pytest-xdist hypothesis setuptools
	@for minor in 0 1 2 3 4; do $(OLDEST)/pip install $(PIP_QUIET) --only-binary :all: "numpy==2.$$minor.*" 2>/dev/null && break; done
	@$(OLDEST)/pip install $(PIP_QUIET) --no-deps --no-build-isolation --editable .
	@$(OLDEST)/python -c "import sys, numpy; print(f'[1/1] unit tests with Python {sys.version.split()[0]}, NumPy {numpy.__version__}')"
	@$(OLDEST)/pytest -q -n 2 --doctest-modules

site: .venv/installed .venv-site/installed
	@echo "[1/3] Python for the browser"
	@$(BIN)/python tools/runtime.py fetch
	@echo "[2/3] the notebooks"
	@$(SITE)/python tools/lite.py _build/lite _build/pyodide
	@echo "[3/3] the book"
	@$(BIN)/jupyter-book build . --all -W -n --keep-going -q
	@echo "done: copy _build/html to a static host, or look at it with make serve"

serve: .venv/installed
	@$(BIN)/python tools/serve.py $(PORT)

browser: site
	@echo "[1/2] installing the browsers' drivers"
	@cd tests/browser && npm ci --loglevel=error --no-audit --no-fund
	@echo "[2/2] every page in Chromium, a reader's hands in three browsers"
	@node --test --test-concurrency=2 tests/browser/*.test.mjs

pdf: .venv/installed
	@$(BIN)/python tools/typeset.py --check
	@echo "[1/2] writing the book as LaTeX, warnings are errors"
	@$(BIN)/jupyter-book build . --builder latex --all -W -n --keep-going -q
	@echo "[2/2] typesetting it"
	@$(BIN)/python tools/typeset.py
	@echo "done: _build/batch-normalization.pdf"

zip: book
	@$(BIN)/python tools/offline.py

dist: .venv/installed
	@$(BIN)/python tools/dist.py

notebooks: .venv/installed
	@echo "[1/1] executing every notebook and storing its outputs"
	@$(BIN)/python tools/notebooks.py store
	@$(BIN)/python tools/exercises.py

bench: .venv/installed
	@$(BIN)/python benchmarks/import_time.py
	@$(BIN)/python benchmarks/memory.py
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/torch_backend.py
	@$(BIN)/python benchmarks/network.py
	@$(BIN)/python tools/suite_time.py

clean:
	rm -rf _build .venv .venv-light .venv-oldest .venv-site tests/browser/node_modules

.venv/installed: requirements.txt tools/constraints.txt pyproject.toml
	@$(NEW_ENOUGH)
	@echo "[0] installing into .venv, some minutes the first time"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install $(PIP_QUIET) -r requirements.txt
	@$(BIN)/pip install $(PIP_QUIET) --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

.venv-light/installed: requirements.txt tools/constraints.txt pyproject.toml
	@$(NEW_ENOUGH)
	@echo "[0] installing NumPy and the test runner into .venv-light"
	@$(PYTHON) -m venv --clear .venv-light
	@$(LIGHT)/pip install $(PIP_QUIET) -c requirements.txt numpy pytest pytest-xdist hypothesis setuptools
	@$(LIGHT)/pip install $(PIP_QUIET) --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

.venv-site/installed: tools/site.txt
	@$(NEW_ENOUGH)
	@echo "[0] installing the builder of the notebook site into .venv-site"
	@$(PYTHON) -m venv --clear .venv-site
	@$(SITE)/pip install $(PIP_QUIET) -r tools/site.txt
	@echo "$(CURDIR)" > $@
