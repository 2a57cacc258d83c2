# Targets of the judges; the Makefile of the project includes this file.

.PHONY: judges judges-test

judges: ## what programs of others say about us: Pebble, h2spec, ... (a minute or more)
	cd judges && $(GO) test -timeout 20m -count 1 ./...

judges-test: ## the quick ones among the judges
	cd judges && $(GO) vet ./... && $(GO) test $(RACE) -timeout 10m -short -shuffle=on ./...
