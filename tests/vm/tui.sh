#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# arcadetop on a real terminal, without privileges, against the real daemon while a game is played.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tui/lib.sh
. "$top/tests/tui/lib.sh"
socket=/var/run/scx/root/stats scene_pid=
trap 'close_term; stop_scene; stop_arcade KILL >/dev/null 2>&1; rm -rf "$work"' EXIT
# An emulator that stands still with its host is not at once.
AT_ONCE_US=3000000

# The build may lie where only root may look.
chmod 755 "$work"
cp "$top/build/arcadetop" "$work/arcadetop"
mkdir -m 777 "$work/shared"
top_program=$work/arcadetop
getent group scx_arcade >/dev/null || groupadd -r scx_arcade
group=$(getent group scx_arcade | cut -d: -f3)
member="setpriv --reuid=65534 --regid=65534 --groups=$group --inh-caps=-all --bounding-set=-all"
stranger="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all"
work_of_shell=$work/shared

play() { # a game of 60 frames per second, mouse and keyboard
	"$scene" --scene game-60 --mouse-hz 250 --duration 3600 >"$work/scene" 2>&1 &
	scene_pid=$!
}

stop_scene() {
	[ -n "$scene_pid" ] || return 0
	kill -INT $scene_pid 2>/dev/null
	wait $scene_pid 2>/dev/null
	scene_pid=
}

open_top() { # COLS ROWS [NAME=VALUE]...
	open_term "$@" && type_line "clear; $top_program -d 0.5"
}

waits_for_daemon() {
	term_user=$member
	open_top 80 24 && expect 'scx_arcade is not running: waiting for it' 30 || return 1
	start_arcade --game scene && play || return 1
	expect 'mode ' 60 && expect "$(uname -r)" 30 && expect 'scheduling' || return 1
	# Somebody plays: packets come, and chains lead on.
	eventually 60 overview_is_alive || { screen; return 1; }
}

# Two hundred packets a second and more, most wakeups on free or taken CPUs, no record lost.
overview_is_alive() {
	screen | awk '/^   packets / && $2 + 0 > 100 { a = 1 } /^   records lost +0/ { b = 1 } /^   a free one, at once +[0-9]/ { c = 1 }
		END { exit !(a && b && c) }'
}

every_tab() {
	expect_all 'Click to frame' 'records lost' 'audio periods' 'a free one, at once' 'longest wait' || return 1
	type_keys 2
	expect_all '[2 Chains]' 'After a click or a key' '██' || return 1
	eventually 30 hop_has_figures 1 && eventually 30 hop_has_figures 2 || { screen; return 1; }
	screen | sed 's/^/figure: /'
	type_keys 3
	expect_all '[3 Threads]' 'WAIT p99' scene || return 1
	eventually 20 game_has_threads || { screen; return 1; }
	screen | sed 's/^/figure: /' | head -n 14
	type_keys 4
	expect_all '[4 Input]' mouse keyboard 'Rings  16' 'hook ' || return 1
	eventually 30 a_device_is_used || { screen; return 1; }
	screen | sed 's/^/figure: /' | head -n 18
	type_keys 5
	expect_all '[5 Events]' 'notice   scheduling' || return 1
	type_keys 6
	expect '[6 Help]' && expect 'pause: the figures' && type_keys End && expect 'input ' || return 1
	type_keys 1
	expect '[1 Overview]' || return 1
	screen | sed 's/^/figure: /'
}

hop_has_figures() { screen | sed -n '/After a click/,/After a display/p' | grep -Eq "^  $1 .*≤.*≤.*█"; }
game_has_threads() { screen | grep -Eq '(game|frame|chain) .*[0-9]%.*(us|ms)'; }
a_device_is_used() { screen | sed -n '/^ Devices/,$p' | grep -Eq '^   event[0-9]+ +[1-9][0-9.]* '; }

wide_window() {
	term resize-window -x 200 -y 60
	expect '[1 Overview]' && eventually 30 overview_is_alive && expect 'Last events' || return 1
	type_keys 3
	expect_all 'IN CHAINS' 'LAST CHAIN' || return 1
	type_keys 2
	expect distribution || return 1
	screen | sed -n '1,20s/^/figure: /p'
	type_keys 6
	expect 'What works on this kernel'
}

in_ascii() { term_user=$member; open_top 80 24 LC_ALL=C && eventually 60 overview_is_alive && is_ascii && type_keys 2 && expect '##' && is_ascii; }

