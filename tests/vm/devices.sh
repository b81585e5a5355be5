#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Input devices and the daemon: plugged and unplugged, read by the daemon where there is no hook, and none at all.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)

nr_fds() { find "/proc/$arcade_pid/fd" -mindepth 1 | wc -l; }
devices_are() { # LIST
	fresh_json >/dev/null && [ "$(json_list devices)" = "$1" ]
}
json_list() { tail -n 1 "$work/out" | grep -o "\"$1\":\[[0-9,]*\]" | cut -d: -f2; }

plugged_often() { # FLAG…
	local fds list
	start_arcade --stats 0.2 --json "$@" || return 1
	fresh_json
	fds=$(nr_fds) list=$(json_list devices)
	"$top/build/vm/replug" 100 || return 1
	eventually 10 devices_are "$list" || { echo "devices: $list → $(json_list devices)"; return 1; }
	[ "$(nr_fds)" -eq "$fds" ] || { ls -l "/proc/$arcade_pid/fd"; return 1; }
	figure "100 plugs: $(json packets) packets in the hook, $(json devices_used) times noticed by the daemon, $(json device_disagreements) disagreements"
	[ "$(json device_disagreements)" -eq 0 ] && [ "$(json devices_untracked)" -eq 0 ] || return 1
	# What the kernel half remembers: nothing of the devices that went.
	[ "$(bpftool map dump name input_axes | grep -c '"acted"')" -eq 0 ] || { bpftool map dump name input_axes; return 1; }
}

with_hook() { plugged_often && [ "$(json packets)" -gt 1500 ] && [ "$(json devices_used)" -eq 0 ] && no_boost_is_left && stop_arcade && nothing_left "$before"; }
without_hook() {
	plugged_often --no-input-hook && [ "$(json packets)" -eq 0 ] && [ "$(json devices_used)" -gt 100 ] &&
		no_boost_is_left && stop_arcade && nothing_left "$before"
}

no_boost_is_left() {
	local marks
	sleep 0.3
	fresh_json
	marks=$(($(json chain_hop1) + $(json window_marks)))
	sleep 1
	fresh_json
	[ $(($(json chain_hop1) + $(json window_marks))) -eq $marks ] || { echo "marks: $marks, and more after the devices had gone"; return 1; }
}

says_which_way() {
	start_arcade && grep -q '^input .*every packet' "$work/err" && grep -qE '^peripherals +[0-9]+ keyboard' "$work/err" && stop_arcade || return 1
	start_arcade --no-input-hook && grep -q '^input .*the daemon notices input' "$work/err" && stop_arcade || return 1
	start_arcade --no-input && grep -q '^input .*is not seen' "$work/err" && ! grep -q '^peripherals' "$work/err" && stop_arcade
}

# A resting noisy stick marks nobody, and the lane stays closed; button and stick do.
sticks() {
	local marks
	start_arcade --stats 0.2 --json || return 1
	"$top/build/vm/stick" noise 3 >"$work/stick" || { cat "$work/stick"; return 1; }
	fresh_json
	marks=$(json chain_hop1)
	figure "noise of a stick at rest: $(json rest_packets) packets, $marks readers marked; a moved one: $(cat "$work/stick")"
	[ "$(json rest_packets)" -gt 500 ] && [ "$marks" -le 2 ] || return 1
	"$top/build/vm/stick" move 3 >"$work/stick" || return 1
	fresh_json
	figure "a stick that moves: $(($(json chain_hop1) - marks)) readers marked of $(cat "$work/stick") packets"
	[ $(($(json chain_hop1) - marks)) -gt 100 ] && stop_arcade
}

# The game's frame thread beside its own busy threads, while the mouse moves.
wakes_under() { # FLAG…
	start_arcade --game "$wakes_pid" "$@" || return 1
	"$top/build/vm/flood" 500 5 >/dev/null & local mouse=$!
	sleep 0.5
	echo 3 >&"${wakes[1]}"
	read -r median p99 <&"${wakes[0]}"
	wait $mouse
	stop_arcade
}

game_wakes_earlier() {
	local none=() window=()
	coproc wakes { exec "$top/build/vm/wakes" 6; }
	wakes_pid=$wakes_PID
	for _ in 1 2 3; do
		wakes_under --no-input || return 1
		none+=("$p99")
		wakes_under --no-input-hook || return 1
		window+=("$p99")
	done
	kill "$wakes_pid"
	figure "p99 of the game's wakeups in us, input not seen: ${none[*]}; noticed by the daemon: ${window[*]}"
	[ "$(printf '%s\n' "${window[@]}" | sort -n | sed -n 2p)" -lt "$(printf '%s\n' "${none[@]}" | sort -n | sed -n 2p)" ]
}

# /dev/input goes and comes while the daemon runs, and is not there when it starts.
no_input_folder() {
	rm -rf /dev/input
	start_arcade --stats 0.2 --json && grep -q '^peripherals .*none: there is no /dev/input' "$work/err" || { cat "$work/err"; return 1; }
	"$top/build/vm/flood" 100 3 >/dev/null & local mouse=$!
	eventually 10 devices_are '[0,0,1,0,0]' || { echo "$(json_list devices)"; ls /dev/input; return 1; }
	wait $mouse
	eventually 10 devices_are '[0,0,0,0,0]' && stop_arcade || return 1
	"$arcade" --check | grep '^peripherals'
}

frozen_daemon_leaves_nothing() {
	local marks
	start_arcade --no-input-hook --game $$ --stats 0.2 --json || return 1
	"$top/build/vm/flood" 200 2 >/dev/null || return 1
	fresh_json
	marks=$(json window_marks)
	[ "$marks" -gt 0 ] || { echo "no marks"; return 1; }
	kill -STOP "$arcade_pid"
	sleep 0.3
	marks=$(window_marks)
	"$top/build/vm/flood" 200 2 >/dev/null
	[ "$(window_marks)" -eq "$marks" ] || { echo "$marks → $(window_marks)"; kill -CONT "$arcade_pid"; return 1; }
	kill -CONT "$arcade_pid"
	stop_arcade
}
# From the kernel half itself: the daemon does not answer.
window_marks() { bpftool map dump name arcade_stats | grep -o '"nr_window_marks": [0-9]*' | awk '{ n += $2 } END { print n + 0 }'; }

check "the report says which way input is seen" says_which_way
check "100 plugs while the device moves: no descriptor lost, nothing left" with_hook
check "the same, read by the daemon" without_hook
check "a noisy stick at rest begins no chain, a moved one does" sticks
check "without the hook: the game's wakeups are earlier than with input not seen" game_wakes_earlier
check "a frozen daemon leaves no window open" frozen_daemon_leaves_nothing
check "no /dev/input: it runs and says so; the folder comes later" no_input_folder
check "no complaint in the kernel log" no_kernel_complaints
finish
