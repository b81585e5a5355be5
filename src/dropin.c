// SPDX-License-Identifier: GPL-2.0-only
#include "dropin.h"

#include <fcntl.h>
#include <unistd.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dropin_init(struct dropin *dropin, const char *path)
{
	struct dirent *entry;
	int fd, err;

	*dropin = (struct dropin){};
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dropin->dir = fdopendir(fd);
	if (!dropin->dir) {
		err = -errno;
		close_fd(fd);
		return err;
	}
	while ((entry = readdir(dropin->dir))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || len < 6 || !streq(entry->d_name + len - 5, ".conf"))
			continue;
		if (dropin->nr == DROPIN_FILES_MAX)
			return -E2BIG;
		dropin->names[dropin->nr] = strdup(entry->d_name);
		if (!dropin->names[dropin->nr])
			return -ENOMEM;
		dropin->nr++;
	}
	qsort(dropin->names, dropin->nr, sizeof(dropin->names[0]), compare_names);
	return 0;
}

void dropin_deinit(struct dropin *dropin)
{
	for (size_t i = 0; i < dropin->nr; i++)
		free(dropin->names[i]);
	if (dropin->dir)
		closedir(dropin->dir);
	*dropin = (struct dropin){};
}

int dropin_read(int fd, size_t max, char **text, size_t *len)
{
	_cleanup_free_ char *buf = malloc(max + 1);
	size_t done = 0;

	if (!buf)
		return -ENOMEM;
	while (done <= max) {
		ssize_t n = read(fd, buf + done, max + 1 - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n) {
			*text = steal_ptr(&buf);
			*len = done;
			return 0;
		}
		done += (size_t)n;
	}
	return -EFBIG;
}
