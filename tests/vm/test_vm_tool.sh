#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_vm_tool - does tools/vm keep its promises?
#
# Everything else that runs in a guest believes tools/vm: its exit status, its
# output, and that nothing but --out reaches the host. Prints TAP. All guests
# run at the same time, which is one of the promises.
#
# Usage: tests/vm/test_vm_tool.sh   (VM_KERNEL=6.18 for another kernel)
set -uo pipefail

here=$(dirname "$(readlink -f "$0")")
vm=$here/../../tools/vm
kernel=${VM_KERNEL:-7.3}
work=$(mktemp -d "${TMPDIR:-/tmp}/scx_arcade-test.XXXXXX")
# A directory outside of /tmp too: the guest's /tmp is its own anyway.
outside=$(mktemp -d /var/tmp/scx_arcade-test.XXXXXX)
trap 'rm -rf -- "$work" "$outside"' EXIT
cd "$work" || exit 1
# The guests' temporary directories, to see that none is left behind.
mkdir tmp
export TMPDIR=$work/tmp

nr_tests=0 nr_failed=0
check() { # NAME GOT WANTED
	nr_tests=$((nr_tests + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $nr_tests - $1"
		return
	fi
	nr_failed=$((nr_failed + 1))
	echo "not ok $nr_tests - $1"
	printf 'got:    %s\nwanted: %s\n' "$2" "$3" | head -n 40 | sed 's/^/# /'
}

# Run one guest in the background; its traces are NAME.{out,err,log,result,status}.
guest() { # NAME VM_ARG...
	local name=$1
	shift
	{
		"$vm" --kernel "$kernel" --log "$name.log" --result "$name.result" "$@" >"$name.out" 2>"$name.err"
		echo $? >"$name.status"
	} &
}

# One line of what came back.
end_of() { printf '%s, %s' "$(cat "$1.status")" "$(cat "$1.result")"; }

# Fetch the kernel and build the initramfs once, outside of what is timed.
"$here/../../tools/debian-fetch" --kernel "$kernel" >/dev/null || {
	echo "Bail out! no kernel $kernel"
	exit 1
}
start=$SECONDS
head -c 5000000 /dev/urandom >"$outside/random"
mkdir shared
echo 'from the host' >shared/in

# shellcheck disable=SC2016	# the guest expands
guest all --cpus 2 --out shared --module ntsync --env 'VALUE=two words' -- bash -c '
	exec 3>&1 >&2
	echo "release $(uname -r | cut -d . -f 1-2)"
	echo "sched_ext $(cat /sys/kernel/sched_ext/state)"
	echo "id $(id -u) cpus $(nproc) host $(hostname) cwd $PWD value $VALUE"
	for path in /dev/uinput /dev/ntsync /dev/shm /dev/pts/ptmx /sys/fs/cgroup/cgroup.procs /sys/kernel/tracing/events \
		/sys/kernel/debug/sched "/lib/modules/$(uname -r)/modules.dep" "/boot/config-$(uname -r)"; do
		[ -e "$path" ] || echo "missing $path"
	done
	modprobe dummy && echo "modprobe works"
	echo "loopback flags $(cat /sys/class/net/lo/flags)"
	cat shared/in
	echo "from the guest" >shared/out
	echo x >"$1/escaped" && echo x >/etc/scx_arcade-escaped && cat "$1/escaped"
	echo x >"/run/vm/host$1/escaped"
	shift
	printf "<%s>" "${@:2}"
	cat "$1" >&3
	exit 3' bash "$outside" "$outside/random" 'two words' "a'quote\"\$x" $'new\nline' '' '*' "\\"
# shellcheck disable=SC2016
guest signal --accel multi -- bash -c 'echo before; sleep 1000 & kill -KILL $$'
guest timeout --timeout 12 -- sleep 1000
guest panic --cpus 1 -- sh -c 'echo c >/proc/sysrq-trigger'
# As the emulator's race shows itself, but for the reason.
guest int3 --cpus 1 -- sh -c 'echo "Oops: int3: 0000 [#1] SMP" >/dev/kmsg; echo c >/proc/sysrq-trigger'
guest lost --cpus 1 -- sh -c 'echo o >/proc/sysrq-trigger; sleep 1000'

# shellcheck disable=SC2016
guest systemd --systemd --timeout 120 -- bash -c '
	echo "process 1 $(cat /proc/1/comm) cwd $PWD"
	systemctl is-active dbus systemd-logind systemd-journald
	systemctl show -P Virtualization | grep -cE "docker|lxc|podman|container"
	echo failed: $(systemctl --failed --plain --no-legend)
	sleep 1000 &
	exit 5'

# Ended from outside while the guest boots.
"$vm" --kernel "$kernel" --log term.log -- sleep 1000 >/dev/null 2>&1 &
victim=$!
while [ ! -s term.log ] && kill -0 $victim 2>/dev/null; do sleep 0.1; done
kill -TERM $victim
wait $victim
check "SIGTERM ends it" $? 143

wait
check "status of the command" "$(end_of all)" '3, exit 3'
cmp -s all.out "$outside/random"
check "5 MB of binary output arrive intact" $? 0
check "the guest is as promised, stderr is apart" "$(grep -v 'Read-only file system' all.err)" "release $kernel
sched_ext disabled
id 0 cpus 2 host vm cwd $work value two words
modprobe works
loopback flags 0x9
from the host
x
<two words><a'quote\"\$x><new
line><><*><\\>"
check "--out reaches the host" "$(cat shared/out)" 'from the guest'
check "nothing else does" "$(ls "$outside") $(ls /etc/scx_arcade-escaped 2>/dev/null)" 'random '
check "not even through the host's read-only view" "$(grep -c 'Read-only file system' all.err)" 1
check "killed by a signal, children left behind" "$(end_of signal), $(cat signal.out)" '137, exit 137, before'
check "with systemd as process 1" "$(end_of systemd)
$(cat systemd.out)" "5, exit 5
process 1 systemd cwd $work
active
active
active
0
failed:"
check "timeout" "$(end_of timeout)" '124, timeout'
check "panic" "$(end_of panic)" '125, panic'
check "panic shows the log" "$(grep -c 'Kernel panic' panic.err)" 1
check "int3 signature" "$(end_of int3)" '123, int3'
check "a guest that goes without a result" "$(end_of lost)" '125, failed'
"$vm" --kernel 1.0 -- true 2>/dev/null
check "an unknown kernel" $? 125
check "nothing is left behind" "$(ls tmp)" ''

echo "1..$nr_tests"
echo "# $((SECONDS - start)) s"
[ $nr_failed -eq 0 ]
