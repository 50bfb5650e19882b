# `make` alone prints what it can do. Needs Go and make; `make check` installs the rest by itself, outside this folder.

# The architecture that samconfig.toml names: SAM passes a makefile build its folder only, not the template's Architecture.
NAMED := $(sort $(shell sed -nE 's/.*Architecture=[\"]*(arm64|x86_64).*/\1/p' samconfig.toml))
ARCH ?= $(if $(filter x86_64,$(NAMED)),amd64,arm64)
GOOS ?= linux
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo unversioned)
# The package of the function; infra/bench builds its floor with the same recipe.
PACKAGE := ./function
# A deployment needs this release of Go or a newer one: older ones have known faults. The first build downloads it.
LEAST_GO := 1.26.11
DEPLOYED_GO = $(shell infra/pipeline/toolchain $(LEAST_GO))
FUZZTIME ?= 60s
ROUNDS ?= 30
SOAK ?= 100000
# SAM's name for ARCH: the parameter Architecture of template.yaml.
ARCHITECTURE := $(if $(filter amd64,$(ARCH)),x86_64,$(ARCH))
HOST_OS = $(shell go env GOHOSTOS)
HOST_ARCH = $(shell go env GOHOSTARCH)
export SAM_CLI_TELEMETRY := 0

# One virtual environment for each tool, since their pins clash, and outside this folder, since `sam build` copies all of it.
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vicihook
CFN_LINT := $(TOOLS)/cfn-lint-1.58.0/bin/cfn-lint
MOTO := $(TOOLS)/moto-5.2.5/bin/moto_server
SAM := $(TOOLS)/aws-sam-cli-1.170.0/bin/sam
CHECKOV := $(TOOLS)/checkov-3.3.30/bin/checkov
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help
.PHONY: help run test serve browser check lint faults race template pipeline moto fuzz build build-VicihookFunction go-version \
	sam sam-build sam-local sam-first invoke deploy canary bench compare soak conformance modules

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: go-version ## End a first (simulated) call with a signed webhook, meet a VICIdial that lies, find a call by its phone
	@echo "building  the function for this machine, with the flags used for AWS"
	@$(MAKE) --no-print-directory build-VicihookFunction ARTIFACTS_DIR=.build/function GOOS=$(HOST_OS) ARCH=$(HOST_ARCH)
	@go build -o .build/vicihook ./function/cmd/vicihook
	@go build -o .build/local ./infra/local
	@.build/local --bootstrap .build/function -- .build/vicihook send --disposition SALE --ref T-1 --actor you --expect hungup
	@echo
	@.build/local --bootstrap .build/function --fault does-nothing -- \
		.build/vicihook send --disposition SALE --ref T-1 --actor you --expect still_listed
	@echo
	@echo "finding   a helpdesk knows the agent and the customer's phone, but no call id"
	@.build/local --bootstrap .build/function -- sh -c '.build/vicihook send --source helpdesk --phone "$$VICIHOOK_PHONE" --disposition SALE --ref T-1 --actor you --expect hungup'
	@echo
	@.build/local --bootstrap .build/function -- .build/vicihook send --source helpdesk --phone 3125559999 --disposition SALE --ref T-1 --actor you --expect other_call
	@echo
	@echo "next      .build/vicihook check --account FILE    tries your own VICIdial's account and changes nothing"
	@echo "          .build/vicihook outcome still_listed    says what a word means and how to fix it"
	@echo "          README.md, First contact with your VICIdial"

test: go-version ## Run every test
	go test ./...

serve: go-version ## Keep the local stack up, with a page that shows it at work
	@go build -o .build/vicihook ./function/cmd/vicihook
	@go build -o .build/local ./infra/local
	@exec .build/local --command .build/vicihook

browser: go-version ## Use the workbench of `make serve` in headless Chromium (Debian's package chromium)
	@mkdir -p .build/screenshots
	cd infra/local/workbench/browser && go vet ./... && SCREENSHOTS=$(CURDIR)/.build/screenshots go test -count=1 ./...

check: go-version lint faults race modules template pipeline moto ## All that CI checks
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10s

# The folders with a go.mod of their own, whose dependencies the function's module does not need. Those that take our
# packages from here follow our go.mod (-mod=mod).
modules: browser
	cd infra/conformance && GOFLAGS=-mod=mod go vet ./... && GOFLAGS=-mod=mod go test ./...
	cd infra/bench/compare && GOFLAGS=-mod=mod go vet ./...

lint: ## Check format, faults that compilers pass, who imports whom and the length of functions
	$(GOLANGCI) run ./...

faults: ## Look for known faults of Go, of the modules and of the release that is deployed
	@infra/vulncheck $(LEAST_GO)

race:
	go test -race ./...

template: $(CFN_LINT) $(SAM) $(CHECKOV) ## Lint the templates and the pipeline with AWS's own tools
	$(CFN_LINT)
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(CHECKOV)
	$(ACTIONLINT)

pipeline: sam-build ## Run the deploy scripts with the pinned SAM CLI, up to the network
	SAM=$(SAM) go test -count=1 ./infra/pipeline

