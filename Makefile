# Go 1.26 and make are all that building, demo and tests need. Further tools run
# at pinned versions through "go run"; none is in go.mod.

GO          ?= go
DEMO        ?= kustash-demo
FUZZTIME    ?= 10s
KQL_DATA    ?= ../shared/realdata
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSITYGW    = github.com/versity/versitygw/cmd/versitygw@v1.8.0
GOVULNCHECK  = golang.org/x/vuln/cmd/govulncheck@v1.3.0
MODULES      = . interop/azlogs
NODE        ?= node
PYTHON      ?= /usr/bin/python3
BIN          = bin/kustash$(shell $(GO) env GOEXE)
# Builds name their commit where git answers, and work where it does not.
VCS          = $(shell git rev-parse HEAD >/dev/null 2>&1 || echo -buildvcs=false)

.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: help build demo test chaos azurite-test s3-test bench fmt clean kql-conformance \
	interop interop-go interop-js interop-python interop-duckdb interop-readers \
	check check-format check-vet check-static check-race check-fuzz check-cross check-vuln

help:
	@echo "make build   the static binary $(BIN)"
	@echo "make demo    the whole tool on sample tables, offline, in $(DEMO)"
	@echo "make test    all tests"
	@echo "make chaos   kills, full disks and other faults, hundreds of them, and a report; a few minutes"
	@echo "make azurite-test  archive and state in a container, against Microsoft's emulator; needs node and npm"
	@echo "make s3-test  archives in a bucket, against an S3 server, which is built first"
	@echo "make check   what a change must pass; FUZZTIME=$(FUZZTIME) for each fuzz target"
	@echo "make interop Microsoft's clients in Go, JavaScript and Python against the emulator, and"
	@echo "             DuckDB and other readers on archives; those whose language is not installed"
	@echo "             are skipped"
	@echo "make bench   benchmarks"
	@echo "make fmt     format the Go files"
	@echo "make kql-conformance   hold rewritten queries against Microsoft's own KQL parser; needs node"
	@echo "make clean   remove what these made"

build:
	@echo "build $(BIN)"
	@CGO_ENABLED=0 $(GO) build $(VCS) -trimpath -o $(BIN) ./cmd/kustash

demo: build
	@$(BIN) demo "$(DEMO)"

test:
	@for m in $(MODULES); do \
		echo "test $$m"; \
		(cd $$m && $(GO) test ./...) || exit 1; \
	done

# CHAOS_SEED=N repeats a run, CHAOS_LATE=0 lets none arrive late. Mounting small
# file systems needs root; what is not run is in the report.
chaos:
	@echo "chaos: all histories of the commit protocol"
	@$(call report,./pipeline -run '^TestModel')
	@echo "chaos: kills and faults"
	@$(call report,./cmd/kustash -run '^TestChaos$$')

# $(1) is what to test in the long form; what it reports is shown.
define report
	out=$$(mktemp) && trap 'rm -f "$$out"' EXIT; \
	KUSTASH_CHAOS=long KUSTASH_CHAOS_SEED=$(CHAOS_SEED) KUSTASH_CHAOS_LATE=$(CHAOS_LATE) \
		$(GO) test -count=1 -timeout 15m -v $(1) >"$$out" 2>&1; code=$$?; \
	grep -v '^ *\(=== \|--- PASS\)' "$$out"; exit $$code
endef

# The emulator of blob storage comes from npm, into a folder that git ignores.
azurite-test:
	@echo "azurite"
	@if ! command -v $(NODE) >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then \
		echo "skipped: Node.js with npm is not installed"; exit 0; \
	fi; \
	installed=interop/azurite/node_modules/.package-lock.json; \
	if [ ! -e $$installed ] || [ interop/azurite/package-lock.json -nt $$installed ]; then \
		(cd interop/azurite && npm ci --ignore-scripts --no-audit --no-fund --no-progress) || exit 1; \
	fi; \
	$(NODE) interop/azurite/with.js sh -c '$(GO) test -count=1 ./pipeline/ledger/azblob ./sinks/azblob && \
		$(GO) test -count=1 -run "^TestBlob" ./cmd/kustash'

# The S3 server is built into bin, where git ignores it.
s3-test:
	@echo "versitygw"
	@[ -x bin/versitygw ] && $(GO) version -m bin/versitygw | grep -q 'mod.*$(lastword $(subst @, ,$(VERSITYGW)))' || \
		GOBIN="$(CURDIR)/bin" $(GO) install $(VERSITYGW)
	@KUSTASH_TEST_VERSITYGW="$(CURDIR)/bin/versitygw" $(GO) test -count=1 ./sinks/s3
	@KUSTASH_TEST_VERSITYGW="$(CURDIR)/bin/versitygw" $(GO) test -count=1 -run S3Sink ./cmd/kustash

# Microsoft's clients know nothing of the emulator but its address and the
# certificate of its authority.
interop: interop-go interop-js interop-python interop-duckdb interop-readers

interop-go:
	@echo "interop, Go"
	@cd interop/azlogs && $(GO) test ./...

# $(1) is run in $(2), under the emulator with https.
define under-emulator
	tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(BIN) emulator -quiet -tls -tls-ca="$$tmp/ca.pem" -data=interop/tables -faults=interop/faults.json \
		-keep-order -limit-requests=-1 -- sh -c 'cd $(2) && $(1)'
endef

# The packages of a folder, unless they are there.
define npm-install
	installed=$(1)/node_modules/.package-lock.json; \
	if [ ! -e $$installed ] || [ $(1)/package-lock.json -nt $$installed ]; then \
		(cd $(1) && npm ci --ignore-scripts --no-progress) || exit 1; \
	fi
