#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The focus room with a real KWin, a real bus, real windows and a real GameMode.
# Usage: tests/desktop/focus.sh [SWITCHES]     how many the soak has (default 2000)
. "$(dirname "$0")/lib.sh"
soak=${1:-2000}

# The driver is there and has the focus of both clients.
ready() { eventually 10 source_is KWin ready; }
with_clients() {
	start_client a org.test.A && eventually 10 focus_is "window $a_pid 1 0 org.test.[Aa]" &&
		start_client b org.test.B && eventually 10 focus_is "window $b_pid 1 0 org.test.[Bb]"
}
switcher() { as_user $pub/switcher $pub/driver.out "$@"; }
value() { grep -o "$1=[0-9]*" <<<"$2" | cut -d= -f2; }

# ---- the ordinary ----

comes_up() {
	start_session
	ready && eventually 5 source_is 'session bus' ready && eventually 5 grep -q 'GameMode absent' $work/driver.err && kwin_loaded
}

is_the_user() {
	local pid
	pid=$(helper_pid)
	cat "/proc/$pid/status"
	grep -q "^Uid:.$uid.$uid.$uid.$uid$" "/proc/$pid/status" && grep -q "^Gid:.$uid.$uid.$uid.$uid$" "/proc/$pid/status" &&
		grep -Eq '^Groups:[[:space:]]*$' "/proc/$pid/status" && grep -q '^NoNewPrivs:.1$' "/proc/$pid/status" || return 1
	[ "$(grep -Ec '^Cap(Inh|Prm|Eff|Amb):.0000000000000000$' "/proc/$pid/status")" -eq 4 ] || return 1
	# Nothing of the daemon's: no terminal, memory, descriptor, environment; nor may the user look into it.
	[ "$(ps -o sid= -p "$pid" | tr -d ' ')" -eq "$pid" ] || return 1
	ls -l "/proc/$pid/fd"
	[ "$(nr_fds "$pid")" -le 8 ] && [ "$(tr "\0" "\n" <"/proc/$pid/environ")" = DBUS_FATAL_WARNINGS=0 ] || return 1
	if as_user cat "/proc/$pid/maps" >/dev/null 2>&1; then echo "the user can read its memory map"; return 1; fi
}

switches_at_once() {
	local said median
	said=$(switcher 100 "$a_pid" "$b_pid") || { echo "$said"; return 1; }
	figure "focus: 100 switches: $said"
	median=$(value median_us "$said")
	[ "$(value right "$said")" -eq 100 ] && [ "$(value wrong "$said")" -eq 0 ] && [ "$median" -lt 20000 ]
}

full_screen() {
	printf f >&"$b_in"
	eventually 5 focus_is "window $b_pid 1 1 *" || return 1
	printf w >&"$b_in"
	eventually 5 focus_is "window $b_pid 1 0 *" || return 1
	start_client c org.test.C --fullscreen
	eventually 5 focus_is "window $c_pid 1 1 *" || return 1
	printf q >&"$c_in"
	eventually 5 focus_is "window $b_pid 1 0 *"
}

minimised() {
	printf m >&"$b_in"
	eventually 5 focus_is "window $a_pid 1 0 *"
}

closed() {
	start_client c org.test.C
	eventually 5 focus_is "window $c_pid *" || return 1
	printf q >&"$c_in"
	eventually 5 focus_is "window $a_pid *" && eventually 5 is_gone "$c_pid"
}

killed() {
	start_client c org.test.C
	eventually 5 focus_is "window $c_pid *" || return 1
	kill -KILL "$c_pid"
	eventually 5 focus_is "window $a_pid *" || return 1
	# The last one: nobody has the focus, after 100 ms.
	kill -KILL "$a_pid" "$b_pid"
	eventually 5 focus_is 'window 0 0 0 *'
}

# Null activations between two windows are not told.
no_flicker() {
	local before
	with_clients || return 1
	before=$(grep -c ' window 0 0 ' $pub/driver.out)
	switcher 20 "$a_pid" "$b_pid" && [ "$(grep -c ' window 0 0 ' $pub/driver.out)" -eq "$before" ]
}

