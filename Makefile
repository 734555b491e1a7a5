# Everything that a person, a hook or a build machine does here. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PORT ?= 8080
TIMES ?= 10
PARLEY := .build/debug/parley
CODE := Package.swift $(shell find Sources db channels -name '*.swift' -o -name '*.sql' -o -name '*.json' -o -path '*/Page/*' \
	-o -name 'module.modulemap' -o -name 'shim.h')
FORMATTED := Package.swift Sources Tests channels db

.PHONY: help run test check setup build release lint fmt browser chaos bench clean

help: ## lists these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: setup $(PARLEY) ## installs what is missing, builds, starts the demo (PORT=8080) and prints its address
	@exec $(PARLEY) demo --port $(PORT)

test: setup ## installs what is missing, builds, runs every test: Swift, PostgreSQL, Redis, kill -9, browser
	@scripts/setup --services
	@swift build --build-tests
	@scripts/test

check: setup lint test ## what a change must pass: lint, no warning (they are errors), every test

setup: ## installs missing system libraries (apt, as root or with sudo); does nothing when they are there
	@scripts/setup

build: setup ## builds everything for debugging; warnings are errors
	@swift build

release: setup ## builds .build/release/parley, optimised
	@swift build -c release --product parley

lint: ## swift-format, strict
	@swift format lint --strict --parallel --recursive --configuration .swift-format $(FORMATTED)

fmt: ## formats the code in place
	@swift format format --in-place --parallel --recursive --configuration .swift-format $(FORMATTED)

browser: setup $(PARLEY) ## drives the playground in headless Chromium
	@scripts/setup --browser
	@python3 Tests/Browser/playground.py --binary $(PARLEY)

chaos: setup $(PARLEY) ## kills, pauses and starves nodes and looks for what was lost (TIMES=10 as long as in the tests, ONLY=word)
	@scripts/setup --services
	@python3 Tests/Chaos/test_checker.py
	@python3 Tests/Chaos/chaos.py --parley $(PARLEY) --times $(TIMES) $(if $(ONLY),--only "$(ONLY)")

bench: setup ## measures speed and memory with the optimised build
	@swift run -c release parley bench

clean: ## removes what was built; data folders stay
	@swift package clean

$(PARLEY): $(CODE)
	@swift build --product parley
	@touch $(PARLEY)
