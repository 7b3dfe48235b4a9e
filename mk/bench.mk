# Benchmarks: this program beside its peers, against a real broker. Never part of `make check`.

BENCH_BIN := $(OUT)/tests/bench/bare_consume $(OUT)/tests/bench/bare_produce $(OUT)/tests/bench/empty

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(LDLIBS)

-include $(BENCH_BIN:=.d)

BENCH_ROUNDS ?= 5
BENCH_RUN = BARE=$(OUT)/tests/bench MQTK=./mqtk tests/brokers/run kafka3 -- \
            python3 tests/bench/bench.py --rounds $(BENCH_ROUNDS)

.PHONY: bench bench-record
bench: all $(BENCH_BIN) ## time this program and its peers side by side, against a real broker
	$(BENCH_RUN)
bench-record: all $(BENCH_BIN) ## the same, and write the table to BENCHMARKS.md
	$(BENCH_RUN) --record BENCHMARKS.md
