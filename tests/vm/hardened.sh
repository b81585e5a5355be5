#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hardened.sh - a kernel that is locked down for integrity, with the fewest security modules; in a guest booted so
. "$(dirname "$0")/lib.sh"

locked_down() {
	mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
	cat /sys/kernel/security/lockdown /sys/kernel/security/lsm
	grep -q '\[integrity\]' /sys/kernel/security/lockdown && ! grep -q bpf /sys/kernel/security/lsm
}

# What it says of itself holds: each hook is attached, or the report says why not, and it schedules either way.
runs_and_says() {
	start_arcade --stats 0.2 --json || return 1
	state_is enabled || return 1
	grep -E '^(input|chains|processes|display|audio) ' "$work/err" | sed 's/^/figure: /'
	grep -q '^input ' "$work/err" && grep -q '^processes ' "$work/err" && stop_arcade && eventually 5 state_is disabled
}

# The hooks are there, so they must count.
hooks_work() {
	start_arcade --stats 0.2 --json || return 1
	grep -q '^input .*every packet' "$work/err" && grep -q '^processes .*told at once' "$work/err" || { cat "$work/err"; return 1; }
	"$top/build/vm/flood" 50 2 >/dev/null || return 1
	for _ in {1..20}; do /bin/true; done
	sleep 1
	[ "$(json packets)" -ge 100 ] && [ "$(json control_read)" -ge 40 ] || { tail -n 1 "$work/out"; return 1; }
	stop_arcade
}

check 'the guest is locked down' locked_down
check 'the scheduler runs, and says what is off' runs_and_says
check 'input and processes are seen' hooks_work
finish
