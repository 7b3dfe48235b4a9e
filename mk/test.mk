# Tests. tests/run is what runs and counts them; here stands what has to be built before it.
#
# check and check-fast install what they need before anything is looked for, so the work itself is
# done by a second make, which then finds the libraries (and with +, shares -j).
TEST_MAKE = $(MAKE) --no-print-directory
BATS_FILES := $(sort $(wildcard tests/*/*.bats))
# ONLY="produce": only the unit tests and bats files with that in their names.
ONLY ?=
# SERVERS="redis": only those of tests/brokers/run; what needs others is skipped.
SERVERS ?=
# Test suites of others that lie beside the project: avro/, json-schema-suite/. Without them tests get
# what they can elsewhere, or are skipped.
MQTK_TEST_DATA ?= $(wildcard $(abspath ../shared/data))
# With exec, so that make waits for the end of what it started when it is interrupted.
TEST_ENV = MQTK='$(abspath $(OUT)/mqtk)' MQTK_TEST_BIN='$(abspath $(OUT)/tests)' \
           MQTK_TEST_VARIANT='$(notdir $(OUT))' MQTK_TEST_DATA='$(MQTK_TEST_DATA)'

.PHONY: deps unit check check-fast run-check run-check-fast demo
deps: ## install the libraries that building needs (Debian, Ubuntu), or name them
	@scripts/deps.sh build

check: ## every test, with real servers that are started for it and stopped again
	@scripts/deps.sh build check
	+@$(TEST_MAKE) WERROR=1 all
	+@$(TEST_MAKE) WERROR=1 run-check

check-fast: ## every test that needs no server (ONLY=name: those files)
	@scripts/deps.sh build fast
	+@$(TEST_MAKE) WERROR=1 all
	+@$(TEST_MAKE) WERROR=1 run-check-fast

unit: ## the unit tests alone
	@scripts/deps.sh build fast
	+@$(TEST_MAKE) WERROR=1 run-unit

.PHONY: run-unit
run-unit: compile
	@exec env $(TEST_ENV) tests/run --only '$(ONLY)' $(UNIT_BIN)

run-check: compile
	@exec env $(TEST_ENV) tests/brokers/run $(if $(SERVERS),$(SERVERS) --) tests/run --only '$(ONLY)' $(UNIT_BIN) $(BATS_FILES)

run-check-fast: compile
	@exec env $(TEST_ENV) MQTK_TEST_FAST=1 tests/run --only '$(ONLY)' $(UNIT_BIN) $(BATS_FILES)

.PHONY: schema-differ
schema-differ: ## compare 120,000 generated pairs of JSON Schema and instance with another implementation
	@MQTK_DIFF_PAIRS=$(or $(MQTK_DIFF_PAIRS),120000) $(TEST_MAKE) check-fast ONLY=json_schema_differ

demo: ## install what is needed, build, and show mqtk at work on the local store
	@scripts/deps.sh build
	+@$(TEST_MAKE) all
	@scripts/demo.sh
