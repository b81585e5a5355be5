#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# latency.sh [BLOCKS] - what hogs cost the way from a packet to the render thread
#
# Arms that alternate in one boot: the kernel's default scheduler with hogs, the
# same with all threads of the way real-time, and ours with and without hogs.
# The emulator's host takes CPU time away for seconds at a stretch; that only
# ever adds, so rounds are short and many, and each arm counts with its best.
#
# Hogs should cost next to nothing. Where the host has time, what is left
# without them says what that is. Where it has not, it takes more from a guest
# that computes on all CPUs (beside two busy loops of the host the same scheduler
# came to 1.8 times its figure without hogs, on an idle one to 0.9 times), and
# what real-time threads get says it. The larger of the two counts. chains.sh
# asks for the ratio where time counts instructions, but on one CPU: that another
# is interrupted is seen only here.
. "$(dirname "$0")/lib.sh"
blocks=${1:-4}
rounds_per_block=3
cpus=$(nproc)
default_hogs=() real_time_hogs=() ours_hogs=() ours_idle=()

p99_us() { # HOGS [COMMAND-PREFIX]...
	"${@:2}" "$scene" --scene chain --mouse-hz 250 --no-audio --warmup 0.3 --duration 1.5 --iters-per-us "$iters" --hogs "$1" \
		--kv "$work/kv" >"$work/scene" 2>&1 || { cat "$work/scene"; return 1; }
	awk '$1 == "hop3_p99_us" && $2 > 0 { printf "%d", $2; found = 1 } END { exit !found }' "$work/kv"
}

# The hogs are apart: what the prefix starts is real-time.
real_time_p99_us() { # HOGS
	local status=0 i
	for ((i = 0; i < $1; i++)); do hog; done
	p99_us 0 chrt --fifo 50 || status=1
	end_hogs
	return $status
}

best() { printf '%s\n' "$@" | sort -n | head -n 1; }
in_ms() { printf '%s\n' "$@" | awk '{ printf "%s%.2f", (NR > 1 ? ", " : ""), $1 / 1000 }'; }

measure() {
	iters=$("$scene" --calibrate | grep -o '[0-9.]*' | head -n 1)
	for _ in $(seq "$blocks"); do
		for _ in $(seq $rounds_per_block); do
			default_hogs+=("$(p99_us $((cpus * 2)))") || return 1
			real_time_hogs+=("$(real_time_p99_us $((cpus * 2)))") || return 1
		done
		start_arcade || return 1
		for _ in $(seq $rounds_per_block); do
			ours_hogs+=("$(p99_us $((cpus * 2)))") || return 1
			ours_idle+=("$(p99_us 0)") || return 1
		done
		stop_arcade || return 1
	done
	figure "p99 of input to render in ms, default with $((cpus * 2)) hogs: $(in_ms "${default_hogs[@]}")"
	figure "the same, real-time threads: $(in_ms "${real_time_hogs[@]}")"
	figure "the same, scx_arcade: $(in_ms "${ours_hogs[@]}")"
	figure "scx_arcade without hogs: $(in_ms "${ours_idle[@]}")"
	figure "best rounds: default $(in_ms "$(best "${default_hogs[@]}")"), real-time $(in_ms "$(best "${real_time_hogs[@]}")"), scx_arcade $(in_ms "$(best "${ours_hogs[@]}")"), without hogs $(in_ms "$(best "${ours_idle[@]}")")"
}

below_default() { [ $((4 * $(best "${ours_hogs[@]}"))) -le $((3 * $(best "${default_hogs[@]}"))) ]; }
largest() { printf '%s\n' "$@" | sort -n | tail -n 1; }
near_the_least() { [ $((10 * $(best "${ours_hogs[@]}"))) -le $((15 * $(largest "$(best "${ours_idle[@]}")" "$(best "${real_time_hogs[@]}")"))) ]; }

check "$((blocks * rounds_per_block)) rounds of four arms" measure
check "with hogs, the p99 of input to render is at most three quarters of the default scheduler's" below_default
check "with hogs, it is at most 1.5 times what it is without, or that of real-time threads with hogs" near_the_least
check "no complaint in the kernel log" no_kernel_complaints
finish
