#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# systemd.sh - the service as it is installed, under a real systemd; in a guest of tools/vm --systemd
. "$(dirname "$0")/lib.sh"

unit=scx_arcade.service
drop_in=/run/systemd/system/$unit.d
uid=61001
home=/home/player
game=$home/.local/share/Steam/steamapps/common/Game/game
out=/run/arcade-test.out
exposure_max=26	# tenths: what systemd-analyze may find at most

prop() { systemctl show -P "$1" $unit; }
is_active() { [ "$(prop ActiveState)" = active ]; }
is_failed() { [ "$(prop ActiveState)" = failed ]; }
main_pid() { prop MainPID; }
# What this life of the service has said.
said() { journalctl --no-pager -o cat -u $unit "_SYSTEMD_INVOCATION_ID=$(prop InvocationID)"; }
has_said() { said | grep -qE "$1"; }
manager_said() { journalctl --no-pager -o cat -t systemd | grep -qE "$1"; }

with() { # LINE...: of the section Service
	mkdir -p $drop_in
	{ echo '[Service]'; printf '%s\n' "$@"; } >$drop_in/test.conf
	systemctl daemon-reload
}
without() { rm -rf $drop_in; systemctl daemon-reload; }

fresh() { # LINE...: start it with these
	systemctl stop $unit
	if [ $# -gt 0 ]; then with "$@"; else without; fi
	systemctl reset-failed $unit 2>/dev/null
	systemctl start $unit && is_active || { said; systemctl status --no-pager $unit; return 1; }
}

prepare() {
	cp -a "$top/build/stage/." /
	sysctl -qw kernel.kptr_restrict=1 kernel.perf_event_paranoid=3
	install -d -m 700 -o $uid -g $uid $home
	{
		echo "player:x:$uid:$uid::$home:/bin/sh" >>/etc/passwd
		echo "player:x:$uid:" >>/etc/group
		echo "player:*:19000:0:99999:7:::" >>/etc/shadow
	}
	printf '%s\n' 'auth sufficient pam_permit.so' 'account sufficient pam_permit.so' 'session required pam_systemd.so' \
		>/etc/pam.d/arcade-login
	printf '%s\n' 'account sufficient pam_permit.so' 'session optional pam_systemd.so' >/etc/pam.d/systemd-user
	cat >/run/systemd/system/arcade-login.service <<-END
		[Service]
		User=player
		PAMName=arcade-login
		Environment=XDG_SESSION_CLASS=user XDG_SESSION_TYPE=wayland XDG_SEAT=seat0 XDG_SESSION_DESKTOP=KDE
		ExecStart=/bin/sleep infinity
	END
	# Without a console's virtual terminals the newest session of the seat is the active one.
	mount -t tmpfs tmpfs /sys/class/tty
	systemctl restart systemd-logind
	mkdir -p "${game%/*}"
	cp "$top/build/vm/actor" "$game"
	chown -R $uid:$uid $home
	systemctl daemon-reload
}

# ---- the unit ----

no_mistakes() {
	local lines
	lines=$(systemd-analyze verify /usr/lib/systemd/system/$unit 2>&1)
	[ -z "$lines" ] || { echo "$lines"; return 1; }
}

group_is_made() { systemd-sysusers && getent group scx_arcade; }

sandboxed() {
	local line value
	line=$(systemd-analyze security --no-pager $unit | tail -n 1)
	figure "systemd-analyze security: ${line#*for }"
	value=$(grep -oE '[0-9]+\.[0-9]' <<<"$line" | tr -d .)
	[ $((10#$value)) -le $exposure_max ]
}

# ---- starting ----

# Never active before the kernel says that it schedules.
active_when_scheduling() {
	local state before seen=0
	systemctl start --no-block $unit
	for _ in {1..600}; do
		before=$(cat /sys/kernel/sched_ext/state)
		state=$(prop ActiveState)
		case $state in
		activating) [ "$before" = enabled ] || seen=$((seen + 1)) ;;
		active) break ;;
		failed) said; return 1 ;;
		esac
		sleep 0.02
	done
	[ "$state" = active ] && state_is enabled && has_said '^scheduling$' && [ "$(prop StatusText)" = scheduling ] &&
		[ $seen -gt 0 ] || { echo "state $state, seen activating $seen times"; said; return 1; }
}

# What the sandbox leaves is all that root has: the reports are the same.
nothing_is_lost() {
	said | grep -E '^(input|chains|devices|locks|processes|display|audio|idle CPUs|slices|frequency|control groups|real-time) ' |
		sort >"$work/inside"
	"$arcade" --check 2>/dev/null | grep -E '^(input|chains|devices|locks|processes|display|audio|idle CPUs|slices|frequency|control groups|real-time) ' |
		sort >"$work/outside"
	[ "$(wc -l <"$work/inside")" -ge 10 ] && diff "$work/outside" "$work/inside" && grep -q '^display .*begin chains' "$work/inside" &&
		grep -q '^audio .*begin chains' "$work/inside" && [ "$(ps -o ni= -p "$(main_pid)")" -eq -10 ]
}

# Its environment is the user's, mode 0400, in a home of mode 0700.
finds_game_of_user() {
	local pid
	(cd $home && exec setpriv --reuid $uid --regid $uid --clear-groups env -i SteamAppId=730 "$game") &
	pid=$!
	eventually 20 has_said "process $pid \(game\) is a game.*SteamAppId 730"
	local status=$?
	kill $pid
	[ $status -eq 0 ] || said | tail -n 5
	return $status
}

helper_is_users() { [ "$(ps -o uid= -C arcade-helper | tr -d ' ')" = $uid ]; }
bus_is_ready() { said | grep 'focus: session bus' | tail -n 1 | grep -q ready; }
helper_in_session() {
	fresh "ExecStart=" "ExecStart=/usr/bin/scx_arcade --verbose" && systemctl start arcade-login &&
		eventually 60 helper_is_users && eventually 30 bus_is_ready ||
		{ said | grep focus; loginctl --no-pager list-sessions; journalctl --no-pager -n 20; return 1; }
	local helper
	helper=$(pgrep -x arcade-helper)
	grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' "/proc/$helper/status"
	grep -q '^CapEff:.0000000000000000$' "/proc/$helper/status" && grep -q '^NoNewPrivs:.1$' "/proc/$helper/status"
}
helper_goes_with_it() {
	systemctl stop $unit && ! pgrep -x arcade-helper >/dev/null && systemctl stop arcade-login
}

input_counts() {
	fresh "ExecStart=" "ExecStart=/usr/bin/scx_arcade --stats 0.2 --json" "StandardOutput=truncate:$out" StandardError=journal || return 1
	"$top/build/vm/flood" 50 2 >/dev/null
	eventually 20 has_packets 100 || { tail -n 1 $out; return 1; }
}
has_packets() { [ "$(json packets $out)" -ge "$1" ]; }

# Who may ask and who may not; the sockets are seen outside of the sandbox.
as_stranger() { setpriv --reuid 61002 --regid 61002 --clear-groups -- "$@"; }
as_member() { setpriv --reuid 61002 --regid 61002 --groups "$(getent group scx_arcade | cut -d: -f3)" -- "$@"; }
gives() { # STATUS COMMAND...
	local status=0 expected=$1
	shift
	"$@" >"$work/answer" 2>&1 || status=$?
	[ $status -eq "$expected" ] || { echo "status $status of: $*"; cat "$work/answer"; return 1; }
}
sockets_answer() {
	fresh || return 1
	[ "$(stat -c %a /run/scx_arcade/control)" = 666 ] && [ "$(stat -c %a /run/scx/root/stats)" = 666 ] || return 1
	gives 0 scx_arcade ctl status && gives 0 as_member scx_arcade ctl status && grep -q scheduling "$work/answer" || return 1
	gives 3 as_stranger scx_arcade ctl status && gives 3 as_member scx_arcade ctl set slice-us 2000 || return 1
	gives 0 scx_arcade ctl set slice-us 2100 && has_said 'slice-us.*2100' && gives 0 as_member arcadetop --once --json &&
		grep -q '^{' "$work/answer"
}
# An end that was asked for is no failure.
ctl_stops() {
	gives 0 scx_arcade ctl stop && eventually 20 state_is disabled && eventually 10 is_inactive && sleep 3 && is_inactive &&
		gives 8 scx_arcade ctl status
}
is_inactive() { [ "$(prop ActiveState)" = inactive ]; }

# ---- while it runs ----

reloads() {
	local pid after
	fresh || return 1
	pid=$(main_pid)
	echo '[daemon]
slice-us = 2345' >/etc/scx_arcade.conf
	systemctl reload $unit || return 1
	after=$(main_pid)
	[ "$pid" = "$after" ] && is_active && eventually 10 has_said 'slice-us.*2345' || { said | tail -n 5; return 1; }
	echo '[daemon]
slice-us = many' >/etc/scx_arcade.conf
	systemctl reload $unit && is_active && eventually 10 has_said '/etc/scx_arcade.conf:2' && [ "$(main_pid)" = "$pid" ] ||
		{ said | tail -n 5; return 1; }
	rm /etc/scx_arcade.conf
	systemctl reload $unit && is_active
}
restarted_after() { # PID: another process, and it schedules
	[ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && is_active && state_is enabled
}

watchdog_ends_stopped() {
	local pid start
	fresh WatchdogSec=3 || return 1
	pid=$(main_pid)
	sleep 5
	[ "$(main_pid)" = "$pid" ] || { echo "not fed"; return 1; }
	kill -STOP "$pid"
	start=$SECONDS
	eventually $start_max_s restarted_after "$pid" || { systemctl status --no-pager $unit; return 1; }
	figure "SIGSTOP to scheduling again, watchdog of 3 s: $((SECONDS - start)) s"
	manager_said "$unit: Watchdog timeout" && ! is_running "$pid" && [ "$(prop NRestarts)" -eq 1 ] ||
		{ systemctl status --no-pager $unit; journalctl --no-pager -t systemd | tail -n 5; return 1; }
}

# Each restart is a load of the kernel half, which takes longer here than the watchdog's time. A change while it starts anew is
# one with that, so each is waited for.
schedules_again() { [ "$(said | grep -c 'CPUs came or went')" -ge "$1" ] && [ "$(said | grep -c '^scheduling')" -gt "$1" ]; }
hotplug_is_no_hang() {
	local pid online nr=0
	fresh WatchdogSec=1 || return 1
	pid=$(main_pid)
	for online in 0 1 0 1 0 1; do
		nr=$((nr + 1))
		echo $online >/sys/devices/system/cpu/cpu1/online
		eventually $start_max_s schedules_again $nr || { echo "change $nr"; break; }
	done
	echo 1 >/sys/devices/system/cpu/cpu1/online
	eventually $start_max_s status_is scheduling && sleep 2 && [ $nr -eq 6 ] &&
		[ "$(main_pid)" = "$pid" ] && [ "$(prop NRestarts)" -eq 0 ] && [ "$(said | grep -c 'CPUs came or went')" -ge 6 ] ||
		{ echo "process $(main_pid), was $pid; $(prop NRestarts) restarts"; said | tail -n 20; return 1; }
}
status_is() { [ "$(prop StatusText)" = "$1" ]; }

killed_is_restarted() {
	local pid
	fresh || return 1
	pid=$(main_pid)
	kill -KILL "$pid"
	eventually $start_max_s restarted_after "$pid" && [ "$(prop NRestarts)" -eq 1 ]
}

# At once, not when it schedules: three starts of 20 s each are not too many in a minute.
start_limit() {
	local pid
	fresh || return 1
	for _ in 1 2 3; do
		pid=$(main_pid)
		kill -KILL "$pid"
		eventually $start_max_s is_another_or_failed "$pid" || return 1
		! is_failed || break
	done
	eventually 10 is_failed && manager_said "$unit: Start request repeated too quickly" && state_is disabled || { systemctl status --no-pager $unit; return 1; }
	sleep 3
	is_failed && systemctl reset-failed $unit && systemctl start $unit && state_is enabled
}
is_another_or_failed() { # PID
	local pid=$(main_pid)
	is_failed || { [ "$pid" -ne 0 ] && [ "$pid" -ne "$1" ]; }
}

# ---- when it ends by itself ----

stays_off() { # STATUS
	eventually 20 is_failed && [ "$(prop ExecMainStatus)" = "$1" ] || { systemctl status --no-pager $unit; return 1; }
	sleep 3
	is_failed && [ "$(prop NRestarts)" -eq 0 ] || { systemctl status --no-pager $unit; return 1; }
}

bad_option_stays_off() { fresh ExecStart= "ExecStart=/usr/bin/scx_arcade --no-such-option" >/dev/null; stays_off 2; }

second_instance_stays_off() {
	systemctl stop $unit
	without
	start_arcade || return 1
	systemctl start $unit 2>/dev/null
	stays_off 6 && state_is enabled && stop_arcade
}

# And the other way round: who calls it by hand learns of the service, and does it no harm.
by_hand_beside() {
	local status=0
	fresh || return 1
	"$arcade" 2>"$work/err" || status=$?
	[ $status -eq 6 ] && is_active && state_is enabled
}

sysrq_stays_off() {
	fresh || return 1
	echo 1 >/proc/sys/kernel/sysrq
	echo S >/proc/sysrq-trigger
	stays_off 9 && state_is disabled
}

no_sched_ext_is_skipped() {
	systemctl stop $unit
	systemctl reset-failed $unit
	without
	mount -t tmpfs tmpfs /sys/kernel || return 1
	systemctl start $unit
	local status=$?
	umount /sys/kernel
	[ $status -eq 0 ] && [ "$(prop ActiveState)" = inactive ] && [ "$(prop ConditionResult)" = no ] ||
		{ echo "status $status"; systemctl status --no-pager $unit; return 1; }
}

# ---- among others ----

one_of_both() { # UNIT
	printf '[Service]\nExecStart=/bin/sleep infinity\n' >"/run/systemd/system/$1"
	fresh || return 1
	systemctl start "$1" && ! is_active && [ "$(prop ActiveState)" = inactive ] && state_is disabled || return 1
	systemctl start $unit && is_active && [ "$(systemctl is-active "$1")" = inactive ] || return 1
	rm "/run/systemd/system/$1"
	systemctl daemon-reload
}

# As the unit of the sched_ext project does it.
by_scx_service() {
	systemctl stop $unit
	mkdir -p /etc/default
	printf 'SCX_SCHEDULER=scx_arcade\nSCX_FLAGS="--slice-us 2000"\n' >/etc/default/scx
	cat >/run/systemd/system/scx.service <<-'END'
		[Service]
		Type=simple
		EnvironmentFile=/etc/default/scx
		ExecStart=/bin/bash -c 'exec ${SCX_SCHEDULER} ${SCX_FLAGS}'
		Restart=on-failure
	END
	systemctl daemon-reload
	systemctl start scx && eventually $start_max_s state_is enabled && journalctl -o cat -u scx | grep -q 'slice 2000 us' &&
		systemctl stop scx && eventually 10 state_is disabled && [ "$(systemctl show -P Result scx)" = success ] ||
		{ journalctl --no-pager -o cat -u scx | tail; return 1; }
	rm /run/systemd/system/scx.service /etc/default/scx
	systemctl daemon-reload
}

# What its child inherits of scx_loader.service: no timers, no netlink, no look into processes, no other user.
loader_sandbox=(
	ProtectSystem=full ProtectHome=true PrivateTmp=yes PrivateDevices=true PrivateMounts=true
	ProtectKernelTunables=true ProtectKernelModules=true ProtectKernelLogs=true ProtectControlGroups=true
	LockPersonality=true RestrictRealtime=true ProtectClock=true MemoryDenyWriteExecute=true RestrictAddressFamilies=AF_UNIX
	'CapabilityBoundingSet=~CAP_BLOCK_SUSPEND CAP_CHOWN CAP_IPC_LOCK CAP_MKNOD CAP_NET_RAW CAP_SYS_BOOT CAP_SYS_CHROOT CAP_SYS_MODULE CAP_SYS_PACCT CAP_SYS_PTRACE CAP_SYS_TIME CAP_SYSLOG CAP_WAKE_ALARM'
	'SystemCallFilter=~@aio:EPERM @chown:EPERM @clock:EPERM @cpu-emulation:EPERM @debug:EPERM @keyring:EPERM @memlock:EPERM @module:EPERM @mount:EPERM @obsolete:EPERM @pkey:EPERM @raw-io:EPERM @reboot:EPERM @sandbox:EPERM @setuid:EPERM @swap:EPERM @sync:EPERM @timer:EPERM'
)
in_loader_sandbox() {
	local args=() property
	systemctl stop $unit
	systemctl start arcade-login
	for property in "${loader_sandbox[@]}"; do args+=(-p "$property"); done
	systemd-run --unit=loaded --collect "${args[@]}" -p KillSignal=SIGINT -p "StandardOutput=truncate:$out" -p StandardError=journal \
		/usr/bin/scx_arcade --stats 0.2 --json || return 1
	eventually $start_max_s loaded_said '^scheduling$' && state_is enabled || { loaded; return 1; }
	loaded | grep -E '^(input|chains|devices|locks|processes|display|audio|games|focus|peripherals) ' | sed 's/^/figure: in scx_loader'"'"'s sandbox: /'
	"$top/build/vm/flood" 50 2 >/dev/null
	eventually 20 has_packets 100 || { loaded; tail -n 1 $out; return 1; }
	# It must not try again and again what it may not do.
	sleep 5
	[ "$(loaded | wc -l)" -lt 60 ] || { loaded | tail -n 20; return 1; }
	systemctl stop loaded && eventually 10 state_is disabled && loaded_said '^stopped; the kernel'
}
loaded() { journalctl --no-pager -o cat -u loaded; }
loaded_said() { loaded | grep -qE "$1"; }
says_what_is_missing() { loaded_said '^games .*cannot be looked into' && loaded_said '^focus .*off, no program can be started as the user'; }

# ---- the end ----

leaves_nothing() {
	local before
	systemctl stop $unit arcade-login
	without
	before=$(bpf_objects)
	fresh && systemctl stop $unit && nothing_left "$before" && [ "$(prop Result)" = success ] && [ ! -e /run/scx_arcade ] &&
		[ ! -e /run/scx ] && ! pgrep -x 'scx_arcade|arcade-helper' || { ls -d /run/scx*; return 1; }
}

prepare
check 'the unit has no mistakes' no_mistakes
check 'sysusers.d: the group is made' group_is_made
check 'the sandbox, as systemd judges it' sandboxed
check 'active when it schedules, not before' active_when_scheduling
check 'the sandbox takes no hook away' nothing_is_lost
check "a game of a user is found" finds_game_of_user
check "a helper in the user's session" helper_in_session
check 'that ends with the service' helper_goes_with_it
check 'input is seen' input_counts
check 'the sockets answer: root, the group, not others' sockets_answer
check 'ctl stop: ended, not started again' ctl_stops
check 'reload: new values, or a mistake with file and line; the same process' reloads
check 'stopped with SIGSTOP: the watchdog ends and restarts it' watchdog_ends_stopped
check 'CPUs come and go: the watchdog is fed' hotplug_is_no_hang
check 'killed: restarted' killed_is_restarted
check 'killed again and again: off after the third, and on when asked' start_limit
check 'a wrong option: off at once' bad_option_stays_off
check 'another scx_arcade runs: off at once' second_instance_stays_off
check 'by hand while the service runs: status 6' by_hand_beside
check 'sysrq: ended by hand, stays off' sysrq_stays_off
check 'a kernel without sched_ext: skipped, no failure' no_sched_ext_is_skipped
check 'scx.service: one stops the other' one_of_both scx.service
check 'scx_loader.service: one stops the other' one_of_both scx_loader.service
check 'started by /etc/default/scx' by_scx_service
check "in scx_loader's sandbox: it runs, with less" in_loader_sandbox
check 'and says what is missing' says_what_is_missing
check 'stop leaves nothing' leaves_nothing
check 'no complaint of the kernel' no_kernel_complaints
finish
