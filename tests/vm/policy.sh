#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# policy.sh - who gets how much of a CPU: nice values, control groups, a game, and who waits for a lock
#
# With one CPU of two, so that everybody competes, and nobody counts as bound to it.
. "$(dirname "$0")/lib.sh"
echo 0 >/sys/devices/system/cpu/cpu1/online

cgroups=/sys/fs/cgroup
mountpoint -q $cgroups || mount -t cgroup2 none $cgroups
echo +cpu >$cgroups/cgroup.subtree_control

cpu_ns() { cut -d' ' -f1 "/proc/$1/schedstat"; }

# The CPU time that hogs FIRST and SECOND get in SECONDS, as a ratio in percent.
share() { # SECONDS FIRST SECOND
	local first second
	first=$(cpu_ns "${hogs[$2]}") second=$(cpu_ns "${hogs[$3]}")
	sleep "$1"
	first=$(($(cpu_ns "${hogs[$2]}") - first)) second=$(($(cpu_ns "${hogs[$3]}") - second))
	[ $second -gt 0 ] || second=1
	echo $((first * 100 / second))
}
no_limit=$((1 << 62))
is_between() { # VALUE MIN MAX
	[ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "$1 is not from $2 to $3"; return 1; }
}

# The first of two hogs gets from MIN to MAX percent of what the second gets.
pair_shares() { # NICE NICE MIN MAX BY_WEIGHT
	local ratio
	hog nice -n "$1"
	hog nice -n "$2"
	sleep 1
	ratio=$(share 5 0 1)
	end_hogs
	figure "nice $1 gets $ratio % of what nice $2 gets; by weight it is $5"
	is_between "$ratio" "$3" "$4"
}

nice_values_share() {
	local status=0
	start_arcade || return 1
	# 1024, 820 and 335 in the kernel's table.
	pair_shares 0 5 250 370 306 || status=1
	# Where nobody has nice 0.
	pair_shares 1 5 200 300 245 || status=1
	[ $status -eq 0 ] && stop_arcade
}

in_group() { # GROUP COMMAND…
	echo "$BASHPID" >"$cgroups/$1/cgroup.procs" && shift && exec "$@"
}

# The second of two hogs gets from MIN to MAX percent of what the first gets, once both have settled.
second_gets() { # SECONDS MIN MAX WHEN
	local ratio
	sleep 1
	ratio=$(share "$1" 1 0)
	figure "$4: $ratio %"
	is_between "$ratio" "$2" "$3"
}

groups_share() {
	local status=0 n
	mkdir -p $cgroups/light $cgroups/heavy/inner
	echo +cpu >$cgroups/heavy/cgroup.subtree_control
	echo 300 >$cgroups/heavy/cpu.weight
	start_arcade || return 1
	# Groups come and go while one task runs on and on.
	hog nice -n 0
	for n in 1 2 3; do
		mkdir $cgroups/passing && sleep 0.3 && rmdir $cgroups/passing || return 1
	done
	end_hogs
	state_is enabled || { cat "$work/err"; return 1; }
	hog in_group light
	hog in_group heavy/inner
	second_gets 6 250 360 "a group of weight 300 beside one of 100" || status=1
	echo 100 >$cgroups/heavy/cpu.weight
	second_gets 4 80 125 "after a change of the weight to 100, live" || status=1
	echo 300 >$cgroups/heavy/cpu.weight
	echo "${hogs[0]}" >$cgroups/heavy/inner/cgroup.procs
	second_gets 4 80 125 "after a move into the same group" || status=1
	# Where the kernel tells of it (6.19), an idle group hardly counts.
	if "$arcade" --check | grep -q 'cpu.weight and cpu.idle count'; then
		echo "${hogs[0]}" >$cgroups/light/cgroup.procs
		echo 1 >$cgroups/light/cpu.idle
		second_gets 4 800 $no_limit "against an idle group" || status=1
	fi
	end_hogs
	rmdir $cgroups/light $cgroups/heavy/inner $cgroups/heavy
	[ $status -eq 0 ] && stop_arcade
}

game_comes_first() {
	local game ratio child
	# A game whose parts lose their parents and their session, as Wine's do.
	bash -c 'until [ -e "$0/go" ]; do sleep 0.1; done; setsid bash -c "bash -c \"while :; do :; done\" & echo \$! >\$0/child" "$0" & exec sleep 1000' "$work" &
	game=$!
	start_arcade --stats 1 --json --game $game || return 1
	: >"$work/go"
	eventually 10 test -s "$work/child" || return 1
	child=$(cat "$work/child")
	grep -q "^game: process $game and its descendants" "$work/err" || return 1
	hogs=("$child")
	hog nice -n 0
	sleep 3
	ratio=$(share 6 0 1)
	figure "a game that only computes gets $ratio % of what another task gets"
	is_between "$ratio" 600 1300 || { end_hogs; kill $game; return 1; }
	# Its end ends the preference, although a child lives on.
	kill $game
	eventually 10 grep -q "^game: process $game has ended" "$work/err" || return 1
	sleep 2
	ratio=$(share 4 0 1)
	end_hogs
	figure "after the end of the game: $ratio %"
	is_between "$ratio" 80 125 && stop_arcade
}

unknown_game_is_refused() {
	local pid=4194303 status=0
	"$arcade" --game $pid 2>"$work/err" || status=$?
	cat "$work/err"
	[ $status -eq 1 ] && grep -q "game $pid: there is no such process" "$work/err" && state_is disabled
}

lock_is_handed_on() {
	local median longest slow_median slow_longest n
	for n in 1 2 3 4; do hog nice -n 0; done
	start_arcade --no-input || return 1
	read -r slow_median slow_longest < <("$top/build/vm/holder" 5)
	stop_arcade || return 1
	start_arcade --stats 0.5 --json || return 1
	read -r median longest < <("$top/build/vm/holder" 20)
	fresh_json || return 1
	end_hogs
	figure "a reader waits for a lock whose holder has nice 19 under 4 hogs: $median us, at most $longest; without chains $slow_median, $slow_longest"
	[ "$(json lock_handovers)" -ge 15 ] && [ "$longest" -lt 20000 ] && [ "$median" -lt $((slow_median / 4)) ] && stop_arcade
}

check "tasks share by nice value" nice_values_share
check "control groups share by cpu.weight, live" groups_share
check "a game's tree gets more, until the game ends" game_comes_first
check "a game that is not there is an error" unknown_game_is_refused
check "a chain member that waits for a lock hands on to its holder" lock_is_handed_on
check "no complaint in the kernel log" no_kernel_complaints
finish
