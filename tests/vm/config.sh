#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The configuration of a running daemon: read again on SIGHUP and when it changes, bad files, modes, games.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)
conf=$work/etc/a.conf
mkdir -p "$work/etc" "$work/opt"
ln "$top/build/vm/actor" "$work/opt/quake" 2>/dev/null || cp "$top/build/vm/actor" "$work/opt/quake"
export SCX_TIMEOUT_MS=30000

# What the kernel half works with now.
knob() { # NAME
	local id
	id=$(bpftool map list | sed -n 's/^\([0-9]*\):.* name [^ ]*knobs .*/\1/p' | head -n 1)
	bpftool map dump id "$id" | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" | head -n 1
}
knob_is() { [ "$(knob "$1")" = "$2" ]; }
lines() { wc -l <"$work/err"; }
since() { tail -n +$(($1 + 1)) "$work/err"; }
said_since() { since "$1" | grep -q -- "$2"; }
says() { # LINES TEXT: within a moment
	eventually 20 said_since "$1" "$2" || { since "$1"; return 1; }
}
# In one step: a file that is empty for as long as a program takes to start may be read so.
write() {
	local text
	text=$(cat; echo .)
	printf %s "${text%.}" >"$conf"
}
start() { start_arcade --config "$conf" "$@"; }

starts_with_file() {
	printf '[daemon]\nslice-us = 2000\n[chain]\nchain-ms = 20\n' | write
	start || return 1
	knob_is slice_ns 2000000 && knob_is chain_ttl_ns 20000000 && grep -q "settings: slice-us is 2000 us: $conf:2" "$work/err"
}

reloads_on_hangup() {
	local n
	# Within the same moment, so that only the signal can be the reason.
	n=$(lines)
	printf '[daemon]\nslice-us = 2500\npreempt = no\n' | write
	kill -HUP "$arcade_pid"
	says "$n" "settings: slice-us is 2500 us now, was 2000: $conf:2 (SIGHUP)" || return 1
	says "$n" "settings: chain-ms is 33 ms now, was 20: default (SIGHUP)" || return 1
	says "$n" "settings: preempt is no now, was yes: $conf:3 (SIGHUP)" || return 1
	knob_is slice_ns 2500000 && knob_is preempt 0 && knob_is chain_ttl_ns 33000000 && state_is enabled
}

reloads_on_change() {
	local n
	n=$(lines)
	printf '[daemon]\nslice-us = 1800\n' | write
	says "$n" "settings: slice-us is 1800 us now, was 2500: $conf:2 (files changed)" || return 1
	# As editors do it.
	n=$(lines)
	printf '[daemon]\nslice-us = 1900\n' >"$conf.tmp" && mv "$conf.tmp" "$conf"
	says "$n" "settings: slice-us is 1900 us now, was 1800: $conf:2 (files changed)" || return 1
	# A folder that comes, and a file in it.
	n=$(lines)
	mkdir "$conf.d" && printf '[daemon]\nslice-us = 1700\n' >"$conf.d/50-mine.conf"
	says "$n" "settings: slice-us is 1700 us now, was 1900: $conf.d/50-mine.conf:2 (files changed)" || return 1
	n=$(lines)
	rm -r "$conf.d"
	says "$n" "settings: slice-us is 1900 us now, was 1700: $conf:2 (files changed)" || return 1
	knob_is slice_ns 1900000
}

many_changes_are_one() {
	local n i
	n=$(lines)
	for i in 1 2 3 4 5 6 7 8; do printf '[daemon]\nslice-us = 300%d\n' "$i" | write; done
	says "$n" "slice-us is 3008 us now" || return 1
	[ "$(since "$n" | grep -c 'slice-us is')" -le 3 ]
}

bad_files_change_nothing() {
	local n kind
	n=$(lines)
	printf '[daemon]\nslice-us = 1000\nslise = 3\n[game "x"]\n' | write
	says "$n" "settings: $conf:3: unknown key 'slise'" || return 1
	says "$n" "settings: $conf:4: \[game \"x\"\] says not which game" || return 1
	says "$n" "settings: all old values stay (files changed)" || return 1
	knob_is slice_ns 3008000 || return 1
	for kind in directory FIFO device loop bytes; do
		n=$(lines)
		rm -rf "$conf"
		case $kind in
		directory) mkdir "$conf" ;;
		FIFO) mkfifo "$conf" ;;
		device) ln -s /dev/zero "$conf" ;;
		loop) ln -s "$conf" "$conf" ;;
		bytes) head -c 100000 /dev/urandom >"$conf" ;;
		esac
		kill -HUP "$arcade_pid"
		says "$n" "settings: all old values stay" || return 1
	done
	rm -rf "$conf"
	knob_is slice_ns 3008000 && is_running "$arcade_pid" && state_is enabled || return 1
	n=$(lines)
	printf '[daemon]\nslice-us = 1000\n' | write
	says "$n" "slice-us is 1000 us now, was 3008" && knob_is slice_ns 1000000
}

