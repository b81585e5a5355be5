#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The daemon's sockets: what is there, who may ask, what is answered, and a crowd of 200 that must harm nobody.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)
stats=/run/scx/root/stats control=/run/scx_arcade/control
clients=$top/build/vm/clients
ctl() { "$arcade" ctl "$@"; }
nobody() { setpriv --reuid 65534 --regid "${1:-65534}" --clear-groups "${@:2}"; }

expect_status() { # STATUS COMMAND…
	local want=$1 status=0
	shift
	"$@" >"$work/said.out" 2>"$work/said.err" || status=$?
	cat "$work/said.out" "$work/said.err"
	[ $status -eq "$want" ] || { echo "status $status, expected $want: $*"; return 1; }
}

no_daemon() {
	expect_status 8 ctl status && [ "$(wc -l <"$work/said.err")" -eq 1 ] &&
		expect_status 8 "$arcade" --stats-openmetrics && expect_status 2 ctl fast && expect_status 2 ctl game some
}

life_of_the_sockets() {
	start_arcade || return 1
	[ "$(stat -c %a $stats)" = 666 ] && [ "$(stat -c %a $control)" = 666 ] && [ "$(stat -c %a /run/scx)" = 755 ] || return 1
	ctl status | grep -q '^state *scheduling$' || return 1
	stop_arcade || return 1
	[ ! -e /run/scx ] && [ ! -e /run/scx_arcade ] || { ls -la /run/scx /run/scx_arcade; return 1; }
	# Killed, it leaves them behind; the next one replaces them.
	start_arcade || return 1
	kill -KILL "$arcade_pid"
	wait "$arcade_pid"
	arcade_pid=
	[ -S $stats ] || return 1
	start_arcade || return 1
	cat "$work/err"
	ctl status >/dev/null && ! grep -q '^warning' "$work/err" && stop_arcade && nothing_left "$before"
}

another_server_is_left_alone() {
	local other
	mkdir -p /run/scx/root
	python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("/run/scx/root/stats")
s.listen()
time.sleep(300)' & other=$!
	eventually 20 test -S $stats || return 1
	start_arcade || return 1
	grep '^warning: statistics: another program serves' "$work/err" && ctl status >/dev/null && stop_arcade && [ -S $stats ]
	local status=$?
	kill $other
	rm -rf /run/scx
	return $status
}

protocol() {
	start_arcade --no-preempt || return 1
	"$arcade" --stats-openmetrics >"$work/om" || return 1
	[ "$(tail -n 1 "$work/om")" = '# EOF' ] || return 1
	/usr/bin/python3 "$top/tests/vm/scx_stats.py" /var/run/scx/root/stats "$work/om" | tee "$work/tap"
	sed -n 's/^# figure/figure/p' "$work/tap"
	! grep -q '^not ok' "$work/tap" && [ "$(grep -c '^ok' "$work/tap")" -ge 12 ] && stop_arcade
}

what_ctl_does() {
	local child
	start_arcade || return 1
	sleep 300 & child=$!
	expect_status 0 ctl game $child && expect_status 0 ctl explain $child && grep -q "it is the game now" "$work/said.out" || return 1
	eventually 10 sh -c "'$arcade' ctl status | grep -q 'game *sleep (process $child)'" || return 1
	kill $child
	eventually 10 sh -c "'$arcade' ctl status | grep -q '^game *none$'" || return 1
	expect_status 0 ctl game none && expect_status 0 ctl game auto && expect_status 1 ctl game 4194304 &&
		expect_status 1 ctl explain 4194304 && expect_status 1 ctl mode fast && expect_status 0 ctl mode gaming &&
		expect_status 1 ctl set slice-us 1 && expect_status 0 ctl set slice-us 2000 || return 1
	ctl status | grep -q '^mode *gaming$' || return 1
	ctl dump >"$work/dump" && grep -q '"knobs"' "$work/dump" && grep -q '"slice_ns": *2000000' "$work/dump" || return 1
	grep -q 'control: process' "$work/dump" || { echo "no events in the dump"; return 1; }
	expect_status 0 ctl stop || return 1
	wait "$arcade_pid"
	local status=$?
	arcade_pid=
	[ $status -eq 0 ] && nothing_left "$before"
}

