#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Roles: the daemon with modules that come and go beneath it, and what it says of them; then the counts, one by one.
. "$(dirname "$0")/lib.sh"
before=$(bpf_objects)

line_says() { grep -E "^$1  " "$2" | grep -qF "$3" || { grep -E "^$1  " "$2"; echo "$1: no word of: $3"; return 1; }; }
err_says() { grep -qF "$1" "$work/err"; }
is_loaded() { [ -d "/sys/module/$1" ]; }
attached_again() { [ "$(grep -c 'audio: module snd_pcm: attached' "$work/err")" -eq 2 ]; }
unload() { rmmod "$1" 2>/dev/null || ! is_loaded "$1"; }

says_absent() {
	! is_loaded drm && ! is_loaded snd_pcm || { echo "modules are loaded already"; return 1; }
	"$arcade" --check >"$work/check" || return 1
	line_says display "$work/check" 'absent, no driver uses module drm yet' &&
		line_says audio "$work/check" 'absent, no driver uses module snd_pcm yet' &&
		line_says 'NVIDIA GPU' "$work/check" absent && line_says processes "$work/check" 'told at once' && nothing_left "$before"
}

comes_and_goes() {
	start_arcade --stats 0.5 --json || return 1
	# A core without a driver is left alone.
	modprobe snd-pcm && fresh_json && [ "$(json roles_attached)" -eq 0 ] || return 1
	modprobe snd-dummy && modprobe bochs || return 1
	eventually 30 err_says 'audio: module snd_pcm: attached' && eventually 30 err_says 'display: module drm: attached' || return 1
	rmmod snd_dummy && eventually 30 err_says 'audio: module snd_pcm is not in use any more: detached' || return 1
	eventually 30 unload snd_pcm && ! is_loaded snd_pcm || { echo "snd_pcm is still loaded"; return 1; }
	modprobe snd-dummy || return 1
	eventually 30 attached_again && fresh_json || return 1
	[ "$(json roles_attached)" -eq 3 ] && [ "$(json roles_released)" -eq 1 ] && [ "$(json control_lost)" -eq 0 ] || return 1
	state_is enabled && stop_arcade && nothing_left "$before"
}

says_attached() {
	"$arcade" --check >"$work/check" || return 1
	line_says display "$work/check" 'drm: frames and flips begin chains' && line_says audio "$work/check" 'snd_pcm: periods' &&
		nothing_left "$before"
}

off_by_option() {
	start_arcade --no-roles --stats 0.5 --json || return 1
	line_says display "$work/err" 'off, by option' && line_says audio "$work/err" 'off, by option' || return 1
	! bpftool prog list | grep -E 'name (display|audio|nvidia|module)_' && fresh_json && [ "$(json roles_attached)" -eq 0 ] &&
		stop_arcade
}

# Killed with everything attached: the kernel gives it all back, the modules too.
killed() {
	start_arcade || return 1
	line_says audio "$work/err" 'snd_pcm: periods' || return 1
	stop_arcade KILL
	eventually 20 bpf_objects_are "$before" && rmmod snd_dummy && eventually 20 unload snd_pcm && ! is_loaded snd_pcm || return 1
	rmmod bochs
}

counts() { CMOCKA_MESSAGE_OUTPUT=STDOUT "$top/build/vm/test_roles" | sed 's/^# //'; return "${PIPESTATUS[0]}"; }
clean_modules() { for module in drm_client_lib drm_shmem_helper drm_kms_helper drm; do unload $module; done; ! is_loaded snd_pcm; }

check "without drivers: --check says absent, and why" says_absent
check "modules that come are attached, that go out of use are let go, the scheduler runs on" comes_and_goes
check "with drivers: --check says attached" says_attached
check "--no-roles: nothing of them is loaded" off_by_option
check "killed: the modules can be unloaded" killed
clean_modules
check "periods, flips, submits: each seen once, who waits for them marked" counts
check "no complaint in the kernel log" no_kernel_complaints
finish
