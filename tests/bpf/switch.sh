#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# switch.sh [ROUNDS] - what the running scheduler's programs cost per call and per context switch; in a guest
. "$(dirname "$0")/../vm/lib.sh"
rounds=${1:-5000}
load=$top/build/bpftest/bench_load

start_arcade || exit 1
printf '\ntwo processes that hand each other a byte, %d rounds:\n' "$rounds"
"$load" --rounds "$rounds" || exit 1
# 1000 packets: what the input hooks cost in place, trampolines included.
printf '\n1000 packets from a keyboard, and its reader:\n'
"$load" -- "$top/build/vm/flood" 500 2 || exit 1
stop_arcade || exit 1