who_may_ask() {
	start_arcade || return 1
	expect_status 3 nobody 65534 "$arcade" ctl status && grep -q 'not permitted' "$work/said.err" || return 1
	expect_status 3 nobody 65534 "$arcade" --stats-openmetrics || return 1
	expect_status 3 nobody 65534 "$arcade" --monitor 1 || return 1
	stop_arcade || return 1
	# The root of the tests' guest is an overlay: this file is its own.
	grep -q '^scx_arcade:' /etc/group || echo 'scx_arcade:x:7654:' >>/etc/group
	local gid
	gid=$(getent group scx_arcade | cut -d: -f3)
	start_arcade || return 1
	expect_status 0 nobody "$gid" "$arcade" ctl status && expect_status 0 nobody "$gid" "$arcade" ctl explain 1 || return 1
	expect_status 3 nobody "$gid" "$arcade" ctl stop && grep -q 'only root' "$work/said.err" || return 1
	expect_status 3 nobody "$gid" "$arcade" ctl set slice-us 2000 && expect_status 3 nobody "$gid" "$arcade" ctl game none &&
		ctl status >/dev/null && stop_arcade
}

monitor_follows() {
	local monitor
	"$arcade" --monitor 0.2 --json >"$work/monitor" 2>"$work/monitor.err" & monitor=$!
	eventually 20 grep -q 'waiting for one' "$work/monitor.err" || return 1
	start_arcade || return 1
	eventually 20 grep -q '"state":"scheduling"' "$work/monitor" || return 1
	stop_arcade || return 1
	eventually 20 grep -q 'closed the connection' "$work/monitor.err" || return 1
	: >"$work/monitor"
	start_arcade || return 1
	eventually 20 grep -q '"state":"scheduling"' "$work/monitor" || return 1
	kill -INT $monitor
	wait $monitor || { echo "monitor: status $?"; return 1; }
	cat "$work/monitor.err"
	stop_arcade && nothing_left "$before"
}

# The peak from here on: reading the kernel's types at the start takes more, and gives it back.
forget_peak() { echo 5 >"/proc/$arcade_pid/clear_refs"; }
resident_kib() { awk '/^VmHWM/ { print $2 }' "/proc/$arcade_pid/status"; }
member() { "$arcade" ctl dump --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["top"][sys.argv[1]])' "$1"; }

# What is slow here is slow by the emulator: the figures that count are those of the native run.
crowd_of_200() {
	local ping crowd start resident
	start_arcade || return 1
	forget_peak
	start=$(resident_kib)
	"$clients" ping $stats 20 >"$work/ping" & ping=$!
	sleep 1
	"$clients" crowd $stats 18 200 >"$work/crowd" & crowd=$!
	wait $crowd || { echo "crowd: $?"; return 1; }
	wait $ping || { echo "ping: $?"; return 1; }
	resident=$(resident_kib)
	figure "emulated: $(cat "$work/ping") $(cat "$work/crowd")"
	figure "emulated: resident at most $resident KiB, $start before the crowd; longest round $(($(member loop_round_max_ns) / 1000)) us; over the limit: $(member stats_full), dropped: $(member stats_dropped)"
	[ "$resident" -lt 10240 ] || { echo "resident: $resident KiB"; return 1; }
	[ "$(member stats_full)" -gt 0 ] || return 1
	state_is enabled && stop_arcade && nothing_left "$before"
}

check "without a daemon: status 8 and one line; wrong words: 2" no_daemon
check "sockets come and go, and what a killed one left is replaced" life_of_the_sockets
check "another scheduler's server on the path of the statistics is left alone" another_server_is_left_alone
check "the protocol, by a client that was written from its description" protocol
check "ctl: status, game, explain, mode, set, dump, stop" what_ctl_does
check "who may ask, and who may change" who_may_ask
check "--monitor waits for a daemon, and for the next one" monitor_follows
check "200 clients, deaf, slow and loud ones: below 10 MB, and others are served" crowd_of_200
check "no complaint in the kernel log" no_kernel_complaints
finish
