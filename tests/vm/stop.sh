#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# SIGINT in the middle of hogs and fork storms: the scheduler is off within 1 s.
#
# The time is the kernel's: from a line that is written to its log just before
# the signal to its own line that the scheduler is disabled. The emulator's host
# only ever adds to it, so the best of three counts.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)
cpus=$(nproc)
times=()

stamp_ms() { dmesg | grep -F "$1" | tail -n 1 | sed -n 's/^\[ *\([0-9]*\)\.\([0-9]\{3\}\).*/\1\2/p'; }

stop_under_load() { # ROUND
	local scene_pid from to
	start_arcade || return 1
	"$scene" --mouse-hz 250 --hogs $((cpus * 2)) --forkers "$cpus" --warmup 0 --duration 60 >"$work/scene" 2>&1 &
	scene_pid=$!
	sleep 4
	echo "stop $1" >/dev/kmsg
	stop_arcade INT || { echo "status $?"; cat "$work/err"; return 1; }
	kill $scene_pid
	wait $scene_pid
	from=$(stamp_ms "stop $1") to=$(stamp_ms 'disabled (unregistered from user space)')
	[ -n "$from" ] && [ -n "$to" ] && [ "$to" -ge "$from" ] || { echo "no stamps: '$from' '$to'"; return 1; }
	times+=($((to - from)))
}

stops_within_1_s() {
	local round best
	for round in 1 2 3; do stop_under_load $round || return 1; done
	best=$(printf '%s\n' "${times[@]}" | sort -n | head -n 1)
	figure "disabled after ${times[*]} ms"
	[ "$best" -le 1000 ] && nothing_left "$before"
}

check "SIGINT under $((cpus * 2)) hogs and $cpus forkers: disabled within 1 s" stops_within_1_s
check "no complaint in the kernel log" no_kernel_complaints
finish
