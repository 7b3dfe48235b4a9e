# Benchmarks: this program beside its peers, against real servers. Never part of `make check`.

# BENCH="redis local": only these parts, of kafka, rabbitmq, redis, local and schema.
BENCH ?= $(patsubst sqlite,local,$(BACKENDS)) schema
BENCH_ROUNDS ?= 5
BENCH_SERVERS := $(patsubst kafka,kafka3,$(filter-out local schema,$(BENCH)))
BENCH_NAMES := measure $(if $(filter kafka,$(BENCH)),bare_consume bare_produce) \
               $(if $(filter rabbitmq,$(BENCH)),bare_rabbitmq) \
               $(if $(filter redis,$(BENCH)),bare_redis) \
               $(if $(filter local,$(BENCH)),empty bare_spawn) \
               $(if $(filter local kafka,$(BENCH)),answer_lines) \
               $(if $(filter schema,$(BENCH)),check_orders decode_orders)
BENCH_BIN := $(BENCH_NAMES:%=$(OUT)/tests/bench/%)

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(LDLIBS)

# The only ones that are made of this program's parts.
$(OUT)/tests/bench/check_orders $(OUT)/tests/bench/decode_orders: %: %.o $(OUT)/libmqtk.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)

-include $(BENCH_BIN:=.d)

BENCH_RUN = exec env PYTHONDONTWRITEBYTECODE=1 $(TEST_ENV) BARE='$(abspath $(OUT))/tests/bench' \
            tests/brokers/run $(BENCH_SERVERS) -- \
            scripts/python.sh tests/bench/bench.py --rounds $(BENCH_ROUNDS)

.PHONY: bench bench-record run-bench run-bench-record
bench: ## time this program and its peers side by side, against real servers (BENCH=redis: that part)
	@scripts/deps.sh build bench
	@$(TEST_MAKE) run-bench
bench-record: ## the same, and write the tables to BENCHMARKS.md
	@scripts/deps.sh build bench
	@$(TEST_MAKE) run-bench-record
run-bench: compile $(BENCH_BIN)
	$(Q)$(BENCH_RUN) $(BENCH)
run-bench-record: compile $(BENCH_BIN)
	$(Q)$(BENCH_RUN) --record BENCHMARKS.md $(BENCH)
