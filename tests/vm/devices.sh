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
	figure "noise of a stick at rest: $(json rest_packets) packets of $(cat "$work/stick") held nothing else, $marks readers marked"
	[ "$(json rest_packets)" -gt 500 ] && [ "$marks" -le 2 ] || return 1
	"$top/build/vm/stick" move 3 >"$work/stick" || return 1
	fresh_json
	figure "a stick that moves: $(($(json chain_hop1) - marks)) readers marked of $(cat "$work/stick") packets"
	[ $(($(json chain_hop1) - marks)) -gt 100 ] && stop_arcade
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

check "the report says which way input is seen" says_which_way
check "100 plugs while the device moves: no descriptor lost, nothing left" with_hook
check "the same, read by the daemon" without_hook
check "a noisy stick at rest begins no chain, a moved one does" sticks
check "no /dev/input: it runs and says so; the folder comes later" no_input_folder
check "no complaint in the kernel log" no_kernel_complaints
finish
