# `make` alone prints what it can do. Needs Go and make; `make check` installs the rest by itself.

ARCH ?= arm64
GOOS ?= linux
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo unversioned)
LOCAL_BUILD := .build/local
HOST_ARCH = $(shell go env GOARCH)
HOST_OS = $(shell go env GOOS)

.DEFAULT_GOAL := help
.PHONY: help run test serve build build-VicihookFunction local go-version

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: go-version ## Build the function for AWS (ARCH=arm64 or amd64) into .build/$(ARCH)
	@$(MAKE) --no-print-directory build-VicihookFunction ARTIFACTS_DIR=.build/$(ARCH)

# SAM's makefile builder calls this target by the function's logical id; so do the tests and infra/local.
# lambda.norpc leaves out net/rpc, a quarter of the binary that no custom runtime uses.
build-VicihookFunction:
	@mkdir -p "$(ARTIFACTS_DIR)"
	@CGO_ENABLED=0 GOOS=$(GOOS) GOARCH=$(ARCH) go build -tags lambda.norpc -trimpath \
		-ldflags '-s -w -X main.version=$(VERSION)' -o "$(ARTIFACTS_DIR)/bootstrap" ./function
	@cp function/sources.json "$(ARTIFACTS_DIR)/sources.json"

go-version:
	@need=$$(awk '$$1 == "go" {print $$2}' go.mod); have=$$(go env GOVERSION 2>/dev/null | sed 's/^go//'); \
	if [ "$$(printf '%s\n%s\n' "$$need" "$${have:-0}" | sort -V | head -1)" != "$$need" ]; then \
		echo "vicihook needs Go $$need or newer, and this machine has $${have:-none}: install it from https://go.dev/dl/ and run make again." >&2; exit 1; fi
