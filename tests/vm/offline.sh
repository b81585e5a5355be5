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

# From the first change to the last, each with its restart.
bring_down_and_up() {
	local nr=0 pid start
	for _ in 1 2; do
		"$top/build/vm/readers" 1 6 4000 >"$work/ready" &
		pid=$!
		eventually 30 grep -q ready "$work/ready" || return 1
		start=$(date +%s%N)
		echo 0 >$cpu || return 1
		figure "offline after $((($(date +%s%N) - start) / 1000000)) ms"
		wait $pid || { echo "readers: status $?"; return 1; }
		nr=$((nr + 1))
		eventually $start_max_s has_restarted $nr || return 1
		echo 1 >$cpu || return 1
		nr=$((nr + 1))
		eventually $start_max_s has_restarted $nr || return 1
	done
}
has_restarted() { ! is_running $arcade_pid || [ "$(grep -c '^scheduling$' "$work/err")" -gt "$1" ]; }

readers_do_not_hold_it_up() {
	local status=0 longest_ns
	start_arcade --stats 0.2 --json || return 1
	bring_down_and_up && is_running $arcade_pid || status=1
	echo 1 >$cpu
	[ $status -eq 0 ] || { grep -v '^dump' "$work/err" | tail -n 20; return 1; }
	longest_ns=$(grep -o '"wait_max_ns":[0-9]*' "$work/out" | cut -d: -f2 | sort -n | tail -n 1)
	figure "longest wait in a queue $((longest_ns / 1000000)) ms"
	# Below half a second nobody is served by another CPU: that there was somebody to be served is shown by this.
	[ "$longest_ns" -ge 500000000 ] && [ "$longest_ns" -lt 1000000000 ]
}

check "a CPU goes offline, twice, while RCU readers wait for it" readers_do_not_hold_it_up
check "it stops" stop_arcade
check "no complaint in the kernel log" no_kernel_complaints
finish
