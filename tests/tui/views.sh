#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# views - arcadetop on real terminals, against a server of known figures and against ill will
#
# Usage: tests/tui/views.sh
#
# Needs tmux and python3, no root and no sched_ext. The same program against the
# real daemon: tests/vm/tui.sh. ARCADETOP names another build of it.
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source=tests/tui/lib.sh
. "$(dirname "$0")/lib.sh"
socket=$work/stats server_pid=
trap 'close_term; stop_server; rm -rf "$work"' EXIT

serve() { # MODE
	stop_server
	"$top/tests/tui/server.py" "$socket" "$1" 2>"$work/server.err" &
	server_pid=$!
	eventually 10 test -S "$socket"
}

stop_server() {
	[ -n "$server_pid" ] || return 0
	kill "$server_pid" 2>/dev/null
	wait "$server_pid" 2>/dev/null
	server_pid=
	rm -f "$socket"
}

overview_words=('scx_arcade 0.1.0' 'mode gaming' 'game: Hades II (4242)' 'up 1 h 0' '7.3.4+deb13-amd64' '16 CPUs' scheduling
	'99 of 100 clicks' 'to the GPU (submit)' 'to the screen (flip)' 'records lost' 'GPU work (submits)' 'audio periods'
	'a free one, at once' 'after queueing' 'longest wait 3.21 ms' 'a busy one (preemption)' 87.2%)
chains_words=('After a click or a key' 'After a display frame' 'After an audio period' '1 compositor kwin_wayl' '2 game Hades II.exe'
	'3 render RenderThread 1' 'screen (flip)' 'GPU (submit)' '256 us' '1.02 ms')
threads_words=('Threads  44' PID THREAD PROCESS CLASS ROLE CPU 'RUNS/s' 'WAIT p99' kwin_wayland 'RenderThread 1' chain frame game
	background 51.2%)
input_words=(Packets mouse keyboard Rings 'lost          0' event5 'Logitech G Pro X Superlight' 'cannot be opened' 'hook   input_event'
	'read after at most 18.4 ms')
events_words=('Events  30' 'error    settings: /etc/scx_arcade.conf:12' 'warning  focus: KWin' 'game: process 4242 is in front')
help_words=(Keys 'pause: the figures stand still' Colours Words p50)

every_tab() {
	expect ' live' || return 1
	# Rates need two looks.
	expect 87.2% || return 1
	expect_all "${overview_words[@]}" || return 1
	type_keys 2
	expect_all '[2 Chains]' "${chains_words[@]}" || return 1
	type_keys 3
	expect_all '[3 Threads]' "${threads_words[@]}" || return 1
	type_keys 4
	expect_all '[4 Input]' "${input_words[@]}" || return 1
	type_keys 5
	expect_all '[5 Events]' "${events_words[@]}" || return 1
	type_keys 6
	expect_all '[6 Help]' "${help_words[@]}" || return 1
}

tabs_of_size() { # COLS ROWS
	open_term "$1" "$2" && run_top && every_tab || return 1
	# Nothing wraps: head, tabs and foot are where they belong.
	screen | sed -n 3p | grep -q '1 Overview' || { screen; return 1; }
	screen | tail -n 1 | grep -q 'q quit' || { screen; return 1; }
}

whole_of_a_wide_window() {
	type_keys 3
	expect_all 'WAIT p50' 'IN CHAINS' 'LAST CHAIN' 'input+compositor' 'worker-24' || return 1
	type_keys 2
	expect_all '128us' '33ms' distribution 'kwin_wayland' || return 1
	type_keys 6
	expect_all 'What works on this kernel' 'amdgpu: submit' Options slice-us 'default (restarts)' 'longest time a task runs' 'auto gaming lowlatency'
}

tabs_in_ascii() {
	open_term 80 24 LC_ALL=C && run_top && every_tab && is_ascii || return 1
	type_keys 1
	expect '[1 Overview]' && expect '####' && is_ascii || return 1
	type_keys 2
	expect '[2 Chains]' && expect '##==' && is_ascii
}

option_for_ascii() { open_term 80 24 && run_top --ascii && expect 87.2% && is_ascii; }

# Whoever draws without colours still draws.
has_colours() { screen_with_styles | grep -q $'\e\\[[0-9;]*3[0-8]'; }
without_colours() { # NAME=VALUE
	open_term 80 24 && run_top && expect 87.2% && has_colours || { echo "no colours at all"; return 1; }
	open_term 80 24 "$1" && run_top && expect 87.2% || return 1
	! has_colours || { screen_with_styles | cat -v; return 1; }
}

