# Everything that a person or a CI job types. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# More arguments for `swift test`, for instance FILTER="--filter FanoutTests".
FILTER ?=
# make test-deep PART="threads addresses"
PART ?=
# make bench SCENARIO=A,D RUNS=3 PEERS=chorus,nchan; make bench AGAINST=../old/.build/release
SCENARIO ?=
RUNS ?=
PEERS ?=
# make test-web BINARIES=.build/debug ARGS="-k redis"
BINARIES ?= $(firstword $(wildcard .build/release/ReaderAPI .build/debug/ReaderAPI))
ARGS ?=
AGAINST ?=
# Where `make demo` writes its report: a folder of its own in there, and `latest` points to it.
OUT ?= report

# Folders with Swift code that exist.
SWIFT_CODE := $(wildcard Sources Tests Benchmarks) Package.swift
# Our own warnings are errors here, and only here: see Package.swift.
STRICT := CHORUS_WARNINGS=error

.PHONY: help setup setup-bench setup-web setup-lint build release up demo test test-deep test-web test-web-long test-openapi lint format docs bench clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing to build, test and run (Debian 12; asks sudo when it must)
	@scripts/setup.sh

setup-bench: setup ## install what only the benchmark's peers need
	@scripts/setup-bench.sh

setup-web: ## install what only the browser tests need
	@scripts/setup-web.sh

setup-lint: ## install what only `make lint` needs
	@scripts/setup-lint.sh

build: setup ## debug build of everything, tests included; a warning of ours is an error
	$(STRICT) $(SWIFT) build --build-tests

release: setup ## optimised build of the binaries
	$(SWIFT) build -c release

up: release ## the product itself on http://127.0.0.1:8080/ until Ctrl-C; data stays in .chorus: ARGS="--fresh --demo"
	.build/release/Orchestrator up $(ARGS)

# Only what the demo runs: LikeAPI and SocialAPI are not in it.
demo: setup ## build what it runs, then 100 videos, 2,500 viewers, 5 Readers: report in report/latest/
	for product in CommentAPI ReaderAPI StatsAPI SimClient Orchestrator; do \
		$(SWIFT) build -c release --product $$product; done
	.build/release/Orchestrator run --preset reference --out $(OUT)/

# One after another: tests freeze and kill servers and measure deadlines, and tests beside them would falsify that.
test: build ## all tests, against a private Redis and PostgreSQL
	cd Benchmarks && python3 -m unittest --quiet
	$(STRICT) SWIFT=$(SWIFT) scripts/test.sh $(FILTER)

test-deep: setup ## sanitizers, a million inputs for each parser, 100,000 schedules: for a night. PART="threads inputs"
	SWIFT=$(SWIFT) scripts/test-deep.sh $(PART)

test-web: setup-web ## tests of the app, the dashboard, the gateway and the metrics: BINARIES=.build/debug ARGS="-k redis"
	node --test Tests/Browser/modules
	@[[ -n "$(BINARIES)" ]] || $(MAKE) build
	.venv-web/bin/python -m pytest Tests/Browser -m "not long" -n 2 --dist worksteal --reruns 1 \
		$(if $(BINARIES),--binaries $(patsubst %/ReaderAPI,%,$(BINARIES))) $(ARGS)

test-web-long: setup-web ## the app's soaks, about a quarter of an hour; figures on standard output
	@[[ -n "$(BINARIES)" ]] || $(MAKE) build
	.venv-web/bin/python -m pytest Tests/Browser -m long -s \
		$(if $(BINARIES),--binaries $(patsubst %/ReaderAPI,%,$(BINARIES))) $(ARGS)

test-openapi: setup-web ## 10,000 requests made from the OpenAPI document, by schemathesis, to all services: none may fail
	@[[ -n "$(BINARIES)" ]] || $(MAKE) build
	OPENAPI_EXAMPLES=300 OPENAPI_CASES_MIN=10000 .venv-web/bin/python -m pytest Tests/Browser/test_openapi.py -s \
		$(if $(BINARIES),--binaries $(patsubst %/ReaderAPI,%,$(BINARIES))) $(ARGS)

lint: setup setup-lint ## formatting, imports against the manifest, links and files of the docs, shell scripts, Kubernetes, docker-compose
	$(SWIFT) format lint --strict --recursive $(SWIFT_CODE)
	scripts/check-imports.py
	scripts/check-docs.py
	.venv-lint/bin/python scripts/check-kubernetes.py
	.venv-lint/bin/python scripts/check-compose.py
	@if command -v shellcheck >/dev/null; then set -x; shellcheck -x scripts/*.sh deploy/*/*.sh deploy/kubernetes/components/*/*.sh .ci/run; \
	else echo "shellcheck is not installed: shell scripts were not checked"; fi

format: ## rewrite the Swift files in the project's format
	$(SWIFT) format --in-place --recursive $(SWIFT_CODE)

docs: build ## write docs/CONFIGURATION.md from the services' own tables
	scripts/configuration-page.sh

bench: setup-bench release ## measure beside the peers: SCENARIO=A,D RUNS=3 PEERS=chorus,nchan; or AGAINST=an older build
	Benchmarks/run.py $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(PEERS),--peers $(PEERS)) $(if $(AGAINST),--against $(AGAINST))

clean: ## remove builds, reports and benchmark results
	rm -rf .build .build-tsan .build-asan .venv-bench .venv-web .venv-lint $(OUT) bench-results
