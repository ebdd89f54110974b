# Oarlock. `make` alone prints what can be made.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

FUZZTIME  ?= 10s
DATA      ?=
SUITE     ?=
PKGS      ?= ./...
TESTFLAGS ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/oarlock, with version and commit inside
	@scripts/build bin/oarlock

.PHONY: run
run: build ## a server with data in ./oarlock-data, until Ctrl-C
	bin/oarlock serve --dev

.PHONY: demo
demo: ## the whole flow, narrated: push, sign, find, pull, run
	@scripts/demo

.PHONY: pages
pages: ## every command of the README and of docs/, pasted; ONLY=docs/trust.md ends there
	@ONLY='$(ONLY)' scripts/readme

.PHONY: test
test: ## every test that needs nothing but Go
	go test $(TESTFLAGS) $(PKGS)

# cmd/internal/cli starts hundreds of programs: on two busy cores it comes near
# the 10 minutes that go test allows by itself.
.PHONY: race
race: ## the same tests under the race detector
	go test -race -timeout 20m $(TESTFLAGS) $(PKGS)

.PHONY: vet
vet: ## go vet, with every build tag of the tree
	go vet ./...
	go vet -tags e2e ./scripts/... ./policy/... ./cmd/internal/app
	go vet -tags kms,pkcs11key ./policy/signature
	go vet -tags keyless ./scripts/keyless

.PHONY: lint
lint: ## golangci-lint with the dependency rules of .golangci.yml
	@scripts/tools/install golangci-lint
	.cache/tools/bin/golangci-lint run $(PKGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s) each
	@scripts/fuzz $(FUZZTIME)

.PHONY: e2e
e2e: ## stock oras, cosign, crane and regctl against a built server
	@scripts/tools/install oras crane regctl regsync cosign2 cosign3 registry
	go test -tags e2e -count=1 ./scripts/e2e ./policy/...
	go test -tags e2e -count=1 -run 'ByStockTools|ByACopiedCatalog' ./cmd/internal/app

.PHONY: crash
crash: ## kill -9 during an import, ten times; KREW_SET=krew-plugins.jsonl.gz takes the real set
	go test -tags e2e -count=1 -v ./scripts/crash

.PHONY: drill-notify
drill-notify: ## 1,000 subscribers told of one event, in time
	@scripts/drill/run notify

.PHONY: drill-lifecycle
drill-lifecycle: ## how long a move takes until the catalog says it
	@scripts/drill/run lifecycle

.PHONY: drill-log
drill-log: ## 1,000,000 leaves, proofs in time, and two processes over PostgreSQL
	@scripts/tools/apt postgresql
	scripts/postgres/test scripts/drill/run log

.PHONY: drill-outbox
drill-outbox: ## kill -9 between a commit and what is told of it: nothing lost, duplicates share their id
	@scripts/drill/run outbox

.PHONY: drill-emergency
drill-emergency: ## how long an emergency takes until both replicas refuse, and until the signed catalog has it
	@scripts/tools/apt postgresql curl
	scripts/s3/test scripts/postgres/test scripts/drill/run emergency

.PHONY: drills
drills: ## a tenth of each drill, everything but the times
	@scripts/tools/apt postgresql curl
	scripts/s3/test scripts/postgres/test scripts/drill/run --tenth --all

.PHONY: postgres
postgres: ## the database tests, against a PostgreSQL of their own
	@scripts/tools/apt postgresql
	scripts/postgres/test

.PHONY: oidc
oidc: ## logins through a real OpenID provider in its own process
	scripts/tools/oidc-provider/test

.PHONY: keys
keys: ## keys of services and tokens, with SoftHSM from Debian's packages
	@scripts/tools/apt softhsm2
	go test -tags kms,pkcs11key -count=1 -run 'InAToken|OfAService|EveryService' ./policy/signature

.PHONY: keyless
keyless: ## keyless signatures with a real fulcio, rekor, timestamp authority and OpenID provider
	@scripts/tools/install oras cosign2 cosign3 fulcio rekor timestamp
	scripts/tools/oidc-provider/test go test -tags keyless -count=1 ./scripts/keyless

.PHONY: s3
s3: ## a real S3 server, PostgreSQL, and two replicas over both
	@scripts/tools/install versitygw
	@scripts/tools/apt postgresql curl
	scripts/s3/test go test -count=1 -run 'S3|Bucket|_B9' ./registry ./registry/gc
	scripts/s3/test scripts/postgres/test go test -tags e2e -count=1 ./scripts/replicas

.PHONY: typescript
typescript: ## the TypeScript client: generated, compared, built, and run against a server (needs npm)
	@scripts/typescript/test

.PHONY: browser
browser: ## the pages in a real Chromium: by keyboard, narrow, without scripts, under axe-core (needs npm)
	@scripts/tools/apt chromium
	scripts/browser/test

.PHONY: screenshots
screenshots: ## the pictures of the documents, into docs/images
	@scripts/tools/apt chromium
	SCREENSHOTS=$(CURDIR)/docs/images scripts/browser/test -run Screenshots

.PHONY: conformance
conformance: ## official OCI suite: SUITE=/path/to/binary; AUTH=1 logs in
	@SUITE='$(SUITE)' scripts/conformance

.PHONY: bench
bench: ## the numbers, beside the peers; DATA=krew-plugins.jsonl.gz adds the krew rows
	@DATA='$(DATA)' scripts/bench

.PHONY: krew
krew: ## the krew set into a running server: DATA=krew-plugins.jsonl.gz
	@DATA='$(DATA)' scripts/krew

.PHONY: generate
generate: ## generated files: schema and OpenAPI description
	go generate $(PKGS)

.PHONY: tools
tools: ## every pinned tool into .cache/tools/bin
	@scripts/tools/install $$(scripts/tools/install --list | cut -d' ' -f1)

.PHONY: ci
ci: ## what CI runs
	@.ci/run

.PHONY: clean
clean: ## remove what was built; pinned tools and the data directory stay
	rm -rf bin .cache/ci .cache/bench
