# Formatting and everything that is checked without running the program: scripts/lint.sh.
.PHONY: lint format print-cppflags
lint: ## formatting, warnings of two compilers, analyzers, scripts, manual, drift
	@scripts/deps.sh build fast lint
	@MAKE='$(MAKE)' scripts/lint.sh

format: ## format the sources in place
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

# For clang-tidy, one flag a line.
print-cppflags:
	@printf '%s\n' $(CPPFLAGS_ALL) -std=c11
