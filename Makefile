# Everything that a person or a CI job types. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# More arguments for `swift test`, for instance FILTER="--filter FanoutTests".
FILTER ?=
# make bench SCENARIO=A,D RUNS=3 PEERS=chorus,nchan
SCENARIO ?= S,A,A2,B,C,C2,D,E,F,G,H,I,R,L1,L2,L4,L5,L6
RUNS ?= 3
PEERS ?=
# Where `make demo` writes its report: a folder of its own in there, and `latest` points to it.
OUT ?= report

# Folders with Swift code that exist.
SWIFT_CODE := $(wildcard Sources Tests) Package.swift
# Our own warnings are errors here, and only here: see Package.swift.
STRICT := CHORUS_WARNINGS=error

.PHONY: help setup setup-bench build release demo test lint format docs bench clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing to build, test and run (Debian 12; asks sudo when it must)
	@scripts/setup.sh

setup-bench: setup ## install what only the benchmark's peers need
	@scripts/setup-bench.sh

build: setup ## debug build of everything, tests included; a warning of ours is an error
	$(STRICT) $(SWIFT) build --build-tests

release: setup ## optimised build of the binaries
	$(SWIFT) build -c release

demo: release ## build, then 100 videos, 2,500 viewers, 5 Readers: report in report/latest/
	.build/release/Orchestrator run --preset reference --out $(OUT)/

# One after another: tests freeze and kill servers and measure deadlines, and neighbours would be part of the measure.
test: build ## all tests, against a private Redis and PostgreSQL
	$(STRICT) $(SWIFT) test --skip-build --no-parallel $(FILTER)

lint: setup ## formatting, imports against the manifest, shell scripts
	$(SWIFT) format lint --strict --recursive $(SWIFT_CODE)
	scripts/check-imports.py
	@if command -v shellcheck >/dev/null; then set -x; shellcheck -x scripts/*.sh .ci/run; \
	else echo "shellcheck is not installed: shell scripts were not checked"; fi

format: ## rewrite the Swift files in the project's format
	$(SWIFT) format --in-place --recursive $(SWIFT_CODE)

docs: build ## write docs/CONFIGURATION.md from the services' own tables
	scripts/configuration-page.sh

bench: setup-bench release ## measure beside the peers: SCENARIO=A,D RUNS=3 PEERS=chorus,nchan
	Benchmarks/run.py --scenario $(SCENARIO) --runs $(RUNS) $(if $(PEERS),--peers $(PEERS))

clean: ## remove builds, reports and benchmark results
	rm -rf .build $(OUT) bench-results
