# mqtk: `make help` lists what can be made.
#
# Objects go to build/VARIANT/, one folder for each combination of compiler, sanitizers and flags,
# so that switching between them rebuilds nothing. The program of the last `make` is ./mqtk.
# What lives here: finding libraries, compiling, linking. Everything else (tests, lint, install,
# documentation, benchmarks) has a file of its own in mk/.

.DEFAULT_GOAL := all

CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
CXX ?= c++
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),clang++,g++)
endif
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZE ?=
WERROR ?=
BUILD ?= build
# A line for each step; V=1 shows the commands.
V ?=
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),,@printf '  %-5s %s\n' '$(1)' '$(2)')
VERSION := $(shell cat VERSION)

comma := ,
VARIANT := $(notdir $(firstword $(CC)))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(VARIANT_SUFFIX)
OUT := $(BUILD)/$(VARIANT)

# --- libraries -------------------------------------------------------------------------------
# These are required; each backend needs its own library and is dropped when that is missing.
# WITHOUT="kafka sqlite" drops a backend although its library is there.
WITHOUT ?=
have = $(if $(filter $(1),$(WITHOUT)),,$(shell $(PKG_CONFIG) --exists '$(2)' 2>/dev/null && echo yes))

HOW_TO_GET := 'scripts/deps.sh build' installs what is missing or names the packages, 'make demo' does that, builds and shows mqtk at work
LIBS_NEEDED := inih jansson libcrypto
HAVE_NEEDED := $(call have,needed,$(LIBS_NEEDED) >= 3.0)
HAVE_KAFKA := $(call have,kafka,rdkafka >= 2.0.0)
HAVE_SQLITE := $(call have,sqlite,sqlite3 >= 3.35)
# These two speak their protocols over src/core/net.c; the libraries read and write the bytes.
# libcurl is loaded at its first use, so only its headers are needed here.
HAVE_RABBITMQ := $(call have,rabbitmq,librabbitmq >= 0.11 openssl >= 3.0 libcurl)
HAVE_REDIS := $(call have,redis,hiredis >= 0.14 openssl >= 3.0)
# Loaded at its first use as well: --grep.
HAVE_PCRE2 := $(call have,pcre2,libpcre2-8 >= 10.30)
# Loaded at its first use too: names of hosts in other scripts, a format of JSON Schema.
HAVE_IDN2 := $(call have,idn2,libidn2)
# And these: the codecs of Avro's container files. bzip2 has no .pc file in most systems.
HAVE_ZLIB := $(call have,zlib,zlib)
HAVE_SNAPPY := $(call have,snappy,snappy)
HAVE_ZSTD := $(call have,zstd,libzstd)
HAVE_LZMA := $(call have,lzma,liblzma)
HAVE_BZIP2 := $(if $(filter bzip2,$(WITHOUT)),,$(shell echo '\#include <bzlib.h>' | \
                $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes))
CODECS := $(if $(HAVE_ZLIB),zlib) $(if $(HAVE_SNAPPY),snappy) $(if $(HAVE_ZSTD),zstd) \
          $(if $(HAVE_LZMA),lzma) $(if $(HAVE_BZIP2),bzip2)
CODEC_PACKAGES := $(if $(HAVE_ZLIB),zlib) $(if $(HAVE_SNAPPY),snappy) $(if $(HAVE_ZSTD),libzstd) \
                  $(if $(HAVE_LZMA),liblzma)
# Protobuf's own language is read by libprotobuf, through one file of C++. From 22 on it has another
# interface; the headers of its parser may be in a package of their own.
PROTOBUF_HEADER := google/protobuf/compiler/importer.h
HAVE_PROTOBUF := $(and $(call have,protobuf,protobuf >= 3.12 protobuf < 20), \
                 $(wildcard $(shell $(PKG_CONFIG) --variable=includedir protobuf)/$(PROTOBUF_HEADER)), \
                 $(shell command -v $(firstword $(CXX)) 2>/dev/null))
ALL_BACKENDS := kafka rabbitmq redis sqlite
BACKENDS := $(if $(HAVE_KAFKA),kafka) $(if $(HAVE_RABBITMQ),rabbitmq) \
            $(if $(HAVE_REDIS),redis) $(if $(HAVE_SQLITE),sqlite)
MISSING := $(filter-out $(BACKENDS),$(ALL_BACKENDS))
HAVE_NET := $(HAVE_RABBITMQ)$(HAVE_REDIS)
# Of RabbitMQ's management, and of schema registries.
HAVE_HTTP := $(or $(HAVE_RABBITMQ),$(call have,http,libcurl))
PACKAGES := $(LIBS_NEEDED) $(if $(HAVE_KAFKA),rdkafka) $(if $(HAVE_SQLITE),sqlite3) \
            $(if $(HAVE_RABBITMQ),librabbitmq) $(if $(HAVE_REDIS),hiredis) \
            $(if $(HAVE_NET),openssl)

