# The two commands of a newcomer are `make run` and `make test`; both install what is missing.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
PRESET ?= release
BUILD := build/$(PRESET)

.PHONY: help setup build page run test test-setup test-only docs bench fuzz hostile format check-format fresh clean asan tsan monai
help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

setup:
	@scripts/setup.sh build
	@scripts/engine.sh

build: setup page ## the program: build/release/bin/vedette
	@[ -f $(BUILD)/build.ninja ] || cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS) -- --quiet

page: setup      ## the page: build/web
	@scripts/page.sh

run: build       ## build and start a node with synthetic studies; Ctrl-C ends it
	@scripts/run.sh

test-setup:
	@scripts/setup.sh test
	@scripts/venv.sh

test: test-setup build test-only ## everything that a change has to pass
test-only:
	@scripts/test.sh $(PRESET) $(JOBS)

docs: build      ## print the documentation that comes from the code into docs/
	@scripts/printed.sh $(BUILD) write

monai: build    ## the operators against MONAI 1.3 on Debian's torch (650 MB more)
	@scripts/monai.sh $(BUILD)

asan tsan: test-setup ## unit and contract tests under a sanitizer
	@cmake --preset $@ >/dev/null && cmake --build --preset $@ -j $(JOBS) && ctest --preset $@ -L 'unit|contract' -j 2

bench: build     ## every bench against its peers, hours at full size; BENCH="intake_ct --share 0.2" for one
	@scripts/setup.sh bench
	@scripts/venv.sh
	@cmake --build --preset $(PRESET) -j $(JOBS) --target vedette_bench -- --quiet
	@VEDETTE_BENCH_PRESET=$(PRESET) build/venv/bin/python tests/bench/bench.py $(or $(BENCH),all)

fuzz:            ## fuzz targets, each for SECONDS (default 60); needs clang
	@scripts/setup.sh fuzz
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -j $(JOBS) --target fuzz -- --quiet
	@scripts/fuzz.sh $(or $(SECONDS),60)

hostile: build   ## hostile senders, the whole of it: about ten minutes
	@build/venv/bin/python tests/hostile/run.py --bin $(BUILD)/bin --whole

format:          ## clang-format over our C++ files
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

fresh:           ## `make test` in a fresh Debian 12 (needs root, debootstrap and ../shared)
	@../shared/tools/fresh-root make test

clean:
	@rm -rf build