nobody_looks() { ! pgrep -f -- "--socket $socket" >/dev/null; }

dumb_terminal() {
	open_term 80 60 TERM=dumb && keep_modes && run_top -n 3 && expect 'audio periods' && expect '87.2%' || return 1
	# Nothing clears this terminal: its prompt of before is still there.
	eventually 10 nobody_looks && modes_are_kept || return 1
	open_term 80 60 TERM=no-such-terminal && run_top && expect '87.2%' || return 1
	type_keys q
	expect 'SHELL>'
}

keys_move() {
	open_term 80 24 && run_top && expect 87.2% || return 1
	type_keys Tab && expect '[2 Chains]' || return 1
	type_keys BTab && expect '[1 Overview]' || return 1
	type_keys Right Right && expect '[3 Threads]' || return 1
	type_keys Left && expect '[2 Chains]' || return 1
	type_keys 3 && expect '1-18 of 44' || return 1
	type_keys Down && expect '2-19 of 44' || return 1
	type_keys NPage && expect '19-36 of 44' || return 1
	type_keys End && expect '27-44 of 44' || return 1
	type_keys PPage && expect '10-27 of 44' || return 1
	type_keys Home && expect '1-18 of 44' || return 1
	type_keys s && expect 'sorted by: CPU' && screen | sed -n 6p | grep -q cc1plus || { screen; return 1; }
	type_keys s && expect 'sorted by: longest wait' || return 1
	type_keys s && expect 'sorted by: runs' && screen | sed -n 6p | grep -q 'Hades II.exe' || { screen; return 1; }
	type_keys s && expect 'sorted by: name' || return 1
	type_keys h && expect '[6 Help]' || return 1
	# What is no key of ours does nothing.
	type_keys F5 x M-z && expect '[6 Help]'
}

pause_and_reset() {
	local before after
	open_term 80 24 && run_top && expect 87.2% || return 1
	type_keys p && expect PAUSED || return 1
	before=$(screen)
	sleep 1
	after=$(screen)
	[ "$before" = "$after" ] || { printf '%s\n%s\n' "$before" "$after"; return 1; }
	type_keys p && expect ' live' || return 1
	type_keys r && expect 'figures since reset: ' || return 1
	# A second or two of 1012 packets each, not 4 million.
	screen | awk '/^   packets/ { found = 1; if ($3 ~ /M/) bad = 1 } END { exit !found || bad }' || { screen; return 1; }
}

resizing() {
	local size
	open_term 80 24 && run_top && expect 87.2% || return 1
	for size in 200x60 40x8 41x30 300x9 20x4 10x2 2x1 1x1 39x24 80x7 120x40 80x24; do
		term resize-window -x "${size%x*}" -y "${size#*x}"
		sleep 0.3
		case $size in
		20x4) expect 'too small' || return 1 ;;
		39x24 | 80x7) expect 'needs 40x8' || return 1 ;;
		200x60 | 120x40 | 80x24) expect '[1 Overview]' && expect 'a busy one' || return 1 ;;
		esac
	done
	every_tab
}

no_daemon_then_one() {
	stop_server
	open_term 80 24 && run_top && expect_all 'scx_arcade is not running: waiting for it' 'sudo systemctl start scx_arcade' "socket $socket" || return 1
	answers_at_once 6 'pause: the figures' && answers_at_once 1 'not running' || return 1
	serve game && expect 87.2% || return 1
	stop_server
	expect 'The figures are old' && expect 'a busy one' || return 1
	serve game && expect ' live' && expect_not 'The figures are old'
}

# Another daemon, whose counters begin anew: no rate is made of the two.
restarted_daemon() {
	serve restart
	open_term 80 24 && run_top && expect 87.2% || return 1
	stop_server
	expect 'The figures are old' || return 1
	serve restart
	# The first connection of a server of this mode has old counters, so there has to be a second.
	"$top_program" --socket "$socket" --once --json >/dev/null || return 1
	expect ' live' && expect_not 'The figures are old' && expect 87.2% || return 1
	screen | awk '/^   packets/ { found = 1; if ($2 + 0 > 5000 || $2 ~ /[kM]/) bad = 1 } END { exit !found || bad }' ||
		{ screen; return 1; }
}

