#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A whole life of the daemon under AddressSanitizer, UBSan and LeakSanitizer.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)

# Also when it starts again in one life, after CPUs have come and gone.
under_sanitizers() {
	local status=0
	arcade=$top/build/asan/scx_arcade
	start_arcade --stats 0.2 --json || return 1
	"$scene" --scene chain --mouse-hz 100 --no-audio --warmup 0 --duration 2 >/dev/null || return 1
	# What is read, opened and loaded beside the loop.
	kill -HUP "$arcade_pid"
	modprobe snd-dummy && eventually 60 grep -q 'audio: module snd_pcm: attached' "$work/err" || return 1
	"$top/build/vm/replug" 10 || return 1
	rmmod snd_dummy && eventually 60 grep -q 'snd_pcm is not in use any more: detached' "$work/err" || return 1
	modprobe snd-dummy && "$top/build/vm/replug" 1 && kill -HUP "$arcade_pid" || return 1
	echo 0 >/sys/devices/system/cpu/cpu1/online
	eventually 30 grep -q restarting "$work/err" && eventually 30 state_is enabled || return 1
	echo 1 >/sys/devices/system/cpu/cpu1/online
	fresh_json
	stop_arcade || status=$?
	grep -E 'Sanitizer|runtime error' "$work/err" && return 1
	[ $status -eq 0 ] || { echo "status $status"; cat "$work/err"; return 1; }
	nothing_left "$before"
}

refusals_under_sanitizers() {
	local flags status
	for flags in --check --help --version --help-stats "--slice-us x" "--stats 0 --json"; do
		status=0
		# shellcheck disable=SC2086 # words
		"$top/build/asan/scx_arcade" $flags >"$work/out" 2>&1 || status=$?
		grep -E 'Sanitizer|runtime error' "$work/out" && return 1
		[ $status -le 2 ] || { echo "$flags: status $status"; cat "$work/out"; return 1; }
	done
}

check "a life with a restart under ASan, UBSan and LeakSanitizer" under_sanitizers
check "reports and refusals under ASan, UBSan and LeakSanitizer" refusals_under_sanitizers
check "no complaint in the kernel log" no_kernel_complaints
finish
