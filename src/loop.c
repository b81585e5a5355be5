/* SPDX-License-Identifier: GPL-2.0-only */
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

/* Ready sources taken per wakeup. The rest stays ready: level-triggered, and epoll goes round. */
#define LOOP_BATCH 64

struct loop {
	int epoll_fd;
	bool no_pwait2;		/* epoll_pwait2() is missing or filtered */
	bool stopping;
	int status;
	struct loop_facts facts;
	loop_prepare_fn prepare;
	void *prepare_data;
	/*
	 * Heads of rings. A sorted list: there are a few dozen timers at most, and most are armed near the end.
	 * The due ones wait in a ring of their own, so that a callback which arms a timer in the past cannot keep
	 * the round going for ever.
	 */
	struct timer armed;
	struct timer due;
	int batch_next;
	int batch_len;
	struct epoll_event batch[LOOP_BATCH];
};

int loop_new(struct loop **ret)
{
	struct loop *loop;

	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;

	loop->armed.prev = loop->armed.next = &loop->armed;
	loop->due.prev = loop->due.next = &loop->due;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int err = errno;

		free(loop);
		return -err;
	}

	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close_fd(loop->epoll_fd);
	free(loop);
}

void loop_set_prepare(struct loop *loop, loop_prepare_fn fn, void *data)
{
	loop->prepare = fn;
	loop->prepare_data = data;
}

void loop_stop(struct loop *loop, int status)
{
	if (loop->stopping)
		return;
	loop->stopping = true;
	loop->status = status;
}

uint64_t loop_wakeups(const struct loop *loop)
{
	return loop->facts.nr_wakeups;
}

const struct loop_facts *loop_facts(const struct loop *loop)
{
	return &loop->facts;
}

static void count_round(struct loop_facts *facts, uint64_t ns)
{
	uint64_t us = ns / NSEC_PER_USEC;
	uint32_t bucket = us ? 64 - (uint32_t)__builtin_clzll(us) : 0;

	facts->busy_ns += ns;
	if (ns > facts->round_max_ns)
		facts->round_max_ns = ns;
	facts->round_hist[bucket < LOOP_HIST_BUCKETS ? bucket : LOOP_HIST_BUCKETS - 1]++;
}

static bool events_are_level(uint32_t events)
{
	return !(events & ((uint32_t)EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE));
}

int source_attach(struct source *src, struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = src };

	if (src->loop)
		return -EBUSY;
	if (!events_are_level(events))
		return -EINVAL;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;

	src->fd = fd;
	src->loop = loop;
	return 0;
}

int source_modify(struct source *src, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = src };

	if (!src->loop)
		return -ENOENT;
	if (!events_are_level(events))
		return -EINVAL;
	if (epoll_ctl(src->loop->epoll_fd, EPOLL_CTL_MOD, src->fd, &event) < 0)
		return -errno;
	return 0;
}

void source_detach(struct source *src)
{
	struct loop *loop = src->loop;
	int saved = errno;

	if (!loop)
		return;

	/* Fails only if the caller closed the descriptor first; then nothing can be done here. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, src->fd, NULL);
	errno = saved;

	/* The object around @src may be freed on return: no later entry of this batch may point to it. */
	for (int i = loop->batch_next; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == src)
			loop->batch[i].data.ptr = NULL;

	src->fd = -1;
	src->loop = NULL;
}

static void timer_unlink(struct timer *timer)
{
	timer->prev->next = timer->next;
	timer->next->prev = timer->prev;
	timer->prev = timer->next = NULL;
}

static void timer_link_before(struct timer *timer, struct timer *pos)
{
	timer->prev = pos->prev;
	timer->next = pos;
	pos->prev->next = timer;
	pos->prev = timer;
}

/* Behind those of the same deadline: first armed, first run. */
static void timer_insert(struct timer *timer)
{
	struct timer *head = &timer->loop->armed, *pos = head;

	while (pos->prev != head && pos->prev->deadline_ns > timer->deadline_ns)
		pos = pos->prev;
	timer_link_before(timer, pos);
}

void timer_arm(struct timer *timer, struct loop *loop, uint64_t deadline_ns, uint64_t period_ns)
{
	timer_disarm(timer);
	timer->deadline_ns = deadline_ns;
	timer->period_ns = period_ns;
	timer->loop = loop;
	timer_insert(timer);
}

