# man/ and completions/: made from the option tables, committed, and compared in lint.

DOCS_TOOL := $(OUT)/mqtk-docs

$(DOCS_TOOL): $(OUT)/tools/docs.o $(filter-out $(OUT)/cmd/main.o,$(CMD_OBJ)) $(OUT)/libmqtk.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)

-include $(OUT)/tools/docs.d

.PHONY: docs docs-check
docs: $(DOCS_TOOL) ## write man/ and completions/ from the option tables
	@test -z '$(strip $(MISSING))' || { \
	  echo "make docs needs every backend built in, but there is no $(MISSING)" >&2; exit 1; }
	rm -f man/*.1
	$(DOCS_TOOL) .

# The settings in the completions are those of all backends, so a program without one of them cannot
# tell whether they drifted.
docs-check: $(DOCS_TOOL) ## man/ and completions/ are those of the tables, and clean
	rm -rf $(OUT)/docs && mkdir -p $(OUT)/docs
	$(DOCS_TOOL) $(OUT)/docs
ifeq ($(strip $(MISSING)),)
	diff -ru man $(OUT)/docs/man && diff -ru completions $(OUT)/docs/completions || \
	  { echo "man/ or completions/ drifted from the tables: run 'make docs'" >&2; exit 1; }
endif
	mandoc -T lint -W style $(OUT)/docs/man/*.1
	@for page in $(OUT)/docs/man/*.1; do \
	  said=$$(groff -mdoc -ww -z -Tutf8 $$page 2>&1); \
	  if [ -n "$$said" ]; then echo "$$page: $$said" >&2; exit 1; fi; \
	done
	bash -n completions/mqtk.bash
	@if command -v shellcheck >/dev/null; then shellcheck -s bash completions/mqtk.bash; fi
	@if command -v zsh >/dev/null; then zsh -n completions/_mqtk; fi
	@if command -v fish >/dev/null; then fish --no-execute completions/mqtk.fish; fi
