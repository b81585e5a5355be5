#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Start, stop, start again: any number of times, also after SIGKILL, and nothing is left.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)

# No wait between: the killed one is still on its way out.
killed_and_started_at_once() {
	local killed
	for _ in 1 2 3; do
		start_arcade || return 1
		killed=$arcade_pid
		kill -KILL "$killed"
		start_arcade || return 1
		wait "$killed"
		state_is enabled || return 1
		stop_arcade || return 1
	done
	nothing_left "$before"
}

default_after_kill() {
	start_arcade || return 1
	stop_arcade KILL
	eventually 10 state_is disabled || return 1
	# The kernel's own scheduler runs: this process is on it.
	bash -c 'for ((i = 0; i < 20000; i++)); do :; done' && start_arcade && stop_arcade && nothing_left "$before"
}

two_at_once() {
	local a b sa=0 sb=0
	"$arcade" 2>"$work/a" & a=$!
	"$arcade" 2>"$work/b" & b=$!
	eventually 30 state_is enabled || return 1
	eventually 30 one_is_gone $a $b || return 1
	kill -INT $a $b 2>/dev/null
	wait $a || sa=$?
	wait $b || sb=$?
	cat "$work/a" "$work/b"
	[ "$sa $sb" = "0 6" ] || [ "$sa $sb" = "6 0" ] || { echo "statuses $sa $sb"; return 1; }
	nothing_left "$before"
}
one_is_gone() { ! is_running "$1" || ! is_running "$2"; }

across_processes() {
	local fds
	for i in $(seq 20); do
		"$arcade" 2>"$work/err" & arcade_pid=$!
		eventually 30 state_is enabled || return 1
		stop_arcade || { echo "round $i: status $?"; return 1; }
	done
	nothing_left "$before"
}

# Who decides goes before others; who reads for it does not.
only_the_loop_is_hurried() {
	start_arcade && eventually 10 nice_values_are_right || { ps -L -o ni,comm -p "$arcade_pid"; return 1; }
	stop_arcade
}
nice_values_are_right() {
	[ "$(ps -L -o ni=,comm= -p "$arcade_pid" | awk '{ print $2, $1 }' | sort | paste -sd ' ')" = "arcade-prober 0 arcade-watch 0 scx_arcade -10" ]
}

in_one_process() { "$top/build/vm/restart_loop" 100 && nothing_left "$before"; }

check "killed with SIGKILL and started in the same moment, three times" killed_and_started_at_once
check "after SIGKILL the kernel's own scheduler runs" default_after_kill
check "two starts at the same time: one wins" two_at_once
check "only the thread that decides has a better priority" only_the_loop_is_hurried
check "20 starts and stops across processes leave nothing" across_processes
check "100 starts and stops in one process leave nothing" in_one_process
check "no complaint in the kernel log" no_kernel_complaints
finish
