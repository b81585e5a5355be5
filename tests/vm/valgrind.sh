#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The daemon loads, attaches its hooks, and gives everything back under
# valgrind. Leaks and bad accesses only: valgrind does not know every command
# of bpf(2) and takes what the kernel wrote for uninitialised.
. "$(dirname "$0")/lib.sh"

loads_and_frees() {
	local status=0
	valgrind -q --undef-value-errors=no --leak-check=full --show-leak-kinds=all --error-exitcode=99 \
		--log-file="$work/valgrind" "$arcade" --check >"$work/out" 2>&1 || status=$?
	grep -vE 'unhandled eBPF command' "$work/valgrind" | head -n 60
	cat "$work/out"
	[ $status -eq 0 ] && grep -q '^can run here *yes' "$work/out"
}

check "load, attach, detach and free under valgrind" loads_and_frees
finish