moto: $(MOTO) ## Run the tests that use Secrets Manager or SQS with moto's server in their place
	@infra/local/with-moto $(MOTO) go test -count=1 ./function/internal/systemtest ./function/internal/secret ./function/cmd/vicihook/internal/keyring

fuzz: go-version ## Fuzz each target for FUZZTIME (60s)
	@infra/fuzz $(FUZZTIME)

bench: go-version ## Measure the function beside the smallest possible Lambda, in ROUNDS (30) rounds
	@infra/bench/run $(ROUNDS)

soak: go-version ## Send SOAK webhooks (100000), 50 at a time, one in ten into a fault; RACE=1 looks for data races
	go test $(if $(RACE),-race) ./function/internal/systemtest -run Soak -soak $(SOAK) -v -timeout 60m

conformance: go-version ## Run the function against a real VICIdial's PHP: VICIDIAL=DIR with its source [VICIDIAL_SQL=FILE]
	@[ -n "$(VICIDIAL)" ] || { echo "say where VICIdial's source is: make conformance VICIDIAL=DIR" >&2; exit 2; }
	cd infra/conformance && GOFLAGS=-mod=mod go run . --vicidial "$(abspath $(VICIDIAL))" $(if $(VICIDIAL_SQL),--sql "$(abspath $(VICIDIAL_SQL))")

compare: go-version ## Measure the verifier beside public ones
	cd infra/bench/compare && GOFLAGS=-mod=mod go test -bench . -count 10

build: go-version ## Build the function for AWS (ARCH=arm64 or amd64) into .build/ARCH
	@$(MAKE) --no-print-directory build-VicihookFunction ARTIFACTS_DIR=.build/$(ARCH)

sam: $(SAM)

sam-build: $(SAM) ## Build for AWS (ARCH=arm64 or amd64) with the SAM CLI, into .aws-sam/build
	GOTOOLCHAIN=$(DEPLOYED_GO) ARCH=$(ARCH) VERSION=$(VERSION) $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)

invoke: $(SAM) ## Hand a sample event to the function in SAM's container: EVENT=events/crm.json
	@SAM=$(SAM) infra/sam-local invoke "$(EVENT)"

sam-local: $(SAM) ## Send a webhook through `sam local start-api`
	@SAM=$(SAM) infra/sam-local send

sam-first: $(SAM) ## Type what events/README.md says of `sam build` and `sam local invoke`
	@SAM=$(SAM) infra/sam-local first-contact

deploy: $(SAM) ## Deploy what sam-build has built: STAGE=testing or prod
	@SAM=$(SAM) ARCH=$(ARCH) infra/pipeline/deploy "$(STAGE)"

canary: $(SAM) ## Deploy, and send signed probes while the new version takes over: STAGE=prod
	@SAM=$(SAM) ARCH=$(ARCH) infra/pipeline/canary "$(STAGE)"

# SAM's makefile builder calls this target by the function's logical id; so do the tests and infra/local.
# lambda.norpc leaves out net/rpc, a quarter of the binary that no custom runtime uses; nethttpomithttp2 leaves out HTTP/2,
# which neither Secrets Manager, SQS nor VICIdial needs.
build-VicihookFunction:
	@[ -n "$(filter command environment,$(firstword $(origin ARCH)))" ] || [ $(words $(NAMED)) -le 1 ] || { \
		echo "samconfig.toml names two processors ($(NAMED)), and one build is for one: let every Architecture= in it be the same." >&2; exit 1; }
	@mkdir -p "$(ARTIFACTS_DIR)"
	@CGO_ENABLED=0 GOOS=$(GOOS) GOARCH=$(ARCH) go build -tags lambda.norpc,nethttpomithttp2 -trimpath \
		-ldflags '-s -w -X main.version=$(VERSION)' -o "$(ARTIFACTS_DIR)/bootstrap" $(PACKAGE)
	@cp function/sources.json "$(ARTIFACTS_DIR)/sources.json"

$(CFN_LINT):
	python3 -m venv $(@D:/bin=)
	$(@D)/pip install --quiet --disable-pip-version-check cfn-lint==1.58.0

$(MOTO):
	python3 -m venv $(@D:/bin=)
	$(@D)/pip install --quiet --disable-pip-version-check 'moto[server,secretsmanager,sqs]==5.2.5'

$(SAM):
	python3 -m venv $(@D:/bin=)
	$(@D)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r infra/pipeline/sam.txt

$(CHECKOV):
	python3 -m venv $(@D:/bin=)
	$(@D)/pip install --quiet --disable-pip-version-check checkov==3.3.30

go-version:
	@need=$$(awk '$$1 == "go" {sub(/\.0$$/, "", $$2); print $$2}' go.mod); have=$$(go env GOVERSION 2>/dev/null | sed 's/^go//'); \
	if [ "$$(printf '%s\n%s\n' "$$need" "$${have:-0}" | sort -V | head -1)" != "$$need" ]; then \
		echo "vicihook needs Go $$need or newer, and this machine has $${have:-none}: install it from https://go.dev/dl/ and run make again." >&2; exit 1; fi
