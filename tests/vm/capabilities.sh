#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What --check says this kernel can do, against the kernel's own type information and symbols, read without our code.
. "$(dirname "$0")/lib.sh"

types=$work/types
series=$(uname -r | grep -o '^[0-9]*\.[0-9]*')

look() {
	bpftool btf dump file /sys/kernel/btf/vmlinux >"$types" && "$arcade" --check >"$work/check" || { cat "$work/check"; return 1; }
	cat "$work/check"
	grep -q "^kernel  *$(uname -r)$" "$work/check"
}

has_symbol() { grep -qE "^[0-9a-f]+ . $1$" /proc/kallsyms; }
has_type() { grep -qE "^\[[0-9]+\] $1 '$2' " "$types"; }

has_member() { # KIND TYPE MEMBER
	awk -v type="] $1 '$2' " -v member="'$3'" '/^\[/ { inside = index($0, type) } inside && $1 == member { found = 1 }
		END { exit !found }' "$types"
}

# A function that BPF may call: known by its type, marked as such, and there.
is_callable() {
	local id
	id=$(sed -n "s/^\[\([0-9]*\)\] FUNC '$1' .*/\1/p" "$types" | head -n 1)
	[ -n "$id" ] && grep -qE "DECL_TAG 'bpf_kfunc' type_id=$id " "$types" && has_symbol "$1"
}

can_attach_function() { has_type FUNC "$1" && has_symbol "$1"; }
can_attach_tracepoint() { has_type TYPEDEF "btf_trace_$1" && has_symbol "__tracepoint_$1"; }
variable_has_address() { has_type VAR "$1" && has_symbol "$1"; }

# Where there is no function to set a slice the field is written, which is deprecated where there is one.
slice_function_is_hidden() { has_symbol scx_bpf_task_set_slice && ! is_callable scx_bpf_task_set_slice; }
# Up to 6.18 by a callback, from 7.1 on by a flag of the insert.
waiters_come_back() {
	has_member ENUM64 scx_enq_flags SCX_ENQ_IMMED ||
		{ is_callable scx_bpf_reenqueue_local && ! has_symbol scx_bpf_reenqueue_local___v2; }
}
group_weights_are_told() { has_member STRUCT sched_ext_ops cgroup_set_weight; }
group_idle_is_told() { has_member STRUCT sched_ext_ops cgroup_set_idle; }
governor_asks() { grep -qsx schedutil /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; }
hooks_are_there() { can_attach_function input_event; }
chains_are_there() { can_attach_tracepoint sched_waking; }
interrupts_are_told() { chains_are_there && variable_has_address __preempt_count; }
processes_are_told() { can_attach_tracepoint sched_process_exec && can_attach_tracepoint sched_process_exit; }
removal_is_seen() { can_attach_function input_unregister_device; }

# The line NAME of the report matches YES if the kernel can, and does not if it cannot.
told() { # NAME YES COMMAND [ARG]...
	local line yes=$2 says=no can=no
	line=$(grep -E "^$1  " "$work/check") || { echo "no line '$1'"; return 1; }
	shift 2
	[[ $line != *"$yes"* ]] || says=yes
	! "$@" || can=yes
	[ $says = $can ] || { echo "'$line': says $says, the kernel: $can ($*)"; return 1; }
}

callable_is() { # FUNCTION yes|no
	local is=no
	! is_callable "$1" || is=yes
	[ $is = "$2" ] || { echo "$1: callable is $is, expected $2"; return 1; }
}

# What is known of the kernels, so that the look itself can be wrong.
look_is_right() {
	local kick=yes slice=yes
	case $series in
	6.16 | 6.17 | 6.18) slice=no ;;
	7.2) kick=no slice=no ;;
	esac
	is_callable scx_bpf_now || { echo "scx_bpf_now: not callable"; return 1; }
	! is_callable scx_bpf_no_such_function && ! can_attach_function input_no_such_function || { echo "finds what is not there"; return 1; }
	callable_is scx_bpf_kick_cpu $kick && callable_is scx_bpf_task_set_slice $slice || return 1
	# On 7.2 it is hidden, not absent.
	[ "$series" != 7.2 ] || slice_function_is_hidden
}

check "--check runs, and names kernel $series" look
check "the kernel's functions are as known for $series" look_is_right
check "input: says what the kernel can" told input 'every packet' hooks_are_there
check "chains: says what the kernel can" told chains 'sched_waking' chains_are_there
check "interrupts: says what the kernel can" told chains 'interrupts told apart' interrupts_are_told
check "devices: says what the kernel can" told devices 'forgotten at once' removal_is_seen
check "idle CPUs: says what the kernel can" told 'idle CPUs' 'kicked' is_callable scx_bpf_kick_cpu
check "slices: says what the kernel hides" told slices 'deprecated' slice_function_is_hidden
check "real-time: says what the kernel can" told real-time 'hands waiting tasks back' waiters_come_back
check "locks: says what the kernel can" told locks 'hands on to its owner' can_attach_function futex_wait
check "processes: says what the kernel can" told processes 'sched_process_exit: told at once' processes_are_told
check "threads: says what the kernel can" told threads 'told one by one' can_attach_function bpf_iter_task
check "frequency: says what the kernel does" told frequency 'schedutil asks' governor_asks
check "control groups: weights as the kernel tells" told 'control groups' cpu.weight group_weights_are_told
check "control groups: idle as the kernel tells" told 'control groups' 'and cpu.idle count' group_idle_is_told
finish
