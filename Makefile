# What people do here. `make help` lists it. The first build takes some minutes; later ones take seconds.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

target := $(or $(CARGO_TARGET_DIR),target)
# What the server embeds. npm writes this file last, so its age is that of the whole folder.
packages := ui/node_modules/.package-lock.json
# That and what the browser tests need, which is many times as much.
test_packages := ui/node_modules/puppeteer-core/package.json
# A change that forgot to commit the lock file fails where nobody can commit it.
locked := $(if $(CI),--locked)

.PHONY: help run build test lint fmt bench openapi

help: ## Lists these targets.
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

run: build ## Installs what is missing, builds, starts the server with demonstration data on http://127.0.0.1:8080.
	exec $(target)/release/voxanne serve --demo

# The packages are made by a second make, as npm may have to be installed first.
build: ## Builds target/release/voxanne.
	deploy/install-prerequisites.sh --run
	$(MAKE) $(packages)
	cargo build --release $(locked)

# One `cargo build` for everything that the tests start, with the features of the whole workspace: asked for crate by
# crate, cargo would build most dependencies again.
test: ## Runs every test: Rust tests on a PostgreSQL of their own, examples in the documentation, browser tests.
	deploy/install-prerequisites.sh --test
	@command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest
	$(MAKE) $(test_packages)
	cargo build --workspace --bins --tests --examples $(locked)
	$(target)/debug/test-cluster cargo nextest run --workspace $(locked)
	cargo test --workspace --doc --quiet $(locked)
	npm test --prefix ui

lint: ## Checks form, warnings, texts, licences and unused dependencies.
	.ci/check-text
	deploy/install-prerequisites.sh --run
	$(MAKE) $(test_packages)
	cargo fmt --all --check
	npm run --silent check --prefix ui
	cargo clippy --workspace --all-targets $(locked) -- --deny warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; else echo 'skipped: cargo-deny is not installed (cargo install --locked cargo-deny)'; fi
	@if command -v cargo-machete >/dev/null; then cargo machete; else echo 'skipped: cargo-machete is not installed (cargo install --locked cargo-machete)'; fi

fmt: ## Puts the code into form.
	cargo fmt --all

bench: ## Measures ingest, lists and live connections; bench/README.md says how to read it.
	deploy/install-prerequisites.sh --run
	$(MAKE) $(packages)
	bench/run.sh

openapi: ## Writes openapi.json from the routes.
	cargo run --quiet --bin voxanne -- openapi > $(target)/openapi.json
	mv $(target)/openapi.json openapi.json

$(packages): ui/package.json ui/package-lock.json
	npm ci --prefix ui --omit=dev --no-audit --no-fund --loglevel=error
	touch $@

$(test_packages): ui/package.json ui/package-lock.json
	npm ci --prefix ui --no-audit --no-fund --loglevel=error
	touch $(packages) $@
