# Everything that is done with Switchboard. A fresh machine needs a Swift 6.3 toolchain, make, and apt or brew.

SWIFT ?= swift
PYTHON ?= python3
# For what the targets below say.
PORT ?= 9001
SECONDS ?= 60
ROUNDS ?= 3
SOAK_SECONDS ?= 120
CLUSTER_SOAK_SECONDS ?= $(SOAK_SECONDS)
NODES ?= 3
# What is tried on PostgreSQL as well; the rest has nothing to do with the store, or looks at its file.
ON_POSTGRESQL := $(addprefix Tests/Acceptance/test_,$(addsuffix .py,acknowledged_delivery api_bulk api_notices campus conversations counter erp_chat erp_notifications erp_offline export revocation rooms socketio_groups))
# How many tests run side by side.
WORKERS ?= 6
# One that was printed, to have the same people and the same faults again; and any option of the soak's own.
SEED ?=
SOAK ?=
# Where the benchmark kit is: the load generator and the programs to compare with.
KIT ?= ../shared/bench

RELEASE := .build/release/switchboard
# Where tests find what was built.
BUILT := SWITCHBOARD_BIN=$(CURDIR)/$(RELEASE) ECHO_FIXTURE_BIN=$(CURDIR)/.build/release/EchoFixture SOCKETIO_FIXTURE_BIN=$(CURDIR)/.build/release/SocketIOFixture ALLOCATION_COUNTER=$(CURDIR)/.build/release/libAllocationCounter.so FAULTY_FILES=$(CURDIR)/.build/release/libFaultyFiles.so
# Swift's own libraries are linked in, and all modules optimized as one program at the end, which needs the toolchain's own
# linker: see "What helped" in docs/PERFORMANCE.md. Apple's systems bring the libraries along.
LINKED := $(if $(filter Linux,$(shell uname -s)),--static-swift-stdlib --experimental-lto-mode=full -Xswiftc -use-ld=lld)
# One way for all: modules are compiled anew where it changes.
BUILD_RELEASE = $(SWIFT) build -c release $(LINKED) --product
# A folder of their own, so that both kinds can be built at once: each has its time when one processor is idle. Without what
# a debugger wants to know, which is an eighth of the time that they take to build.
UNIT_TESTS := --scratch-path .build/unit-tests -Xswiftc -gnone
VENV := .build/venv
# Files in their own order: sorted by how many tests they have, the longest would come last, and alone.
PYTEST = $(VENV)/bin/python -m pytest -q -p no:cacheprovider -n $(WORKERS) --dist loadfile --no-loadscope-reorder
FORMATTED := Package.swift Sources Tests Fuzzing

.PHONY: run build build-for-tests test unit-test acceptance-test postgresql-test lint format fuzz fuzz-keep echo-fixture socketio-fixture soak soak-cluster soak-faults test-stalled test-address test-thread bench bench-growth bench-cluster tools-for-tests libraries clean

## Builds for release and starts the server on 127.0.0.1:8000, with a few people to try it with.
run: build
	$(RELEASE) serve --demo

build: libraries
	$(BUILD_RELEASE) switchboard

## Every test. The soaks mostly wait, and do so beside others.
test: lint
	$(MAKE) --jobs=2 unit-test build-for-tests
	$(MAKE) acceptance-test
	$(MAKE) --jobs=3 soak soak-cluster postgresql-test SOAK_SECONDS=40 CLUSTER_SOAK_SECONDS=20

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(FORMATTED)

format:
	$(SWIFT) format --in-place --recursive --parallel $(FORMATTED)

unit-test: libraries tools-for-tests
	@mkdir -p .build
	@$(SWIFT) test $(UNIT_TESTS) >.build/unit-test.log 2>&1; status=$$?; \
	grep -aE '✘|error:|Test run with' .build/unit-test.log | cut -c1-400; exit $$status

## What the tests from outside need.
build-for-tests: build
	$(BUILD_RELEASE) EchoFixture
	$(BUILD_RELEASE) SocketIOFixture
	$(BUILD_RELEASE) AllocationCounter
	$(BUILD_RELEASE) FaultyFiles
	$(BUILD_RELEASE) ShiftedClock

