/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * role - what a thread does is seen where it does it
 *
 * Beside input there are two more roots: the display tells that a frame has
 * begun or a flip is done, and an audio device that a period has passed. Who is
 * woken so is the compositor, or the thread that fills the audio buffer, and
 * has until the next one.
 *
 * A chain leads to a picture: a member gives work to a GPU, or a picture to the
 * display. The time since the root is what the player waits for, and of all
 * statistics the one to look at. A process that gives work to a GPU is told to
 * the daemon once: it may be a game.
 *
 * All of this goes through functions of the core modules drm and snd_pcm, which
 * every driver uses; a program on a driver's own function would keep that
 * driver from being unloaded.
 */
#ifndef ARCADE_ROLE_BPF_H
#define ARCADE_ROLE_BPF_H

/* include/uapi/drm/drm.h and drm_mode.h: _IOC_NR() of requests that never change. */
#define ROLE_IOC_NR(request)   ((request) & 0xff)
#define ROLE_IOC_TYPE(request) ((request) >> 8 & 0xff)
#define ROLE_DRM_TYPE	       'd'
#define ROLE_NR_PAGE_FLIP      0xb0
#define ROLE_NR_ATOMIC	       0xbc
#define ROLE_ATOMIC_TEST_ONLY  0x0100

/* A period of silence in the device's clock still ends. */
#define ROLE_AUDIO_TTL_MIN_NS (1 * POLICY_NS_PER_MS)

/* What we read of the modules' types; where they lie is asked of the module's own type information. */
struct drm_driver___role {
	char *name;
} __attribute__((preserve_access_index));

struct drm_device___role {
	const struct drm_driver___role *driver;
} __attribute__((preserve_access_index));

struct drm_minor___role {
	struct drm_device___role *dev;
} __attribute__((preserve_access_index));

struct drm_file___role {
	struct drm_minor___role *minor;
} __attribute__((preserve_access_index));

struct snd_pcm_runtime___role {
	unsigned int rate;
	unsigned long period_size;
} __attribute__((preserve_access_index));

struct snd_pcm_substream___role {
	struct snd_pcm_runtime___role *runtime;
} __attribute__((preserve_access_index));

/* First letters of a driver's name, as they lie in memory. */
#define ROLE_NAME(a, b, c, d, e, f, g, h)                                              \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | \
	 (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)

/* Its requests that give work to the GPU, by number: include/uapi/drm/NAME_drm.h, plus DRM_COMMAND_BASE. */
static __always_inline u64 role_submitting_driver(u32 nr, u32 which)
{
	switch (nr) {
	case 0x42:	/* EXECBUFFER */
		return which ? ROLE_NAME('q', 'x', 'l', 0, 0, 0, 0, 0) :
			       ROLE_NAME('v', 'i', 'r', 't', 'i', 'o', '_', 'g');
	case 0x44:	/* CS */
		return ROLE_NAME('a', 'm', 'd', 'g', 'p', 'u', 0, 0);
	case 0x49:	/* EXEC */
		return ROLE_NAME('x', 'e', 0, 0, 0, 0, 0, 0);
	case 0x4c:	/* EXECBUF */
		return ROLE_NAME('v', 'm', 'w', 'g', 'f', 'x', 0, 0);
	case 0x52:	/* EXEC */
	case 0x81:	/* GEM_PUSHBUF */
		return ROLE_NAME('n', 'o', 'u', 'v', 'e', 'a', 'u', 0);
	case 0x57:	/* USERQ_SIGNAL */
		return ROLE_NAME('a', 'm', 'd', 'g', 'p', 'u', 0, 0);
	case 0x66:	/* CS */
		return ROLE_NAME('r', 'a', 'd', 'e', 'o', 'n', 0, 0);
	case 0x69:	/* GEM_EXECBUFFER2 */
		return ROLE_NAME('i', '9', '1', '5', 0, 0, 0, 0);
	default:
		return 0;
	}
}

/* Whose device is it? Return: the first letters of the driver's name, 0 if that cannot be read. */
static __always_inline u64 role_driver_of(struct file *file)
{
	const struct drm_file___role *drm_file = BPF_CORE_READ(file, private_data);
	const char *name = BPF_CORE_READ(drm_file, minor, dev, driver, name);
	u64 letters = 0;

	/* The last byte of a shorter name is its end; of a longer one it would be, too. */
	char text[sizeof(letters) + 1] = "";

	if (bpf_probe_read_kernel_str(text, sizeof(text), name) < 0)
		return 0;
	__builtin_memcpy(&letters, text, sizeof(letters));
	return letters;
}

