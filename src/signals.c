/* SPDX-License-Identifier: GPL-2.0-only */
#include <unistd.h>

#include "signals.h"

static int signals_read(int fd, struct signalfd_siginfo *info)
{
	ssize_t n;

	do
		n = read(fd, info, sizeof(*info));
	while (n < 0 && errno == EINTR);

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*info) ? 0 : -EIO;
}

static int signals_ready(struct source *src, uint32_t events)
{
	struct signals *signals = container_of(src, struct signals, source);
	struct signalfd_siginfo info;
	int r;

	(void)events;

	/* One per call: the callback may end the life of @signals, and the loop calls again while there are more. */
	r = signals_read(signals->fd, &info);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	return signals->fn(signals, &info);
}

int signals_init(struct signals *signals, struct loop *loop, const sigset_t *mask, signals_fn fn)
{
	_cleanup_close_ int fd = -1;
	sigset_t old_mask;
	int r;

	/* The kernel would drop these two from the set without a word. */
	if (sigisemptyset(mask) || sigismember(mask, SIGKILL) == 1 || sigismember(mask, SIGSTOP) == 1)
		return -EINVAL;

	fd = signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;

	source_init(&signals->source, "signals", signals_ready);
	r = source_attach(&signals->source, loop, fd, EPOLLIN);
	if (r < 0)
		return r;

	/* Last, so that no failure needs to undo it. What arrived before had its default effect. */
	r = pthread_sigmask(SIG_BLOCK, mask, &old_mask);
	if (r != 0) {
		source_detach(&signals->source);
		return -r;
	}

	signals->fn = fn;
	signals->old_mask = old_mask;
	signals->fd = steal_fd(&fd);
	return 0;
}

void signals_deinit(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (signals->fd < 0)
		return;

	source_detach(&signals->source);
	while (signals_read(signals->fd, &info) == 0)
		;
	pthread_sigmask(SIG_SETMASK, &signals->old_mask, NULL);
	signals->fd = close_fd(signals->fd);
}
