# Targets of the benchmarks; the Makefile of the project includes this file.

BENCH_FLAGS ?=

.PHONY: bench bench-quick bench-test bench-docs

bench: ## every proxy that can be had, medians of 3 rounds (an hour)
	@mkdir -p bin
	cd bench && go run . -json ../bin/bench.json $(BENCH_FLAGS)

bench-quick: ## 6 minutes: one short round beside nginx and haproxy
	cd bench && go run . -quick $(BENCH_FLAGS)

bench-docs: ## the last result of make bench into docs/performance.md
	cd bench && go run . -from ../bin/bench.json -markdown ../docs/performance.md

bench-test: ## the tests of the benchmarks themselves
	cd bench && go vet ./... && go test $(RACE) -shuffle=on ./...
