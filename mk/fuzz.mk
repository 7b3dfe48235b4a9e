# Fuzzing with libFuzzer, under address and undefined sanitizers: tests/fuzz/fuzz_NAME.c are the
# targets. scripts/fuzz.sh runs each for a bounded time.

# Seconds for each target. FUZZ="json avro_data": only these.
FUZZ_TIME ?= 20
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ ?= $(FUZZ_SRC:tests/fuzz/fuzz_%.c=%)
FUZZ_BIN := $(FUZZ:%=$(OUT)/tests/fuzz/fuzz_%)
FUZZ_VARIANT = CC=clang SANITIZE=fuzzer-no-link,address,undefined OPT='-O1 -g'

# They are compiled by every compiler, and linked only here.
compile: $(FUZZ_SRC:%.c=$(OUT)/%.o)
-include $(FUZZ_SRC:%.c=$(OUT)/%.d)

$(OUT)/tests/fuzz/%: $(OUT)/tests/fuzz/%.o $(OUT)/libmqtk.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(OUT)/libmqtk.a $(LDLIBS)

.PHONY: fuzz run-fuzz
fuzz: ## libFuzzer on what reads untrusted bytes (FUZZ=json: that target, FUZZ_TIME=20 seconds each)
	@scripts/deps.sh build
	@command -v clang >/dev/null || { \
	  echo "make fuzz: libFuzzer comes with clang, which is not here; 'scripts/deps.sh lint' installs it" >&2; exit 1; }
	+@$(TEST_MAKE) $(FUZZ_VARIANT) run-fuzz
run-fuzz: $(FUZZ_BIN)
	@exec scripts/fuzz.sh $(FUZZ_TIME) $(BUILD)/fuzz $(FUZZ_BIN)