/* @task, of a chain, gives the picture on: the first time counts, of each root. */
static __always_inline void role_close_chain(const struct task_struct *task, struct task_ctx *tctx, u32 end)
{
	const struct policy_chain *chain = &tctx->chain;
	u32 root = chain->root & (NR_ARCADE_ROOTS - 1), bucket;
	u64 delay_ns;

	if (!policy_chain_joined(chain, task->nvcsw) || tctx->frame_root_ns[end] == chain->root_ns)
		return;
	tctx->frame_root_ns[end] = chain->root_ns;
	delay_ns = bpf_ktime_get_ns() - chain->root_ns;
	bucket = policy_hist_bucket(delay_ns) & 31;
	if (bucket >= ARCADE_HIST_BUCKETS)
		return;
	stats_add_atomic(frame_ns[end][root], delay_ns);
	stats_inc_atomic(frame_hist[end][root][bucket]);
}

/* The current task gives work to a GPU, for the first time since its process has its program. */
static __always_inline void role_tell_gpu(struct task_struct *task)
{
	struct task_struct *first = task->group_leader;
	struct task_ctx *leader = task_ctx_of(first);
	/* Each exec is counted, by the kernel itself: a record of it may be lost. */
	u32 program = (u32)first->self_exec_id + 1;

	if (!leader || leader->gpu_told == program || __sync_lock_test_and_set(&leader->gpu_told, program) == program)
		return;
	if (!detect_tell_process(ARCADE_CONTROL_GPU_SUBMIT, task))
		leader->gpu_told = 0;
}

static __always_inline void role_submits(struct task_struct *task, struct task_ctx *tctx)
{
	stats_inc_atomic(nr_frame_ends[ARCADE_FRAME_SUBMIT]);
	tctx->roles |= 1 << ARCADE_THREAD_SUBMIT;
	role_tell_gpu(task);
	role_close_chain(task, tctx, ARCADE_FRAME_SUBMIT);
}

static __always_inline void role_flips(struct task_struct *task, struct task_ctx *tctx)
{
	stats_inc_atomic(nr_frame_ends[ARCADE_FRAME_FLIP]);
	tctx->roles |= 1 << ARCADE_THREAD_COMPOSITOR;
	role_close_chain(task, tctx, ARCADE_FRAME_FLIP);
}

/* The current task asks for @request of a DRM device. Most are of other kinds: the cheap look comes first. */
static __always_inline void role_drm_ioctl(struct file *file, u32 request, const void *arg)
{
	u32 nr = ROLE_IOC_NR(request), flags = 0;
	struct task_struct *task;
	struct task_ctx *tctx;
	bool is_flip = nr == ROLE_NR_PAGE_FLIP || nr == ROLE_NR_ATOMIC;
	u64 driver;

	if (ROLE_IOC_TYPE(request) != ROLE_DRM_TYPE || (!is_flip && !role_submitting_driver(nr, 0)))
		return;
	task = bpf_get_current_task_btf();
	tctx = task_ctx_of(task);
	if (!tctx)
		return;
	if (is_flip) {
		/* Compositors ask whether a configuration would do; the flags come first. */
		if (nr == ROLE_NR_ATOMIC && !bpf_probe_read_user(&flags, sizeof(flags), arg) &&
		    (flags & ROLE_ATOMIC_TEST_ONLY))
			return;
		role_flips(task, tctx);
		return;
	}
	driver = role_driver_of(file);
	if (driver && (driver == role_submitting_driver(nr, 0) || driver == role_submitting_driver(nr, 1)))
		role_submits(task, tctx);
}

/* The context now enters a root of @kind. */
static __always_inline void role_root_enter(u32 kind, u64 ttl_ns)
{
	if (root_enter(bpf_ktime_get_ns(), kind, ARCADE_LANE_OTHER, ttl_ns, compat_interrupt_level(),
		       bpf_get_smp_processor_id()))
		stats_inc_atomic(nr_roots[kind & (NR_ARCADE_ROOTS - 1)]);
}

/* As long as a period of @substream, within bounds. */
static __always_inline u64 role_period_ns(const void *substream)
{
	const struct snd_pcm_runtime___role *runtime =
		BPF_CORE_READ((const struct snd_pcm_substream___role *)substream, runtime);
	u64 max_ns = knobs.audio_ttl_max_ns, rate = BPF_CORE_READ(runtime, rate), period_ns;

	if (!rate)
		return max_ns;
	period_ns = BPF_CORE_READ(runtime, period_size) * 1000000000ULL / rate;
	if (period_ns < ROLE_AUDIO_TTL_MIN_NS)
		return ROLE_AUDIO_TTL_MIN_NS;
	return period_ns < max_ns ? period_ns : max_ns;
}

#endif