says() { # MODE TEXT
	serve "$1"
	open_term 80 24 && run_top && expect "$2" || return 1
	answers_at_once 6 'pause: the figures' && answers_at_once 1 '[1 Overview]' || return 1
	# Memory does not grow with what is sent.
	local pid rss
	pid=$(pgrep -n -x arcadetop -s 0 2>/dev/null || pgrep -n -f -- "--socket $socket")
	rss=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")
	figure "$1: largest resident size $rss kB"
	[ "$rss" -lt 20000 ] || [ -n "${ARCADETOP:-}" ] || return 1
	type_keys q
	expect 'SHELL>'
}

hostile_names() {
	local tab
	serve hostile
	open_term 80 24 && run_top && expect ' live' || return 1
	for tab in 1 2 3 4 5 6; do
		type_keys "$tab"
		sleep 0.5
		# The frame is whole: nothing has moved the cursor, cleared the screen or set a title.
		screen | sed -n 3p | grep -qF "[$tab " && screen | tail -n 1 | grep -q 'q quit' || { screen; return 1; }
		! screen_with_styles | grep -q $'\e\\[2J\|\e\\]0' || return 1
	done
	[ "$(term display-message -p '#{pane_title}')" != owned ]
}

older_daemon() { serve older && open_term 80 24 && run_top && expect 'a free one, at once' && type_keys 3 && expect 'names no threads'; }

# Every way out leaves the terminal as it was.
left_by_key() { open_term 80 24 && keep_modes && run_top && expect 87.2% && type_keys "$1" && modes_are_kept; }

status_is() { # STATUS
	type_line "echo \"status \$?\""
	expect "status $1"
}

left_by_signal() { # SIGNAL STATUS
	local pid
	open_term 80 24 && keep_modes && run_top && expect 87.2% || return 1
	pid=$(pgrep -n -f -- "--socket $socket")
	kill -"$1" "$pid" || return 1
	eventually 10 shows 'SHELL>' && eventually 5 shows_not '1-6 page' && status_is "$2" && modes_are_kept
}

stopped_and_continued() {
	local pid
	open_term 80 24 && keep_modes && run_top && expect 87.2% || return 1
	type_keys C-z
	expect Stopped && shows_not '1-6 page' && modes_are_kept || return 1
	type_line 'clear; fg'
	expect 87.2% && answers_at_once 2 '[2 Chains]' || return 1
	# From outside, with a signal that cannot be caught.
	pid=$(pgrep -n -f -- "--socket $socket")
	kill -STOP "$pid" && expect Stopped && type_line 'fg' && expect 'After an audio period' && type_keys q && modes_are_kept
}

# A terminal that nobody reads: told to end, it ends.
unread_terminal() {
	python3 - "$top_program" "$socket" <<'END'
import os, pty, signal, subprocess, sys, time
master, slave = pty.openpty()
environ = dict(os.environ, TERM="screen-256color", LC_ALL="C.UTF-8")
process = subprocess.Popen([sys.argv[1], "--socket", sys.argv[2], "-d", "0.1"], stdin=slave, stdout=slave, stderr=slave,
                           env=environ, start_new_session=True)
deadline = time.monotonic() + 60
# Until it sleeps in write(2), and goes on sleeping there.
asleep = 0
while asleep < 5:
    if time.monotonic() > deadline:
        sys.exit("it never slept in write(2)")
    asleep = asleep + 1 if open(f"/proc/{process.pid}/syscall").read().startswith("1 0x1 ") else 0
    if not asleep:
        os.write(master, b"\x0c")
    time.sleep(0.05)
process.send_signal(signal.SIGTERM)
status = process.wait(timeout=10)
sys.exit(0 if status == -signal.SIGTERM else f"status {status}")
END
}

hung_up() {
	local pid
	open_term 80 24 && run_top && expect 87.2% || return 1
	pid=$(pgrep -n -f -- "--socket $socket")
	close_term
	eventually 10 not_running "$pid"
}
not_running() { ! kill -0 "$1" 2>/dev/null; }

status_of() { # STATUS COMMAND...
	local want=$1 status=0
	shift
	"$@" >"$work/out.txt" 2>"$work/err.txt" </dev/null || status=$?
	[ "$status" -eq "$want" ] || { echo "status $status, not $want: $*"; cat "$work/err.txt"; return 1; }
	[ "$(wc -l <"$work/err.txt")" -le 1 ] || { cat "$work/err.txt"; return 1; }
}

