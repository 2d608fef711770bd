# The developer's commands. They build into bin/, dist/ and .cache/, which git ignores, and need Go, make, git and bash.

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

# Go disables cgo without a C compiler, and on Linux the race detector needs one.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Linting, testing and Vault each use the whole machine; running in parallel would mix their output.
.NOTPARALLEL:

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Everything that affects a binary besides sources, version and toolchain is set here, not by the environment or by
# `go env -w`, so that anyone who builds a version gets the released SHA-256, under which Vault registers the plugin. An
# empty GOFLAGS would fall back to `go env -w`. So does an empty GOEXPERIMENT, for which Go has no other way to select the
# defaults: make release refuses binaries built with experiments.
BINARY = CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off GOEXPERIMENT= GOFIPS140=off GO386=sse2 GOAMD64=v1 GOARM=7 GOARM64=v8.0 \
	go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"

.PHONY: build
build: ## Build the plugin and itwin-audit into bin/
	$(BINARY) -o "$(PLUGIN)" ./cmd/vault-plugin-secrets-itwin
	$(BINARY) -o "$(AUDIT)" ./cmd/itwin-audit

# The version that scripts/version.sh makes up can't be released.
GIVEN_VERSION = $(if $(filter-out file,$(origin VERSION)),$(VERSION))

.PHONY: release
release: ## Build the release files of VERSION=vX.Y.Z into dist/
	@scripts/release.sh "$(GIVEN_VERSION)"

.PHONY: release-tools
release-tools: $(GORELEASER) $(CYCLONEDX)
	@cd dev && CGO_ENABLED=0 go build -o ../.cache/bin/plugin-image ./cmd/plugin-image

# Only maintainers see a draft. Without --verify-tag, gh would create a missing tag.
.PHONY: publish
publish: ## Create a draft release on GitHub from the release files of VERSION=vX.Y.Z
	@test -f "dist/$(GIVEN_VERSION)/SHA256SUMS" || { echo "run make release VERSION=vX.Y.Z first, then make publish with the same VERSION"; exit 1; }
	gh release create "$(VERSION)" --draft --verify-tag $(if $(findstring -,$(VERSION)),--prerelease) --title "$(VERSION)" \
		--notes-file "dist/$(VERSION)/release-notes.md" "dist/$(VERSION)"/*

.PHONY: test
test: programs lint unit e2e ## Run all checks: lint, unit, e2e

.PHONY: programs
programs: ## Install what checks need, by dev/programs.txt, or say what to install
	@scripts/programs.sh

SCRIPTS = .ci/run $(shell find scripts examples -name '*.sh' -not -path '*/node_modules/*')

# The modules with Go code of this repository; the others in dev/ only pin programs.
MODULES = . dev dev/openbao examples/go
LINT = "$(CURDIR)/$(LINTER)" $(1) --config "$(CURDIR)/.golangci.yml"

.PHONY: lint
lint: $(LINTER) $(GOFUMPT) $(ACTIONLINT) ## Check formatting, Go code, modules, shell scripts and workflows
	@unformatted="$$($(GOFUMPT) -l .)"; test -z "$$unformatted" || { echo "run make fmt, for:"; echo "$$unformatted"; exit 1; }
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); \
		else echo "lint: shell scripts are NOT CHECKED without shellcheck: run make programs"; test -z "$$CI"; fi
	$(ACTIONLINT) .github/workflows/*.yml examples/github-actions/workflow.yaml
	@! grep -h 'uses: [^.]' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v' || { echo "pin these actions by commit"; exit 1; }
	@! grep -Lx '  contents: read' .github/workflows/*.yml | grep . || { echo "give these workflows permissions of contents: read"; exit 1; }
	@for module in $(MODULES); do (cd $$module && go mod tidy -diff) || { echo "run go mod tidy in $$module"; exit 1; }; done
	for module in $(MODULES); do (cd $$module && $(call LINT,run) ./...) || exit 1; done
	scripts/client.sh lint

.PHONY: fmt
fmt: $(LINTER) ## Format all Go and TypeScript code
	for module in $(MODULES); do (cd $$module && $(call LINT,fmt)) || exit 1; done
	scripts/client.sh fix

.PHONY: docs
docs: ## Write docs/configuration.md and the golden file from the paths' schema
	go test -count=1 -run TestPathsMatchTheGoldenFile . -update
	cd dev && go test -count=1 ./reference -update

# Tests in dev/ read the docs, scripts and workflows. They are outside the module, so Go's test cache doesn't see their
# changes. On a new machine, some tests compile the product for two platforms, which can exceed Go's limit of 10 minutes.
# The race detector has nothing to find in programs that dev/release only starts.
.PHONY: unit
unit: release-tools ## Test the packages, without Vault
	go test -timeout 30m $(RACE) ./...
	cd dev && go test -count=1 -timeout 30m $(RACE) $$(go list ./... | grep -v -e /dev/e2e -e /dev/release)
	cd dev && go test -count=1 -timeout 30m ./release
	scripts/fuzz.sh 1000x
	scripts/client.sh test

.PHONY: client
client: ## Check only the TypeScript client: lint, types, tests, package
	scripts/client.sh lint test

.PHONY: fuzz
fuzz: ## Fuzz the parsers of untrusted input, FUZZTIME for each target
	scripts/fuzz.sh $(FUZZTIME)

# Most of the time these tests wait for other processes, so more of them run at once than there are cores.
E2E = cd dev && VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" \
	go test -count=1 -parallel 4 -timeout 30m ./e2e/...

.PHONY: e2e
e2e: build release-tools ## Test the built plugin in real Vault servers
	vault="$$(scripts/vault.sh)" && $(E2E)

# There is a module dev/vault-* for each other version of Vault. With make -k, a failure doesn't stop the others.
COMPAT := $(patsubst dev/%,compat-%,$(wildcard dev/vault-*))
.PHONY: compat compat-openbao $(COMPAT)
compat: $(COMPAT) compat-openbao ## Test with other versions of Vault, and with OpenBao's plugin protocol

$(COMPAT): compat-%: build
	@vault="$$(scripts/vault.sh $*)" && echo "the end-to-end tests with $$("$$vault" version):" && $(E2E)

compat-openbao: build
	cd dev/openbao && PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" go test -count=1 ./...

# Each module below dev/kubernetes pins a program of the same name.
CLUSTER := $(patsubst dev/kubernetes/%/go.mod,.cache/kubernetes/%,$(wildcard dev/kubernetes/*/go.mod))
.PHONY: kubernetes
kubernetes: build $(CLUSTER) ## Test the docs for Kubernetes with a real API server and a real operator
	vault="$$(scripts/vault.sh)" && cd dev && \
		VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" \
		KUBERNETES_BIN="$(CURDIR)/.cache/kubernetes" go test -v -count=1 -timeout 30m -run TestInKubernetes ./e2e

