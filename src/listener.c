// SPDX-License-Identifier: GPL-2.0-only
#include "listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

/* Who waits to be accepted; the rest waits in connect(2) or is told to come back. */
#define BACKLOG 64

static int make_dirs(struct listener *listener)
{
	char *slash;
	int err = 0;

	for (slash = strchr(listener->path + 1, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (!mkdir(listener->path, 0755)) {
			/* Whatever our umask is. */
			if (chmod(listener->path, 0755))
				err = -errno;
			if (listener->nr_dirs < LISTENER_DIRS_MAX)
				listener->dirs[listener->nr_dirs++] = (size_t)(slash - listener->path);
		} else if (errno != EEXIST) {
			err = -errno;
		}
		*slash = '/';
	}
	return err;
}

static void remove_dirs(struct listener *listener)
{
	while (listener->nr_dirs > 0) {
		listener->path[listener->dirs[--listener->nr_dirs]] = '\0';
		rmdir(listener->path);	/* fails if somebody else keeps something there */
	}
}

/* Return: 0 if nobody is there any more, -EADDRINUSE if somebody is, -errno. */
static int remove_stale(const struct sockaddr_un *addr)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Without room for us in its queue (EAGAIN) it is there as well. */
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno != ECONNREFUSED)
		return errno == ENOENT ? 0 : -EADDRINUSE;
	return unlink(addr->sun_path) && errno != ENOENT ? -errno : 0;
}

static int listen_at(struct listener *listener, const struct sockaddr_un *addr)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return -errno;
	if (chmod(addr->sun_path, 0666) || lstat(addr->sun_path, &st) || listen(fd, BACKLOG)) {
		int err = errno;

		unlink(addr->sun_path);
		return -err;
	}
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	listener->fd = steal_fd(&fd);
	return 0;
}

int listener_init(struct listener *listener, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err;

	*listener = (struct listener)LISTENER_INIT;
	if (strlen(path) >= sizeof(addr.sun_path) || strlen(path) >= sizeof(listener->path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	strcpy(listener->path, path);
	err = make_dirs(listener);
	if (!err)
		err = remove_stale(&addr);
	if (!err)
		err = listen_at(listener, &addr);
	if (err)
		remove_dirs(listener);
	return err;
}

void listener_deinit(struct listener *listener)
{
	struct stat st;

	if (listener->fd < 0)
		return;
	if (!lstat(listener->path, &st) && st.st_dev == listener->dev && st.st_ino == listener->ino)
		unlink(listener->path);
	listener->fd = close_fd(listener->fd);
	remove_dirs(listener);
}
