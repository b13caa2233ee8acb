# A thin front of tools/ and CMake: every target is one command. See docs/testing.md.
.DEFAULT_GOAL := all
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SOAK_HOURS ?= 24
export FUZZ_SECONDS

.PHONY: all demo test bench sim soak model fuzz asan tsan valgrind clang check-layers lint doc install clean

all: ## build/escertke, build/libescertke.so*, build/libescertke.a
	@tools/build

demo: ## two end-points, two relays, one key, on loopback
	@tools/install-deps
	@tools/build
	@build/escertke demo

test: ## everything; ends with 'N passed, N failed, N skipped'
	@tools/test

bench: ## what a handshake costs
	@tools/install-deps
	@tools/build
	@build/escertke bench

sim: ## 1,000,000 simulated events, seed SEED (default: the time)
	@tools/sim $(if $(SEED),--seed $(SEED))

soak: ## simulated time for SOAK_HOURS (24): 100,000 end-points, 2 % loss, restarts; then as long of attacks
	@tools/sim --calm --end-points 100000 --terminators 200 --every 3600 --hours $(SOAK_HOURS)
	@tools/sim --hours $(SOAK_HOURS)

model: ## the procedure as a model, checked by spin with larger bounds than in the tests (minutes)
	@tools/install-deps
	@tests/model/run
	@tests/model/run deep

fuzz: ## each libFuzzer target for FUZZ_SECONDS
	@tools/fuzz

asan tsan valgrind clang: ## the tests under sanitizers, valgrind, or the other compiler
	@tools/test $@

check-layers: ## includes point down only
	@tools/check-layers

lint: ## clang-tidy, shellcheck
	@tools/lint

doc: ## API reference in build/api
	@tools/install-deps build test doc
	@tools/build doc

install: all ## PREFIX, DESTDIR
	@DESTDIR='$(DESTDIR)' cmake --install build --prefix '$(PREFIX)'

clean:
	@rm -rf build build-debug build-release build-asan build-tsan build-fuzz build-clang build-valgrind build-minimal
