// SPDX-License-Identifier: GPL-2.0-only
/*
 * roles - the programs of the roles, an object of their own
 *
 * Their places are functions of modules, which may come after the scheduler
 * and go before it, and a program for one cannot be loaded without it. So these
 * are loaded when the module is there, one role at a time, and share the maps
 * of arcade.bpf.c (src/roles.c).
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "arcade/abi.h"
#include "policy.h"
#include "kernel.bpf.h"
#include "compat.bpf.h"

/* The scheduler's own, as are the maps of these rooms; the values here are never used. */
struct arcade_knobs knobs SEC(".data.knobs") = { .version = ARCADE_ABI_VERSION };

#include "stats.bpf.h"
#include "task.bpf.h"
#include "detect.bpf.h"
#include "root.bpf.h"
#include "role.bpf.h"

char _license[] SEC("license") = "GPL";

/* ---- display: module drm ---- */

/* In the interrupt of the display, or in a timer that stands in for it: wakes those that wait for a frame to begin. */
SEC("fentry/drm_handle_vblank")
int BPF_PROG(display_vblank_entry)
{
	role_root_enter(ARCADE_ROOT_VBLANK, knobs.vblank_ttl_ns);
	return 0;
}

SEC("fexit/drm_handle_vblank")
int BPF_PROG(display_vblank_exit)
{
	root_leave();
	return 0;
}

/* Tells that a flip is done, where that is not left to the vblank. */
SEC("fentry/drm_crtc_send_vblank_event")
int BPF_PROG(display_event_entry)
{
	role_root_enter(ARCADE_ROOT_VBLANK, knobs.vblank_ttl_ns);
	return 0;
}

SEC("fexit/drm_crtc_send_vblank_event")
int BPF_PROG(display_event_exit)
{
	root_leave();
	return 0;
}

SEC("fentry/drm_ioctl")
int BPF_PROG(display_ioctl, struct file *file, unsigned int request, unsigned long arg)
{
	role_drm_ioctl(file, request, (const void *)arg);
	return 0;
}

/* ---- audio: module snd_pcm ---- */

/* The second does the work; some drivers call that themselves, with their lock held. */
SEC("fentry/snd_pcm_period_elapsed")
int BPF_PROG(audio_period_entry, void *substream)
{
	role_root_enter(ARCADE_ROOT_AUDIO, role_period_ns(substream));
	return 0;
}

SEC("fexit/snd_pcm_period_elapsed")
int BPF_PROG(audio_period_exit)
{
	root_leave();
	return 0;
}

SEC("fentry/snd_pcm_period_elapsed_under_stream_lock")
int BPF_PROG(audio_locked_entry, void *substream)
{
	role_root_enter(ARCADE_ROOT_AUDIO, role_period_ns(substream));
	return 0;
}

SEC("fexit/snd_pcm_period_elapsed_under_stream_lock")
int BPF_PROG(audio_locked_exit)
{
	root_leave();
	return 0;
}

/* ---- NVIDIA's own driver: module nvidia ---- */

/* Its work goes past the kernel, so who talks to it at all is who gives it work; no chain is closed here. */
SEC("fentry/nvidia_unlocked_ioctl")
int BPF_PROG(nvidia_ioctl)
{
	role_tell_gpu(bpf_get_current_task_btf());
	return 0;
}