void timer_disarm(struct timer *timer)
{
	if (!timer->loop)
		return;
	timer_unlink(timer);
	timer->loop = NULL;
}

/* The first point of the timer's grid after @now. */
static uint64_t next_deadline(uint64_t deadline_ns, uint64_t period_ns, uint64_t now)
{
	uint64_t step;

	if (__builtin_mul_overflow((now - deadline_ns) / period_ns + 1, period_ns, &step) ||
	    __builtin_add_overflow(deadline_ns, step, &deadline_ns))
		return UINT64_MAX;
	return deadline_ns;
}

static int run_timers(struct loop *loop)
{
	uint64_t now;
	int r = 0;

	if (loop->armed.next == &loop->armed)
		return 0;

	now = now_ns();
	while (loop->armed.next != &loop->armed && loop->armed.next->deadline_ns <= now) {
		struct timer *timer = loop->armed.next;

		timer_unlink(timer);
		timer_link_before(timer, &loop->due);
	}

	while (loop->due.next != &loop->due && !loop->stopping && r >= 0) {
		struct timer *timer = loop->due.next;

		timer_unlink(timer);
		if (timer->period_ns) {
			timer->deadline_ns = next_deadline(timer->deadline_ns, timer->period_ns, now);
			timer_insert(timer);
		} else {
			timer->loop = NULL;
		}
		/* The object may be gone when this returns. */
		r = timer->fn(timer, now);
	}

	/* The run ends before these had their turn: they are due again in the next one. */
	while (loop->due.next != &loop->due) {
		struct timer *timer = loop->due.next;

		timer_unlink(timer);
		timer_insert(timer);
	}
	return r < 0 ? r : 0;
}

static int wait_timeout_ms(uint64_t delta_ns)
{
	uint64_t ms = delta_ns / NSEC_PER_MSEC + (delta_ns % NSEC_PER_MSEC != 0);

	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Return: number of events, -errno. */
static int loop_wait(struct loop *loop)
{
	bool forever = loop->armed.next == &loop->armed;
	struct timespec ts = {};
	uint64_t delta = 0;
	int n;

	if (!forever) {
		uint64_t now = now_ns(), deadline = loop->armed.next->deadline_ns;

		delta = deadline > now ? deadline - now : 0;
		ts.tv_sec = (time_t)(delta / NSEC_PER_SEC);
		ts.tv_nsec = (long)(delta % NSEC_PER_SEC);
	}

	if (!loop->no_pwait2) {
		n = epoll_pwait2(loop->epoll_fd, loop->batch, LOOP_BATCH, forever ? NULL : &ts, NULL);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return n >= 0 ? n : -errno;
		/* Container filters answer EPERM to what they do not know. */
		loop->no_pwait2 = true;
	}

	/* Rounded up: a wait that ends too early would spin until the deadline. */
	n = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, forever ? -1 : wait_timeout_ms(delta));
	return n >= 0 ? n : -errno;
}

static int run_sources(struct loop *loop)
{
	int r = 0;

	while (loop->batch_next < loop->batch_len && !loop->stopping && r >= 0) {
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct source *src = event->data.ptr;

		if (src)
			r = src->fn(src, event->events);
	}

	loop->batch_next = loop->batch_len = 0;
	return r < 0 ? r : 0;
}

static int run_round(struct loop *loop, int r)
{
	loop->batch_next = 0;
	loop->batch_len = r > 0 ? r : 0;
	r = run_sources(loop);
	if (r < 0)
		return r;
	if (!loop->stopping) {
		r = run_timers(loop);
		if (r < 0)
			return r;
	}
	if (!loop->stopping && loop->prepare)
		return loop->prepare(loop, loop->prepare_data);
	return 0;
}

static int loop_step(struct loop *loop)
{
	uint64_t start_ns;
	int r;

	r = loop_wait(loop);
	loop->facts.nr_wakeups++;
	if (r < 0 && r != -EINTR)
		return r;
	start_ns = now_ns();
	r = run_round(loop, r);
	count_round(&loop->facts, now_ns() - start_ns);
	return r;
}

int loop_run(struct loop *loop)
{
	int r;

	while (!loop->stopping) {
		r = loop_step(loop);
		if (r < 0) {
			/* The error is the result, whatever a callback before it asked for. */
			loop->stopping = false;
			return r;
		}
	}

	loop->stopping = false;
	return loop->status;
}
