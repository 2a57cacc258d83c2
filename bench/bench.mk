# Targets of the benchmarks; the Makefile of the project includes this file.

BENCH_FLAGS ?=

.PHONY: bench bench-quick bench-test bench-docs

# Everything: all peers that can be had, medians of 3 rounds.
bench:
	cd bench && go run . -json ../bin/bench.json $(BENCH_FLAGS)

# A few minutes: one short round of fairlead, nginx and haproxy.
bench-quick:
	cd bench && go run . -quick $(BENCH_FLAGS)

# Puts the last result of "make bench" into the documentation.
bench-docs:
	cd bench && go run . -from ../bin/bench.json -markdown ../docs/performance.md

bench-test:
	cd bench && go vet ./... && go test -race -shuffle=on ./...