# libprotobuf and libstdc++ become a part of the program where their archives are there, and do
# nothing when it starts (src/schema/protobuf/deferred.ld): loading them would cost each start more
# than a millisecond. Sanitizers start as they want to.
archive = $(findstring /,$(shell $(CC) -print-file-name=$(1) 2>/dev/null))
PROTOBUF_STATIC := $(if $(HAVE_PROTOBUF),$(if $(filter Linux,$(shell uname -s)),$(and \
                   $(call archive,libprotobuf.a),$(call archive,libstdc++.a))))
PROTOBUF_DEFERRED := $(if $(SANITIZE),,$(PROTOBUF_STATIC))
static = -Wl,-Bstatic -Wl,--start-group -lprotobuf -lstdc++ -Wl,--end-group -Wl,-Bdynamic
PROTOBUF_LIBS := $(if $(PROTOBUF_STATIC),$(if $(PROTOBUF_DEFERRED),,$(static)) -static-libgcc -lz, \
                 $(if $(HAVE_PROTOBUF),$(shell $(PKG_CONFIG) --libs protobuf) -lstdc++))

# --- flags -----------------------------------------------------------------------------------
OPT ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
            -Wundef -Wvla -Wconversion -Wwrite-strings $(if $(WERROR),-Werror)
SANFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
CPPFLAGS_ALL := -Iinclude -Isrc -I. -D_GNU_SOURCE -DMQ_VERSION='"$(VERSION)"' \
                $(BACKENDS:%=-DMQ_WITH_%) $(if $(HAVE_PCRE2),-DMQ_WITH_pcre2) $(if $(HAVE_IDN2),-DMQ_WITH_idn2) \
                $(CODECS:%=-DMQ_WITH_%) \
                $(if $(HAVE_PROTOBUF),-DMQ_WITH_protobuf) $(if $(PROTOBUF_DEFERRED),-DMQ_PROTOBUF_DEFERRED) \
                $(if $(HAVE_HTTP),-DMQ_WITH_http) \
                $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(CODEC_PACKAGES) 2>/dev/null) $(CPPFLAGS)
CFLAGS_ALL := -std=c11 $(OPT) $(WARNINGS) $(SANFLAGS) $(CFLAGS)
CXXFLAGS_ALL := -std=c++17 $(OPT) -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror) \
                $(SANFLAGS) $(if $(SANITIZE),-fno-sanitize=vptr$(if $(findstring clang,$(CXX)),$(comma)function)) $(CXXFLAGS) \
                $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags protobuf 2>/dev/null))
LDFLAGS_ALL := $(if $(filter Linux,$(shell uname -s)),-Wl$(comma)--as-needed) $(SANFLAGS) $(LDFLAGS)
LDLIBS := $(PROTOBUF_LIBS) $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm -lpthread

