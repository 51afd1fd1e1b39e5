# Needs Go, git and make; `make help` lists the targets. `make test` also needs servers and browsers, and installs those that are
# missing with apt-get, as root or through sudo; see CONTRIBUTING.md.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -X main.version=$(VERSION)
TIMEOUT  ?= 15m

.PHONY: all help run build test test-whole test-race check docs bench bench-ceph bench-short bench-micro demo screenshots clean

all: build

# List the targets.
help:
	@awk '/^# /{text = text substr($$0, 2); next} /^[a-z-]+:/ && text {sub(/:.*/, ""); printf "%-16s%s\n", $$0, text} {text = ""}' Makefile

# Serve the drive with nothing configured: http://localhost:8080, data below ./data.
run: build
	./bin/blinkdrive serve

# Build bin/blinkdrive.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/blinkdrive ./cmd/blinkdrive

# Run all tests with private servers; variables such as BLINKDRIVE_TEST_MYSQL_DSN name other servers to use instead.
test:
	$(GO) run ./cmd/internal/testenv/with -- $(MAKE) --no-print-directory --keep-going test-whole test-race

# Part of make test, which starts the servers: the program and the page as a whole. Their tests mostly wait for servers and
# browsers; the race detector would only slow them, so that it looks at some of the servers instead.
test-whole:
	BLINKDRIVE_TEST_RACE=1 $(GO) test -timeout $(TIMEOUT) ./cmd/blinkdrive ./static

# Part of make test, which starts the servers: all other packages, with the race detector.
test-race:
	$(GO) test -race -timeout $(TIMEOUT) $$($(GO) list ./... | grep -vE '/(cmd/blinkdrive|static)$$')

# Check formatting, vet, staticcheck, go.mod, layers, migrations, API description and documentation.
check:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags failpoint ./...
	$(GO) vet -tags purego ./store/sums
	$(GO) test -tags purego ./store/sums
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) test -count=1 ./cmd/internal/rooms
	$(GO) test -count=1 -run 'OpenAPI|APIPage' ./handler

# Regenerate what is generated in docs.
docs:
	$(GO) test ./config -run TestDocs -update

# Measure the drive beside its yardsticks, in under 15 minutes; results go to bin/bench.
bench:
	$(GO) build -o bin/benchmark ./cmd/internal/bench
	./bin/benchmark $(BENCH)

# Measure downloads from Ceph and transfers to it, in about ten minutes; needs Debian's Ceph and rclone packages.
bench-ceph:
	$(GO) build -o bin/benchmark ./cmd/internal/bench
	./bin/benchmark -ceph -out bin/bench-ceph $(BENCH)

# Run the benchmark as a smoke test, with small sizes; its figures mean nothing.
bench-short:
	$(GO) build -o bin/benchmark ./cmd/internal/bench
	./bin/benchmark -short $(BENCH)

# Run the Go benchmarks of the hot paths.
bench-micro:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Play through an upload, kill -9, resume and instant upload against a throw-away server.
demo: build
	$(GO) run ./cmd/internal/demo -bin bin/blinkdrive

# Take docs/screenshot.png and docs/screenshot-zh.png in Chromium; best with the packages fonts-inter and fonts-noto-cjk.
screenshots: build
	$(GO) run ./cmd/internal/screenshots -bin bin/blinkdrive

clean:
	rm -rf bin
