#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The focus room with a real sway, without a screen.
. "$(dirname "$0")/lib.sh"

ready() { eventually 10 source_is sway ready; }
sway_pid=
start_sway() {
	printf 'focus_on_window_activation focus\n' >$pub/sway.conf
	exec_as_user env WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1 sway -c $pub/sway.conf >$work/sway.log 2>&1 &
	sway_pid=$!
	eventually 20 sway_is_up || { cat $work/sway.log; return 1; }
	local socket
	socket=$(echo /run/user/$uid/wayland-?)
	user_env+=("WAYLAND_DISPLAY=$(basename "$socket")" "SWAYSOCK=$(echo /run/user/$uid/sway-ipc.*.sock)")
}
sway_is_up() { [ -S "$(echo /run/user/$uid/sway-ipc.*.sock)" ] && [ -S "$(echo /run/user/$uid/wayland-?)" ]; }
sway_do() { as_user swaymsg -q "$@"; }

comes_up() { start_session && ready; }
two_windows() {
	start_client a org.test.A && eventually 5 focus_is "window $a_pid 1 0 org.test.A" &&
		start_client b org.test.B && eventually 5 focus_is "window $b_pid 1 0 org.test.B"
}
# A title that looks like what is searched for is none.
forged_title() { start_client c '", "pid": 1, "focused": true, "x": "' && eventually 5 focus_is "window $c_pid 1 0 *" && kill "$c_pid" && eventually 5 focus_is "window $b_pid *"; }
switches() {
	local i
	for ((i = 0; i < 50; i++)); do
		sway_do "[pid=$a_pid] focus" && eventually 2 focus_is "window $a_pid *" && sway_do "[pid=$b_pid] focus" &&
			eventually 2 focus_is "window $b_pid *" || return 1
	done
}
full_screen() {
	sway_do "[pid=$b_pid] fullscreen enable" && eventually 2 focus_is "window $b_pid 1 1 *" &&
		sway_do "[pid=$b_pid] fullscreen disable" && eventually 2 focus_is "window $b_pid 1 0 *"
}
empty_workspace() {
	sway_do workspace 7 && eventually 2 focus_is 'window 0 0 0 *' && sway_do workspace 1 && eventually 2 focus_is "window $b_pid *"
}
killed() { kill -KILL "$b_pid" && eventually 2 focus_is "window $a_pid *"; }
sway_killed() { kill -KILL $sway_pid && eventually 2 last_is unknown '' && source_is sway absent; }
helper_lives() { is_running "$(helper_pid)" && stop_driver; }

start_bus || { cat $work/bus.log; exit 1; }
start_sway || exit 1
note "$(sway --version 2>/dev/null)"
check "sway: the helper connects" comes_up
check "sway: two windows are told" two_windows
check "sway: a forged class is a class" forged_title
check "sway: 100 switches are right" switches
check "sway: full screen on and off" full_screen
check "sway: an empty workspace is no window" empty_workspace
check "sway: a killed client gives the focus on" killed
check "sway killed: nothing is known" sway_killed
check "sway: the helper goes on without" helper_lives
finish
