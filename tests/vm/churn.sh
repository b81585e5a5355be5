#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# churn.sh [SECONDS [OPTION]...] - the scheduler under everything at once (build/vm/churn --help), and a game scene beside
#
# It stays, nobody waits for a second, by its own count and by the test's, and the kernel has nothing to say. Options are
# those of build/vm/churn; --no-scene leaves the scene out. "floor" is what even a thread of SCHED_FIFO 99 waited: the
# emulator's share of every wait. Under tools/vm --accel icount it is next to nothing.
. "$(dirname "$0")/lib.sh"
seconds=${1:-60}
[ $# -eq 0 ] || shift
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "churn.sh: '$seconds': not a number of seconds" >&2; exit 2; }
with_scene=yes
options=()
for option; do
	if [ "$option" = --no-scene ]; then with_scene=no; else options+=("$option"); fi
done
wait_max_ns=1000000000
# Not the default, so that a restart that forgets it is seen.
chain_ms=30
before=$(bpf_objects)

under_churn() {
	local status=0 scene_pid=
	start_arcade --stats 1 --json --chain-ms $chain_ms || return 1
	# Loading the scheduler takes long in an emulator, and longer as one of so many: the time is for the test.
	renice -n -20 -p $arcade_pid >/dev/null
	if [ $with_scene = yes ]; then
		"$scene" --mouse-hz 250 --hogs 0 --forkers 1 --warmup 0 --duration "$seconds" --kv "$work/kv" >"$work/scene" 2>&1 &
		scene_pid=$!
	fi
	"$top/build/vm/churn" --seconds "$seconds" "${options[@]}" >"$work/churn" 2>"$work/churn.err" || status=$?
	sed 's/^/figure: /' "$work/churn"
	head -n 30 "$work/churn.err"
	if [ $status -ne 0 ] || ! is_running $arcade_pid; then
		# The dump is long: who waits longest is what matters.
		grep -v '^options\|^scheduling' "$work/err" | cut -c 1-200 | tail -n 400 >&3
		[ -z "$scene_pid" ] || kill $scene_pid 2>/dev/null
		echo "churn ended with status $status"
		return 1
	fi
	[ -z "$scene_pid" ] || wait $scene_pid || { cat "$work/scene"; return 1; }
	eventually 10 state_is enabled && fresh_json
}

# Figures start again with every session, so every line counts.
nobody_waited() {
	local longest lines
	longest=$(grep -o '"wait_max_ns":[0-9]*' "$work/out" | cut -d: -f2 | sort -n | tail -n 1)
	lines=$(grep -c '"wait_max_ns":' "$work/out")
	figure "longest wait in a queue $((longest / 1000000)) ms in $lines lines; the longest of each session, ms: $(sessions_wait_ms)"
	figure "last session: $(json preempts_chain) preemptions by chains and $(json preempts_normal) by others, $(json aged) aged"
	[ "$lines" -ge $((seconds / 4)) ] || { echo "only $lines lines of statistics"; return 1; }
	[ "$longest" -lt $wait_max_ns ]
}
# A new session is one with another count of restarts.
sessions_wait_ms() {
	sed -n 's/.*"wait_max_ns":\([0-9]*\).*"restarts":\([0-9]*\).*/\2 \1/p' "$work/out" |
		awk '$2 > max[$1] { max[$1] = $2 } { last = $1 > last ? $1 : last } END { for (i = 0; i <= last; i++) if (i in max) printf "%d ", max[i] / 1000000 }'
}

restarts_keep_options() {
	local restarts
	restarts=$(grep -c restarting "$work/err")
	figure "$restarts restarts after hotplug"
	# Every session says its options; all must say what the command line said.
	[ "$(grep -c '^options ' "$work/err")" -gt "$restarts" ] || { grep -v '^dump' "$work/err" | tail -n 20; return 1; }
	! grep '^options ' "$work/err" | grep -v "chains $chain_ms ms"
}

stops_at_once() {
	local start=$(date +%s%N)
	stop_arcade INT || { echo "status $?"; tail -n 20 "$work/err"; return 1; }
	figure "stopped after $((($(date +%s%N) - start) / 1000000)) ms"
	nothing_left "$before" && [ ! -e /sys/fs/cgroup/churn ]
}

exec 3>"$work/long"
check "$seconds s of churn on $(nproc) CPUs: stays enabled, nobody waits for 1 s by the test's own measure" under_churn
check "nobody waits for 1 s by the scheduler's own count" nobody_waited
check "restarts after hotplug, and keeps its options" restarts_keep_options
check "it stops, and nothing is left" stops_at_once
check "no complaint in the kernel log" no_kernel_complaints
# For whoever looks into it; far behind the results.
sed 's/^/# /' "$work/long"
finish
