# SPDX-License-Identifier: GPL-2.0-only
# Fuzz targets. tests/fuzz/fuzz_NAME.c with the function LLVMFuzzerTestOneInput() and some inputs in
# tests/fuzz/corpus/NAME/ is one; nothing is to be said here. The inputs run in make check without libFuzzer.

FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 300
# What a target may need of the daemon.
FUZZ_ROOMS := $(filter-out src/main.c,$(wildcard src/*.c))
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_FLAGS = $(filter-out $(HARDENING),$(ALL_CFLAGS)) -O1 -g

$(B)/fuzz/obj/%.o: src/%.c Makefile tests/fuzz/fuzz.mk | build/config.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) -MMD -MP -c $< -o $@

$(B)/fuzz/obj/bpf.o: $(B)/gen/arcade.skel.h
$(B)/fuzz/obj/roles.o: $(B)/gen/roles.skel.h

# The linker takes from it what a target reaches, so that rooms need not be listed.
$(B)/fuzz/rooms.a: $(patsubst src/%.c,$(B)/fuzz/obj/%.o,$(FUZZ_ROOMS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(B)/fuzz/rooms.a
	$(call say,CC,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer $(FUZZ_SANITIZE) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $(filter %.c %.a,$^) $(DAEMON_LIBS)

# The same without the engine, by the ordinary compiler and sanitizers.
$(B)/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c unit-asan-objects
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
		-MMD -MP -MF $@.d -o $@ $(filter %.c,$^) $(UNIT_ASAN_OBJS) $(DAEMON_LIBS) $(CURSES_LIBS) -lm

.PHONY: fuzz
# New inputs that find new ways are kept in build/fuzz/NAME; the ones in the tree are only read.
fuzz: $(addprefix $(B)/fuzz/fuzz_,$(FUZZ_TARGETS))
	$(Q)for target in $(FUZZ_TARGETS); do \
		mkdir -p $(B)/fuzz/$$target && \
		$(B)/fuzz/fuzz_$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
			-artifact_prefix=$(B)/fuzz/$$target.found. $(B)/fuzz/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

-include $(wildcard $(B)/fuzz/*.d $(B)/fuzz/obj/*.d)
