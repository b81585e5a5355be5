// SPDX-License-Identifier: GPL-2.0-only
#include "notify.h"

#include <dirent.h>
#include <fcntl.h>
#include <inotifytools/inotifytools.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "util.h"

#define EVENTS \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | \
	 IN_MOVE_SELF | IN_ONLYDIR)

/* Watches that are gone cost the library some hundred bytes each. */
#define WORN_AT 256
/* Names that one folder can be given. */
#define NAME_BITS 16

struct notify {
	int fd;			/* the library's, borrowed; -1: it is not initialised */
	int pipe_fds[2];
	int pipe_wd;
	unsigned int nr_added;
	unsigned int nr_dropped;	/* watches that are gone and that the library still knows */
};

/* The library's state is the process's. */
static atomic_flag is_taken = ATOMIC_FLAG_INIT;

#define MAX_KNOWN 64

/* Inotify descriptors of this process. Return: their number, at most @max; -errno. */
static int list_inotify_fds(int *fds, int max)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[32];
	int nr = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = '\0';
		if (!streq(target, "anon_inode:inotify"))
			continue;
		if (nr == max)
			return -EMFILE;
		fds[nr++] = atoi(entry->d_name);
	}
	return nr;
}

/* The library does not tell its descriptor: it is the one that was not there before. */
static int open_library(void)
{
	int before[MAX_KNOWN], after[MAX_KNOWN], nr_before, nr_after, found = -1;

	nr_before = list_inotify_fds(before, MAX_KNOWN);
	if (nr_before < 0)
		return nr_before;
	if (!inotifytools_initialize())
		return inotifytools_error() > 0 ? -inotifytools_error() : -EMFILE;
	nr_after = list_inotify_fds(after, MAX_KNOWN);
	for (int i = 0; i < nr_after; i++) {
		bool known = false;

		for (int k = 0; k < nr_before; k++)
			known |= before[k] == after[i];
		if (!known)
			found = after[i];
	}
	/* It waits by select(2), which ends at FD_SETSIZE. */
	if (found < 0 || found >= FD_SETSIZE || fcntl(found, F_SETFD, FD_CLOEXEC) < 0) {
		inotifytools_cleanup();
		return nr_after < 0 ? nr_after : -EMFILE;
	}
	return found;
}

/* It stores a folder's name with a slash at its end. */
static int find_wd(const char *path)
{
	char name[PATH_MAX + 1];
	int wd = inotifytools_wd_from_filename(path);

	if (wd >= 0)
		return wd;
	snprintf(name, sizeof(name), "%s/", path);
	return inotifytools_wd_from_filename(name);
}

/* @path must be a name that the library does not know. */
static int add_watch(const char *path, int events)
{
	int wd;

	if (!inotifytools_watch_file(path, events))
		return inotifytools_error() > 0 ? -inotifytools_error() : -EIO;
	wd = find_wd(path);
	return wd >= 0 ? wd : -ENOMEM;
}

int notify_new(struct notify **ret)
{
	struct notify *notify;
	char path[32];
	int err;

	if (atomic_flag_test_and_set(&is_taken))
		return -EBUSY;
	notify = calloc(1, sizeof(*notify));
	if (!notify) {
		atomic_flag_clear(&is_taken);
		return -ENOMEM;
	}
	notify->pipe_wd = -1;
	notify->pipe_fds[0] = notify->pipe_fds[1] = -1;
	notify->fd = open_library();
	if (notify->fd < 0) {
		err = notify->fd;
		goto fail;
	}
	if (pipe2(notify->pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		err = -errno;
		goto fail;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", notify->pipe_fds[0]);
	err = notify->pipe_wd = add_watch(path, IN_MODIFY);
	if (err >= 0) {
		*ret = notify;
		return 0;
	}
fail:
	notify_free(notify);
	return err;
}

/* Every watch but the pipe's is removed by now, so what is left has an end. */
static void drain(struct notify *notify)
{
	const struct inotify_event *event;
	int nr_bytes;

	while (!ioctl(notify->fd, FIONREAD, &nr_bytes) && nr_bytes > 0 && inotifytools_next_event(1))
		;
	/* The kernel's queue is empty. The last event of all says that the library's is, too. */
	if (notify->pipe_wd < 0 || inotify_rm_watch(notify->fd, notify->pipe_wd))
		return;
	do
		event = inotifytools_next_event(1);
	while (event && !(event->wd == notify->pipe_wd && event->mask & IN_IGNORED));
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	if (notify->fd >= 0) {
		drain(notify);
		inotifytools_cleanup();
	}
	close_fd(notify->pipe_fds[0]);
	close_fd(notify->pipe_fds[1]);
	free(notify);
	atomic_flag_clear(&is_taken);
}

int notify_add(struct notify *notify, const char *path)
{
	char name[PATH_MAX];
	size_t len = strlen(path);

	/* The number of this watch, "/" for a 0 and "/." for a 1: never a name that the library knows. */
	if (len + 2 * NAME_BITS + 1 > sizeof(name))
		return -ENAMETOOLONG;
	memcpy(name, path, len);
	for (int bit = 0; bit < NAME_BITS; bit++) {
		name[len++] = '/';
		if (notify->nr_added >> bit & 1)
			name[len++] = '.';
	}
	name[len] = '\0';
	notify->nr_added++;
	return add_watch(name, EVENTS);
}

void notify_remove(struct notify *notify, int wd)
{
	/* Past the library, which prints to stderr if the kernel was quicker. */
	inotify_rm_watch(notify->fd, wd);
	notify->nr_dropped++;
}

bool notify_is_worn(const struct notify *notify)
{
	return notify->nr_dropped >= WORN_AT || notify->nr_added >> NAME_BITS;
}

int notify_next(struct notify *notify, int timeout_s, struct notify_event *event)
{
	const struct inotify_event *seen = inotifytools_next_event(timeout_s);
	char bytes[64];

	if (!seen) {
		int err = inotifytools_error();

		return err > 0 && err != EINTR && err != EAGAIN ? -err : 0;
	}
	if (seen->wd == notify->pipe_wd) {
		while (read(notify->pipe_fds[0], bytes, sizeof(bytes)) > 0)
			;
		return 0;
	}
	event->wd = seen->mask & IN_Q_OVERFLOW ? -1 : seen->wd;
	event->mask = seen->mask;
	snprintf(event->name, sizeof(event->name), "%s", seen->len ? seen->name : "");
	return 1;
}

void notify_wake(struct notify *notify)
{
	/* A pipe that is full has woken it already. */
	if (write(notify->pipe_fds[1], "", 1) < 0)
		return;
}
