// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define SCHED_EXT_DIR "/sys/kernel/sched_ext/"

/* sysfs cannot be watched for this; the kernel needs some milliseconds to switch every task back. */
#define DISABLED_POLL_NS (2 * NSEC_PER_MSEC)

enum kernel_sched_state kernel_sched_state(void)
{
	char state[32];

	if (read_file_line_at(AT_FDCWD, SCHED_EXT_DIR "state", state, sizeof(state)))
		return KERNEL_SCHED_ABSENT;
	if (streq(state, "disabled"))
		return KERNEL_SCHED_DISABLED;
	if (streq(state, "enabled"))
		return KERNEL_SCHED_ENABLED;
	return KERNEL_SCHED_CHANGING;
}

int kernel_sched_name(char *buf, size_t size)
{
	int err = read_file_line_at(AT_FDCWD, SCHED_EXT_DIR "root/ops", buf, size);

	if (err)
		snprintf(buf, size, "unknown");
	return err;
}

int kernel_hotplug_seq(uint64_t *ret)
{
	return read_file_u64_at(AT_FDCWD, SCHED_EXT_DIR "hotplug_seq", 0, UINT64_MAX, ret);
}

int kernel_wait_gone(const char *prefix, uint64_t timeout_ns)
{
	const struct timespec pause = { .tv_nsec = DISABLED_POLL_NS };
	uint64_t deadline_ns = now_ns() + timeout_ns;
	enum kernel_sched_state state;
	char name[128];

	for (;;) {
		state = kernel_sched_state();
		if (state == KERNEL_SCHED_DISABLED || state == KERNEL_SCHED_ABSENT)
			return 0;
		if (state == KERNEL_SCHED_ENABLED && !kernel_sched_name(name, sizeof(name)) &&
		    strncmp(name, prefix, strlen(prefix)))
			return 0;
		if (now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

bool kernel_uses_schedutil(void)
{
	char path[80], governor[32];

	for (int cpu = 0; cpu < CPU_BITMAP_BITS; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpufreq/policy%d/scaling_governor", cpu);
		if (!read_file_line_at(AT_FDCWD, path, governor, sizeof(governor)) && streq(governor, "schedutil"))
			return true;
	}
	return false;
}

static bool cap_is_set(const struct __user_cap_data_struct *data, unsigned int cap)
{
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

/* Return: 0 with what this thread may now, -errno. */
static int read_caps(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	memset(data, 0, _LINUX_CAPABILITY_U32S_3 * sizeof(*data));
	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

bool kernel_may_load_bpf(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (read_caps(data))
		return false;
	return cap_is_set(data, CAP_SYS_ADMIN) || (cap_is_set(data, CAP_BPF) && cap_is_set(data, CAP_PERFMON));
}

bool kernel_may_read_processes(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (read_caps(data))
		return false;
	return cap_is_set(data, CAP_SYS_PTRACE) &&
	       (cap_is_set(data, CAP_DAC_READ_SEARCH) || cap_is_set(data, CAP_DAC_OVERRIDE));
}

bool kernel_may_become_user(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (read_caps(data) || !cap_is_set(data, CAP_SETUID) || !cap_is_set(data, CAP_SETGID))
		return false;
	/* They change nothing, but a filter of system calls refuses them like any other. */
	return !syscall(SYS_setresgid, -1, -1, -1) && !syscall(SYS_setresuid, -1, -1, -1);
}
