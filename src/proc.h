/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proc - what /proc tells of one process
 *
 * A process is its number and its start time: numbers are used again, the pair
 * is not. Everything is read through a descriptor of /proc/PID, which stays
 * bound to the process and fails once that has ended. Reads are bounded and
 * refuse what is no regular file, so a made-up proc folder does no harm.
 *
 * All of it may wait for the process, whose memory map can be locked for long:
 * not for the event loop. Of the environment nothing is kept but the bits below.
 */
#ifndef ARCADE_SRC_PROC_H
#define ARCADE_SRC_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_COMM_MAX	64	/* 15 for processes, more for kernel workers */
#define PROC_PATH_MAX	1024	/* of a longer path the end is kept */
#define PROC_ARGS_MAX	2048	/* of a longer command line the start */
#define PROC_CGROUP_MAX 512	/* of a longer path the end */

struct proc_id {
	pid_t pid;
	uint64_t start_ticks;	/* field 22 of stat: since boot, in units of USER_HZ */
};

/* Variables that are there, with a value that means something. */
enum proc_env {
	PROC_ENV_STEAM = 1u << 0,	/* SteamAppId or SteamGameId, not zero */
	PROC_ENV_PROTON = 1u << 1,	/* Steam's compatibility tools, also without Steam (umu) */
	PROC_ENV_LUTRIS = 1u << 2,
	PROC_ENV_HEROIC = 1u << 3,
	PROC_ENV_BOTTLES = 1u << 4,
	PROC_ENV_ITCH = 1u << 5,
	PROC_ENV_PRISM = 1u << 6,	/* launchers of Minecraft */
	PROC_ENV_MANGOHUD = 1u << 7,
	PROC_ENV_GAMEMODE = 1u << 8,	/* gamemoderun preloads its library */
};

/* Files that are mapped, by their names. */
enum proc_map {
	PROC_MAP_MANGOHUD = 1u << 0,
	PROC_MAP_GAMEMODE = 1u << 1,
	PROC_MAP_STEAM_API = 1u << 2,
	PROC_MAP_GRAPHICS = 1u << 3,	/* Vulkan, OpenGL, Direct3D */
	PROC_MAP_GPU = 1u << 4,		/* memory of a GPU's device */
	PROC_MAP_ENGINE = 1u << 5,	/* libraries that hardly anything but games uses */
	PROC_MAP_WEB = 1u << 6,		/* web engines */
	PROC_MAP_TOOLKIT = 1u << 7,	/* widgets of desktop programs */
};

/* Parts that could not be read for lack of privileges. */
enum proc_denied {
	PROC_DENIED_EXE = 1u << 0,
	PROC_DENIED_ENV = 1u << 1,
	PROC_DENIED_MAPS = 1u << 2,
};

struct proc_info {
	struct proc_id id;
	pid_t ppid;
	char state;			/* as in stat */
	bool kernel_thread;
	bool truncated;			/* the command line did not fit */
	uint32_t uid;			/* real */
	uint32_t nr_threads;
	uint64_t rss_bytes;
	char comm[PROC_COMM_MAX];
	char exe[PROC_PATH_MAX];	/* empty if unknown; without " (deleted)" */
	char args[PROC_ARGS_MAX];	/* strings, one behind the other, the last one terminated as well */
	size_t args_len;		/* bytes of args with all terminators */
	char cgroup[PROC_CGROUP_MAX];	/* in the unified hierarchy, else systemd's; empty if unknown */
	uint32_t env;			/* enum proc_env */
	uint64_t steam_app_id;		/* 0: none. Shortcuts of the user's own have 64 bits */
	uint32_t maps;			/* enum proc_map */
	uint32_t denied;		/* enum proc_denied */
};

static inline bool proc_id_equal(const struct proc_id *a, const struct proc_id *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks;
}

/* The clock of the kernel half's records in that of stat. */
uint64_t proc_ticks_from_ns(uint64_t boottime_ns);
uint64_t proc_ns_from_ticks(uint64_t ticks);

/* @path: "/proc", or a folder that looks like it. Return: a descriptor of the caller, -errno. */
int proc_open_root(const char *path);

/* Return: a descriptor of the process's folder, -ESRCH if there is none, -errno. */
int proc_open(int root, pid_t pid);

/*
 * The cheap part: number, start time, parent, state, threads, memory, name, executable, command line. The rest of @ret
 * is cleared. Return: 0, -ESRCH if it has ended, -EINVAL if that is no process, -errno.
 */
int proc_read_name(int dirfd, struct proc_info *ret);

/* Add uid and control group. Return: 0, -ESRCH. */
int proc_read_owner(int dirfd, struct proc_info *info);

/* Add what the environment says. Return: 0, also when it is denied, see info->denied; -ESRCH. */
int proc_read_env(int dirfd, struct proc_info *info);

/* Add what is mapped. Return: as above. */
int proc_read_maps(int dirfd, struct proc_info *info);

/* Only the identity. Return: 0, -ESRCH, -EINVAL, -errno. */
int proc_read_id(int dirfd, struct proc_id *ret);

/* The processes that are there now, kernel threads and zombies left out. Return: 0 with an array of the caller, -errno. */
int proc_list(int root, size_t max, struct proc_id **ret, size_t *nr);

/* The argument number @index. Return: NULL if there are not so many. */
const char *proc_arg(const struct proc_info *info, size_t index);

/* The part of @path behind the last slash of either kind. */
const char *proc_base_name(const char *path);

/* Does @text end in @end, whatever the case of its letters? */
bool proc_ends_in(const char *text, const char *end);

#endif
