# SPDX-License-Identifier: GPL-2.0-only
# The tests' part of the Makefile: the programs first, then the targets that run them.

CMOCKA_LIBS := -lcmocka
UNIT_TESTS := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
CHURN_ROOMS := $(wildcard tests/vm/churn_*.c)
VM_PROGS := $(patsubst tests/vm/%.c,$(B)/vm/%,$(filter-out %.bpf.c $(CHURN_ROOMS),$(wildcard tests/vm/*.c)))

define BPF_COMPILE
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
endef

$(B)/bpf/%.bpf.o: tests/bpf/%.bpf.c $(BPF_ROOMS) $(B)/gen/vmlinux.h
	$(BPF_COMPILE)

$(B)/bpf/%.bpf.o: tests/vm/%.bpf.c tests/vm/burn.bpf.h $(BPF_ROOMS) $(B)/gen/vmlinux.h
	$(BPF_COMPILE)

# Unit tests link everything but main(). They exist twice: under sanitizers, and plain for valgrind.
UNIT_LINKED := $(SRCS:src/%.c=src/%.o) $(TUI_SRCS:tui/%.c=tui/%.o) scene.d/histogram.o
UNIT_ASAN_OBJS := $(addprefix $(B)/asan/,$(UNIT_LINKED))
UNIT_PLAIN_OBJS := $(addprefix $(B)/,$(UNIT_LINKED))

define UNIT_COMPILE
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -Itools/scene -Itui $(1) -MMD -MP -MF $@.d -o $@ $< $(2) $(DAEMON_LIBS) $(CURSES_LIBS) $(CMOCKA_LIBS) -lpthread -lm
endef

$(B)/unit/test_%: tests/unit/test_%.c unit-asan-objects
	$(call UNIT_COMPILE,-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer,$(UNIT_ASAN_OBJS))

$(B)/unit-plain/test_%: tests/unit/test_%.c $(UNIT_PLAIN_OBJS)
	$(call UNIT_COMPILE,,$(UNIT_PLAIN_OBJS))

.PHONY: unit-asan-objects
unit-asan-objects: $(B)/gen/vmlinux.h
	$(Q)$(MAKE) --no-print-directory $(ASAN_VARS) $(UNIT_ASAN_OBJS)

# To be preloaded: makes the Nth allocation fail. The probe is what its own test runs it on.
$(B)/unit/failalloc.so: tests/unit/failalloc.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARNINGS) -shared -fPIC -o $@ $< -ldl

$(B)/unit/failalloc_probe: tests/unit/failalloc_probe.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O0 -g $(WARNINGS) -o $@ $<

$(B)/bpftest/test_hook: $(B)/gen/hooktest.skel.h
$(B)/bpftest/test_%: tests/bpf/test_%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(LIBBPF_LIBS) $(CMOCKA_LIBS) -lpthread

# What measures the kernel half: its paths, its size, its cost under a load.
BPF_MEASURES := $(addprefix $(B)/bpftest/,bench_paths bench_paths_native bench_load budget)

define MEASURE_COMPILE
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(1) -MMD -MP -MF $@.d -o $@ $< $(filter %.o,$^) $(DAEMON_LIBS)
endef

$(B)/bpf/bench_native.bpf.o: tests/bpf/bench.bpf.c
$(B)/bpftest/bench_paths: tests/bpf/bench_paths.c $(B)/gen/bench.skel.h $(B)/src/util.o
	$(call MEASURE_COMPILE)

$(B)/bpftest/bench_paths_native: tests/bpf/bench_paths.c $(B)/gen/bench_native.skel.h $(B)/src/util.o
	$(call MEASURE_COMPILE,-DBENCH_WITHOUT_KERNEL_VARIABLES)

$(B)/bpftest/bench_load: tests/bpf/bench_load.c $(B)/src/util.o
	$(call MEASURE_COMPILE)

$(B)/bpftest/budget: tests/bpf/budget.c $(OBJS)
	$(call MEASURE_COMPILE)

$(B)/vm/churn: tests/vm/churn.c $(CHURN_ROOMS) tests/vm/churn.h $(B)/gen/churn.skel.h $(B)/src/util.o
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ tests/vm/churn.c $(CHURN_ROOMS) $(B)/src/util.o $(LIBBPF_LIBS) -lutil -lpthread

$(B)/vm/readers: tests/vm/readers.c $(B)/gen/readers.skel.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(LIBBPF_LIBS) -lpthread

$(B)/vm/nothing: tests/vm/nothing.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARNINGS) -O2 -static -o $@ $<

$(B)/vm/%: tests/vm/%.c $(OBJS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OBJS) $(DAEMON_LIBS) $(CMOCKA_LIBS) -lpthread

# The desktop: a driver with the focus room, and what its tests need beside real programs.
DESKTOP_PROGS := $(patsubst tests/desktop/%.c,$(B)/desktop/%,$(wildcard tests/desktop/*.c))

$(B)/gen/xdg-shell-client.h $(B)/gen/xdg-shell-client.c: | build/config.mk
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)wayland-scanner $(if $(filter %.h,$@),client-header,private-code) \
		$$(pkg-config --variable=pkgdatadir wayland-protocols)/stable/xdg-shell/xdg-shell.xml $@

$(B)/desktop/client: tests/desktop/client.c $(B)/gen/xdg-shell-client.h $(B)/gen/xdg-shell-client.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ tests/desktop/client.c $(B)/gen/xdg-shell-client.c $$(pkg-config --cflags --libs wayland-client)

$(B)/desktop/%: tests/desktop/%.c $(OBJS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OBJS) $(DAEMON_LIBS)

# The simulator: the policy in a machine of the model's own.
SIM_OBJS := $(patsubst tests/sim/%.c,$(B)/sim.d/%.o,$(wildcard tests/sim/*.c))
SIM_LINKED := $(B)/src/placement.o $(B)/src/util.o

$(B)/sim.d/%.o: tests/sim/%.c Makefile tests/tests.mk | build/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/sim -MMD -MP -c $< -o $@

$(B)/sim: $(SIM_OBJS) $(SIM_LINKED)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) $(LDFLAGS) -pie -o $@ $^ -lm

-include $(wildcard $(B)/sim.d/*.d)

.PHONY: test-setup test-programs-unit test-programs-bpf test-programs-vm
test-setup:
	$(Q)tools/setup build test

.PHONY: desktop-setup test-programs-desktop
desktop-setup:
	$(Q)tools/setup build desktop

test-programs-desktop: desktop-setup
	$(Q)$(MAKE) --no-print-directory $(B)/scx_arcade $(DESKTOP_PROGS)

test-programs-unit: test-setup
	$(Q)$(MAKE) --no-print-directory $(addprefix $(B)/unit/test_,$(UNIT_TESTS)) $(addprefix $(B)/unit-plain/test_,$(UNIT_TESTS)) \
		$(B)/unit/failalloc.so $(B)/unit/failalloc_probe $(B)/sim $(B)/vm/actor $(B)/scx_arcade \
		$(B)/arcadetop $(addprefix $(B)/fuzz/replay_,$(FUZZ_TARGETS))
	$(Q)$(MAKE) --no-print-directory $(ASAN_VARS) $(B)/asan/arcadetop

test-programs-bpf: test-setup
	$(Q)$(MAKE) --no-print-directory $(B)/bpftest/test_hook $(BPF_MEASURES) $(B)/scx_arcade

test-programs-vm: test-setup
	$(Q)$(MAKE) --no-print-directory all asan stage $(VM_PROGS) $(B)/bpf/foreign.bpf.o $(B)/bpf/crowd.bpf.o $(B)/unit/failalloc.so

.PHONY: test-programs-dist
test-programs-dist:
	$(Q)tools/setup build package
	$(Q)$(MAKE) --no-print-directory all dist $(if $(wildcard /etc/debian_version),deb)

.PHONY: check check-unit check-bpf check-vm check-desktop check-dist check-churn
check: test-programs-unit test-programs-bpf test-programs-vm test-programs-desktop test-programs-dist
	$(Q)tests/run unit bpf vm desktop dist

check-unit: test-programs-unit
	$(Q)tests/run unit

check-bpf: test-programs-bpf
	$(Q)tests/run bpf

check-vm: test-programs-vm
	$(Q)tests/run vm

check-dist: test-programs-dist
	$(Q)tests/run dist

# The soak is ten times as long as in check.
check-desktop: test-setup test-programs-desktop
	$(Q)DESKTOP_SOAK=20000 tests/run desktop

.PHONY: bench-bpf bpf-budget check-kernels
bench-bpf: test-setup
	$(Q)$(MAKE) --no-print-directory all $(BPF_MEASURES) $(B)/bpf/plain.bpf.o $(B)/vm/flood
	$(Q)tools/bench-bpf $(BENCH_BPF_FLAGS)

bpf-budget: test-setup
	$(Q)$(MAKE) --no-print-directory $(B)/bpftest/budget
	$(Q)tests/bpf/refresh-budget

check-kernels: test-programs-vm
	$(Q)tests/run kernels
# Ten minutes per kernel, both at a time: not a part of check, which has a short one.
check-churn: test-programs-vm
	$(Q)tests/run churn
