# Installing: the program, its manual pages and its completions. DESTDIR is put before every path
# (for packages), PREFIX is where the program will find itself.
BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man
BASHDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISHDIR = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
MAN_PAGES := $(wildcard man/*.[1-9])

.PHONY: install uninstall
install: all ## install below PREFIX (/usr/local), with DESTDIR before it
	$(INSTALL) -d '$(BINDIR)'
	$(INSTALL) -m 755 mqtk '$(BINDIR)/mqtk'
	@for page in $(MAN_PAGES); do \
	  $(INSTALL) -d '$(MANDIR)'/man$${page##*.} && \
	  $(INSTALL) -m 644 $$page '$(MANDIR)'/man$${page##*.}/ || exit 1; \
	done
	@if test -e completions/mqtk.bash; then \
	  $(INSTALL) -d '$(BASHDIR)' && $(INSTALL) -m 644 completions/mqtk.bash '$(BASHDIR)/mqtk'; fi
	@if test -e completions/_mqtk; then \
	  $(INSTALL) -d '$(ZSHDIR)' && $(INSTALL) -m 644 completions/_mqtk '$(ZSHDIR)/_mqtk'; fi
	@if test -e completions/mqtk.fish; then \
	  $(INSTALL) -d '$(FISHDIR)' && $(INSTALL) -m 644 completions/mqtk.fish '$(FISHDIR)/mqtk.fish'; fi

uninstall: ## remove what install put there (same DESTDIR and PREFIX)
	rm -f '$(BINDIR)/mqtk' '$(BASHDIR)/mqtk' '$(ZSHDIR)/_mqtk' '$(FISHDIR)/mqtk.fish'
	@for page in $(notdir $(MAN_PAGES)); do rm -f '$(MANDIR)'/man$${page##*.}/$$page; done