not_permitted() {
	local status=0
	term_user=$stranger
	open_top 80 24 && expect 'usermod -aG scx_arcade' 30 || return 1
	$stranger "$top_program" --once --json >"$work/out.txt" 2>"$work/said.txt" || status=$?
	cat "$work/said.txt"
	[ $status -eq 3 ] && [ "$(wc -l <"$work/said.txt")" -eq 1 ] && [ ! -s "$work/out.txt" ]
}

json_has_everything() {
	$member "$top_program" --once --json >"$work/out.txt" || return 1
	python3 - "$work/out.txt" "$(uname -r)" <<'END'
import json, sys
o = json.load(open(sys.argv[1]))
assert sorted(o) == sorted(["top", "chains", "threads", "input", "events", "options", "status"]), list(o)
assert all(v is not None for v in o.values()), [k for k, v in o.items() if v is None]
top = o["top"]
assert top["kernel"] == sys.argv[2] and top["packets"] > 100 and top["uptime_ns"] > 0 and top["nr_cpus"] >= 1, top
roots = {r["root"]: r for r in o["chains"]["roots"]}
assert sum(roots["input"]["hops"][0]["hist"]) > 100, roots
assert any(t["comm"] and t["runs"] for t in o["threads"]["threads"]), o["threads"]
assert any(d["packets"] for d in o["input"]["devices"]) and len(o["input"]["rings"]) == 16, o["input"]
assert any(e["text"] == "scheduling" for e in o["events"]["events"]), o["events"]
END
}

stuck_daemon() {
	term_user=$member
	open_top 80 24 && eventually 60 overview_is_alive || return 1
	kill -STOP "$arcade_pid"
	expect 'The daemon does not answer' 30 && answers_at_once 6 'pause: the figures' && answers_at_once 1 '[1 Overview]'
	local result=$?
	kill -CONT "$arcade_pid"
	[ $result -eq 0 ] && expect_not 'does not answer' 30 && eventually 60 overview_is_alive
}

# No rate is made of the counters of two schedulers: a thousand a second would be.
rates_are_sane() { screen | awk '/^   packets / { if ($2 ~ /[kMGTPE]/ || $2 + 0 > 1000) exit 1 }'; }

watch_rates() { # SECONDS
	local end=$((SECONDS + $1))
	while [ $SECONDS -lt $end ]; do rates_are_sane || { screen; return 1; }; done
}

restarted_daemon() {
	stop_arcade KILL
	expect 'The figures are old' 30 || return 1
	start_arcade --game scene && watch_rates 4 && expect_not 'The figures are old' 30 && eventually 60 overview_is_alive && rates_are_sane
}

hotplug() {
	echo 0 >/sys/devices/system/cpu/cpu1/online
	watch_rates 2 || return 1
	echo 1 >/sys/devices/system/cpu/cpu1/online
	watch_rates 3 && eventually 60 overview_is_alive
}

# What it costs to be watched: CPU time of both in ten seconds at one look a second.
cost() {
	local viewer before after
	term_user=$member
	open_term 80 24 && type_line "clear; $top_program" && eventually 60 overview_is_alive || return 1
	viewer=$(pgrep -n -x arcadetop)
	before="$(cpu_ms "$viewer") $(cpu_ms "$arcade_pid")"
	sleep 10
	after="$(cpu_ms "$viewer") $(cpu_ms "$arcade_pid")"
	# shellcheck disable=SC2086 # words
	set -- $before $after
	figure "CPU time in 10 s: arcadetop $(($3 - $1)) ms, daemon $(($4 - $2)) ms; arcadetop resident $(awk '/VmRSS/ { print $2 }' "/proc/$viewer/status") kB"
	[ $(($3 - $1)) -lt 1000 ]
}
cpu_ms() { awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"; }

left() {
	local real=$work
	term_user=$member
	open_term 80 24 || return 1
	work=$work_of_shell
	keep_modes && type_line "clear; $top_program -d 0.5" && eventually 60 overview_is_alive && type_keys q && modes_are_kept
	local result=$?
	work=$real
	return $result
}

check "without privileges: waits for the daemon, then shows a game" waits_for_daemon
check "80x24: every tab" every_tab
check "200x60" wide_window
check "ASCII" in_ascii
check "who is no member of the group is told so" not_permitted
check "--once --json" json_has_everything
check "left by q" left
check "a daemon that is stopped" stuck_daemon
check "a daemon that was killed and started anew" restarted_daemon
check "a scheduler that begins anew after hotplug" hotplug
check "what it costs" cost
stop_scene
check "the daemon still ends as it should" stop_arcade
finish