## The built server, tried from outside with real clients.
acceptance-test: build-for-tests tools-for-tests
	$(BUILT) $(PYTEST) Tests/Acceptance

## What has to do with the store, once more with PostgreSQL.
postgresql-test: build tools-for-tests
	TEST_STORE=postgresql SWITCHBOARD_BIN=$(CURDIR)/$(RELEASE) $(PYTEST) $(ON_POSTGRESQL)

## The same while processes stand still at random, as on a machine that is too busy: tests that don't wait for what they need
## fail by it.
test-stalled: build-for-tests tools-for-tests
	$(BUILT) scripts/stalled.py "$(SEED)" $(PYTEST) Tests/Acceptance

## Every operation on the disk fails, one after the other, ROUNDS times with other luck; minutes.
soak-faults: libraries
	FAULT_SEEDS=$(ROUNDS) $(SWIFT) test $(UNIT_TESTS) --filter FaultTests

## Every test once more, all built with the address sanitizer, or the one for threads; a quarter of an hour each.
test-address test-thread: libraries tools-for-tests
	scripts/test-sanitized.sh $(@:test-%=%)

## SOAK_SECONDS of random traffic of all dialects while everything fails, and the books that have to agree afterwards.
soak: build-for-tests tools-for-tests
	SWITCHBOARD_BIN=$(CURDIR)/$(RELEASE) PYTHONPATH=Tests:Tests/Acceptance $(VENV)/bin/python -B -m Soak --seconds $(SOAK_SECONDS) --clock $(CURDIR)/.build/release/libShiftedClock.so $(if $(SEED),--seed $(SEED)) $(SOAK)

## The same on NODES nodes of a cluster, which are killed, paused and restarted, and so are Redis and PostgreSQL.
soak-cluster: build tools-for-tests
	SWITCHBOARD_BIN=$(CURDIR)/$(RELEASE) PYTHONPATH=Tests:Tests/Acceptance $(VENV)/bin/python -B -m Soak --nodes $(NODES) --seconds $(CLUSTER_SOAK_SECONDS) $(if $(SEED),--seed $(SEED)) $(SOAK)

## SECONDS of libFuzzer with the address sanitizer for each parser, after its corpus; 0 for that alone.
fuzz: libraries
	Fuzzing/run.sh $(SECONDS)

## The same, and the corpus takes in what was learnt, if nothing was found.
fuzz-keep: libraries
	Fuzzing/run.sh $(SECONDS) --keep

## An echo on ws://127.0.0.1:PORT, in the foreground, for conformance suites from elsewhere.
echo-fixture: libraries
	$(BUILD_RELEASE) EchoFixture
	.build/release/EchoFixture $(PORT)

## Engine.IO on http://localhost:PORT/engine.io/ and Socket.IO on /socket.io/, in the foreground, for the same.
socketio-fixture: libraries
	$(BUILD_RELEASE) SocketIOFixture
	.build/release/SocketIOFixture $(PORT)

## ROUNDS rounds of every workload, the server on one core and the load on the other.
bench: build
	$(PYTHON) Benchmarks/bench.py --kit $(KIT) --rounds $(ROUNDS)
	$(PYTHON) Benchmarks/crowds.py --kit $(KIT) --rounds $(ROUNDS)
	$(PYTHON) Benchmarks/figures.py .build/bench/results.jsonl
	$(PYTHON) Benchmarks/polling.py
	$(PYTHON) Benchmarks/history.py

## How the cost of a message grows with what else there is; draws docs/growth.svg.
bench-growth: build
	$(PYTHON) Benchmarks/growth.py --kit $(KIT) --rounds $(ROUNDS)

## What a message costs over the bus, on one to three nodes.
bench-cluster: build tools-for-tests
	$(VENV)/bin/python -B Benchmarks/cluster.py --rounds $(ROUNDS)

## Installs the C libraries that are missing.
libraries:
	@scripts/install-libraries.sh

## Installs the clients that the tests use, in a virtual environment.
tools-for-tests: $(VENV)/installed

$(VENV)/installed: Tests/Acceptance/requirements.txt Tests/Acceptance/requirements-files.txt scripts/install-test-tools.sh
	scripts/install-test-tools.sh $(VENV) Tests/Acceptance/requirements.txt
	touch $@

clean:
	rm -rf .build .build-fuzz