modes_switch() {
	local n
	n=$(lines)
	printf '[daemon]\nmode = powersave\n' | write
	says "$n" "settings: mode is powersave now, was auto: $conf:2" || return 1
	says "$n" "settings: slice-us is 6000 us now, was 1000: mode powersave" || return 1
	# Of no class: 6 is above them all.
	knob_is slice_ns 6000000 && knob_is chain_ttl_ns 16000000 && knob_is full_speed_class 6 || return 1
	n=$(lines)
	printf '[daemon]\nmode = lowlatency\nslice-us = 1234\n' | write
	says "$n" "settings: full-speed is all now, was none: mode lowlatency" || return 1
	knob_is slice_ns 1234000 && knob_is full_speed_class 0
}

# Hooks, the search for games and the helper go and come back with a mode; the scheduler is started anew for it.
mode_without_hooks() {
	local n
	n=$(lines)
	printf '[daemon]\nmode = server\n' | write
	says "$n" "settings: input is no now, was yes: mode server" || return 1
	says "$n" "starting the scheduler anew" || return 1
	says "$n" "^input .*off, by option" || return 1
	says "$n" "^scheduling$" && eventually 10 state_is enabled && knob_is slice_ns 10000000 || return 1
	# There is no logind here, which is looked for every 10 s: not any more, now that nobody wants it.
	sleep 11
	is_running "$arcade_pid" || { echo "it ended"; return 1; }
	n=$(lines)
	printf '[daemon]\nmode = auto\n' | write
	says "$n" "^scheduling$" || return 1
	says "$n" "^input .*every packet" && eventually 10 state_is enabled && knob_is slice_ns 3000000
}

ends_cleanly() { stop_arcade && nothing_left "$before"; }

game_pid=
stop_game() { [ -z "$game_pid" ] || { kill -KILL "$game_pid" && wait "$game_pid"; } 2>/dev/null; game_pid=; true; }

# The section of a game counts from its start to its end.
game_section() { # SECTION-KEYS FLAG...
	local n keys=$1
	shift
	printf '[daemon]\nslice-us = 2000\n[game "Quake"]\n%b\nslice-us = 1111\nchain-ms = 44\n' "$keys" | write
	start "$@" || return 1
	knob_is slice_ns 2000000 || return 1
	n=$(lines)
	SteamAppId=4242 "$work/opt/quake" & game_pid=$!
	says "$n" "settings: slice-us is 1111 us now, was 2000: \[game \"Quake\"\], $conf:[0-9]* (\"Quake\" is in front)" || { stop_game; return 1; }
	eventually 5 knob_is slice_ns 1111000 && eventually 5 knob_is chain_ttl_ns 44000000 || { stop_game; return 1; }
	# Changed while it is played.
	n=$(lines)
	printf '[daemon]\nslice-us = 2000\n[game "Quake"]\n%b\nslice-us = 1222\n' "$keys" | write
	says "$n" "settings: slice-us is 1222 us now, was 1111" || { stop_game; return 1; }
	n=$(lines)
	stop_game
	says "$n" "settings: slice-us is 2000 us now, was 1222: $conf:2 (\"Quake\" is not in front any more)" || return 1
	knob_is slice_ns 2000000 && knob_is chain_ttl_ns 33000000 && stop_arcade && nothing_left "$before"
}

game_by_pid() {
	local status
	printf '[game "Quake"]\nexecutable = Quake\nslice-us = 1111\n' | write
	"$work/opt/quake" & game_pid=$!
	start --game "$game_pid" && says 0 "settings: slice-us is 1111 us now, was 3000: \[game \"Quake\"\]" && knob_is slice_ns 1111000
	status=$?
	local n
	n=$(lines)
	stop_game
	[ $status -eq 0 ] && says "$n" "slice-us is 3000 us now" && stop_arcade && nothing_left "$before"
}

other_game() {
	printf '[game "Quake"]\nexecutable = doom\nslice-us = 1111\n' | write
	start --game quake || return 1
	"$work/opt/quake" & game_pid=$!
	says 0 "^game: process $game_pid and its descendants" && sleep 1 && knob_is slice_ns 3000000
	local status=$?
	stop_game
	[ $status -eq 0 ] && stop_arcade
}

bad_file_at_start() {
	local n
	printf '[daemon]\nslice-us = 2000\nbad = 1\n' | write
	start --chain-ms 11 || return 1
	grep -q "settings: $conf:3: unknown key 'bad'" "$work/err" && grep -q 'no file counts until this is mended' "$work/err" || return 1
	knob_is slice_ns 3000000 && knob_is chain_ttl_ns 11000000 || return 1
	n=$(lines)
	printf '[daemon]\nslice-us = 2000\n' | write
	says "$n" "slice-us is 2000 us now" && stop_arcade && nothing_left "$before"
}

