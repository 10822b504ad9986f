# Everything is run through here. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# In several workers that share the broker and the database: tests/workers.py.
IN_WORKERS := --numprocesses=auto

# Where it is set, every process compiles all it imports again: each start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup check types test test-unit test-integration test-e2e up demo bench campaign crashes chaos contract soak backlog clock mutations images-offline release pictures docs

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Install the dependencies (quiet when complete)
	@scripts/setup

check: setup  ## Format, lint, import rules, types of the product, quick unit tests with few cases; under a minute once set up
	@$(BIN)/ruff format --check --quiet || { echo "not formatted: run $(BIN)/ruff format"; exit 1; }
	@$(BIN)/ruff check --quiet
	@HABEAS_TEST_EXAMPLES=10 $(MAKE) --no-print-directory --jobs=2 types test-unit \
		TYPED='shared services habeas' WHICH='-m "not slow" --cases 2'

types: setup  ## Types and import rules
	@$(BIN)/mypy $(TYPED)
	@said=$$($(BIN)/lint-imports 2>&1) || { echo "$$said"; exit 1; }

test: setup  ## Every test; container tests skip where there is no Docker, and fail there when CI is set
	@scripts/setup-docker || [ $$? = 3 ]
	@scripts/setup-tests || [ $$? = 3 ]
	@$(PYTEST) -q $(IN_WORKERS)

test-unit: setup  ## Pure tests
	@scripts/test-unit $(WHICH)

test-integration: setup  ## Tests on a real broker, database, mail server and browser
	@scripts/setup-tests || [ $$? = 3 ]
	@$(PYTEST) -q $(IN_WORKERS) tests/integration

test-e2e: setup  ## Whole journeys, also in containers
	@scripts/setup-docker || [ $$? = 3 ]
	@$(PYTEST) -q tests/e2e

up: setup  ## Run everything on this machine until Ctrl-C
	@$(BIN)/habeas up

demo: setup  ## Run two requests through the whole pipeline, with a real broker and database
	@$(BIN)/habeas demo

bench: setup  ## Run the benchmarks beside the raw floor; writes bench/results/latest.jsonl
	@$(BIN)/python -m bench

crashes: setup  ## Kill processes of this machine over and over; nothing may be lost or done twice
	@$(BIN)/python -m bench.crashes

contract: setup  ## Random requests by all channels while parts are killed (REQUESTS, KILLS, SEED, CHANNELS), judged from outside
	@$(BIN)/python -m bench.public --requests $(or $(REQUESTS),300) --kills $(or $(KILLS),30) --seed $(or $(SEED),1) $(if $(CHANNELS),--channels $(CHANNELS))

chaos: setup  ## Faults of all kinds on a cluster in containers, for MINUTES (20), judged from outside; root, 8 GiB
	@scripts/setup-docker
	@$(BIN)/python -m bench.cluster $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

soak: setup  ## Steady low load for MINUTES (15): memory and latency must stay flat
	@$(BIN)/python -m bench.soak $(MINUTES)

backlog: setup  ## A million messages in a queue, and their handling, in bounded memory
	@$(BIN)/python -m bench.backlog

clock: setup  ## Compare the clock of the law with a day-by-day calendar, 100,000 cases for each edition
	@$(BIN)/python -m bench.clock

mutations: setup  ## Switch each safety mechanism off in a copy of the checkout; a test must catch each (ONLY=WORDS: some)
	@scripts/setup-tests || [ $$? = 3 ]
	@$(BIN)/python -m bench.mutations $(if $(ONLY),--only '$(ONLY)')

campaign: setup  ## The long tests in full: simulated years, damaged files, kills, bursts, every page in every layout (ONLY=FILE: of one file)
	@scripts/setup-tests || [ $$? = 3 ]
	@HABEAS_TEST_CAMPAIGN=1 $(PYTEST) -q -m campaign $(IN_WORKERS) $(if $(ONLY),-rP $(ONLY))

images-offline: setup  ## Build stand-ins for the images of docker-compose.yml where no registry is reached
	@scripts/setup-docker
	@scripts/images-offline

release: setup  ## Build wheels, bill of materials with licenses, and checksums in dist/; two runs write the same bytes
	@scripts/release

pictures: setup  ## Take the pictures of letters and pages in docs/images anew
	@scripts/setup-tests
	@$(BIN)/python -m tests.pictures

docs: setup  ## Generate the schemas, the reference pages, the fields of the client and the corpus (tests/corpus)
	@$(BIN)/python -m habeas.reference
	@$(BIN)/python -m tests.request_fields
	@$(BIN)/python -m tests.corpus.record
