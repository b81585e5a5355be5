#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Chains: every packet's reader and what it wakes is marked, and nobody else; the daemon reads at its ease.
. "$(dirname "$0")/lib.sh"

chain_scene() { "$scene" --scene chain --key-hz 0 --warmup 0 --kv "$work/kv" "$@" >"$work/scene" || { cat "$work/scene"; return 1; }; }
kv() { awk -v key="$1" '$1 == key { print $2 }' "$work/kv"; }

packets_are_followed() {
	local hop sent marked pair
	# A long life, because the emulator stands still for tens of milliseconds when its host is busy.
	start_arcade --stats 0.5 --json --chain-ms 100 || return 1
	# Another pair of tasks wakes each other meanwhile: it may not be marked.
	bash -c 'coproc cat; for ((;;)); do echo x >&"${COPROC[1]}"; read -r _ <&"${COPROC[0]}"; sleep 0.01; done' &
	pair=$!
	chain_scene --mouse-hz 100 --packets 1000 || return 1
	kill $pair
	fresh_json || return 1
	sent=$(kv packets_sent_all)
	figure "the scene slept and was woken $(kv hop1_wakeups), $(kv hop2_wakeups) and $(kv hop3_wakeups) times"
	figure "$sent packets: $(json chain_hop1) readers, $(json chain_hop2) and $(json chain_hop3) at hops 2 and 3"
	figure "$(json chain_void) marks did not hold"
	[ "$sent" -ge 1000 ] && [ "$(json chain_void)" -le 10 ] || return 1
	for hop in 1 2 3; do
		marked=$(json chain_hop$hop)
		[ "$marked" -ge 990 ] && [ "$marked" -le 1010 ] || { echo "hop $hop: $marked of $sent"; return 1; }
	done
	[ "$(json packets)" -eq "$sent" ] && [ "$(json_sum ring_drops)" -eq 0 ] && stop_arcade
}

nobody_else_is_marked() {
	local hop
	start_arcade --stats 0.5 --json || return 1
	declare -A before
	fresh_json || return 1
	for hop in 1 2 3; do before[$hop]=$(json chain_hop$hop); done
	# A reader waits for a device that is still, while pairs of tasks wake each other.
	"$top/build/vm/idle_reader" 3 & local reader=$!
	for _ in 1 2; do
		timeout 2 bash -c 'coproc cat; for ((;;)); do echo x >&"${COPROC[1]}"; read -r _ <&"${COPROC[0]}"; done' &
	done
	wait $reader || return 1
	fresh_json || return 1
	for hop in 1 2 3; do
		[ "$(json chain_hop$hop)" -eq "${before[$hop]}" ] || { echo "hop $hop: ${before[$hop]} → $(json chain_hop$hop)"; return 1; }
	done
	stop_arcade
}

