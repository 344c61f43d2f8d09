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

# `evenkeel drill`: the lab, as in the source tree; its programs where the lab looks for them.
DRILLDIR := $(LIBDIR)/evenkeel
DRILL_SCRIPTS := scripts/lab.sh tests/lib/story.sh tests/lib/tap.sh tests/incidents/cases.sh \
	tests/incidents/drill.sh
DRILL_PROGRAMS := tests/lib/fuse tests/lib/visitors tests/lib/pass.bpf.o
DRILL_LINKS := evenkeel evenkeeld

man-path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
INSTALLED := $(SBINDIR)/evenkeel $(SBINDIR)/evenkeeld \
	$(UNITS:packaging/%=$(LIBDIR)/systemd/system/%) \
	$(foreach m,$(MAN_PAGES),$(call man-path,$(m))) \
	$(foreach c,$(COMPLETIONS),$(BASH_COMPLETIONS)/$(basename $(notdir $(c)))) \
	$(foreach d,$(DOCUMENTS),$(DOCDIR)/$(notdir $(d))) \
	$(EXAMPLES:%=$(DOCDIR)/%) $(DRILL_SCRIPTS:%=$(DRILLDIR)/%) $(DRILL_PROGRAMS:%=$(DRILLDIR)/build/%) \
	$(DRILL_LINKS:%=$(DRILLDIR)/build/%)

.PHONY: install uninstall
install: all $(DRILL_PROGRAMS:%=$(BUILD)/%)
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
	$(foreach s,$(DRILL_SCRIPTS),@$(INSTALL) -D -m 755 $(s) $(DESTDIR)$(DRILLDIR)/$(s)$(newline))
	$(foreach p,$(DRILL_PROGRAMS),@$(INSTALL) -D -m 755 $(BUILD)/$(p) $(DESTDIR)$(DRILLDIR)/build/$(p)$(newline))
	$(foreach l,$(DRILL_LINKS),@ln -sfr $(DESTDIR)$(SBINDIR)/$(l) $(DESTDIR)$(DRILLDIR)/build/$(l)$(newline))
	$(foreach e,$(EXAMPLES),@$(INSTALL) -D -m 644 $(e) $(DESTDIR)$(DOCDIR)/$(e)$(newline))

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@find $(DESTDIR)$(DOCDIR) $(DESTDIR)$(DRILLDIR) -depth -type d -empty -delete 2>/dev/null || true

# A line feed, so that $(foreach) makes lines of a recipe.
define newline


endef
