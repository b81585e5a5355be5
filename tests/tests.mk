# SPDX-License-Identifier: GPL-2.0-only
# The tests' part of the Makefile: programs first, then the runner's targets.

$(B)/bpf/%.bpf.o: tests/bpf/%.bpf.c $(BPF_ROOMS) $(B)/gen/vmlinux.h
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/bpf/%.bpf.o: tests/vm/%.bpf.c $(BPF_ROOMS) $(B)/gen/vmlinux.h
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

U := $(B)/asan
CMOCKA_LIBS := -lcmocka

# Unit tests run under AddressSanitizer and UBSan: their objects are those of `make asan`.
UNIT_CFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
UNIT_OBJS := $(SRCS:src/%.c=$(U)/src/%.o) $(U)/scene.d/histogram.o

$(B)/unit/test_%: tests/unit/test_%.c unit-objects
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -Itools/scene $(UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(UNIT_OBJS) \
		$(LIBBPF_LIBS) $(CMOCKA_LIBS) -lpthread -lm

.PHONY: unit-objects
unit-objects: $(B)/gen/arcade.skel.h
	$(Q)$(MAKE) --no-print-directory B=$(U) ASAN=1 CFLAGS='-O1 -g' $(UNIT_OBJS)

# An object to preload makes the Nth allocation fail.
$(B)/unit/failalloc.so: tests/unit/failalloc.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -shared -fPIC -o $@ $< -ldl

$(B)/bpftest/test_hook: $(B)/gen/hooktest.skel.h
$(B)/bpftest/test_%: tests/bpf/test_%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(LIBBPF_LIBS) $(CMOCKA_LIBS) -lpthread

$(B)/vm/%: tests/vm/%.c $(OBJS)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(OBJS) $(LIBBPF_LIBS) $(CMOCKA_LIBS) -lpthread
