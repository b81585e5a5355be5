#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The daemon as a user meets it: refusals, options, and what can go wrong around it.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)

check_reports() {
	"$arcade" --check >"$work/check" || { cat "$work/check"; return 1; }
	cat "$work/check"
	grep -q '^can run here *yes$' "$work/check" && grep -q '^input .*every packet' "$work/check" &&
		grep -q '^chains .*interrupts told apart' "$work/check" && nothing_left "$before"
}

expect_refusal() { # STATUS TEXT COMMAND…
	local want=$1 text=$2 status=0
	shift 2
	"$@" >"$work/refusal" 2>&1 || status=$?
	cat "$work/refusal"
	[ $status -eq "$want" ] || { echo "status $status, expected $want"; return 1; }
	grep -q "$text" "$work/refusal" || { echo "no word of: $text"; return 1; }
	[ "$(wc -l <"$work/refusal")" -eq 1 ] || { echo "more than one line"; return 1; }
}

unprivileged() { expect_refusal 3 privileges setpriv --reuid 65534 --regid 65534 --clear-groups "$arcade"; }
wrong_flag() { expect_refusal 2 'slice-us.*250' "$arcade" --slice-us 1; }
stray_argument() { expect_refusal 2 help "$arcade" fast; }

foreign_scheduler() {
	bpftool struct_ops register "$top/build/bpf/foreign.bpf.o" /sys/fs/bpf/foreign || return 1
	eventually 10 state_is enabled || return 1
	expect_refusal 5 foreign "$arcade" && state_is enabled && [ "$(cat /sys/kernel/sched_ext/root/ops)" = foreign ]
	local status=$?
	rm -rf /sys/fs/bpf/foreign
	eventually 10 state_is disabled && return $status
}

runs_and_stops() { # SIGNAL
	local name start stop
	start_arcade || return 1
	state_is enabled || return 1
	name=$(cat /sys/kernel/sched_ext/root/ops)
	[[ $name == arcade_* ]] || { echo "name: $name"; return 1; }
	start=$(date +%s%N)
	stop_arcade "$1" || { echo "status $?"; return 1; }
	stop=$((($(date +%s%N) - start) / 1000000))
	figure "stopped by SIG$1 after $stop ms"
	[ $stop -lt 1000 ] && nothing_left "$before"
}

second_instance() {
	start_arcade || return 1
	expect_refusal 6 'another scx_arcade' "$arcade" && state_is enabled && stop_arcade && nothing_left "$before"
}

check_beside_running() {
	start_arcade || return 1
	"$arcade" --check | grep -q 'active: arcade_' && state_is enabled && stop_arcade
}

without_input() {
	start_arcade --no-input --stats 0.2 --json || return 1
	grep -q '^input .*off, by option' "$work/err" || return 1
	"$scene" --no-audio --fps 0 --packets 50 --mouse-hz 200 --warmup 0 --duration 2 >/dev/null || return 1
	fresh_json && [ "$(json packets)" = 0 ] && [ "$(json chain_hop1)" = 0 ] && [ "$(json devices_used)" = 0 ] && stop_arcade && nothing_left "$before"
}

refused_hook() {
	local status
	bpftool prog loadall "$top/build/bpf/crowd.bpf.o" /sys/fs/bpf/crowd autoattach >"$work/crowd" 2>&1 || { cat "$work/crowd"; return 1; }
	start_arcade --stats 0.2 --json && state_is enabled && stop_arcade
	status=$?
	rm -rf /sys/fs/bpf/crowd
	cat "$work/err"
	[ $status -eq 0 ] && grep -q '^input .*off, the kernel refuses it' "$work/err" && nothing_left "$before"
}

closed_stdout() {
	local status=0
	"$arcade" --stats 0.2 2>"$work/err" >&- || status=$?
	cat "$work/err"
	[ $status -eq 1 ] && grep -q 'standard output' "$work/err" && nothing_left "$before"
}

reader_goes_away() {
	local status=0
	{ "$arcade" --stats 0.2 2>"$work/err" || echo $? >"$work/status"; } | head -n 1 >/dev/null
	cat "$work/err"
	status=$(cat "$work/status")
	[ "$status" = 1 ] && grep -q 'nobody reads' "$work/err" && nothing_left "$before"
}

