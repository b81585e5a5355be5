#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# switch.sh [ROUNDS] - what schedulers' programs cost per call and per context switch; in a guest
. "$(dirname "$0")/../vm/lib.sh"
rounds=${1:-5000}
load=$top/build/bpftest/bench_load

# Sets SUM: instructions of all programs per switch.
hand_round() { # WHOSE
	printf '\ntwo processes that hand each other a byte, %d rounds, %s:\n' "$rounds" "$1"
	"$load" --rounds "$rounds" >"$work/table" || return 1
	cat "$work/table"
	sum=$(awk '/^without the bookkeeping/ { print $NF }' "$work/table")
}

bpftool struct_ops register "$top/build/bpf/plain.bpf.o" /sys/fs/bpf/plain >/dev/null && eventually 10 state_is enabled || exit 1
hand_round 'the plainest scheduler' || exit 1
plain=$sum
rm -rf /sys/fs/bpf/plain
eventually 10 state_is disabled || exit 1

start_arcade || exit 1
hand_round scx_arcade || exit 1
awk -v ours="$sum" -v plain="$plain" 'BEGIN { printf "a switch by scx_arcade costs %.2f times one by the plainest scheduler\n", ours / plain }'
# 1000 packets: what the input hooks cost in place, trampolines included.
printf '\n1000 packets from a keyboard, and its reader:\n'
"$load" -- "$top/build/vm/flood" 500 2 || exit 1
stop_arcade || exit 1
