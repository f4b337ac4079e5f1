# Everything a person or a machine runs here. `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The tools' places are set in one file, for this Makefile and for a person's shell alike.
ENV := . tools/env.sh &&

# Two processes, each with whole files of tests, because what a file shares is dear to make.
WORKERS := --numprocesses 2 --dist loadfile

# The folders that exist of those the checks cover.
PYTHON_FOLDERS := $(wildcard chargecoin oracle indexer dashboard simulate scripts benchmarks tests)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.PHONY: setup
setup: ## Install everything into this folder (a minute or two; instant when nothing changed)
	@tools/setup.sh

# exec, so that Ctrl-C and its exit status reach the demo and not a shell around it.
.PHONY: demo
demo: setup ## 90 days of charging on a local chain, then live, with the dashboard (ONCE=1 SESSIONS=n DATA=path SEED=n PORT=n)
	@$(ENV) exec chargecoin demo $(if $(filter-out 0,$(ONCE)),--once) $(if $(SESSIONS),--sessions '$(SESSIONS)') \
		$(if $(DATA),--data '$(DATA)') $(if $(SEED),--seed '$(SEED)') $(if $(PORT),--port '$(PORT)')

.PHONY: test
test: setup ## Run the tests (ARGS="tests/oracle -x" for some of them)
	@$(ENV) exec pytest -m 'not deep' $(WORKERS) $(ARGS)

.PHONY: test-deep
test-deep: setup ## Run the long tests: many seeds, every crash point, large histories, proofs
	@tools/proofs.sh
	@$(ENV) pytest tests/symbolic
	@$(ENV) exec pytest -m deep --timeout 3600 $(ARGS)

.PHONY: prove
prove: setup ## Prove the contracts' arithmetic, codec and quorum for every input (docs/proofs.md)
	@tools/proofs.sh
	@$(ENV) exec pytest tests/symbolic $(ARGS)

.PHONY: mutants
mutants: setup ## Put small faults into the contracts and count those that the tests find (ARGS="--sample 40 --seed 1")
	@$(ENV) exec python -m benchmarks.mutants $(ARGS)

.PHONY: check
check: setup ## Formatting, lint rules and types
	@$(ENV) ruff format --check .
	@$(ENV) ruff check .
	@$(ENV) mypy $(PYTHON_FOLDERS)

.PHONY: format
format: setup ## Format, and fix what the lint rules can fix
	@$(ENV) ruff format .
	@$(ENV) ruff check --fix .

.PHONY: messages
messages: setup ## Bring the catalogs of the dashboard's texts up to the code, and list what has no translation
	@$(ENV) python -m scripts.catalog

.PHONY: bench
bench: setup ## Measure one figure (NAME=gas); the last line printed is JSON
	@[[ -n '$(NAME)' ]] || { echo 'bench: say which, for example: make bench NAME=gas' >&2; exit 2; }
	@$(ENV) exec python -m benchmarks.$(NAME) --json

.PHONY: lock
lock: ## Resolve dependencies again into requirements.lock and package-lock.json
	@tools/lock.sh $(ARGS)

.PHONY: clean
clean: ## Remove what setup and runs made in this folder
	rm -rf .venv node_modules .cache .chargecoin .build build dist out *.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(PYTHON_FOLDERS) -name __pycache__ -type d -prune -exec rm -rf {} +
