#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# load.sh [SECONDS] - the scheduler under hogs, fork storms, input, changing affinities and, with 4 CPUs, hotplug
. "$(dirname "$0")/lib.sh"
seconds=${1:-30}
cpus=$(nproc)
before=$(bpf_objects)

under_load() {
	local end=$((SECONDS + seconds)) status=0 scene_pid
	start_arcade --stats 1 --json || return 1
	"$scene" --mouse-hz 250 --hogs $((cpus * 2)) --forkers "$cpus" --warmup 0 --duration "$seconds" --kv "$work/kv" >"$work/scene" 2>&1 &
	scene_pid=$!
	# Threads whose CPUs change all the time, and short processes on top of the forkers'.
	churn $end &
	while [ $SECONDS -lt $end ]; do
		state_is enabled || { echo "state: $(cat /sys/kernel/sched_ext/state)"; cat "$work/err"; return 1; }
		[[ $(cat /sys/kernel/sched_ext/root/ops) == arcade_* ]] || return 1
		sleep 0.5
	done
	wait $scene_pid || { cat "$work/scene"; return 1; }
	eventually 10 state_is enabled && fresh_json || return 1
	figure "$(awk '{ v[$1] = $2 } END { printf "%d forks, %d frames of %d missed, %d packets of %d lost", v["forks"], v["frames_missed"], v["frames_total"], v["packets_lost"], v["packets_sent"] }' "$work/kv")"
	figure "longest wait in a queue $(($(json wait_max_ns) / 1000000)) ms, $(json preempts_chain) preemptions by chains and $(json preempts_normal) by others, $(json steals) steals, $(json kicks) kicks"
}

churn() { # END
	local cpu pid partial
	# Some may use a part of the CPUs only, and have little weight: they wait long, and not every CPU may help.
	for cpu in $(seq 0 2 $((cpus - 2))); do
		hog nice -n 19 taskset -c $cpu,$((cpu + 1))
		hog nice -n 19 taskset -c $((cpus - 1))
	done
	partial=${#hogs[@]}
	for _ in 1 2 3; do hog; done
	while [ $SECONDS -lt "$1" ]; do
		for pid in "${hogs[@]:partial}"; do
			cpu=$((RANDOM % cpus))
			taskset -pc $cpu "$pid" >/dev/null
			taskset -pc 0-$((cpus - 1)) "$pid" >/dev/null
			chrt --idle -p 0 "$pid"; chrt --other -p 0 "$pid"; renice -n $((RANDOM % 40 - 20)) -p "$pid" >/dev/null
		done
		sleep 0.1
	done
	end_hogs
}

stops_at_once() {
	local start stop
	start=$(date +%s%N)
	stop_arcade INT || { echo "status $?"; cat "$work/err"; return 1; }
	stop=$((($(date +%s%N) - start) / 1000000))
	figure "stopped after $stop ms"
	nothing_left "$before"
}

survives_hotplug() {
	local cpu=$((cpus - 1))
	start_arcade --stats 0.5 --json --slice-us 5000 --no-preempt || return 1
	for _ in 1 2; do
		echo 0 >/sys/devices/system/cpu/cpu$cpu/online || return 1
		eventually 20 restarted || return 1
		sleep 0.5
		echo 1 >/sys/devices/system/cpu/cpu$cpu/online || return 1
		eventually 20 restarted || return 1
		sleep 0.5
	done
	cat "$work/err"
	# Every session says its options; all must say what the command line said.
	! grep '^options ' "$work/err" | grep -v 'slice 5000 us, .*preemption off' || return 1
	figure "$(grep -c restarting "$work/err") restarts after hotplug"
	[ "$(grep -c '^restarting\|: restarting' "$work/err")" -ge 1 ] && stop_arcade && nothing_left "$before"
}
# It runs, and has started as often as it has ended.
restarted() {
	is_running $arcade_pid && state_is enabled &&
		[ "$(grep -c '^scheduling' "$work/err")" -eq $(($(grep -c 'restarting' "$work/err") + 1)) ]
}

check "$seconds s under hogs and fork storms on $cpus CPUs: stays enabled" under_load
check "it stops, and nothing is left" stops_at_once
[ "$cpus" -lt 4 ] || check "CPUs go offline and online: it goes on with its options" survives_hotplug
check "no complaint in the kernel log" no_kernel_complaints
finish
