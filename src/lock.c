// SPDX-License-Identifier: GPL-2.0-only
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* Each try lost the race against another instance that was just ending. */
#define MAX_TRIES 100

int lock_acquire(void)
{
	struct stat held, named;
	int fd, err, tries = 0;

	if (mkdir(LOCK_DIR, 0755) && errno != EEXIST)
		return -errno;
	for (;;) {
		fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
		/* Its last owner has just removed the directory. */
		if (fd < 0 && errno == ENOENT && ++tries < MAX_TRIES && (!mkdir(LOCK_DIR, 0755) || errno == EEXIST))
			continue;
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			err = errno;
			close_fd(fd);
			return -err;
		}
		/* Its owner may have removed the file between our open and our lock: then nobody else can see it. */
		if (!fstat(fd, &held) && !stat(LOCK_FILE, &named) && held.st_ino == named.st_ino &&
		    held.st_dev == named.st_dev)
			return fd;
		close_fd(fd);
	}
}

int lock_release(int fd)
{
	if (fd < 0)
		return -1;
	unlink(LOCK_FILE);
	rmdir(LOCK_DIR);	/* fails if somebody else keeps something there */
	return close_fd(fd);
}
