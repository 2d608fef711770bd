# The developer's commands. What they build lands in bin/, dist/ and .cache/, which git ignores. Go, make, git and bash suffice.

PLUGIN := bin/vault-plugin-secrets-itwin
AUDIT := bin/itwin-audit
LINTER := .cache/bin/golangci-lint
GOFUMPT := .cache/bin/gofumpt
ACTIONLINT := .cache/bin/actionlint
GOVULNCHECK := .cache/bin/govulncheck
GORELEASER := .cache/bin/goreleaser
CYCLONEDX := .cache/bin/cyclonedx-gomod
RACING := .cache/race/vault-plugin-secrets-itwin
EMULATOR := .cache/bin/ims-emulator
VERSION ?= $(shell scripts/version.sh)
FUZZTIME ?= 10m
SOAK_TIME ?= 10m

# Go turns cgo off where there is no C compiler, and on Linux the race detector needs one.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Linting, testing and Vault each fill the machine by themselves; side by side they would mix their output.
.NOTPARALLEL:

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What goes into a binary besides sources, version and toolchain is written here, so that neither the environment nor
# `go env -w` has a say: the SHA-256 under which Vault registers the plugin is then the released one's, for anyone who
# builds that version. An empty GOFLAGS would leave the word to `go env -w`; so does an empty GOEXPERIMENT, for which Go
# has no other way to say "the defaults". make release refuses experiments.
BINARY = CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off GOEXPERIMENT= GOFIPS140=off GO386=sse2 GOAMD64=v1 GOARM=7 GOARM64=v8.0 \
	go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"

.PHONY: build
build: ## Build the plugin and itwin-audit into bin/
	$(BINARY) -o "$(PLUGIN)" ./cmd/vault-plugin-secrets-itwin
	$(BINARY) -o "$(AUDIT)" ./cmd/itwin-audit

# The version that scripts/version.sh makes up is none to release.
GIVEN_VERSION = $(if $(filter-out file,$(origin VERSION)),$(VERSION))

.PHONY: release
release: ## Build what users download of VERSION=vX.Y.Z into dist/
	@scripts/release.sh "$(GIVEN_VERSION)"

.PHONY: release-tools
release-tools: $(GORELEASER) $(CYCLONEDX)
	@cd dev && CGO_ENABLED=0 go build -o ../.cache/bin/plugin-image ./cmd/plugin-image

.PHONY: publish
publish: ## Make a draft on GitHub of what make release built of VERSION=vX.Y.Z
	@scripts/publish.sh "$(GIVEN_VERSION)"

.PHONY: test
test: programs lint unit e2e ## Run all checks: lint, unit, e2e

.PHONY: programs
programs: ## Install what checks need, by dev/programs.txt, or say what to install
	@scripts/programs.sh

SCRIPTS = .ci/run $(shell find scripts examples -name '*.sh' -not -path '*/node_modules/*')

# Those with Go code of this repository's; the others in dev/ only pin programs.
MODULES = . dev dev/openbao examples/go
LINT = "$(CURDIR)/$(LINTER)" $(1) --config "$(CURDIR)/.golangci.yml"

.PHONY: lint
lint: $(LINTER) $(GOFUMPT) $(ACTIONLINT) ## Check formatting, Go code, modules, shell scripts and workflows
	@unformatted="$$($(GOFUMPT) -l .)"; test -z "$$unformatted" || { echo "run make fmt, for:"; echo "$$unformatted"; exit 1; }
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); \
		else echo "lint: shell scripts are NOT CHECKED without shellcheck: run make programs"; test -z "$$CI"; fi
	$(ACTIONLINT) .github/workflows/*.yml examples/github-actions/workflow.yaml
	@! grep -h 'uses: [^.]' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v' || { echo "pin these actions by commit"; exit 1; }
	@for module in $(MODULES); do (cd $$module && go mod tidy -diff) || { echo "run go mod tidy in $$module"; exit 1; }; done
	for module in $(MODULES); do (cd $$module && $(call LINT,run) ./...) || exit 1; done
	scripts/client.sh lint

.PHONY: fmt
fmt: $(LINTER) ## Format all Go and TypeScript code
	for module in $(MODULES); do (cd $$module && $(call LINT,fmt)) || exit 1; done
	scripts/client.sh fix

.PHONY: docs
docs: ## Write docs/configuration.md and the golden file of the paths, from their schema
	go test -count=1 -run TestPathsChangeOnlyOnPurpose . -update
	cd dev && go test -count=1 ./reference -update

# Tests in dev/ read the pages, scripts and workflows, whose changes Go's cache of results doesn't see: it ends at go.mod.
# On a new machine some of them compile the product for two platforms, which Go's own limit of 10 minutes may not allow.
# The race detector has nothing to find in programs that dev/release only starts.
.PHONY: unit
unit: release-tools ## Test the packages, without a Vault
	go test -timeout 30m $(RACE) ./...
	cd dev && go test -count=1 -timeout 30m $(RACE) $$(go list ./... | grep -v -e /dev/e2e -e /dev/release)
	cd dev && go test -count=1 -timeout 30m ./release
	scripts/fuzz.sh 1000x
	scripts/client.sh test

.PHONY: client
client: ## Check the TypeScript client alone: lint, types, tests, package
	scripts/client.sh lint test

.PHONY: fuzz
fuzz: ## Fuzz what comes from outside, FUZZTIME for each target
	scripts/fuzz.sh $(FUZZTIME)

E2E = cd dev && VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" \
	go test -count=1 -timeout 30m ./e2e/...

.PHONY: e2e
e2e: build release-tools ## Test the built plugin in real Vault servers
	vault="$$(scripts/vault.sh)" && $(E2E)

# A module dev/vault-* for each further Vault. With make -k one that fails doesn't keep the others from being run.
COMPAT := $(patsubst dev/%,compat-%,$(wildcard dev/vault-*))
.PHONY: compat compat-openbao $(COMPAT)
compat: $(COMPAT) compat-openbao ## Test with other versions of Vault, and as OpenBao talks to plugins

$(COMPAT): compat-%: build
	@vault="$$(scripts/vault.sh $*)" && echo "the end-to-end tests with $$("$$vault" version):" && $(E2E)

compat-openbao: build
	cd dev/openbao && PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" go test -count=1 ./...

# A program for each module below dev/kubernetes, and by its name.
CLUSTER := $(patsubst dev/kubernetes/%/go.mod,.cache/kubernetes/%,$(wildcard dev/kubernetes/*/go.mod))
.PHONY: kubernetes
kubernetes: build $(CLUSTER) ## Follow the pages on Kubernetes with a real API server and a real operator
	vault="$$(scripts/vault.sh)" && cd dev && \
		VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" \
		KUBERNETES_BIN="$(CURDIR)/.cache/kubernetes" go test -v -count=1 -timeout 30m ./kubernetes

