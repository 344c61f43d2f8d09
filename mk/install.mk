# SPDX-License-Identifier: GPL-2.0
# make install DESTDIR= PREFIX=: programs, systemd unit, manual pages, completions, documents,
# examples. What is written down here is what uninstall removes. Configuration and state
# (/etc/evenkeel, /var/lib/evenkeel) are never touched.
PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/evenkeel
BASH_COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions

MAN_PAGES := $(wildcard docs/man/*.[1-9])
DOCUMENTS := $(wildcard README.md CHANGELOG.md LICENSE docs/*.md)
EXAMPLES := $(sort $(shell find examples -type f))
UNITS := $(wildcard packaging/*.service)
COMPLETIONS := $(wildcard packaging/completions/*)
INSTALL ?= install

man-path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
INSTALLED := $(SBINDIR)/evenkeel $(SBINDIR)/evenkeeld \
	$(UNITS:packaging/%=$(LIBDIR)/systemd/system/%) \
	$(foreach m,$(MAN_PAGES),$(call man-path,$(m))) \
	$(foreach c,$(COMPLETIONS),$(BASH_COMPLETIONS)/$(basename $(notdir $(c)))) \
	$(foreach d,$(DOCUMENTS),$(DOCDIR)/$(notdir $(d))) \
	$(EXAMPLES:%=$(DOCDIR)/%)

.PHONY: install uninstall
install: all
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(SBINDIR) $(BUILD)/evenkeel $(BUILD)/evenkeeld
	@set -e; for unit in $(UNITS); do \
		$(INSTALL) -d $(DESTDIR)$(LIBDIR)/systemd/system; \
		sed 's|/usr/\(local/\)*sbin/evenkeel|$(SBINDIR)/evenkeel|g' $$unit \
			>$(DESTDIR)$(LIBDIR)/systemd/system/$${unit##*/}; \
		chmod 644 $(DESTDIR)$(LIBDIR)/systemd/system/$${unit##*/}; \
	done
	$(foreach m,$(MAN_PAGES),@$(INSTALL) -D -m 644 $(m) $(DESTDIR)$(call man-path,$(m))$(newline))
	$(foreach c,$(COMPLETIONS),@$(INSTALL) -D -m 644 $(c) $(DESTDIR)$(BASH_COMPLETIONS)/$(basename $(notdir $(c)))$(newline))
	$(if $(DOCUMENTS),@$(INSTALL) -D -m 644 -t $(DESTDIR)$(DOCDIR) $(DOCUMENTS))
	$(foreach e,$(EXAMPLES),@$(INSTALL) -D -m 644 $(e) $(DESTDIR)$(DOCDIR)/$(e)$(newline))

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@find $(DESTDIR)$(DOCDIR) -depth -type d -empty -delete 2>/dev/null || true

# A line feed, so that $(foreach) makes lines of a recipe.
define newline


endef
