# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib - for tests that run as root on a kernel with sched_ext, mostly a guest of tools/vm
#
# A test is a function that succeeds or fails; `check NAME FUNCTION ARG…` prints
# its TAP line and, if it failed, what it said. `finish` ends the file.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
arcade=$top/build/scx_arcade
scene=$top/build/scene
work=$(mktemp -d)
tests=0 failed=0 arcade_pid=
# Patience for a start, which takes 8 s in an emulator that has the machine for itself and up to 30 s in one that has not.
start_max_s=90

trap 'stop_arcade KILL >/dev/null 2>&1; rm -rf "$work"' EXIT

note() { printf '# %s\n' "$*"; }

check() { # NAME FUNCTION [ARG]...
	local name=$1 start=$SECONDS
	shift
	tests=$((tests + 1))
	if "$@" >"$work/said" 2>&1; then
		printf 'ok %d - %s (%d s)\n' "$tests" "$name" $((SECONDS - start))
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' "$tests" "$name"
		sed 's/^/#   /' "$work/said" | tail -n 40
		# The next test starts from a clean machine.
		stop_arcade KILL >/dev/null 2>&1
	fi
	grep '^figure:' "$work/said" | sed 's/^/# /'
}

finish() {
	printf '1..%d\n' "$tests"
	exit $((failed > 0))
}

# A figure for the closing lines: what was measured.
figure() { printf 'figure: %s\n' "$*"; }

# Wait until a command succeeds; the deadline is for a slow emulator, not a measure.
eventually() { # SECONDS COMMAND…
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || { echo "never came true: $*"; return 1; }
		sleep 0.05
	done
}

state_is() { [ "$(cat /sys/kernel/sched_ext/state)" = "$1" ]; }
is_running() { kill -0 "$1" 2>/dev/null; }

# Start the daemon with output in $work/out and $work/err, and wait until it schedules.
start_arcade() { # FLAG…
	"$arcade" "$@" >"$work/out" 2>"$work/err" &
	arcade_pid=$!
	if ! eventually $start_max_s arcade_is_up || ! is_running $arcade_pid; then
		cat "$work/err"
		return 1
	fi
}

arcade_is_up() { grep -q '^scheduling$' "$work/err" || ! is_running "$arcade_pid"; }

# Stop it; the result is its exit status.
stop_arcade() { # [SIGNAL]
	local status=0
	[ -n "$arcade_pid" ] || return 0
	kill -"${1:-INT}" "$arcade_pid" 2>/dev/null
	wait "$arcade_pid" || status=$?
	arcade_pid=
	return $status
}

# A process that computes, the last of hogs from then on.
hogs=()
hog() { # [COMMAND…: what it is started by]
	"$@" bash -c 'while :; do :; done' &
	hogs+=($!)
}
end_hogs() {
	[ ${#hogs[@]} -gt 0 ] || return 0
	kill "${hogs[@]}" 2>/dev/null
	wait "${hogs[@]}" 2>/dev/null
	hogs=()
}

# A member of the newest line of --json.
json() { # NAME [FILE]
	tail -n 1 "${2:-$work/out}" | grep -o "\"$1\":[0-9]*" | cut -d: -f2
}

json_sum() { # NAME
	tail -n 1 "$work/out" | grep -o "\"$1\":\[[0-9,]*\]" | grep -o '[0-9]*' | awk '{ n += $1 } END { print n + 0 }'
}

# Wait for a line of statistics that was made after now.
fresh_json() {
	local lines
	lines=$(wc -l <"$work/out")
	eventually 20 has_lines $((lines + 2))
}
has_lines() { [ "$(wc -l <"$work/out")" -ge "$1" ]; }

# What the kernel holds for BPF: programs, maps, links. Freed by RCU, so a count may need a moment to come down.
bpf_objects() { echo "$(bpftool prog list | grep -c '^[0-9]') $(bpftool map list | grep -c '^[0-9]') $(bpftool link list | grep -c '^[0-9]')"; }
bpf_objects_are() { [ "$(bpf_objects)" = "$1" ]; }

# Nothing of ours is left in the system.
nothing_left() { # BPF_OBJECTS_BEFORE
	state_is disabled || { echo "state: $(cat /sys/kernel/sched_ext/state)"; return 1; }
	[ ! -e /run/scx_arcade/lock ] || flock -n /run/scx_arcade/lock true || { echo "the lock is held"; return 1; }
	eventually 20 bpf_objects_are "$1" || { echo "BPF objects: $(bpf_objects), before: $1"; return 1; }
}

# Lines of the kernel log that must not come: warnings, stalls, errors of a scheduler. What follows them says who it was.
kernel_complaints() { # [GREP OPTION]...
	local known='^$'
	# Debian's 7.2 hides the function to set a slice, and calls the way that is left deprecated.
	[[ $(uname -r) != 7.2.* ]] || known='sched_ext: Writing directly to p->scx\.slice'
	dmesg | grep -v "$known" | grep "$@" -E 'WARNING:|BUG:|Oops|rcu:.*stall|soft lockup|hung task|runnable task stall|sched_ext: .*(error|deprecat|fail|fallback)|invalid opcode' || true
}

no_kernel_complaints() {
	[ -z "$(kernel_complaints)" ] || { kernel_complaints -A 30 | head -n 35; return 1; }
}
