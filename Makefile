# SPDX-License-Identifier: MIT
#
# A thin face of the Meson build. `make help` lists what there is.

BUILD ?= build
BUILD_CHECK ?= build-check
BUILD_BENCH ?= build-bench
BUILD_LINT ?= build-lint
PREFIX ?= /usr/local

# How many processes compile and test at once.
JOBS ?= $(shell nproc)
# Tests wait for a quarter of their time.
TEST_JOBS ?= $(shell expr $(JOBS) + 2)

# Names with spaces, quotes and dollar signs reach the shell unharmed through the environment.
unexport SRC DST DIR
export TUG_COPY_SOURCE = $(value SRC)
export TUG_COPY_DESTINATION = $(value DST)
export TUG_BENCH_DIRECTORY = $(value DIR)

C_FILES = $(shell find include src tests bench examples -name '*.[ch]' | sort)

.PHONY: all help setup copy check bench bench-net bench-serve bench-streams bench-sync bench-copy bench-disk soak format lint install clean
.DEFAULT_GOAL := all

all: setup $(BUILD)/build.ninja
	@ninja -C "$(BUILD)" -j $(JOBS)

help:
	@echo 'make                      build the library and build/tug (optimised)'
	@echo 'make copy SRC=dir DST=dir set everything up, copy a tree and verify the copy'
	@echo 'make check                set everything up and run all tests (sanitizers, both drivers)'
	@echo 'make bench                set everything up and run the benchmarks (bench/README.md)'
	@echo 'make bench-net            an echo server beside those of others'
	@echo 'make bench-serve          the servers of examples/ beside nginx and redis-server'
	@echo 'make bench-streams        copies between readers and writers beside Tokio'
	@echo 'make bench-sync           locks and channels beside Tokio and Go'
	@echo 'make bench-copy           copies, removals and walks beside other tools; as root'
	@echo 'make bench-disk DIR=dir   a report on copying, moving and deleting on the disk of dir'
	@echo 'make soak                 the servers of examples/ and clients that behave badly, for a minute'
	@echo 'make format               format all C files'
	@echo 'make lint                 clang-tidy and the checks of the tree'
	@echo 'make install              install to PREFIX ($(PREFIX)), below DESTDIR if set'
	@echo 'make clean                remove the build directories'

setup:
	@tools/setup build

$(BUILD)/build.ninja: | setup
	@meson setup "$(BUILD)" --buildtype=release --prefix="$(PREFIX)" -Dtests=false

copy:
	@if [ -z "$$TUG_COPY_SOURCE" ] || [ -z "$$TUG_COPY_DESTINATION" ]; then \
	    echo 'make copy: say what to copy and to where: make copy SRC=dir DST=dir' >&2; exit 2; fi
	@if [ ! -e "$$TUG_COPY_SOURCE" ] && [ ! -L "$$TUG_COPY_SOURCE" ]; then \
	    printf 'make copy: SRC does not exist: %s\n' "$$TUG_COPY_SOURCE" >&2; exit 2; fi
	@$(MAKE) --no-print-directory all
	"$(BUILD)/tug" cp -r --verify -- "$$TUG_COPY_SOURCE" "$$TUG_COPY_DESTINATION"

check:
	@tools/setup check
	@[ -f "$(BUILD_CHECK)/build.ninja" ] || meson setup "$(BUILD_CHECK)" --buildtype=debug \
	    -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dfault_injection=true
	@ninja -C "$(BUILD_CHECK)" -j $(JOBS)
	@meson test -C "$(BUILD_CHECK)" --no-rebuild --print-errorlogs --num-processes $(TEST_JOBS)

# Without the programs it compares with, bench/run says which are left out and goes on.
bench: BENCH_SUITE = runtime
bench-net: BENCH_SUITE = net
bench-serve: BENCH_SUITE = serve
bench-streams: BENCH_SUITE = streams
bench-sync: BENCH_SUITE = sync
bench bench-net bench-serve bench-streams bench-sync:
	@tools/setup build
	@tools/setup peers || echo 'make $@: going on with the peers that are there' >&2
	@bench/run "$(BUILD_BENCH)" --suite $(BENCH_SUITE) $(BENCH_ARGUMENTS)

bench-copy:
	@tools/setup build
	@tools/setup rivals || echo 'make bench-copy: going on with the tools that are there' >&2
	@bench/copy/run "$(BUILD_BENCH)" $(BENCH_ARGUMENTS)

# The report on one's own disk: tug-report/report.md, plots beside it, and all samples as JSON.
bench-disk:
	@$(MAKE) --no-print-directory all
	@mkdir -p tug-report
	"$(BUILD)/tug" bench --output=tug-report/report.md --plots=tug-report/plots \
	    --json=tug-report/report.json $(BENCH_ARGUMENTS) -- "$${TUG_BENCH_DIRECTORY:-.}"
	@echo 'The report is tug-report/report.md'

# Each server with each driver.
soak:
	@$(MAKE) --no-print-directory all
	@for driver in uring epoll; do echo "$$driver:"; TUG_DRIVER=$$driver examples/test_soak.py \
	    "$(BUILD)/examples/example_httpd" "$(BUILD)/examples/example_minikv" --seconds=60 --keep-up \
	    $(SOAK_ARGUMENTS) || exit 1; done

format:
	@tools/setup format
	@clang-format -i $(C_FILES)

lint:
	@tools/setup lint
	@tools/check-layers
	@tools/check-lists
	@tools/check-exports
	@[ -f "$(BUILD_LINT)/build.ninja" ] || CC=clang meson setup "$(BUILD_LINT)" \
	    --buildtype=debug -Dfault_injection=true
	@run-clang-tidy -quiet -p "$(BUILD_LINT)" -j $(JOBS) '/(src|examples)/.*\.c$$'

install: all
	@meson configure "$(BUILD)" -Dprefix="$(PREFIX)"
	@ninja -C "$(BUILD)" -j $(JOBS)
	@DESTDIR="$(DESTDIR)" meson install -C "$(BUILD)" --no-rebuild --quiet
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then ldconfig; fi

clean:
	@rm -rf "$(BUILD)" "$(BUILD_CHECK)" "$(BUILD_BENCH)" "$(BUILD_LINT)"
