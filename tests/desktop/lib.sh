# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib - a desktop for tests: an unprivileged user with a session bus and KWin, without a screen
#
# The file that sources this is run again in name spaces of its own (mounts,
# processes): a user made for it, /tmp, /run/user and what it starts are gone
# when it ends, however it ends. Needs root. What the user runs or reads is
# copied to where he may.

if [ "${ARCADE_DESKTOP_INSIDE:-}" != yes ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "ok 1 - desktop # SKIP needs root, to become another user"
		echo 1..1
		exit 0
	fi
	ARCADE_DESKTOP_INSIDE=yes exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- "$BASH" "$0" "$@"
fi

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tests=0 failed=0
user=arcadetest uid=61234
bus=unix:path=/run/user/$uid/bus

mount -t tmpfs tmpfs /tmp
mkdir -m 1777 /tmp/.X11-unix
mkdir -p /run/user
mount -t tmpfs -o mode=755 tmpfs /run/user
mkdir -m 755 /tmp/arcade
work=/tmp/arcade/root pub=/tmp/arcade/pub home=/tmp/arcade/home
mkdir -m 700 $work
mkdir -m 755 $pub

# The user exists in here only.
for file in passwd group; do
	cp /etc/$file $work/$file
	mount --bind $work/$file /etc/$file
done
chmod 644 $work/passwd $work/group
echo "$user:x:$uid:$uid::$home:/bin/sh" >>/etc/passwd
echo "$user:x:$uid:" >>/etc/group
install -d -o $uid -g $uid -m 700 $home /run/user/$uid

install -m 755 "$top/build/desktop/client" "$top/build/desktop/switcher" "$top/build/desktop/flood" $pub
install -m 644 "$top/tools/dist/kwin/scx_arcade_focus.js" $pub
script=$pub/scx_arcade_focus.js
driver=$top/${DESKTOP_DRIVER:-build/desktop/driver}

# ---- TAP ----

note() { printf '# %s\n' "$*"; }
figure() { printf 'figure: %s\n' "$*"; }

check() { # NAME FUNCTION [ARG]...
	local name=$1 start=$SECONDS
	shift
	tests=$((tests + 1))
	if "$@" >$work/said 2>&1; then
		printf 'ok %d - %s (%d s)\n' $tests "$name" $((SECONDS - start))
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' $tests "$name"
		tail -n 40 $work/said | sed 's/^/#   /'
		tail -n 15 $pub/driver.out 2>/dev/null | sed 's/^/#   driver: /'
		tail -n 10 $work/driver.err 2>/dev/null | sed 's/^/#   driver log: /'
	fi
	grep '^figure:' $work/said | sed 's/^/# /'
}

finish() {
	printf '1..%d\n' $tests
	exit $((failed > 0))
}

eventually() { # SECONDS COMMAND…
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || { echo "never came true: $*"; return 1; }
		sleep 0.02
	done
}

is_running() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
is_gone() { ! is_running "$1"; }
now_ms() { local t; read -r t _ </proc/uptime; echo $((${t/./} * 10)); }

# ---- the user's programs ----

# Takes the place of the shell: the number of a background job is the program's.
exec_as_user() { # COMMAND…
	exec setpriv --reuid $uid --regid $uid --clear-groups --no-new-privs -- env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games HOME=$home LANG=C.UTF-8 \
		XDG_RUNTIME_DIR=/run/user/$uid DBUS_SESSION_BUS_ADDRESS=$bus WAYLAND_DISPLAY=wayland-0 \
		XDG_SESSION_TYPE=wayland XDG_CURRENT_DESKTOP=KDE "${user_env[@]}" "$@"
}
as_user() { (exec_as_user "$@"); }
user_env=(LIBGL_ALWAYS_SOFTWARE=1)

bus_pid=
start_bus() {
	rm -f /run/user/$uid/bus
	exec_as_user dbus-daemon --session --nofork --nopidfile --address=$bus >$work/bus.log 2>&1 &
	bus_pid=$!
	eventually 10 test -S /run/user/$uid/bus
}

user_call() { as_user timeout 10 dbus-send --session --print-reply=literal "$@"; }
has_owner() { user_call --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:"$1" 2>/dev/null | grep -q true; }
bus_pid_of() { user_call --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionUnixProcessID string:"$1" 2>/dev/null | grep -o '[0-9]*$'; }

kwin_pid=
# Its file may have a capability that exec may not give here; a copy has none.
start_kwin() { # FLAG…
	[ -x $pub/kwin_wayland ] || install -m 755 "$(command -v kwin_wayland)" $pub/kwin_wayland
	rm -f /run/user/$uid/wayland-0 /run/user/$uid/wayland-0.lock
	# shellcheck disable=SC2024
	exec_as_user env KWIN_COMPOSE=Q QT_LOGGING_RULES='*=false' $pub/kwin_wayland --virtual --width 1280 --height 800 --no-lockscreen \
		--no-global-shortcuts --no-kactivities --socket wayland-0 "$@" >$work/kwin.log 2>&1 &
	eventually 60 kwin_is_up || { cat $work/kwin.log; return 1; }
	kwin_pid=$(bus_pid_of org.kde.KWin)
}
kwin_is_up() { [ -S /run/user/$uid/wayland-0 ] && has_owner org.kde.KWin; }
kwin_loaded() { user_call --dest=org.kde.KWin /Scripting org.kde.kwin.Scripting.isScriptLoaded string:scx_arcade_focus 2>/dev/null | grep -q true; }
kwin_not_loaded() { user_call --dest=org.kde.KWin /Scripting org.kde.kwin.Scripting.isScriptLoaded string:scx_arcade_focus 2>/dev/null | grep -q false; }

# A client whose commands are written to descriptor $NAME_in; its pid is $NAME_pid.
start_client() { # NAME CLASS [FLAG]...
	local name=$1 in
	shift
	rm -f $work/$name.in
	mkfifo $work/$name.in
	exec {in}<>$work/$name.in
	exec_as_user $pub/client "$@" <&$in >$work/$name.log 2>&1 &
	printf -v "${name}_pid" %d $!
	printf -v "${name}_in" %d $in
}

# ---- the driver ----

driver_pid=
start_driver() { # FLAG…
	stop_driver KILL
	: >$pub/driver.out
	chmod 644 $pub/driver.out
	"$driver" "$@" >$pub/driver.out 2>$work/driver.err &
	driver_pid=$!
}
start_session() { start_driver --session $uid $bus $script "$@"; }
stop_driver() { # [SIGNAL]
	local status=0
	[ -n "$driver_pid" ] || return 0
	kill -"${1:-TERM}" $driver_pid 2>/dev/null
	wait $driver_pid || status=$?
	driver_pid=
	return $status
}

# The driver's newest line of a kind is this one.
last_is() { # KIND TEXT
	[ "$(grep -E "^[0-9]+ $1( |\$)" $pub/driver.out | tail -n 1 | cut -d' ' -f2-)" = "$1${2:+ $2}" ]
}
focus_is() { [[ "$(grep -E '^[0-9]+ (window|unknown)' $pub/driver.out | tail -n 1 | cut -d' ' -f2-)" == $1 ]]; }
source_is() { # SOURCE STATE
	grep "^[0-9]* state $1 " $pub/driver.out | tail -n 1 | grep -q " $2\$"
}
helper_pid() { grep '^[0-9]* helper ' $pub/driver.out | tail -n 1 | cut -d' ' -f3; }
lines() { wc -l <$pub/driver.out; }
counts() { # NAME
	local before
	before=$(grep -c ' counts ' $pub/driver.out)
	kill -USR1 $driver_pid
	eventually 5 more_counts "$before" >/dev/null || return 1
	grep ' counts ' $pub/driver.out | tail -n 1 | grep -o "$1=[0-9]*" | cut -d= -f2
}
more_counts() { [ "$(grep -c ' counts ' $pub/driver.out)" -gt "$1" ]; }
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
nr_fds() { ls "/proc/$1/fd" | wc -l; }