front_after() { # 0|1: milliseconds from the window's line before to that of the decision
	awk -v want="$1" '/ window / { at = $1 } / front / && $3 == want { ms = ($1 - at) / 1000000 } END { print int(ms + 0.5) }' $pub/driver.out
}

away_for_two_seconds() {
	local ms
	stop_driver && start_session --game "$a_pid" && ready || return 1
	switcher 2 "$b_pid" "$a_pid" && eventually 5 focus_is "window $a_pid *" || return 1
	# A moment elsewhere is none.
	switcher 2 "$b_pid" "$a_pid" && sleep 2.5 || return 1
	if grep -q ' front ' $pub/driver.out; then echo "a moment elsewhere counted"; return 1; fi
	switcher 2 "$a_pid" "$b_pid" && eventually 5 last_is front 0 || return 1
	ms=$(front_after 0)
	figure "focus: the game loses the front $ms ms after the focus went"
	switcher 2 "$b_pid" "$a_pid" && eventually 1 last_is front 1 || return 1
	figure "focus: the game has the front back after $(front_after 1) ms"
	[ "$ms" -ge 1990 ] && [ "$ms" -lt 2200 ] && [ "$(front_after 1)" -lt 20 ]
}

titles_stay() {
	! grep -r arcade-client $pub/driver.out $work/driver.err
}

# ---- others of the same user ----

spoof() { user_call --dest=org.scx_arcade.Focus /org/scx_arcade/Focus org.scx_arcade.Focus1.Window string:activated boolean:true "int32:$1" \
	string:forged string: boolean:true; }

forged_calls() {
	local before
	before=$(lines)
	if spoof "$a_pid"; then echo "it was answered as if it were KWin's"; return 1; fi
	sleep 0.3
	[ "$(lines)" -eq "$before" ] && switcher 4 "$b_pid" "$a_pid"
}

flooded_by_calls() {
	local pid said rss before
	pid=$(helper_pid) rss=$(rss_kb "$pid") before=$(lines)
	said=$(as_user $pub/flood 50000 "$b_pid")
	sleep 0.5
	figure "focus: 50000 forged calls ($said): the helper grew from $rss to $(rss_kb "$pid") kB, the driver was late by $(counts late_us) us at most"
	[ $(($(lines) - before)) -le 3 ] && ! grep -q forged $pub/driver.out && [ "$(rss_kb "$pid")" -lt $((rss + 8192)) ] &&
		[ "$(helper_pid)" -eq "$pid" ] && switcher 10 "$b_pid" "$a_pid"
}

# ---- GameMode ----

gamemode() {
	local game
	# Asking must not have started it.
	if has_owner com.feralinteractive.GameMode; then echo "the service runs"; return 1; fi
	exec_as_user gamemoderun sleep 60 >$work/game.log 2>&1 &
	game=$!
	eventually 10 last_is gamemode "$game 1" && eventually 1 source_is GameMode ready || { cat $work/game.log; return 1; }
	# A helper that comes later finds it in the list.
	kill -KILL "$(helper_pid)"
	eventually 10 last_is gamemode "$game 0" && eventually 10 last_is gamemode "$game 1" || return 1
	kill "$game"
	eventually 10 last_is gamemode "$game 0" || return 1
	exec_as_user gamemoderun sleep 60 >$work/game.log 2>&1 &
	game=$!
	eventually 10 last_is gamemode "$game 1" || return 1
	# The service goes without a word.
	kill -KILL "$(bus_pid_of com.feralinteractive.GameMode)"
	eventually 10 last_is gamemode "$game 0" && eventually 1 source_is GameMode absent
	local status=$?
	kill "$game"
	return $status
}

# ---- faults ----

# KWin again, after it was ended: the time from its name to the script's first word.
kwin_back() {
	local start ms
	kill -KILL "$kwin_pid"
	eventually 5 last_is unknown '' && eventually 5 source_is KWin absent || return 1
	start_kwin || return 1
	start=$(now_ms)
	ready || return 1
	ms=$(($(now_ms) - start))
	figure "focus: the script is back $ms ms after KWin"
	[ $ms -lt 2000 ] && with_clients && switcher 10 "$a_pid" "$b_pid"
}

