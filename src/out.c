// SPDX-License-Identifier: GPL-2.0-only
#include "out.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "util.h"

void out_init(struct out *out, int fd)
{
	*out = (struct out){ .fd = fd };
}

void out_deinit(struct out *out)
{
	free(out->pending);
	out->pending = NULL;
}

/* A pipe that polls writable takes PIPE_BUF bytes without waiting, and the flags of a shared descriptor stay alone. */
static int write_pending(struct out *out)
{
	while (out->pending) {
		struct pollfd pollfd = { .fd = out->fd, .events = POLLOUT };
		size_t left = out->pending_len - out->pending_done;
		ssize_t n;

		if (poll(&pollfd, 1, 0) <= 0)
			return 0;
		if (pollfd.revents & POLLNVAL)
			return -EBADF;
		if (pollfd.revents & POLLERR)
			return -EPIPE;
		n = write(out->fd, out->pending + out->pending_done, left < PIPE_BUF ? left : PIPE_BUF);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return 0;
		if (n < 0 && (errno == EPIPE || errno == EBADF))
			return -errno;
		if (n < 0) {
			/* Full disk and the like: the next frame may fit. */
			out->nr_dropped++;
			out_deinit(out);
			return 0;
		}
		out->pending_done += n;
		if (out->pending_done == out->pending_len)
			out_deinit(out);
	}
	return 0;
}

int out_write(struct out *out, char *frame, size_t len)
{
	int err = write_pending(out);

	if (err || out->pending || !frame) {
		out->nr_dropped++;
		free(frame);
		return err;
	}
	out->pending = frame;
	out->pending_len = len;
	out->pending_done = 0;
	return write_pending(out);
}