is_stalled() { grep -qF " $conf.d fuse" /proc/mounts; }
nr_frames() { wc -l <"$work/out"; }
# Reads that do not come back: their thread waits, the daemon does not, and no thread joins it there.
files_on_a_dead_disk() {
	local n frames
	printf '[daemon]\nslice-us = 2000\n' | write
	mkdir -p "$conf.d"
	start --stats 0.2 --json || return 1
	[ -e /dev/fuse ] || modprobe fuse || return 1
	"$top/build/vm/stall" "$conf.d" & stall_pid=$!
	eventually 10 is_stalled || return 1
	n=$(lines) frames=$(nr_frames)
	printf '[daemon]\nslice-us = 2100\n' | write
	kill -HUP "$arcade_pid"
	sleep 4
	kill -HUP "$arcade_pid"
	figure "$(($(nr_frames) - frames)) frames of statistics in 4 s beside a read that waits; 20 are due"
	[ $(($(nr_frames) - frames)) -ge 12 ] && ! said_since "$n" 'slice-us is' || { since "$n"; return 1; }
	says "$n" "settings: the files do not let themselves be read: all old values stay" || return 1
	eventually 20 said_twice_since "$n" || { since "$n"; return 1; }
	[ "$(ps -L -o comm= -p "$arcade_pid" | grep -c arcade-settings)" -le 2 ] && knob_is slice_ns 2000000 || return 1
	n=$(lines)
	kill -KILL "$stall_pid"
	wait "$stall_pid" 2>/dev/null
	umount -l "$conf.d" && sleep 1 && kill -HUP "$arcade_pid"
	says "$n" "settings: slice-us is 2100 us now, was 2000: $conf:2" && knob_is slice_ns 2100000 || return 1
	rmdir "$conf.d" && stop_arcade && nothing_left "$before"
}
said_twice_since() { [ "$(since "$1" | grep -c 'do not let themselves be read')" -ge 2 ]; }

# Ended while a read waits: within a moment, and with all given back.
ends_beside_a_dead_disk() {
	local began status
	mkdir -p "$conf.d"
	start || return 1
	"$top/build/vm/stall" "$conf.d" & stall_pid=$!
	eventually 10 is_stalled && kill -HUP "$arcade_pid" && sleep 1 || return 1
	began=$SECONDS
	stop_arcade && [ $((SECONDS - began)) -le 5 ] && nothing_left "$before"
	status=$?
	kill -KILL "$stall_pid"
	wait "$stall_pid" 2>/dev/null
	umount -l "$conf.d" && rmdir "$conf.d" && return $status
}

# With a terminal that goes: the end, as before. Without: read again, above.
terminal_goes() {
	printf '' | write
	: >"$work/err"	# of the test before
	script -qec "$arcade --config $conf 2>$work/err" /dev/null </dev/null >/dev/null 2>&1 & local script_pid=$!
	eventually 30 grep -q '^scheduling$' "$work/err" || return 1
	local pid
	pid=$(pgrep -x scx_arcade)
	# From a session of its own: somebody who wants it read.
	setsid kill -HUP "$pid"
	eventually 10 grep -q 'read again, no value has changed (SIGHUP)' "$work/err" && is_running "$pid" || return 1
	kill -KILL "$script_pid"; wait "$script_pid" 2>/dev/null
	eventually 10 state_is disabled && grep -q 'stopping: Hangup' "$work/err" && nothing_left "$before"
}

checks() {
	local status=0
	printf '[daemon]\nslice-us = 2000\n' | write
	"$arcade" --check-config "$conf" || return 1
	printf '[daemon]\nslice-us = 200\n' | write
	"$arcade" --check-config "$conf" >"$work/check" || status=$?
	cat "$work/check"
	[ $status -eq 2 ] && [ "$(cat "$work/check")" = "$conf:2: slice-us: '200' is out of range, expected 250 to 20000 us" ]
}

check "--check-config tells file and line" checks
check "a file counts from the start" starts_with_file
check "SIGHUP: read again, and applied" reloads_on_hangup
check "a changed file is read again" reloads_on_change
check "many changes in a moment are read once" many_changes_are_one
check "bad files change nothing" bad_files_change_nothing
check "a mode brings its values" modes_switch
check "a mode takes hooks away and brings them back" mode_without_hooks
check "ends and leaves nothing" ends_cleanly
check "a game has a section by its name" game_section 'executable = quake' --game quake
check "a game has a section by Steam's number" game_section 'app-id = 4242' --game quake
check "the game that was named by its number has a section" game_by_pid
check "another game's section stays out" other_game
check "a bad file at the start: it comes up, and says so" bad_file_at_start
check "files on a disk that does not answer: the old values stay, all goes on" files_on_a_dead_disk
check "it ends while a read waits" ends_beside_a_dead_disk
check "a terminal that goes ends it" terminal_goes
check "no complaints of the kernel" no_kernel_complaints
finish