# On one CPU, with hogs; the game's thread works for so long on a packet. Of two CPUs each stands still for 0.85 ms at a time
# here, which makes any work long. Sets GIVEN, per 100 packets.
count_given() { # US WHAT [COMMAND…: beside it]
	local beside=
	start_arcade --stats 0.5 --json --chain-ms 100 || return 1
	[ $# -eq 2 ] || { "${@:3}" & beside=$!; }
	chain_scene --mouse-hz 100 --packets 400 --hogs 4 --input-us "$1" || return 1
	[ -z "$beside" ] || wait $beside || return 1
	fresh_json || return 1
	given=$((100 * $(json chain_cpus_given) / $(kv packets_sent_all)))
	figure "the game works for $1 us$2: of 100 packets $given times a member was left to the CPU of its waker, $((100 * $(json preempts_chain) / $(kv packets_sent_all))) times another was taken"
	stop_arcade
}

# Of two CPUs each stands still for 0.85 ms at a time here as soon as the other computes.
on_one_cpu() { # COMMAND…
	local status=0
	echo 0 >/sys/devices/system/cpu/cpu1/online || return 1
	"$@" || status=1
	echo 1 >/sys/devices/system/cpu/cpu1/online
	return $status
}

# As compositors do it, some time after their start.
compositor_becomes_real_time() { sleep 2; chrt --rr -p 1 "$(pgrep -x compositor)"; }

short_members_give_their_cpu() {
	local by_short by_long
	count_given 20 '' && by_short=$given && count_given 2000 '' && by_long=$given &&
		count_given 20 ', the compositor is real-time from the middle on' compositor_becomes_real_time || return 1
	# With the long one, of the two that could one does not; nor a real-time one, of which nobody knows how long it runs.
	[ "$by_short" -ge 50 ] && [ "$by_long" -le $((by_short * 3 / 4)) ] && [ "$given" -le $((by_short * 9 / 10)) ] ||
		{ echo "$by_short, $by_long and $given"; return 1; }
}

# With hogs, and some of a weight so low that they wait for hundreds of milliseconds. Sets P999_US, from a packet to
# the game, GIVEN, per 100 packets, AGED and WAIT_MAX_NS, the longest wait in a queue.
meet_aged() { # NR: of the low ones
	local status=0 i
	start_arcade --stats 0.5 --json --chain-ms 100 || return 1
	for ((i = 0; i < $1; i++)); do hog nice -n 19; done
	chain_scene --mouse-hz 1000 --packets 6000 --hogs 3 --input-us 20 && fresh_json || status=1
	end_hogs
	[ $status -eq 0 ] || return 1
	p999_us=$(kv hop2_p999_us) aged=$(json aged) wait_max_ns=$(json wait_max_ns) given=$((100 * $(json chain_cpus_given) / $(kv packets_sent_all)))
	figure "$1 of nice 19: $aged turns for who waited too long; of 100 packets $given times a CPU was handed on; from packet to game p50 $(kv hop2_p50_us), p99.9 $p999_us, most $(kv hop2_max_us) us; longest wait in a queue $((wait_max_ns / 1000000)) ms"
	stop_arcade
}

the_old_wait_for_members() {
	local alone_us
	meet_aged 0 && alone_us=$p999_us && meet_aged 12 && [ "$aged" -ge 50 ] && [ $given -ge 100 ] &&
		[ "${p999_us%.*}" -le $((4 * ${alone_us%.*})) ] && [ "$wait_max_ns" -lt 1000000000 ]
}

hogs_cost_little() {
	local idle_us busy_us
	start_arcade --chain-ms 100 && chain_scene --mouse-hz 250 --packets 1000 && idle_us=$(kv hop3_p99_us) &&
		chain_scene --mouse-hz 250 --packets 1000 --hogs 4 && busy_us=$(kv hop3_p99_us) && stop_arcade || return 1
	figure "from packet to render thread p99 $idle_us us, with 4 hogs $busy_us us"
	[ $((10 * ${busy_us%.*})) -le $((15 * ${idle_us%.*})) ]
}

wakeups_are_few() {
	local wakeups packets seconds start rate
	start_arcade --stats 0.5 --json || return 1
	fresh_json || return 1
	wakeups=$(json input_wakeups) packets=$(json packets) start=$(json time_ns)
	rate=$("$top/build/vm/flood" 8000 4) || return 1
	fresh_json || return 1
	wakeups=$(($(json input_wakeups) - wakeups)) packets=$(($(json packets) - packets))
	seconds=$(((($(json time_ns) - start) + 999999999) / 1000000000))
	figure "$packets packets at $rate a second; in $seconds s $wakeups wakeups of the daemon, $(json_sum ring_drops) records dropped"
	[ "$packets" -eq 32000 ] && [ "$rate" -ge 7500 ] && [ "$wakeups" -le $((60 * seconds)) ] && [ "$wakeups" -gt 0 ] &&
		[ $(($(json records_read) + $(json_sum ring_drops))) -eq "$(json packets)" ] && stop_arcade
}

# The same with two keys: whatever is told, it is the same but for counters and times.
told_of_key() { # CODE
	start_arcade --verbose --stats 0.5 --json || return 1
	"$top/build/vm/flood" 200 2 "$1" >/dev/null || return 1
	fresh_json && [ "$(json packets)" = 400 ] || return 1
	stop_arcade || return 1
	tail -n 1 "$work/out" >"$work/last"
	grep -v 'libbpf: ' "$work/err" | sed 's/[0-9][0-9]*/N/g' | sort >"$work/told.$1"
	sed 's/[0-9][0-9]*/N/g' "$work/last" >>"$work/told.$1"
	# The members that are the same in every run: none may be the key.
	grep -o '"[a-z0-9_]*":[0-9]*' "$work/last" >"$work/members.$1"
}

no_key_code_is_told() {
	# F13 and F24.
	told_of_key 183 && told_of_key 194 || return 1
	diff "$work/told.183" "$work/told.194" || return 1
	! grep ':183$' "$work/members.183" | cut -d: -f1 | grep -F -f - "$work/members.194" | grep ':194$'
}

check "1000 packets: at least 990 marks at each of three hops, and no others" packets_are_followed
check "with the reader idle and others waking each other none is marked" nobody_else_is_marked
check "beside hogs a short member leaves its CPU to whom it wakes, one that works on does not" on_one_cpu short_members_give_their_cpu
check "with hogs, the p99 of input to render is at most 1.5 times what it is without" on_one_cpu hogs_cost_little
check "who has waited for long does not come before a member of a chain" on_one_cpu the_old_wait_for_members
check "8000 packets a second: at most 60 wakeups a second, every record read or counted" wakeups_are_few
check "no log line and no statistic tells a key" no_key_code_is_told
check "no complaint in the kernel log" no_kernel_complaints
finish
