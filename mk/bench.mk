# Benchmarks: this program beside its peers, against a real broker. Never part of `make check`.

BENCH_BIN := $(OUT)/tests/bench/bare_consume $(OUT)/tests/bench/bare_produce $(OUT)/tests/bench/empty

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(LDLIBS)

-include $(BENCH_BIN:=.d)

BENCH_ROUNDS ?= 5
BENCH_RUN = exec env $(TEST_ENV) BARE='$(abspath $(OUT))/tests/bench' tests/brokers/run kafka3 -- \
            scripts/python.sh tests/bench/bench.py --rounds $(BENCH_ROUNDS)

.PHONY: bench bench-record run-bench run-bench-record
bench: ## time this program and its peers side by side, against a real broker
	@scripts/deps.sh build bench
	@$(TEST_MAKE) run-bench
bench-record: ## the same, and write the table to BENCHMARKS.md
	@scripts/deps.sh build bench
	@$(TEST_MAKE) run-bench-record
run-bench: compile $(BENCH_BIN)
	$(BENCH_RUN)
run-bench-record: compile $(BENCH_BIN)
	$(BENCH_RUN) --record BENCHMARKS.md
