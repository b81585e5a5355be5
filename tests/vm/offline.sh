#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# offline.sh - a CPU goes offline while threads that can run nowhere else wait for it inside of RCU read-side sections
#
# The kernel asks the scheduler for nothing more on such a CPU, then waits for a grace period before it says that the CPU
# goes. Who waits in the scheduler's own queue for that CPU meanwhile must run all the same, or neither ever ends: after
# five seconds the kernel would end the scheduler.
. "$(dirname "$0")/lib.sh"
cpu=/sys/devices/system/cpu/cpu1/online

readers_do_not_hold_it_up() {
	local nr=0 pid start
	start_arcade --stats 1 --json || return 1
	for _ in 1 2; do
		"$top/build/vm/readers" 1 6 4000 >"$work/ready" &
		pid=$!
		eventually 30 grep -q ready "$work/ready" || return 1
		start=$(date +%s%N)
		echo 0 >$cpu
		figure "offline after $((($(date +%s%N) - start) / 1000000)) ms"
		wait $pid || { echo "readers: status $?"; return 1; }
		nr=$((nr + 1))
		eventually 60 has_restarted $nr || { tail -n 40 "$work/err" | cut -c 1-160; return 1; }
		echo 1 >$cpu
		nr=$((nr + 1))
		eventually 60 has_restarted $nr || return 1
	done
	figure "longest wait in a queue $(grep -o '"wait_max_ns":[0-9]*' "$work/out" | cut -d: -f2 | sort -n | tail -n 1) ns"
	is_running $arcade_pid
}
has_restarted() { [ "$(grep -c '^scheduling$' "$work/err")" -gt "$1" ]; }

check "a CPU goes offline, twice, while RCU readers wait for it" readers_do_not_hold_it_up
check "it stops" stop_arcade
check "no complaint in the kernel log" no_kernel_complaints
finish
