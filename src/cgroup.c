// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util.h"

/* Systemd mounts it at the first place, or, beside hierarchies of the first version, at the second. */
static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

#define PID_NUMBER_MAX 4194304

/* One line per hierarchy, of which there are a dozen at most; those of the first version have paths as well. */
#define CGROUP_FILE_MAX (16 * CGROUP_PATH_MAX)

int cgroup_open_root(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		_cleanup_close_ int fd = open(roots[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;

		if (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return steal_fd(&fd);
	}
	return -EOPNOTSUPP;
}

static FILE *open_text(int dirfd, const char *name, int *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	FILE *file;

	*err = fd < 0 ? -errno : 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		*err = -EINVAL;
		close_fd(fd);
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file) {
		*err = -errno;
		close_fd(fd);
	}
	return file;
}

static bool has_parent_component(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")); at += 3)
		if (!at[3] || at[3] == '/')
			return true;
	return false;
}

/* The line that begins with "0::" is the unified hierarchy's. */
int cgroup_read_path(int dirfd, char path[CGROUP_PATH_MAX])
{
	_cleanup_fclose_ FILE *file = NULL;
	char line[CGROUP_PATH_MAX + sizeof("0::\n")];
	size_t total = 0;
	int err;

	file = open_text(dirfd, "cgroup", &err);
	if (!file)
		return err == -ENOENT ? -ESRCH : err;
	while (total < CGROUP_FILE_MAX && fgets(line, sizeof(line), file)) {
		size_t len = strlen(line);

		total += len;
		/* Whole lines only: the rest of a long one may look like another. */
		if (!len || line[len - 1] != '\n')
			return -EINVAL;
		line[len - 1] = '\0';
		if (strncmp(line, "0::", 3))
			continue;
		if (line[3] != '/' || len - 4 >= CGROUP_PATH_MAX)
			return -EINVAL;
		/* That is how a group outside of our namespace is written. */
		if (has_parent_component(line + 3))
			return -ENOENT;
		memcpy(path, line + 3, len - 3);
		return 0;
	}
	if (ferror(file))
		return errno == ESRCH ? -ESRCH : -EIO;
	return -ENOENT;
}

static int open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool same_file_system(int a, int b)
{
	struct stat st_a, st_b;

	return !fstat(a, &st_a) && !fstat(b, &st_b) && st_a.st_dev == st_b.st_dev;
}

/* Step by step, so that no link is followed and no mount is entered on the way either. */
int cgroup_open(int root, const char *path)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_MAX + 1];

	if (path[0] != '/' || has_parent_component(path))
		return -EINVAL;
	fd = open_dir(root, ".");
	while (fd >= 0 && *(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");
		int next;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		next = open_dir(fd, name);
		close_fd(fd);
		fd = next;
	}
	if (fd < 0)
		return steal_fd(&fd);
	return same_file_system(root, fd) ? steal_fd(&fd) : -EXDEV;
}

int cgroup_read_id(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

int cgroup_read_nr_below(int fd)
{
	_cleanup_fclose_ FILE *file = NULL;
	char line[128];
	int err;

	file = open_text(fd, "cgroup.stat", &err);
	if (!file)
		return err;
	for (int i = 0; i < 16 && fgets(line, sizeof(line), file); i++) {
		uint64_t nr;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "nr_descendants ", 15))
			continue;
		return parse_u64_range(line + 15, 0, INT32_MAX, &nr) ? -EINVAL : (int)nr;
	}
	return -EINVAL;
}

ssize_t cgroup_read_members(int fd, pid_t *pids, size_t max)
{
	_cleanup_fclose_ FILE *file = NULL;
	char line[32];
	size_t nr = 0;
	int err;

	file = open_text(fd, "cgroup.procs", &err);
	if (!file)
		return err;
	while (fgets(line, sizeof(line), file)) {
		size_t len = strlen(line);
		uint64_t pid;

		if (!len || line[len - 1] != '\n')
			return -EINVAL;
		line[len - 1] = '\0';
		if (parse_u64_range(line, 0, PID_NUMBER_MAX, &pid))
			return -EINVAL;
		if (nr == max)
			return -E2BIG;
		pids[nr++] = (pid_t)pid;
	}
	/* One of threads tells its members to nobody. */
	if (ferror(file))
		return errno ? -errno : -EIO;
	return (ssize_t)nr;
}