full_disk() {
	local status=0
	mkdir -p "$work/full" && mount -t tmpfs -o size=4k tmpfs "$work/full" || return 1
	head -c 4096 /dev/zero >"$work/full/fill"
	"$arcade" --stats 0.2 >/dev/full 2>"$work/full/log" & arcade_pid=$!
	eventually 30 state_is enabled && sleep 1 && is_running $arcade_pid
	status=$?
	stop_arcade || status=$?
	umount "$work/full"
	[ $status -eq 0 ] && nothing_left "$before"
}

stopped_reader() {
	mkfifo "$work/fifo"
	exec 9<>"$work/fifo"
	"$arcade" --stats 0.1 --json >"$work/fifo" 2>"$work/err" & arcade_pid=$!
	# A pipe takes 64 KiB; ten long lines a second fill it. The loop must go on.
	eventually 30 state_is enabled && sleep 6 || return 1
	local start
	start=$(date +%s%N)
	stop_arcade || return 1
	exec 9<&-
	[ $((($(date +%s%N) - start) / 1000000)) -lt 1000 ] && nothing_left "$before"
}

# The Nth allocation fails: an error that says so, or a start that did without it; never a crash, never a rest.
failed_malloc() {
	# This library uses the copies that it makes of our paths without a look.
	local total n status shown=0 spared=libinotifytools
	# env, so that the allocations of timeout itself are left alone.
	timeout -s INT 4 env FAILALLOC_SPARE=$spared FAILALLOC_N=0 FAILALLOC_REPORT="$work/allocs" LD_PRELOAD="$top/build/unit/failalloc.so" \
		"$arcade" --stats 0.5 >/dev/null 2>&1
	total=$(grep -o '[0-9]*' "$work/allocs" | head -n 1)
	figure "$total allocations in a short life"
	[ "$total" -gt 1000 ] || return 1
	n=1
	while [ "$n" -le "$total" ]; do
		status=0
		timeout -k 5 -s INT 4 env FAILALLOC_SPARE=$spared FAILALLOC_N=$n LD_PRELOAD="$top/build/unit/failalloc.so" \
			"$arcade" --stats 0.5 >/dev/null 2>"$work/err" || status=$?
		# 124: it ran, timeout stopped it.
		if [ $status -gt 7 ] && [ $status -ne 124 ]; then
			echo "allocation $n: status $status"
			cat "$work/err"
			return 1
		fi
		if [ $status -ne 124 ] && [ $status -ne 0 ]; then
			shown=$((shown + 1))
			grep -q '^error: ' "$work/err" || { echo "allocation $n: status $status without a word"; return 1; }
		fi
		state_is disabled || { echo "allocation $n: state $(cat /sys/kernel/sched_ext/state)"; return 1; }
		# Close together at first, where our own code starts, then by a quarter more each time.
		n=$((n + 1 + n / 4))
	done
	figure "$shown of the failed allocations ended the start with an error"
	nothing_left "$before"
}

check "--check tells what this kernel can do" check_reports
check "without privileges: one line, status 3" unprivileged
check "a value out of range: one line, status 2" wrong_flag
check "a stray argument: one line, status 2" stray_argument
check "a foreign scheduler is left alone: status 5" foreign_scheduler
check "runs as arcade_…, SIGINT stops it within 1 s" runs_and_stops INT
check "SIGTERM stops it within 1 s" runs_and_stops TERM
check "a second instance: one line, status 6" second_instance
check "--check beside a running instance changes nothing" check_beside_running
check "--no-input: no packets, no chains" without_input
check "a hook that the kernel refuses is reported, the scheduler runs" refused_hook
check "closed stdout: an error, nothing left" closed_stdout
check "the reader of stdout goes away: an error, nothing left" reader_goes_away
check "full disks under log and statistics do not stop it" full_disk
check "a reader that does not read does not hold it up" stopped_reader
check "failed allocations end in an error or nothing, and leave nothing" failed_malloc
check "no complaint in the kernel log" no_kernel_complaints
finish