# Another program, or the user, has taken the script out: seen at the next look, every 10 s.
script_taken_out() {
	user_call --dest=org.kde.KWin /Scripting org.kde.kwin.Scripting.unloadScript string:scx_arcade_focus && eventually 3 kwin_not_loaded &&
		eventually 13 kwin_loaded && ready && switcher 10 "$a_pid" "$b_pid"
}

kwin_stopped() {
	kill -STOP "$kwin_pid"
	counts late_us >/dev/null
	kill -KILL "$(helper_pid)"	# the next one has nobody to talk to
	sleep 3
	[ "$(counts late_us)" -lt 500000 ] && is_running "$(helper_pid)" || return 1
	kill -CONT "$kwin_pid"
	ready && switcher 10 "$a_pid" "$b_pid"
}

helper_is_another() { local pid; pid=$(helper_pid); [ "$pid" != "$1" ] && [ "$pid" != 0 ]; }

helper_killed() { # TIMES
	local i pid fds rss start
	fds=$(nr_fds $driver_pid) rss=$(rss_kb $driver_pid) start=$(now_ms)
	for ((i = 0; i < $1; i++)); do
		ready || return 1
		pid=$(helper_pid)
		# Who dies within a second waits longer for the next.
		[ "$i" -lt 3 ] || sleep 1
		kill -KILL "$pid"
		eventually 15 helper_is_another "$pid" || return 1
	done
	ready && eventually 5 focus_is "window * 1 0 org.test.*" || return 1
	figure "focus: $1 helpers killed in $(($(now_ms) - start)) ms; the driver went from $rss to $(rss_kb $driver_pid) kB"
	[ "$(nr_fds $driver_pid)" -eq "$fds" ] && [ "$(rss_kb $driver_pid)" -le $((rss + 256)) ] || return 1
	# One script, not twenty: each switch is told once.
	switcher 10 "$a_pid" "$b_pid"
}

helper_stopped() {
	local pid start ms
	pid=$(helper_pid)
	kill -STOP "$pid"
	counts late_us >/dev/null
	switcher 4 "$a_pid" "$b_pid" >/dev/null	# nobody tells
	[ "$(counts late_us)" -lt 500000 ] || return 1
	kill -CONT "$pid"
	sleep 0.5
	switcher 10 "$a_pid" "$b_pid" || return 1
	kill -STOP "$pid"
	start=$(now_ms)
	stop_driver || return 1
	ms=$(($(now_ms) - start))
	figure "focus: stopping beside a stopped helper takes $ms ms"
	[ $ms -lt 900 ] && is_gone "$pid" && start_session && ready
}

daemon_killed() {
	local pid
	pid=$(helper_pid)
	stop_driver KILL
	eventually 2 is_gone "$pid" && eventually 2 kwin_not_loaded || return 1
	# Stopped by its user at that moment, it ends when it goes on.
	start_session
	ready || return 1
	pid=$(helper_pid)
	kill -STOP "$pid"
	stop_driver KILL
	kill -CONT "$pid"
	eventually 2 is_gone "$pid"
}

script_left_behind() {
	local pid rss late
	start_session
	ready || return 1
	pid=$(helper_pid)
	kill -STOP $driver_pid
	kill -KILL "$pid" $driver_pid
	wait $driver_pid 2>/dev/null
	driver_pid=
	kwin_loaded || { echo "the script is gone"; return 1; }
	: >$work/empty
	chmod 644 $work/empty && cp -p $work/empty $pub/empty
	rss=$(rss_kb "$kwin_pid")
	# Each waits a second for a line that does not come; KWin has to go on.
	as_user $pub/switcher $pub/empty 5 "$a_pid" "$b_pid"
	late=$(rss_kb "$kwin_pid")
	figure "focus: KWin with an orphaned script: from $rss to $late kB"
	[ "$late" -lt $((rss + 2048)) ] || return 1
	# The next one takes over: one script again.
	start_session
	ready && switcher 10 "$a_pid" "$b_pid"
}

