#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# background.sh - background work while a game is in front, by control group: who goes behind, who does not, and that it ends
#
# Programs are copies of bash, under the names of listed ones and of others: they sleep a little all the time, so that the
# kernel half looks at each anew. Classes are what the statistics tell.
. "$(dirname "$0")/lib.sh"
cgroups=/sys/fs/cgroup
lists=/etc/scx_arcade/programs.d
mountpoint -q $cgroups || mount -t cgroup2 none $cgroups
echo +cpu >$cgroups/cgroup.subtree_control
app=$cgroups/user.slice/app.slice
mkdir -p "$work/bin" "$app" $lists
echo +cpu >$cgroups/user.slice/cgroup.subtree_control
echo +cpu >"$app/cgroup.subtree_control"
for name in make helper game myshell indexer; do cp "$(command -v bash)" "$work/bin/$name"; done
# shellcheck disable=SC2016	# for the other shell
beat='exec 9<>"$0"; while :; do read -rt 0.05 <&9; done'

spawn() { # NAME [GROUP]: in $pid; it is there before it is the program
	mkfifo "$work/fifo.$((++nr_fifos))"
	(
		[ $# -eq 1 ] || put "$BASHPID" "$2"
		exec "$work/bin/$1" --norc -c "$beat" "$work/fifo.$nr_fifos"
	) &
	pid=$!
	all+=("$pid")
}
nr_fifos=0 all=()

group() { mkdir -p "$1"; }
put() { echo "$1" >"$2/cgroup.procs"; }

cat >"$work/class.py" <<'PY'
import json, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
sock.settimeout(60)
sock.connect("/var/run/scx/root/stats")
sock.sendall(b'{"req":"stats","args":{"target":"threads"}}\n')
answer = json.loads(sock.makefile().readline())
print(next((thread["class"] for thread in answer["args"]["resp"]["threads"] if thread["pid"] == int(sys.argv[1])), "?"))
PY
class_of() { python3 "$work/class.py" "$1"; }
class_is() { [ "$(class_of "$1")" = "$2" ]; }
becomes() { # PID CLASS
	eventually 20 class_is "$1" "$2" || { echo "it is $(class_of "$1")"; return 1; }
}
# It does not become something else a little later either.
stays() { becomes "$1" "$2" && sleep 1.5 && class_is "$1" "$2"; }
says() { grep -q "$1" "$work/err"; }

spawn game; game=$pid
start_arcade --game "$game" || { cat "$work/err"; echo "Bail out!"; exit 1; }

own_group() {
	group "$app/build.scope"
	spawn make "$app/build.scope"; make=$pid
	eventually 20 says "^background: group /user.slice/app.slice/build.scope: " || { cat "$work/err"; return 1; }
	becomes "$make" background || return 1
	# Not its descendant, and on no list.
	spawn helper; helper=$pid
	becomes "$helper" normal || return 1
	put "$helper" "$app/build.scope"
	becomes "$helper" background || return 1
	class_is "$game" game || class_is "$game" frame
}

explained() {
	"$arcade" --explain "$make" >"$work/explained"
	cat "$work/explained"
	grep -q '^control group  */user.slice/app.slice/build.scope$' "$work/explained" &&
		grep -q "others are in it, .* (process $helper)" "$work/explained"
}

without_controller() {
	group $cgroups/plain/service
	spawn make $cgroups/plain/service; plain=$pid
	spawn helper $cgroups/plain; plain_helper=$pid
	becomes "$plain" background && becomes "$plain_helper" normal || return 1
	# The name is told only once in a while: the kernel half says whether it is marked.
	put "$plain_helper" $cgroups/plain/service
	becomes "$plain_helper" background
}

shared_group() {
	group "$app/terminal.scope"
	mkfifo "$work/shell" "$work/shell.make"
	(
		put "$BASHPID" "$app/terminal.scope"
		exec "$work/bin/myshell" --norc -c "\"$work/bin/make\" --norc -c '$beat' '$work/shell.make' & $beat" "$work/shell"
	) &
	shell=$!
	all+=("$shell")
	eventually 10 pgrep -P "$shell" || return 1
	inner=$(pgrep -P "$shell")
	all+=("$inner")
	becomes "$inner" background && stays "$shell" normal || return 1
	"$arcade" --explain "$inner" | grep -q "others are in it, .* (process $shell)" || return 1
	spawn helper "$app/terminal.scope"
	stays "$pid" normal || return 1
	! says "terminal.scope"
}

by_settings() {
	group "$app/light.scope"
	echo 5 >"$app/light.scope/cpu.weight"
	spawn indexer; light=$pid
	put "$light" "$app/light.scope"
	becomes "$light" background || return 1
	echo 100 >"$app/light.scope/cpu.weight"
	becomes "$light" normal || return 1
	echo 5 >"$app/light.scope/cpu.weight"
	group "$app/background.slice/index.service"
	spawn indexer; slice=$pid
	becomes "$slice" normal || return 1
	put "$slice" "$app/background.slice/index.service"
	becomes "$slice" background && becomes "$light" background
}

idle_group() {
	group "$app/idle.scope"
	echo 1 >"$app/idle.scope/cpu.idle"
	spawn indexer; idle=$pid
	put "$idle" "$app/idle.scope"
	becomes "$idle" background
}

lists_change() {
	printf '[never]\nmake\n' >$lists/test.conf
	eventually 20 says 'programs are listed' || return 1
	becomes "$make" normal && becomes "$helper" normal && becomes "$plain_helper" normal && becomes "$inner" normal || return 1
	# That was nobody's mark.
	class_is "$light" background && class_is "$slice" background || return 1
	put "$plain_helper" $cgroups/plain
	rm $lists/test.conf
	becomes "$make" background && becomes "$plain" background && stays "$shell" normal || return 1
	put "$plain_helper" $cgroups/plain/service
	becomes "$plain_helper" background || return 1
	# Somebody else was in this one by now.
	stays "$helper" normal
}

game_ends() {
	local one
	{ kill -KILL "$game" && wait "$game"; } 2>/dev/null
	eventually 10 says "^game: process $game has ended" || return 1
	for one in "$make" "$helper" "$plain" "$plain_helper" "$inner" "$shell" "$light" "$slice"; do becomes "$one" normal || return 1; done
}

check "a group of its own goes behind, with who comes later" own_group
check "--explain tells who else is in it" explained
check "so does one without a cpu controller" without_controller
check "a shell's group does not" shared_group
check "a low cpu.weight and background.slice do" by_settings
[ ! -e "$app/light.scope/cpu.idle" ] || case $(uname -r) in 6.*) note "cpu.idle is not told by this kernel" ;; *) check "cpu.idle does" idle_group ;; esac
check "new lists take marks back, and make them anew" lists_change
check "all is as ever when the game has ended" game_ends
check "the kernel does not complain" no_kernel_complaints
stop_arcade
{ kill -KILL "${all[@]}" && wait; } 2>/dev/null
finish
