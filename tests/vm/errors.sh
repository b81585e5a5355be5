#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel ends the scheduler: the daemon says how and why, and goes, with its own status.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)

# Wait for the daemon to go by itself.
gone_by_itself() { # STATUS
	local status=0
	eventually 20 has_gone || return 1
	wait "$arcade_pid" || status=$?
	arcade_pid=
	cat "$work/err"
	[ $status -eq "$1" ] || { echo "status $status"; return 1; }
}
has_gone() { ! is_running "$arcade_pid"; }

ended_by_sysrq() {
	start_arcade || return 1
	echo 1 >/proc/sys/kernel/sysrq
	echo S >/proc/sysrq-trigger
	gone_by_itself 9 && grep -q '^error: the scheduler was ended: .*sysrq' "$work/err" && nothing_left "$before"
}

# A real-time task holds a CPU, and a task that may run nowhere else waits beyond the kernel's patience. That is long enough for
# a guest that stands still now and then, or another wait than ours would end the scheduler; the hog holds on until it has ended.
ended_by_stall() {
	local hog spinner status=1
	SCX_TIMEOUT_MS=5000 start_arcade --exit-dump-len 1048576 || return 1
	sysctl -q kernel.sched_rt_runtime_us=-1
	# It must end by itself: with its CPU taken nobody of lower priority could end it there.
	taskset -c 0 chrt -f 50 bash -c 'while [ ! -e "$1" ] && [ $SECONDS -lt 40 ]; do :; done' hog "$work/enough" & hog=$!
	# It waits from its first moment there: the hog has the CPU.
	eventually 20 is_realtime $hog && { taskset -c 0 bash -c 'while :; do :; done' & spinner=$!; } &&
		eventually 40 was_ended_by_kernel && status=0
	touch "$work/enough"
	[ $status -ne 0 ] || gone_by_itself 7 || status=1
	wait $hog
	kill $spinner
	wait $spinner
	sysctl -q kernel.sched_rt_runtime_us=950000
	[ $status -eq 0 ] || { cat "$work/err"; return 1; }
	grep -q '^error: the kernel ended the scheduler: runnable task stall: ' "$work/err" &&
		grep -q '^dump: arcade: slice_us=3000 ' "$work/err" && grep -q '^dump:  *class=.* queued: cpu=' "$work/err" &&
		grep -q '^dump:  *task class=.* vtime=.*chain: hop=' "$work/err" && nothing_left "$before"
}
is_realtime() { [ "$(chrt -p "$1" 2>/dev/null | sed -n 's/.*policy: //p')" = SCHED_FIFO ]; }
was_ended_by_kernel() { grep -q '^error: the kernel ended the scheduler: ' "$work/err"; }

check "ended by sysrq: said, status 9, nothing left" ended_by_sysrq
check "ended by a stall: said, with a dump of our state, status 7, nothing left" ended_by_stall
finish