stops_cleanly() {
	stop_driver && kwin_not_loaded && is_gone "$(helper_pid)"
}

bus_refuses() {
	# A bus that is not the user's: root's own. And the user's bus refuses root, which is why there is a helper.
	if dbus-send --bus=$bus --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId 2>&1; then
		echo "the user's bus takes root: the test proves nothing"
		return 1
	fi
	DBUS_SESSION_BUS_ADDRESS=unix:path=$pub/bus dbus-daemon --session --nofork --nopidfile --address=unix:path=$pub/bus &
	local daemon=$!
	eventually 5 test -S $pub/bus && chmod 777 $pub/bus
	start_driver --session $uid unix:path=$pub/bus $script
	sleep 4
	kill $daemon
	dbus-daemon --version | head -n 1
	figure "focus: a bus that refuses: $(counts starts) helpers in 4 s"
	grep 'session bus failed: Permission denied' $work/driver.err && [ "$(counts starts)" -ge 3 ] && [ "$(counts starts)" -le 8 ] && stop_driver
}

bus_restarts() {
	start_session
	ready || return 1
	kill -KILL $bus_pid
	eventually 5 last_is unknown '' || return 1
	start_bus || return 1
	eventually 15 source_is 'session bus' ready && stop_driver
}

no_runtime_dir() {
	start_driver --session 61235 unix:path=/run/user/61235/bus $script
	sleep 1
	[ "$(counts starts)" -eq 0 ] && grep 'cannot start' $work/driver.err && stop_driver
}

hostile() { # MODE
	local fds rss start begin ms records
	begin=$(now_ms)
	start_driver --session $uid "hostile:$1" $script
	eventually 5 grep -q ' helper [1-9]' $pub/driver.out || return 1
	sleep 1
	fds=$(nr_fds $driver_pid) rss=$(rss_kb $driver_pid)
	counts late_us >/dev/null
	sleep 3
	figure "focus: hostile helper, $1: late by $(counts late_us) us, $(counts starts) starts, $(counts records) records in 4 s, RSS $rss to $(rss_kb $driver_pid) kB"
	# The rate, whatever the host made of the four seconds, and one burst.
	records=$(counts records) ms=$(($(now_ms) - begin))
	[ "$records" -le $((600 + ms * 525 / 1000)) ] && [ "$(counts starts)" -le 12 ] && [ "$(nr_fds $driver_pid)" -le $((fds + 2)) ] &&
		[ "$(rss_kb $driver_pid)" -le $((rss + 256)) ] || return 1
	case $1 in
	flood | fds) [ "$(counts throttled)" -gt 10 ] || { echo "not throttled"; return 1; } ;;
	malformed | large) [ "$(counts malformed)" -ge 3 ] || { echo "not seen"; return 1; } ;;
	esac
	start=$(now_ms)
	stop_driver && [ $(($(now_ms) - start)) -lt 1200 ]
}

soak() {
	local helper fds rss helper_fds helper_rss kwin_rss said
	start_session
	ready && with_clients && switcher 500 "$a_pid" "$b_pid" || return 1
	helper=$(helper_pid)
	fds=$(nr_fds $driver_pid) rss=$(rss_kb $driver_pid)
	helper_fds=$(nr_fds "$helper") helper_rss=$(rss_kb "$helper") kwin_rss=$(rss_kb "$kwin_pid")
	said=$(switcher "$soak" "$a_pid" "$b_pid") || { echo "$said"; return 1; }
	figure "focus: soak of $soak switches: $said"
	figure "focus: RSS in kB: driver $rss to $(rss_kb $driver_pid), helper $helper_rss to $(rss_kb "$helper"), KWin $kwin_rss to $(rss_kb "$kwin_pid")"
	[ "$(helper_pid)" -eq "$helper" ] && [ "$(nr_fds $driver_pid)" -eq "$fds" ] && [ "$(nr_fds "$helper")" -eq "$helper_fds" ] &&
		[ "$(rss_kb $driver_pid)" -le $((rss + 128)) ] && [ "$(rss_kb "$helper")" -le $((helper_rss + 128)) ]
}

