# SPDX-License-Identifier: GPL-2.0-only
#
# make            build everything
# make run        run the scheduler here, or a demonstration in a virtual machine
# make bench      compare schedulers in a virtual machine; BENCH has its options
# make check      all tests; check-unit, check-bpf, check-vm, check-desktop, check-dist run the parts
# make check-kernels, check-churn     every kernel of the archive; ten minutes of churn
# make fuzz       parsers against random input; FUZZ_SECONDS for each
# make bench-bpf  what the kernel half costs; bpf-budget writes tests/bpf/budget.txt anew
# make asan       the daemon with AddressSanitizer and UBSan, in build/asan
# make install    DESTDIR and PREFIX are honoured; make uninstall removes the same
# make deb        a Debian package, in build/deb
#
# Variables: V=1 shows the commands, WERROR=1 makes warnings errors,
# VMLINUX_H=FILE compiles against that vmlinux.h, B=DIR builds there.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
B ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' $(1) $(2))

CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 \
	-Wno-unused-parameter $(if $(filter 1,$(WERROR)),-Werror)
HARDENING := -fstack-protector-strong -fPIE
SANITIZE := $(if $(filter 1,$(ASAN)),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DARCADE_VERSION='"$(VERSION)"' -Iinclude -Isrc -Ibpf -I$(B)/gen \
	$(LIBBPF_CFLAGS) $(LIBEVDEV_CFLAGS) $(SESSION_CFLAGS) $(JSON_CFLAGS) $(INIH_CFLAGS) $(WARNINGS) $(HARDENING) $(SANITIZE) $(CFLAGS)
BPF_CFLAGS = -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -fms-extensions -Wall -Wno-microsoft-anon-tag \
	-Wno-missing-declarations $(if $(filter 1,$(WERROR)),-Werror) -DARCADE_VERSION='"$(VERSION)"' -I$(B)/gen -Iinclude -Ibpf \
	$(LIBBPF_CFLAGS)

# What the daemon's rooms link with.
DAEMON_LIBS = $(LIBBPF_LIBS) $(LIBEVDEV_LIBS) $(INOTIFYTOOLS_LIBS) $(SESSION_LIBS) $(JSON_LIBS) $(INIH_LIBS) -lpthread

SRCS := $(filter-out src/main.c,$(wildcard src/*.c))
OBJS := $(SRCS:src/%.c=$(B)/src/%.o)
SCENE_OBJS := $(patsubst tools/scene/%.c,$(B)/scene.d/%.o,$(wildcard tools/scene/*.c))

.PHONY: all
all: $(B)/scx_arcade $(B)/arcadetop $(B)/scene

# Remade by make itself before anything else, unless nothing is built.
ifneq ($(filter-out clean help uninstall,$(or $(MAKECMDGOALS),all)),)
include build/config.mk
endif
build/config.mk: tools/configure tools/setup
	@mkdir -p $(@D)
	$(Q)tools/configure > $@.tmp && mv $@.tmp $@

# ---- kernel half ----

# In this order: what is given, the running kernel if it has sched_ext, Debian's header package.
$(B)/gen/vmlinux.h: $(VMLINUX_H) | build/config.mk
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)tools/vmlinux-h "$(VMLINUX_H)" "$(BPFTOOL)" > $@.tmp && mv $@.tmp $@

BPF_ROOMS := $(wildcard bpf/*.h) $(wildcard include/arcade/*.h)

.SECONDARY:

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(BPF_ROOMS) $(B)/gen/vmlinux.h
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/gen/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen object $@.o $<	# drops the debug information that BTF does not need
	$(Q)$(BPFTOOL) gen skeleton $@.o name $*_bpf > $@.tmp
	$(Q)$(SKELETON_FILTER) $@.tmp > $@ && rm $@.tmp

# ---- daemon ----

$(B)/src/%.o: src/%.c | build/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/src/bpf.o: $(B)/gen/arcade.skel.h
$(B)/src/roles.o: $(B)/gen/roles.skel.h
$(B)/src/%.o: Makefile
$(B)/src/programs.o: tools/dist/programs.conf

$(B)/scx_arcade: $(B)/src/main.o $(OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -pie -o $@ $^ $(DAEMON_LIBS)

# Prints the option table in the forms that manual pages and shells want; runs while the rest is built.
$(B)/option-list: tools/option_list.c $(B)/src/option_table.o $(B)/src/options.o $(B)/src/modes.o $(B)/src/util.o
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -pie -o $@ $^

# ---- arcadetop ----

TUI_SRCS := $(filter-out tui/main.c,$(wildcard tui/*.c))
TUI_OBJS := $(TUI_SRCS:tui/%.c=$(B)/tui/%.o)
# Of the daemon's rooms these; it needs no other, and no library of theirs but JSON's.
TUI_SHARED := $(B)/src/client.o $(B)/src/util.o

$(B)/tui/%.o: tui/%.c Makefile | build/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CURSES_CFLAGS) -Itui -MMD -MP -c $< -o $@

$(B)/arcadetop: $(B)/tui/main.o $(TUI_OBJS) $(TUI_SHARED)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -pie -o $@ $^ $(JSON_LIBS) $(CURSES_LIBS) -lm

ASAN_VARS = B=$(B)/asan ASAN=1 CFLAGS='-O1 -g' VMLINUX_H=$(B)/gen/vmlinux.h

.PHONY: asan
asan: $(B)/gen/vmlinux.h
	$(Q)$(MAKE) --no-print-directory $(ASAN_VARS) $(B)/asan/scx_arcade $(B)/asan/arcadetop

# ---- the scene ----

$(B)/scene.d/%.o: tools/scene/%.c Makefile | build/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itools/scene -MMD -MP -c $< -o $@

$(B)/scene: $(SCENE_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -pie -o $@ $^ $(LIBEVDEV_LIBS) -lpthread -lm

# ---- tests ----

include tests/tests.mk
include tests/fuzz/fuzz.mk

# ---- comparing schedulers ----

include tools/bench.mk

# ---- running, installing ----

.PHONY: run
run: all
	$(Q)tools/run

include tools/install.mk

.PHONY: clean help
clean:
	rm -rf build

help:
	@sed -n '3,16s/^# \{0,1\}//p' Makefile

-include $(wildcard $(B)/src/*.d $(B)/tui/*.d $(B)/scene.d/*.d $(B)/unit/*.d $(B)/bpftest/*.d $(B)/vm/*.d $(B)/desktop/*.d)