# --- sources ---------------------------------------------------------------------------------
CORE_WITHOUT := $(if $(HAVE_NET),,src/core/net.c src/core/tls.c)
LIB_SRC := $(filter-out $(CORE_WITHOUT),$(wildcard src/core/*.c)) \
           $(wildcard src/opt/*.c src/format/*.c src/backend/*.c src/schema/*.c src/schema/json/*.c \
                      src/schema/avro/*.c src/schema/registry/*.c) src/schema/protobuf/indexes.c \
           $(if $(HAVE_PROTOBUF),$(filter-out %/indexes.c,$(wildcard src/schema/protobuf/*.c))) \
           $(foreach b,$(BACKENDS),$(wildcard src/backend/$(b)/*.c))
CMD_SRC := $(wildcard cmd/*.c cmd/*/*.c)
# The meta-schemas of JSON Schema, which the program carries.
META_SRC := $(sort $(wildcard src/schema/json/meta/*.json))
META_C := $(OUT)/src/schema/json/metaschema_files.c
SHIM := src/schema/protobuf/shim
SHIM_OBJ := $(if $(HAVE_PROTOBUF),$(OUT)/$(SHIM)$(if $(PROTOBUF_DEFERRED),_deferred).o)
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o) $(SHIM_OBJ) $(META_C:.c=.o)
CMD_OBJ := $(CMD_SRC:%.c=$(OUT)/%.o)
UNIT_SRC := $(filter-out $(if $(HAVE_PROTOBUF),,tests/unit/test_protobuf.c) $(MISSING:%=tests/unit/test_%.c) \
              $(foreach b,$(MISSING),$(wildcard tests/unit/test_$(b)_*.c)) \
              $(CORE_WITHOUT:src/core/%.c=tests/unit/test_%.c) $(if $(HAVE_HTTP),,tests/unit/test_http.c),$(wildcard tests/unit/test_*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(OUT)/%)

# What the tests need besides the program: each tests/{lib,brokers}/NAME.c is a small program of
# its own, each tests/lib/preload_NAME.c a library for LD_PRELOAD.
PRELOAD_SRC := $(wildcard tests/lib/preload_*.c)
TOOL_SRC := $(filter-out $(PRELOAD_SRC),$(wildcard tests/lib/*.c)) \
            $(if $(HAVE_KAFKA),$(wildcard tests/brokers/*.c))
TOOL_BIN := $(TOOL_SRC:%.c=$(OUT)/%)
PRELOAD_LIB := $(PRELOAD_SRC:%.c=$(OUT)/%.so)

NOTES = for b in $(MISSING); do \
  case " $(WITHOUT) " in \
  *" $$b "*) echo "note: built without the $$b backend, as WITHOUT=\"$(WITHOUT)\" says" >&2;; \
  *) echo "note: built without the $$b backend: its library was not found ('mqtk help backends' says more; 'scripts/deps.sh build' installs it)" >&2;; \
  esac; \
done; \
case '$(HAVE_PROTOBUF)' in '') case " $(WITHOUT) " in \
  *" protobuf "*) echo "note: built without Protobuf, as WITHOUT=\"$(WITHOUT)\" says" >&2;; \
  *) echo "note: built without Protobuf: libprotobuf 3.12 to 21, its headers and a C++ compiler are needed ('scripts/deps.sh build' installs them)" >&2;; \
  esac; \
esac

.PHONY: all
all: mqtk ## build ./mqtk (CC=clang, SANITIZE=address,undefined, WERROR=1, WITHOUT="kafka", V=1)
	@$(NOTES)

# Always relinked into place: ./mqtk is the program of the last make, whatever the variant.
.PHONY: mqtk
mqtk: $(OUT)/mqtk
	@cmp -s $< $@ || { cp $< $@.tmp && mv -f $@.tmp $@; }

$(OUT)/mqtk: $(CMD_OBJ) $(OUT)/libmqtk.a $(OUT)/objects
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(CMD_OBJ) $(OUT)/libmqtk.a $(LDLIBS)

$(OUT)/libmqtk.a: $(LIB_OBJ) $(OUT)/objects
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $(LIB_OBJ)

# Files that hold a text and change only with it: a changed set of libraries or flags rebuilds
# everything, a source that is added or removed links anew.
quoted = '$(subst ','\'',$(1))'
keep_text = printf '%s\n' $(call quoted,$(1)) | cmp -s - $@ || printf '%s\n' $(call quoted,$(1)) > $@
FLAGS_TEXT := $(CC) $(CXX) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(CXXFLAGS_ALL) $(LDFLAGS_ALL) $(LDLIBS)
$(OUT)/flags: FORCE
	@command -v $(firstword $(CC)) >/dev/null || { \
	  echo "make: there is no compiler '$(firstword $(CC))'; $(HOW_TO_GET)" >&2; exit 1; }
	@command -v $(firstword $(PKG_CONFIG)) >/dev/null || { \
	  echo "make: pkg-config is needed to find the libraries; $(HOW_TO_GET)" >&2; exit 1; }
	@test -n '$(HAVE_NEEDED)' || { \
	  echo "make: the libraries inih, jansson and OpenSSL (3.0) and their headers are needed; $(HOW_TO_GET)" >&2; exit 1; }
	@mkdir -p $(OUT)
	@$(call keep_text,$(FLAGS_TEXT))
$(OUT)/objects: FORCE
	@mkdir -p $(OUT)
	@$(call keep_text,$(CMD_OBJ) $(LIB_OBJ))
.SECONDARY:
.PHONY: FORCE
FORCE:

$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(OUT)/%.o: %.cc $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(CPPFLAGS_ALL) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

$(OUT)/$(SHIM)_deferred.o: $(OUT)/$(SHIM).o src/schema/protobuf/deferred.ld
	$(call say,LINK,$@)
	$(Q)$(CC) -r -nostdlib -Wl,-T,src/schema/protobuf/deferred.ld -o $@ $< $(static)

$(META_C): scripts/embed.sh $(META_SRC) $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,EMBED,$@)
	$(Q)scripts/embed.sh $(META_SRC) > $@.tmp && mv -f $@.tmp $@

$(META_C:.c=.o): $(META_C)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(OUT)/tests/unit/%: $(OUT)/tests/unit/%.o $(OUT)/libmqtk.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(OUT)/libmqtk.a $(LDLIBS) -lcmocka

$(TOOL_BIN): %: %.o $(OUT)/libmqtk.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(OUT)/libmqtk.a $(LDLIBS)

# Without sanitizers: it is loaded before their run-time library.
$(PRELOAD_LIB): $(OUT)/%.so: %.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) -std=c11 $(OPT) $(WARNINGS) -fPIC -shared -MMD -MP -MF $(@:.so=.d) -o $@ $< -ldl

# Everything that can be compiled, without touching ./mqtk.
.PHONY: compile program
program: $(OUT)/mqtk
	@$(NOTES)
compile: program $(UNIT_BIN) $(TOOL_BIN) $(PRELOAD_LIB)

-include $(LIB_OBJ:.o=.d) $(if $(SHIM_OBJ),$(OUT)/$(SHIM).d) $(CMD_OBJ:.o=.d) $(UNIT_BIN:=.d) $(TOOL_BIN:=.d) $(PRELOAD_LIB:.so=.d)

.PHONY: clean help
clean: ## remove everything that was built
	rm -rf $(BUILD) mqtk

help: ## this list
	@echo 'make TARGET [VARIABLE=value …]'
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile $(sort $(wildcard mk/*.mk))

include $(sort $(wildcard mk/*.mk))