statuses() {
	serve game
	status_of 0 "$top_program" --version && grep -qx 'arcadetop [0-9.]*' "$work/out.txt" || return 1
	status_of 0 "$top_program" --help && grep -q 'Exit status' "$work/out.txt" || return 1
	status_of 2 "$top_program" --nonsense && grep -q '^arcadetop: error: --nonsense' "$work/err.txt" || return 1
	status_of 2 "$top_program" --socket "$socket" && grep -q 'no terminal' "$work/err.txt" || return 1
	status_of 0 "$top_program" --socket "$socket" --once || return 1
	status_of 8 "$top_program" --socket "$work/none" --once && grep -q 'not running' "$work/err.txt" || return 1
	serve deny && status_of 3 "$top_program" --socket "$socket" --once --json && grep -q 'only root' "$work/err.txt" || return 1
	serve rubbish && status_of 1 "$top_program" --socket "$socket" --once || return 1
	serve silent && status_of 1 "$top_program" --socket "$socket" --once && grep -q 'does not answer' "$work/err.txt" || return 1
	serve game
	! "$top_program" --socket "$socket" --once --json >/dev/full 2>"$work/err.txt" && grep -q 'cannot write' "$work/err.txt"
}

json_of() { # MODE
	serve "$1"
	status_of 0 "$top_program" --socket "$socket" --once --json && [ "$(wc -l <"$work/out.txt")" -eq 1 ] &&
		! LC_ALL=C grep -q '[^ -~]' "$work/out.txt" || return 1
	python3 -c 'import json, sys
o = json.load(open(sys.argv[1]))
assert sorted(o) == sorted(["top", "chains", "threads", "input", "events", "options", "status"]), list(o)
assert all(o.values())' "$work/out.txt"
}

report() {
	serve game
	status_of 0 "$top_program" --socket "$socket" --once -d 0.3 || return 1
	local word
	for word in 'scx_arcade 0.1.0' 'Click to frame' 87.2% 'After a click or a key' 'RenderThread 1' 'worker-24' 'event5' 'process 4242 is in front'; do
		grep -qF "$word" "$work/out.txt" || { cat "$work/out.txt"; return 1; }
	done
}

frames() { # COMMAND...
	serve game
	# shellcheck disable=SC2016 # for the other shell
	timeout 120 script -qec "stty rows 24 cols 80; $* --socket $socket -d 0.1 -n 12" /dev/null >"$work/frames" 2>&1 || { tail -n 40 "$work/frames" | cat -v; return 1; }
	grep -q 'audio periods' "$work/frames"
}

serve game
check "80x24: every tab" tabs_of_size 80 24
check "200x60: every tab" tabs_of_size 200 60
check "200x60: what there is more room for" whole_of_a_wide_window
check "ASCII where the locale is" tabs_in_ascii
check "ASCII where it is asked for" option_for_ascii
check "no colours with NO_COLOR" without_colours NO_COLOR=1
check "no colours on a terminal without" without_colours TERM=vt100
check "a terminal that cannot move its cursor, and one that nobody knows" dumb_terminal
check "keys" keys_move
check "pause, reset" pause_and_reset
check "any size, down to 1x1" resizing
check "left by q" left_by_key q
check "left by Ctrl-C" left_by_key C-c
check "left by SIGINT" left_by_signal INT 0
check "left by SIGTERM" left_by_signal TERM 143
check "left by SIGHUP" left_by_signal HUP 129
# Sanitizers have a handler of their own.
[ -n "${ARCADETOP:-}" ] || check "left by a crash" left_by_signal SEGV 139
check "stopped and continued" stopped_and_continued
check "a terminal that nobody reads" unread_terminal
check "a terminal that goes away" hung_up
check "no daemon, then one, then none, then another" no_daemon_then_one
check "a daemon that was restarted" restarted_daemon
check "not permitted" says deny 'usermod -aG scx_arcade'
check "another scheduler" says foreign 'Another scheduler is running'
check "rubbish" says rubbish 'makes no sense'
check "half an answer" says half 'does not answer'
check "silence" says silent 'does not answer'
check "4 MiB in a line" says huge 'makes no sense'
check "bytes without end" says endless 'makes no sense'
check "nested without end" says deep 'makes no sense'
check "always closed" says close 'has closed the connection'
check "an older daemon" older_daemon
check "hostile names and numbers" hostile_names
check "exit statuses" statuses
check "--once --json" json_of game
check "--once --json of hostile names" json_of hostile
check "--once" report
check "-n: so many frames" frames "$top_program"
check "-n under valgrind: no error, no leak" frames valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect,possible "$top/build/arcadetop"
[ ! -x "$top/build/asan/arcadetop" ] || check "-n under ASan: no error, no leak" frames "$top/build/asan/arcadetop"
finish
