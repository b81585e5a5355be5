#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# suspend.sh - the machine sleeps and wakes up while the scheduler has work
#
# Starts its guest itself: neither the host's files nor the guest's ports to us survive the sleep of devices. So everything that
# runs is copied into the guest's memory first, and what is found comes back by the kernel's log, over the serial line.
if [ "${SUSPEND_INSIDE:-}" = '' ]; then
	cd "$(dirname "$0")/../.." || exit 1
	log=$(mktemp)
	trap 'rm -f "$log" "$log.err"' EXIT
	tools/vm --kernel "${SUSPEND_KERNEL:-7.3}" --timeout 400 --log "$log" --result "$log.err" --env SUSPEND_INSIDE=guest \
		--qemu -global --qemu ICH9-LPC.disable_s3=0 -- bash tests/vm/suspend.sh 2>/dev/null
	tr -d '\r' <"$log" | sed -n 's/.*arcade-tap: //p'
	# The plan is the last line: without it the guest did not get to the end.
	if ! grep -q 'arcade-tap: 1\.\.' "$log"; then
		echo 'not ok 99 - the guest came to its end'
		tail -n 25 "$log" | tr -d '\r' | sed 's/^/#   /'
		exit 1
	fi
	! grep -q 'arcade-tap: not ok' "$log"
	exit
fi

if [ "$SUSPEND_INSIDE" = guest ]; then
	set -e
	top=$(cd "$(dirname "$0")/../.." && pwd)
	root=/run/suspend
	mkdir -p $root
	mount -t tmpfs -o size=600m tmpfs $root
	copy() { # FILE...: with the libraries that it needs
		local file library
		for file; do
			mkdir -p "$root${file%/*}"
			cp -L "$file" "$root$file"
			for library in $(ldd "$file" 2>/dev/null | grep -oE '/[^ ]+'); do
				[ -e "$root$library" ] || { mkdir -p "$root${library%/*}" && cp -L "$library" "$root$library"; }
			done
		done
	}
	for tool in bash cat cp cut date dirname dmesg env flock grep head mkdir mktemp mount ps pgrep rm rmdir sed seq sleep sort stdbuf tail \
		taskset timeout tr wc awk bpftool rtcwake sync; do
		copy "$(type -P $tool || { echo "# no $tool" >&2; exit 1; })"
	done
	[ -e $root/bin/sh ] || { mkdir -p $root/bin; ln -s "$(command -v bash)" $root/bin/sh; }
	copy "$top/build/scx_arcade" "$top/build/scene" "$top/tests/vm/lib.sh" "$top/tests/vm/suspend.sh" "$top/tools/dist/programs.conf" \
		"$top/tools/dist/kwin/scx_arcade_focus.js"
	# libinotifytools, libnss and the like are found by the loader's cache.
	cp /etc/ld.so.cache /etc/passwd /etc/group /etc/nsswitch.conf $root/ 2>/dev/null || :
	mkdir -p $root/etc $root/proc $root/sys $root/dev $root/tmp $root/run
	cp /etc/ld.so.cache /etc/passwd /etc/group $root/etc/
	for dir in proc sys dev; do mount --rbind /$dir $root/$dir; done
	mount -t tmpfs tmpfs $root/tmp
	mount -t tmpfs tmpfs $root/run
	export SUSPEND_INSIDE=yes
	cd /
	exec chroot $root "$(command -v bash)" "$top/tests/vm/suspend.sh"
fi
. "$(dirname "$0")/lib.sh"
echo on >/proc/sys/kernel/printk_devkmsg
exec > >(while IFS= read -r line; do echo "arcade-tap: $line" >/dev/kmsg; done) 2>&1

# A game scene with hogs on all CPUs.
start_load() {
	"$scene" --scene game-60 --duration 600 --hogs 4 --json >"$work/scene.out" 2>"$work/scene.err" &
	load=$!
	sleep 2
	is_running $load || { cat "$work/scene.err"; return 1; }
}
stop_load() { kill $load 2>/dev/null; wait $load 2>/dev/null; return 0; }

# Chains grow from one look to the next. CPUs that went and came make the scheduler start anew: then they begin at 0.
chains_grow() {
	local before
	fresh_json || return 1
	before=$(json chain_hop1)
	fresh_json && [ "$(json chain_hop1)" -gt "$before" ]
}
still_schedules() {
	is_running $arcade_pid && eventually 60 chains_grow && state_is enabled && is_running $arcade_pid ||
		{ tail -n 5 "$work/err"; dmesg | tail -n 10; return 1; }
}

# What QEMU's machine and the kernel can do: sleep to this state, woken by the clock.
sleeps() { # STATE SECONDS
	local before nr
	grep -qw "$1" /sys/power/state || { echo "no state $1: $(cat /sys/power/state)"; return 1; }
	still_schedules || { echo "before sleep"; return 1; }
	nr=$(dmesg | grep -c 'PM: suspend exit')
	before=$(date +%s)
	rtcwake --mode "$1" --seconds "$2" >"$work/rtcwake" 2>&1 || { cat "$work/rtcwake"; dmesg | tail -n 20; return 1; }
	[ "$(dmesg | grep -c 'PM: suspend exit')" -eq $((nr + 1)) ] || { dmesg | tail; return 1; }
	figure "sleep to $1: $(($(date +%s) - before)) s by the clock"
	still_schedules
}

test_level() { # LEVEL
	still_schedules || { echo "before sleep"; return 1; }
	echo "$1" >/sys/power/pm_test || return 1
	echo mem >/sys/power/state || { dmesg | tail -n 20; echo none >/sys/power/pm_test; return 1; }
	echo none >/sys/power/pm_test
	still_schedules
}

nothing_bad() {
	figure "the scheduler was started anew $(json restarts) times, for CPUs that went and came"
	no_kernel_complaints && ! grep -E '^(error|warning): ' "$work/err"
}

before=$(bpf_objects)
load=
check 'starts, with a game and hogs on all CPUs' eval 'start_arcade --stats 0.5 --json && start_load && still_schedules'
check 'processes are frozen and thawed' test_level freezer
check 'devices sleep and wake up' test_level devices
check 'the platform is told' test_level platform
check 'all CPUs but one go and come back' test_level processors
check 'sleeps, to memory (S3)' sleeps mem 5
check 'and once more' sleeps mem 3
check 'no error of ours, no complaint of the kernel' nothing_bad
check 'stops as asked, nothing left' eval 'stop_load; stop_arcade && nothing_left "$before"'
printf '1..%d\n' "$tests"
sleep 2
# Nobody hears how this ends any more.
echo o >/proc/sysrq-trigger
sleep 60
