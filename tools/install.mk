# SPDX-License-Identifier: GPL-2.0-only
# Installing, and what is made only to be installed: unit, man pages, completions, the example of a configuration.

# What is made for one PREFIX.
DIST ?= $(B)/dist

BINDIR = $(PREFIX)/bin
DATADIR = $(PREFIX)/share/scx_arcade
MANDIR = $(PREFIX)/share/man
UNITDIR = $(PREFIX)/lib/systemd/system
SYSUSERSDIR = $(PREFIX)/lib/sysusers.d
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

# The folders that were made by installing: uninstalling removes those and no others.
FOLDERS = $(DATADIR)/folders

MAN_PAGES := $(patsubst tools/dist/man/%,$(DIST)/%,$(patsubst %.in,%,$(wildcard tools/dist/man/*)))
COMPLETIONS := $(addprefix $(DIST)/,scx_arcade.bash _scx_arcade scx_arcade.fish)
DIST_FILES := $(MAN_PAGES) $(COMPLETIONS) $(DIST)/scx_arcade.service $(DIST)/scx_arcade.conf.example

# Programs that are a part of this tree and are installed.
INSTALLED_PROGRAMS := $(B)/scx_arcade $(if $(wildcard tui/main.c),$(B)/arcadetop)

# MODE:SOURCE:TARGET. The only list there is: install and uninstall both take it.
INSTALL_LIST = \
	$(foreach program,$(INSTALLED_PROGRAMS),755:$(program):$(BINDIR)/$(notdir $(program))) \
	644:tools/dist/programs.conf:$(DATADIR)/programs.conf \
	644:tools/dist/kwin/scx_arcade_focus.js:$(DATADIR)/scx_arcade_focus.js \
	644:$(DIST)/scx_arcade.conf.example:$(DATADIR)/scx_arcade.conf.example \
	644:$(DIST)/scx_arcade.service:$(UNITDIR)/scx_arcade.service \
	644:tools/dist/systemd/sysusers.conf:$(SYSUSERSDIR)/scx_arcade.conf \
	$(foreach page,$(MAN_PAGES),644:$(page):$(MANDIR)/man$(lastword $(subst ., ,$(page)))/$(notdir $(page))) \
	644:$(DIST)/scx_arcade.bash:$(BASHDIR)/scx_arcade \
	644:$(DIST)/_scx_arcade:$(ZSHDIR)/_scx_arcade \
	644:$(DIST)/scx_arcade.fish:$(FISHDIR)/scx_arcade.fish

# ---- what is made for it ----

# What ctl is told.
CTL_WORDS := status mode set game explain dump stop

# Changes when what the files below are made of does: PREFIX may differ from one call of make to the next.
$(DIST)/place: FORCE
	@mkdir -p $(@D)
	@printf '%s %s\n' '$(PREFIX)' '$(VERSION)' | cmp -s - $@ || printf '%s %s\n' '$(PREFIX)' '$(VERSION)' > $@

.PHONY: FORCE
FORCE:

OPTION_FORMS := man env conf example modes bash zsh fish keys mode-names
OPTION_PARTS := $(OPTION_FORMS:%=$(DIST)/options.%)
$(OPTION_PARTS): $(DIST)/options.%: $(B)/option-list
	@mkdir -p $(@D)
	$(Q)$< $* > $@.tmp && mv $@.tmp $@

# Puts in the values, and the options where a line says @OPTIONS@.
$(MAN_PAGES): $(DIST)/options.env $(DIST)/options.modes
$(MAN_PAGES) $(COMPLETIONS): $(DIST)/options.keys $(DIST)/options.mode-names
define FILL_IN
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)sed -e 's|@BINDIR@|$(BINDIR)|g; s|@DATADIR@|$(DATADIR)|g; s|@VERSION@|$(VERSION)|g' \
		-e "s|@KEYS@|$$(cat $(DIST)/options.keys)|g; s|@MODES@|$$(cat $(DIST)/options.mode-names)|g; s|@CTL@|$(CTL_WORDS)|g" \
		$(if $(1),-e '/^@OPTIONS@$$/{r $(1)' -e 'd}') \
		-e '/^@ENV@$$/{r $(DIST)/options.env' -e 'd}' -e '/^@MODE_LIST@$$/{r $(DIST)/options.modes' -e 'd}' $< > $@.tmp && mv $@.tmp $@
endef

$(DIST)/scx_arcade.service: tools/dist/systemd/scx_arcade.service.in $(DIST)/place $(DIST)/options.keys $(DIST)/options.mode-names
	$(call FILL_IN)

$(DIST)/scx_arcade.8: tools/dist/man/scx_arcade.8.in $(DIST)/options.man $(DIST)/place
	$(call FILL_IN,$(DIST)/options.man)

$(DIST)/scx_arcade.conf.5: tools/dist/man/scx_arcade.conf.5.in $(DIST)/options.conf $(DIST)/place
	$(call FILL_IN,$(DIST)/options.conf)

$(DIST)/%: tools/dist/man/%.in $(DIST)/place
	$(call FILL_IN)

$(DIST)/scx_arcade.bash: tools/dist/completion/scx_arcade.bash.in $(DIST)/options.bash $(DIST)/place
	$(call FILL_IN,$(DIST)/options.bash)

$(DIST)/_scx_arcade: tools/dist/completion/_scx_arcade.in $(DIST)/options.zsh $(DIST)/place
	$(call FILL_IN,$(DIST)/options.zsh)

$(DIST)/scx_arcade.fish: tools/dist/completion/scx_arcade.fish.in $(DIST)/options.fish $(DIST)/place
	$(call FILL_IN,$(DIST)/options.fish)

$(DIST)/scx_arcade.conf.example: tools/dist/scx_arcade.conf.example.in $(DIST)/options.example $(DIST)/options.keys \
	$(DIST)/options.mode-names $(DIST)/place
	$(call FILL_IN,$(DIST)/options.example)

$(DIST)/%: tools/dist/man/% $(DIST)/place
	$(call FILL_IN)

.PHONY: dist
dist: $(DIST_FILES)

# ---- installing ----

# A list of words and colons in make, lines in the shell: a prefix with anything else in it cannot be taken.
define check_prefix
	@case '$(PREFIX)' in /*) ;; *) echo "make: error: PREFIX=$(PREFIX): not an absolute path" >&2; exit 1 ;; esac
	@case '$(PREFIX)$(DESTDIR)' in *[!A-Za-z0-9/._+~-]*|*//*|*/../*) \
		echo "make: error: PREFIX and DESTDIR may have letters, digits and /._+~- only" >&2; exit 1 ;; esac
endef

.PHONY: install uninstall
install: $(INSTALLED_PROGRAMS) $(DIST_FILES)
	$(check_prefix)
	$(Q)tools/install add '$(DESTDIR)' '$(FOLDERS)' $(INSTALL_LIST)
	$(if $(DESTDIR),,@echo "Run it now: systemctl daemon-reload && systemd-sysusers && systemctl enable --now scx_arcade")

# As a package would have it, for tests and packages.
STAGE ?= $(B)/stage
.PHONY: stage
stage:
	$(Q)rm -rf $(STAGE)
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(abspath $(STAGE)) PREFIX=/usr DIST=$(STAGE).dist >/dev/null
	$(Q)rm -f $(STAGE)/usr/share/scx_arcade/folders

.PHONY: deb
deb:
	$(Q)tools/setup package
	# zsh looks elsewhere on Debian.
	$(Q)$(MAKE) --no-print-directory stage STAGE=$(B)/deb/stage ZSHDIR=/usr/share/zsh/vendor-completions
	$(Q)tools/deb $(VERSION) $(B)/deb/stage $(B)/deb

uninstall:
	$(check_prefix)
	$(Q)tools/install remove '$(DESTDIR)' '$(FOLDERS)' $(INSTALL_LIST)
