# mqtk: `make help` lists what can be made.
#
# Objects go to build/VARIANT/, one folder for each combination of compiler, sanitizers and flags,
# so that switching between them rebuilds nothing. The program of the last `make` is ./mqtk.

CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZE ?=
WERROR ?=
BUILD ?= build
VERSION := $(shell cat VERSION)

comma := ,
VARIANT := $(notdir $(firstword $(CC)))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(VARIANT_SUFFIX)
OUT := $(BUILD)/$(VARIANT)

# --- libraries -------------------------------------------------------------------------------
# inih is required; each backend needs its own library and is dropped when that is missing.
# WITHOUT="kafka sqlite" drops a backend although its library is there.
WITHOUT ?=
have = $(if $(filter $(1),$(WITHOUT)),,$(shell $(PKG_CONFIG) --exists '$(2)' 2>/dev/null && echo yes))

LIBS_NEEDED := inih
HAVE_INIH := $(call have,inih,inih)
HAVE_KAFKA := $(call have,kafka,rdkafka >= 2.0.0)
HAVE_SQLITE := $(call have,sqlite,sqlite3 >= 3.35)
PACKAGES := $(LIBS_NEEDED) $(if $(HAVE_KAFKA),rdkafka) $(if $(HAVE_SQLITE),sqlite3)
BACKENDS := $(if $(HAVE_KAFKA),kafka) $(if $(HAVE_SQLITE),sqlite)
MISSING := $(filter-out $(BACKENDS),kafka sqlite)

# --- flags -----------------------------------------------------------------------------------
OPT ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
            -Wundef -Wvla -Wconversion -Wwrite-strings $(if $(WERROR),-Werror)
SANFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
CPPFLAGS_ALL := -Iinclude -Isrc -I. -D_GNU_SOURCE -DMQ_VERSION='"$(VERSION)"' \
                $(if $(HAVE_KAFKA),-DMQ_WITH_KAFKA) $(if $(HAVE_SQLITE),-DMQ_WITH_SQLITE) \
                $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) $(CPPFLAGS)
CFLAGS_ALL := -std=c11 $(OPT) $(WARNINGS) $(SANFLAGS) $(CFLAGS)
LDFLAGS_ALL := -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)
LDLIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm -lpthread

# --- sources ---------------------------------------------------------------------------------
LIB_SRC := $(wildcard src/core/*.c src/opt/*.c src/format/*.c src/backend/*.c) \
           $(foreach b,$(BACKENDS),$(wildcard src/backend/$(b)/*.c))
CMD_SRC := $(wildcard cmd/*.c cmd/*/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(OUT)/%.o)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$(OUT)/%)

.PHONY: all
all: mqtk
	@for b in $(MISSING); do \
	  echo "note: built without the $$b backend (its library was not found); 'mqtk help backends' says what to install" >&2; \
	done

# Always relinked into place: ./mqtk is the program of the last make, whatever the variant.
.PHONY: mqtk
mqtk: $(OUT)/mqtk
	@cmp -s $< $@ || { cp $< $@.tmp && mv -f $@.tmp $@; }

$(OUT)/mqtk: $(CMD_OBJ) $(OUT)/libmqtk.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(CMD_OBJ) $(OUT)/libmqtk.a $(LDLIBS)

$(OUT)/libmqtk.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# A changed set of libraries or flags rebuilds everything.
FLAGS_TEXT := $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDLIBS)
$(OUT)/flags: FORCE
	@mkdir -p $(OUT)
	@echo '$(subst ','\'',$(FLAGS_TEXT))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS_TEXT))' > $@
.PHONY: FORCE
FORCE:

$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(OUT)/tests/unit/%: $(OUT)/tests/unit/%.o $(OUT)/libmqtk.a
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(OUT)/libmqtk.a $(LDLIBS) -lcmocka

.PHONY: unit
unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do $$t || exit 1; done

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(UNIT_BIN:=.d)

.PHONY: format clean
format:
	clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf $(BUILD) mqtk
