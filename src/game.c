// SPDX-License-Identifier: GPL-2.0-only
#include "game.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* A pidfd is readable when the process has ended, and never otherwise. */
static int handle_end(struct source *source, uint32_t events)
{
	struct game *game = container_of(source, struct game, source);
	game_end_fn end_fn = game->end_fn;

	game_deinit(game);
	end_fn(game->data);
	return 0;
}

void game_init(struct game *game)
{
	*game = (struct game){ .pidfd = -1 };
	source_init(&game->source, "game", handle_end);
}

int game_watch(struct game *game, struct loop *loop, pid_t pid, game_end_fn end_fn, void *data)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int err;

	if (fd < 0)
		/* EINVAL up to 6.14, ENOENT since: the number is a thread's. */
		return errno == EINVAL || errno == ENOENT ? -ENOTSUP : -errno;
	err = game_watch_fd(game, loop, pid, fd, end_fn, data);
	if (err)
		close(fd);
	return err;
}

int game_watch_fd(struct game *game, struct loop *loop, pid_t pid, int fd, game_end_fn end_fn, void *data)
{
	int err = source_attach(&game->source, loop, fd, EPOLLIN);

	if (err)
		return err;
	game->pid = pid;
	game->pidfd = fd;
	game->end_fn = end_fn;
	game->data = data;
	return 0;
}

bool game_is_known(const struct game *game)
{
	return game->pidfd >= 0;
}

void game_deinit(struct game *game)
{
	if (game->pidfd < 0)
		return;
	source_detach(&game->source);
	close(game->pidfd);
	game->pidfd = -1;
}