# The race detector needs a C compiler. A real Vault and a plugin in the test's process run for SOAK_TIME each.
.PHONY: soak
soak: ## Run readers, faults, writes and reloads for SOAK_TIME, and measure the plugin's memory
	CGO_ENABLED=1 go build -race -trimpath -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o $(RACING) ./cmd/vault-plugin-secrets-itwin
	vault="$$(scripts/vault.sh)" && cd dev && \
		VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(RACING)" PLUGIN_VERSION="$(VERSION)" SOAK_TIME="$(SOAK_TIME)" \
		CGO_ENABLED=1 go test -race -v -count=1 -timeout 0 ./soak

# make exits with 2 on any failure; the exit status of scripts/vuln.sh shows whether anything was found.
.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known vulnerabilities, or say that the database can't be reached
	scripts/vuln.sh $(GOVULNCHECK)

.PHONY: repro
repro: ## Build a release twice, each from scratch in its own folder, and compare
	cd dev && REPRODUCE=1 go test -v -count=1 -timeout 60m -run TestTwoCleanBuildsAreTheSame ./release

# exec, so that signals reach the script, which has to clean up.
RUN_DEMO = vault="$$(scripts/vault.sh)" && (cd dev && CGO_ENABLED=0 go build -o ../$(EMULATOR) ./cmd/ims-emulator) && \
	VAULT_BIN="$$vault" PLUGIN_BIN="$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" EMULATOR_BIN="$(EMULATOR)" exec scripts/demo.sh

.PHONY: bench
bench: build ## Compare reads with those of a minimal plugin, and write the table in docs/performance.md
	vault="$$(scripts/vault.sh)" && cd dev && \
		VAULT_BIN="$$vault" PLUGIN_BIN="$(CURDIR)/$(PLUGIN)" PLUGIN_VERSION="$(VERSION)" \
		BENCH_DOCUMENT="$(CURDIR)/docs/performance.md" \
		go test -v -count=1 -timeout 30m ./bench

.PHONY: demo
demo: build ## Demonstrate the plugin in a real Vault
	@$(RUN_DEMO)

.PHONY: dev
dev: build ## Run the demo's setup until Ctrl-C, to try things out
	@$(RUN_DEMO) dev

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf bin dist .cache

$(LINTER): tool = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(GOFUMPT): tool = mvdan.cc/gofumpt
$(ACTIONLINT): tool = github.com/rhysd/actionlint/cmd/actionlint
$(GOVULNCHECK): tool = golang.org/x/vuln/cmd/govulncheck
$(GORELEASER): tool = github.com/goreleaser/goreleaser/v2
$(CYCLONEDX): tool = github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

$(LINTER) $(GOFUMPT) $(ACTIONLINT) $(GOVULNCHECK): dev/tools/go.sum
$(GORELEASER) $(CYCLONEDX): dev/goreleaser/go.sum

# go build doesn't update the time of an up-to-date binary; touch keeps make from building it again.
$(LINTER) $(GOFUMPT) $(ACTIONLINT) $(GOVULNCHECK) $(GORELEASER) $(CYCLONEDX):
	@echo "building $(@F), once; of these, golangci-lint and goreleaser take minutes"
	cd $(dir $<) && CGO_ENABLED=0 go build -o "$(CURDIR)/$@" $(tool)
	@touch $@

.cache/kubernetes/%: dev/kubernetes/%/go.sum
	@echo "building $*, once; the four of them take about 15 minutes on two cores"
	cd $(<D) && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$(CURDIR)/$@" tool
	@touch $@
