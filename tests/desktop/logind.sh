#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The active session as a real logind tells it: systemd as process 1 of a name space, in a guest of tools/vm. Sessions come
# from a unit that logs in as a display manager does; their buses are those of real user managers. The scheduler runs.
. "$(dirname "$0")/../vm/lib.sh"

first=61001 second=61002
inside_pid=

prepare() {
	local uid
	for uid in $first $second; do
		echo "player$uid:x:$uid:$uid::/tmp:/bin/sh" >>/etc/passwd
		echo "player$uid:x:$uid:" >>/etc/group
		echo "player$uid:*:19000:0:99999:7:::" >>/etc/shadow
	done
	printf '%s\n' 'auth sufficient pam_permit.so' 'account sufficient pam_permit.so' 'session required pam_systemd.so' \
		>/etc/pam.d/arcade-login
	# systemd --user of the session: its PAM file may ask for more than there is here.
	printf '%s\n' 'account sufficient pam_permit.so' 'session optional pam_systemd.so' >/etc/pam.d/systemd-user
	cat >/etc/systemd/system/arcade-login@.service <<-END
		[Unit]
		DefaultDependencies=no
		[Service]
		User=player%i
		PAMName=arcade-login
		EnvironmentFile=-/run/arcade-login-%i
		Environment=XDG_SESSION_CLASS=user XDG_SESSION_TYPE=wayland XDG_SEAT=seat0 XDG_SESSION_DESKTOP=KDE
		ExecStart=/bin/sleep infinity
	END
	# Only what logind needs: none of the services that would set up a machine.
	cat >/etc/systemd/system/arcade.target <<-END
		[Unit]
		DefaultDependencies=no
		Wants=dbus.socket dbus.service systemd-logind.service
	END
	mkdir -p /etc/systemd/system/{dbus.service.d,dbus.socket.d,systemd-logind.service.d,user@.service.d,user-runtime-dir@.service.d}
	for uid in dbus.service dbus.socket systemd-logind.service user@.service user-runtime-dir@.service; do
		printf '[Unit]\nDefaultDependencies=no\n' >"/etc/systemd/system/$uid.d/test.conf"
	done
	# A sandbox needs more of a machine than there is.
	printf '[Service]\nProtectSystem=no\nPrivateTmp=no\nProtectHome=no\nProtectControlGroups=no\nProtectKernelModules=no\nProtectKernelLogs=no\nDevicePolicy=auto\nDeviceAllow=\nExecStartPre=\nProtectClock=no\nProtectHostname=no\nProtectKernelTunables=no\n' \
		>>/etc/systemd/system/systemd-logind.service.d/test.conf
	# Without a console's virtual terminals the newest session of the seat is the active one.
	mount -t tmpfs tmpfs /sys/class/tty
	# The runtime directories that are mounted in there are to be seen out here, where the daemon runs.
	mount --make-rshared /run
	mkdir -p /run/dbus
	[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
}

start_systemd() {
	unshare --mount --propagation unchanged --pid --fork --mount-proc --kill-child -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test \
		/lib/systemd/systemd --system --unit=arcade.target --log-target=console --show-status=0 >"$work/systemd.log" 2>&1 &
	eventually 60 find_systemd && eventually 90 logind_answers || { tail -n 30 "$work/systemd.log"; return 1; }
	loginctl_ list-seats
}
find_systemd() { inside_pid=$(pgrep -x systemd | head -n 1); [ -n "$inside_pid" ]; }
inside() { timeout 60 nsenter --target "$inside_pid" --mount --pid -- "$@"; }
loginctl_() { inside loginctl --no-pager --no-legend "$@"; }
logind_answers() { loginctl_ list-seats 2>/dev/null | grep -q seat0; }

# A session has a FIFO beside its file: who reads that waits.
session_files() { find /run/systemd/seats /run/systemd/sessions -type f "$@"; }
explain() {
	session_files -exec grep -E 'ACTIVE|UID|CLASS|TYPE' {} +
	ls -l /run/user
	tail -n 8 "$work/systemd.log"
	grep focus "$work/err" | tail -n 12
	tail -n 4 "$work/err"
	ps -o pid,uid,comm -C arcade-helper
	return 1
}
said() { grep -q "$1" "$work/err"; }
last_session_is() { grep -o 'focus: session [^ ]* on seat0: user [0-9]*\|focus: no graphical session' "$work/err" | tail -n 1 | grep -q "$1"; }
helper_user_is() { [ "$(ps -o uid= -p "$(pgrep -x arcade-helper | head -n 1)" 2>/dev/null | tr -d ' ')" = "$1" ]; }
no_helper() { ! pgrep -x arcade-helper >/dev/null; }
last_bus_ready() { grep 'focus: session bus' "$work/err" | tail -n 1 | grep -q ready; }

# Started before logind, as a service may be: it must not be deaf for good.
without_logind() { start_arcade --verbose && said 'focus .*no logind yet' && no_helper; }
logind_comes_later() {
	eventually 30 said 'focus: logind has started' && login $first && logout_of $first && stop_arcade && no_helper
}

without_session() {
	start_arcade --verbose && said 'focus .*no graphical session yet' && no_helper
}

login() { # UID
	inside systemctl start "arcade-login@$1" && eventually 30 last_session_is "user $1" && eventually 30 helper_user_is "$1" &&
		eventually 30 last_bus_ready || explain
}

switch_to() { # UID
	local session
	session=$(loginctl_ list-sessions | awk -v uid="$1" '$2 == uid { print $1; exit }')
	loginctl_ activate "$session" || return 1
	eventually 30 last_session_is "user $1" && eventually 30 helper_user_is "$1" && [ "$(pgrep -cx arcade-helper)" -eq 1 ] || explain
}

logout_of() { # UID
	inside systemctl stop "arcade-login@$1"
	eventually 60 last_session_is 'no graphical session' && eventually 20 no_helper || explain
}

greeter() {
	echo XDG_SESSION_CLASS=greeter >/run/arcade-login-$second
	inside systemctl start arcade-login@$second || return 1
	eventually 20 greeter_is_there || { loginctl_ list-sessions; return 1; }
	sleep 2
	inside systemctl stop arcade-login@$second
	rm -f /run/arcade-login-$second
	no_helper && last_session_is 'no graphical session'
}
greeter_is_there() { session_files -exec cat {} + | grep -q '^CLASS=greeter'; }

stops() { stop_arcade && no_helper; }

# The whole way: a real desktop's focus, in a real session, to what the kernel half goes by. The daemon is told by name
# which process is the game; the two windows are the same program.
as_first() { setpriv --reuid $first --regid $first --clear-groups --no-new-privs env -i PATH=/usr/bin:/bin HOME=/tmp XDG_RUNTIME_DIR=/run/user/$first "$@"; }
sway_do() { as_first SWAYSOCK="$sway_socket" swaymsg -q "$@"; }
sway_is_up() { sway_socket=$(echo /run/user/$first/sway-ipc.*.sock) && wayland=$(echo /run/user/$first/wayland-?) && [ -S "$sway_socket" ] && [ -S "$wayland" ]; }
knob() { bpftool -j map dump name .data.knobs 2>/dev/null | grep -o "\"$1\":[0-9]*" | tail -n 1 | cut -d: -f2; }
front_is() { [ "$(json game_in_front)" = "$1" ] && if [ "$1" = 1 ]; then [ "$(knob game_tree)" -gt 0 ]; else [ "$(knob game_tree)" = 0 ]; fi; }
window() { # NAME
	as_first WAYLAND_DISPLAY="$(basename "$wayland")" /tmp/public/"$1" "org.test.$1" < <(exec sleep infinity) >/dev/null 2>&1 &
}
desktop_starts() {
	mkdir -p /tmp/public && chmod 755 /tmp/public
	install -m 755 "$top/build/desktop/client" /tmp/public/thegame && install -m 755 "$top/build/desktop/client" /tmp/public/tool || return 1
	start_arcade --verbose --stats 0.2 --json --game thegame && login $first || return 1
	as_first WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1 sway -c /dev/null >"$work/sway.log" 2>&1 &
	eventually 60 sway_is_up || { cat "$work/sway.log"; return 1; }
	eventually 30 said 'focus: sway ready\|focus: sway.*ready' || explain
}
# The focus as the daemon was told it. Its rule takes a game that never had a window for one in front, so the knob alone would
# not prove that it was told; and of two windows that open in one breath only the last is seen.
told_last() { grep -o 'focus: process [0-9]*\|focus: no window\|focus: not known' "$work/err" | tail -n 1 | grep -qx "focus: $1"; }
pid_of() { pgrep -x -u $first "$1"; }
has_focus() { # NAME IN_FRONT
	eventually 60 pid_of "$1" >/dev/null && eventually 60 told_last "process $(pid_of "$1")" && eventually 30 front_is "$2"
}
game_in_front() {
	window thegame
	eventually 60 said 'game: process [0-9]* and its descendants' && has_focus thegame 1 || desktop_explain
}
focus_elsewhere() {
	window tool
	has_focus tool 0 || desktop_explain
}
# What sway itself says, beside what we were told.
desktop_explain() {
	tail -n 1 "$work/out"
	echo "game_tree: $(knob game_tree)"
	as_first SWAYSOCK="$sway_socket" timeout 10 swaymsg -r -t get_tree | grep -E '"(type|pid|focused|app_id)":'
	cat "$work/sway.log"
	explain
}
switches() {
	local i
	for i in 1 2 3 4 5; do
		sway_do '[app_id="org.test.thegame"] focus' && has_focus thegame 1 && sway_do '[app_id="org.test.tool"] focus' &&
			has_focus tool 0 || { echo "switch $i"; desktop_explain; return 1; }
	done
}
# Nobody tells any more: no game is left behind. Those with windows die with their desktop.
desktop_dies() { pkill -KILL -x sway && eventually 20 told_last 'not known' && eventually 20 is_in_front || explain; }
is_in_front() { [ "$(json game_in_front)" = 1 ]; }

off_by_option() {
	start_arcade --verbose --no-focus || return 1
	grep 'focus ' "$work/err" | grep -q 'off, by option' && inside systemctl start arcade-login@$first || return 1
	sleep 2
	no_helper && ! said 'focus: session'
	local status=$?
	stop_arcade && return $status
}

prepare
check "no logind yet: said in the report, no helper" without_logind
check "a real logind runs" start_systemd
check "it is noticed: a helper for who logs in" logind_comes_later
check "no session: said in the report, no helper" without_session
check "a login: a helper for that user, on the user's bus" login $first
check "another user's login at the seat: the helper is that one's" login $second
check "back to the first: the helper follows" switch_to $first
# logind does not choose a successor on a seat without terminals.
check "the active one logs out: no helper" logout_of $first
check "the other one is called: a helper for that user" switch_to $second
check "nobody is left: no helper" logout_of $second
check "a greeter is nobody" greeter
check "again a login" login $first
check "the end: no helper is left" stops
check "--no-focus: no helper" off_by_option
inside systemctl stop arcade-login@$first
check "a real desktop in a session: its helper reports" desktop_starts
check "the game has the focus: the kernel half has a game" game_in_front
check "the focus is elsewhere: it has none" focus_elsewhere
check "to and fro: right each time" switches
check "the desktop dies: the game counts as in front" desktop_dies
check "the end, again" stops
finish
