# What is said here needs Go and make; `make test` also needs Chromium, which it installs where it is missing.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -X main.version=$(VERSION)
TIMEOUT  ?= 15m

.PHONY: all run build test check bench bench-short bench-micro demo clean chromium

all: build

# The drive with nothing configured: http://localhost:8080, data below ./data.
run: build
	./bin/blinkdrive serve

build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/blinkdrive ./cmd/blinkdrive

test: chromium
	$(GO) test -race -timeout $(TIMEOUT) ./...

# Everything that can be said about the sources without running them.
check:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags failpoint ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) test -count=1 ./cmd/internal/rooms

# The drive beside its yardsticks, in under 15 minutes; the table, a chart and every sample go to bin/bench.
bench:
	$(GO) build -o bin/benchmark ./cmd/internal/bench
	./bin/benchmark $(BENCH)

# The same as a smoke test: nothing in it is said about time.
bench-short:
	$(GO) build -o bin/benchmark ./cmd/internal/bench
	./bin/benchmark -short $(BENCH)

# The hot paths alone.
bench-micro:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# The main job, acted out against a throw-away server.
demo: build
	$(GO) run ./cmd/internal/demo -bin bin/blinkdrive

clean:
	rm -rf bin

# The page's test drives a real browser.
chromium:
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "make test needs Chromium: install chromium or google-chrome; there is no apt-get here to do it" >&2; exit 1; fi; \
	sudo=; if [ "$$(id -u)" != 0 ]; then \
		if ! command -v sudo >/dev/null; then \
			echo "make test needs Chromium: run 'apt-get install chromium' as root; there is no sudo here to do it" >&2; exit 1; fi; \
		sudo=sudo; fi; \
	echo "installing chromium"; \
	{ $$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; } || { \
		echo "make test needs Chromium, and apt-get could not install it: install chromium or google-chrome" >&2; exit 1; }