# The race detector needs a C compiler. A Vault and a plugin in the test's own process have SOAK_TIME each.
.PHONY: soak
soak: ## Run readers, faults, writes and reloads for SOAK_TIME, and weigh the plugin
	CGO_ENABLED=1 go build -race -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o $(RACING) ./cmd/vault-plugin-secrets-itwin
	vault="$$(scripts/vault.sh)" && cd dev && \
		VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(RACING)" PLUGIN_VERSION="$(VERSION)" SOAK_TIME="$(SOAK_TIME)" \
		CGO_ENABLED=1 go test -race -v -count=1 -timeout 0 ./soak

# Whatever the reason, make itself exits with 2; scripts/vuln.sh tells by its status whether anything was found.
.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known vulnerabilities, or say that the database can't be reached
	scripts/vuln.sh $(GOVULNCHECK)

.PHONY: repro
repro: ## Make a release twice, each from nothing in a folder of its own, and compare
	cd dev && REPRODUCE=1 go test -v -count=1 -timeout 60m -run TestTwoCleanBuildsAreTheSame ./release

# exec, so that no shell stands between a signal and the script that has to clean up.
RUN_DEMO = vault="$$(scripts/vault.sh)" && (cd dev && CGO_ENABLED=0 go build -o ../$(EMULATOR) ./cmd/ims-emulator) && \
	VAULT_BIN="$$vault" PLUGIN_BIN="$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" EMULATOR_BIN="$(EMULATOR)" exec scripts/demo.sh

.PHONY: bench
bench: build ## Measure reads against a plugin that only answers, and write the table of docs/performance.md
	vault="$$(scripts/vault.sh)" && cd dev && \
		VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" \
		BENCH_DOCUMENT="$(CURDIR)/docs/performance.md" \
		go test -run '^$$' -bench Targets -benchtime 1x -count 1 -timeout 30m ./bench

.PHONY: demo
demo: build ## Show the plugin at work in a real Vault
	@$(RUN_DEMO)

.PHONY: dev
dev: build ## The same, left running to try things out
	@$(RUN_DEMO) dev

.PHONY: vault
vault: ## Print the path of the Vault used in tests, building it if there is none
	@scripts/vault.sh

.PHONY: clean
clean: ## Remove all that was built
	rm -rf bin dist .cache

$(LINTER): tool = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(GOFUMPT): tool = mvdan.cc/gofumpt
$(ACTIONLINT): tool = github.com/rhysd/actionlint/cmd/actionlint
$(GOVULNCHECK): tool = golang.org/x/vuln/cmd/govulncheck
$(GORELEASER): tool = github.com/goreleaser/goreleaser/v2
$(CYCLONEDX): tool = github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

$(LINTER) $(GOFUMPT) $(ACTIONLINT) $(GOVULNCHECK): dev/tools/go.sum
$(GORELEASER) $(CYCLONEDX): dev/goreleaser/go.sum

# go build leaves an up-to-date binary's time alone; touch keeps make from asking again.
$(LINTER) $(GOFUMPT) $(ACTIONLINT) $(GOVULNCHECK) $(GORELEASER) $(CYCLONEDX):
	@echo "building $(@F), once; of these, golangci-lint and goreleaser take minutes"
	cd $(dir $<) && CGO_ENABLED=0 go build -o "$(CURDIR)/$@" $(tool)
	@touch $@

.cache/kubernetes/%: dev/kubernetes/%/go.sum
	@echo "building $*, once; the four of them take about 15 minutes on two cores"
	cd $(<D) && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$(CURDIR)/$@" tool
	@touch $@