endef

interop-js: build
	@echo "interop, JavaScript"
	@if ! command -v $(NODE) >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then \
		echo "skipped: Node.js with npm is not installed"; exit 0; \
	fi; \
	$(call npm-install,interop/js) && \
	$(call under-emulator,NODE_EXTRA_CA_CERTS="$$KUSTASH_VAR_ca_file" $(NODE) --test,interop/js)

# The client is that of Debian's python3-azure, with Debian's interpreter.
interop-python: build
	@echo "interop, Python"
	@if ! $(PYTHON) -c 'import azure.monitor.query, azure.identity' >/dev/null 2>&1; then \
		echo "skipped: $(PYTHON) has no azure.monitor.query; on Debian: apt-get install python3-azure"; exit 0; \
	fi; \
	$(call under-emulator,REQUESTS_CA_BUNDLE="$$KUSTASH_VAR_ca_file" $(PYTHON) -B -W ignore -m unittest,interop/python)

# DuckDB reads an archive of a table whose columns change.
interop-duckdb: build
	@echo "interop, DuckDB"
	@if ! command -v $(NODE) >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then \
		echo "skipped: Node.js with npm is not installed"; exit 0; \
	fi; \
	$(call npm-install,interop/duckdb) && \
	cd interop/duckdb && KUSTASH="$(CURDIR)/$(BIN)" $(NODE) --test

# Readers of other makers compare every cell of files of every form. DuckDB is
# that of interop-duckdb.
interop-readers: build
	@echo "interop, readers"
	@if ! command -v $(NODE) >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then \
		echo "skipped: Node.js with npm is not installed"; exit 0; \
	fi; \
	$(call npm-install,interop/duckdb) && \
	$(call npm-install,interop/readers) && \
	cd interop/readers && KUSTASH="$(CURDIR)/$(BIN)" GO="$(GO)" PYTHON="$(PYTHON)" $(NODE) --test

bench:
	@$(GO) test -run '^$$' -bench . -benchmem ./...

fmt:
	@gofmt -l -w .

clean:
	@rm -rf bin dist kustash-demo interop/js/node_modules interop/kql/node_modules interop/azurite/node_modules interop/duckdb/node_modules interop/readers/node_modules

# For who changes how queries are rewritten: needs node, npm and the published
# queries, so that no check depends on it.
kql-conformance:
	@for need in "$(KQL_DATA)/kql" "$(KQL_DATA)/schemas"; do \
		if [ ! -d "$$need" ]; then echo "skipped: there is no $$need"; exit 0; fi; \
	done; \
	for need in node npm; do \
		if ! command -v $$need >/dev/null 2>&1; then echo "skipped: there is no $$need"; exit 0; fi; \
	done; \
	(cd interop/kql && npm ci --no-audit --no-fund --loglevel=error) || exit 1; \
	sent=$$(mktemp) && trap 'rm -f "$$sent"' EXIT && \
	KUSTASH_KQL_CONFORMANCE="$$sent" $(GO) test -count=1 -run '^TestWriteConformance$$' ./sources/loganalytics && \
	node --max-semi-space-size=64 interop/kql/conformance.js "$(KQL_DATA)/schemas" "$$sent" && \
	node interop/kql/connect.js

check: check-format check-vet check-static check-race check-fuzz check-cross check-vuln
	@echo "all checks passed"

check-format:
	@echo "gofmt"
	@files=$$(gofmt -l .) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted, run make fmt:"; echo "$$files"; exit 1; fi

# The rules of the root package come first: they are quick and say most.
check-vet:
	@echo "architecture"
	@$(GO) test .
	@for m in $(MODULES); do \
		echo "vet $$m"; \
		(cd $$m && $(GO) vet ./...) || exit 1; \
	done

check-static:
	@for m in $(MODULES); do \
		echo "staticcheck $$m"; \
		(cd $$m && $(GO) run $(STATICCHECK) ./...) || exit 1; \
	done

# The race detector needs a C compiler, and only it does. It makes everything
# many times slower: -short leaves out what is long because it is much of the same.
check-race:
	@if command -v "$$($(GO) env CC)" >/dev/null 2>&1; then \
		echo "test -race"; CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...; \
	else \
		echo "test, without -race: there is no C compiler"; $(GO) test ./...; \
	fi

# One target at a time, since each uses all processors. A run that ends while an
# input is being tried may report its own deadline as a failure
# (go.dev/issue/75804, until Go 1.27); only an input that fails counts.
check-fuzz:
	@echo "fuzz, $(FUZZTIME) each"
	@list=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$list"; exit 1; }; \
	echo "$$list" | awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, name[i]; n = 0 }' | \
	while read -r package target; do \
		echo "fuzz $${package##*/kustash/} $$target"; \
		out=$$($(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" 2>&1 </dev/null) && continue; \
		if echo "$$out" | grep -qx ' *context deadline exceeded' && ! echo "$$out" | grep -q 'Failing input'; then \
			echo "it was stopped in the middle of an input, which is no failure"; continue; \
		fi; \
		echo "$$out"; exit 1; \
	done

check-cross:
	@for target in windows/amd64 darwin/arm64; do \
		echo "build for $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build ./... || exit 1; \
	done

# A finding fails the check; a database out of reach does not.
check-vuln:
	@echo "govulncheck"
	@out=$$($(GO) run $(GOVULNCHECK) ./... 2>&1) && exit 0; \
	case "$$out" in \
	*"exit status 3"*) echo "$$out"; exit 1 ;; \
	*) echo "skipped: $$(echo "$$out" | grep -m 1 govulncheck: || echo "$$out" | tail -n 1)" ;; \
	esac
