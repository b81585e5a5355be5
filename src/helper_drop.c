// SPDX-License-Identifier: GPL-2.0-only
#include "helper_drop.h"

#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* The bus, the loop, the sources' own: a dozen. */
#define FDS_MAX 64

static int set_limit(int resource, rlim_t value)
{
	const struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &limit) ? -errno : 0;
}

static int read_capabilities(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

static int clear_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

/* Nothing of this can be taken on trust: a system call that says 0 may have been filtered. */
static int verify(uid_t uid, gid_t gid)
{
	struct __user_cap_data_struct caps[2];
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) || getresgid(&rgid, &egid, &sgid))
		return -errno;
	if (ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid)
		return -EPERM;
	if (getgroups(0, NULL) != 0)
		return -EPERM;
	if (setuid(0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
		return -EPERM;
	if (read_capabilities(caps))
		return -EPERM;
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i].effective || caps[i].permitted || caps[i].inheritable)
			return -EPERM;
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) < 0 || errno)
		return -EPERM;
	if (getsid(0) != getpid())
		return -EPERM;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -EPERM;
	return 0;
}

int helper_drop(uid_t uid, gid_t gid, pid_t parent)
{
	int err;

	if (!uid || !gid)
		return -EINVAL;
	umask(077);
	/* Who shares a terminal with root can type there (TIOCSTI). A child that was just forked leads no group yet. */
	if (setsid() < 0)
		return -errno;
	/* The daemon's own is better: not a user's to have. */
	if (setpriority(PRIO_PROCESS, 0, 0))
		return -errno;
	if (chdir("/"))
		return -errno;
	err = set_limit(RLIMIT_CORE, 0);
	if (!err)
		err = set_limit(RLIMIT_NOFILE, FDS_MAX);
	if (err)
		return err;

	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	err = clear_capabilities();
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0))
		return -errno;
	/* It may have died before. */
	if (getppid() != parent)
		return -ESRCH;
	return verify(uid, gid);
}