# ---- X11 ----

# Windows of X11 programs: a claimed process id is taken for what it is.
xwayland() {
	start_client a org.test.A
	eventually 10 focus_is "window $a_pid *" || return 1
	exec_as_user env DISPLAY=:0 xterm -T 'an X window' -e sleep 60 >$work/xterm.log 2>&1 &
	local xterm=$!
	eventually 15 focus_is "window $xterm 1 0 [Xx][Tt]erm" || { cat $work/xterm.log; return 1; }
	kill $xterm
	eventually 5 focus_is "window $a_pid *"
}

kwin_x11() {
	local one two
	kill -KILL "$kwin_pid"
	eventually 5 source_is KWin absent || return 1
	exec_as_user Xvfb :9 -screen 0 1280x800x24 >$work/xvfb.log 2>&1 &
	eventually 10 test -S /tmp/.X11-unix/X9 || return 1
	exec_as_user env DISPLAY=:9 XDG_SESSION_TYPE=x11 KWIN_COMPOSE=N QT_LOGGING_RULES='*=false' kwin_x11 >$work/kwin_x11.log 2>&1 &
	kwin_pid=$!
	eventually 20 has_owner org.kde.KWin && ready || { cat $work/kwin_x11.log; return 1; }
	exec_as_user env DISPLAY=:9 sh -c 'exec xterm -T "arcade-client $$" -e sleep 600' &
	one=$!
	eventually 10 focus_is "window $one *" || return 1
	exec_as_user env DISPLAY=:9 sh -c 'exec xterm -T "arcade-client $$" -e sleep 600' &
	two=$!
	eventually 10 focus_is "window $two *" || return 1
	switcher 20 $one $two && figure "focus: kwin_x11: $(switcher 100 $one $two)" && stop_driver && kwin_not_loaded
}

start_bus || { cat $work/bus.log; exit 1; }
start_kwin --xwayland || exit 1
note "$(QT_QPA_PLATFORM=offscreen kwin_wayland --version 2>/dev/null), $(dbus-daemon --version | head -n 1)"

check "the helper connects, and KWin runs the script" comes_up
check "the helper is the user for good, and has nothing of the daemon's" is_the_user
check "two windows are told" with_clients
check "100 of 100 switches are right, the median under 20 ms" switches_at_once
check "full screen on and off" full_screen
check "a minimised window gives the focus on" minimised
check "a closed window gives the focus on" closed
check "a killed client gives the focus on; without a window nobody has it" killed
check "no window in between is not told" no_flicker
check "the game loses the front after 2 s elsewhere, and has it back at once" away_for_two_seconds
check "calls of another process of the user are ignored" forged_calls
check "50000 such calls: nothing told, nothing grown" flooded_by_calls
check "GameMode: registered, unregistered, in the list, gone with the service; never started by us" gamemode
check "KWin killed and restarted: the script is back within 2 s" kwin_back
check "the script taken out by somebody else: back within 12 s" script_taken_out
check "KWin stopped: nothing is held up" kwin_stopped
check "the helper killed 20 times: back each time, one script" helper_killed 20
check "the helper stopped: nothing is held up, not even the end" helper_stopped
check "the daemon killed: the helper goes and takes the script out" daemon_killed
check "daemon and helper killed: the script left behind is harmless, and replaced" script_left_behind
check "the end: the script is out, the helper gone" stops_cleanly
check "a bus that refuses: said, tried again with growing pauses" bus_refuses
check "the bus killed and restarted" bus_restarts
check "a user without runtime directory: nothing is started" no_runtime_dir
for mode in flood malformed large fds deaf mute; do check "a hostile helper: $mode" hostile $mode; done
# The restarted bus is not the one that KWin was on.
kill -KILL "$kwin_pid"
check "KWin again, with X11" start_kwin --xwayland
check "soak: $soak switches, memory and descriptors flat" soak
check "a window of an X11 program" xwayland
check "kwin_x11" kwin_x11
check "no window title was stored or logged" titles_stay
finish
