# Formatting and everything that is checked without running the program: scripts/lint.sh.
.PHONY: lint lint-analyzers lint-rest format print-cppflags
lint: ## formatting, warnings of two compilers, analyzers, scripts, manual, drift
	@scripts/deps.sh build fast lint
	@MAKE='$(MAKE)' scripts/lint.sh

# Two parts, which need nothing of each other.
lint-analyzers lint-rest:
	@scripts/deps.sh build fast lint
	@MAKE='$(MAKE)' scripts/lint.sh $(@:lint-%=%)

format: ## format the sources in place
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

# For clang-tidy, one flag a line.
print-cppflags:
	@printf '%s\n' $(CPPFLAGS_ALL) -std=c11
