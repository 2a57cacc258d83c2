# `make` builds, tests and lints. `make help` lists the targets.

GO     ?= go
# The race detector needs a C compiler; without one the tests run without it.
RACE   := $(shell command -v gcc >/dev/null 2>&1 && echo -race)
NAMES  := skipper eskip
FUZZ   ?= 20s
LDFLAGS = -s -w

.PHONY: all run demo build test race lint fuzz soak docs clean help

all: build test lint ## build, test and lint

run: build ## build and run the demo: two backends, split traffic, a port to try
	@bin/fairlead demo

demo: run

build: ## bin/fairlead, static, and its other names
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/fairlead ./cmd/fairlead
	@for n in $(NAMES); do ln -sf fairlead bin/$$n; done

test: ## all tests, with the race detector where there is a C compiler
	$(GO) vet ./...
	$(GO) test $(RACE) -shuffle=on ./...
	$(MAKE) -s bench-test
	$(MAKE) -s judges-test

lint: ## the linters that tools/go.mod pins
	$(GO) tool -modfile=tools/go.mod golangci-lint run ./...

fuzz: ## every fuzz target for FUZZ (20s) each
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$p || exit 1; \
	  done; \
	done

SOAK   ?= 60s

soak: ## every filter and predicate in one table under load for SOAK (60s)
	FAIRLEAD_SOAK=$(SOAK) $(GO) test $(RACE) -count 1 -timeout 30m -v -run TestSoak ./soak

docs: build ## the reference pages
	bin/fairlead docs docs/reference

clean: ## what was built
	rm -rf bin

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 16

include bench/bench.mk
include judges/judges.mk
