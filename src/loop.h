/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop - the daemon's only event loop
 *
 * One thread, one epoll set, level-triggered. A source is embedded in the
 * object that owns the descriptor, a timer in the object that it serves, so
 * the loop allocates nothing after loop_new(). Each wakeup runs every ready
 * source, then every due timer in the order of their deadlines, then the
 * prepare hook once: sources record facts, the hook decides, so a burst costs
 * one decision.
 *
 * Timers are the timeout of the wait: timerfd_create() is out of reach in the
 * sandboxes that packagers use.
 */
#ifndef ARCADE_SRC_LOOP_H
#define ARCADE_SRC_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "util.h"

struct loop;
struct source;
struct timer;

/* Log2 of microseconds, as of the kernel half's histograms: [i] counts [2^(i-1), 2^i), the first everything below 1 us. */
#define LOOP_HIST_BUCKETS 24

/* A round is what is done after one wait: sources, timers, hook. */
struct loop_facts {
	uint64_t nr_wakeups;
	uint64_t busy_ns;	/* of all rounds */
	uint64_t round_max_ns;
	uint64_t round_hist[LOOP_HIST_BUCKETS];
};

/* Return 0 to go on; a negative errno ends loop_run() with that value. Must not block. */
typedef int (*source_fn)(struct source *src, uint32_t events);

/* As above. @now_ns: the time of this round of timers, at or after the deadline. */
typedef int (*timer_fn)(struct timer *timer, uint64_t now_ns);

/* As above. Runs once per wakeup, last. */
typedef int (*loop_prepare_fn)(struct loop *loop, void *data);

/* Set name and fn; the rest as SOURCE_INIT() or source_init() leave it. */
struct source {
	const char *name;	/* static string: log prefix */
	source_fn fn;
	int fd;			/* borrowed, -1 while detached */
	struct loop *loop;	/* private to loop.c */
};

struct timer {
	const char *name;	/* static string: log prefix */
	timer_fn fn;
	uint64_t deadline_ns;	/* CLOCK_MONOTONIC; the next one while fn of a periodic timer runs */
	uint64_t period_ns;	/* 0: once */
	struct loop *loop;	/* private to loop.c, NULL while disarmed */
	struct timer *prev;	/* private to loop.c */
	struct timer *next;	/* private to loop.c */
};

#define SOURCE_INIT(name_, fn_) { .name = (name_), .fn = (fn_), .fd = -1 }
#define TIMER_INIT(name_, fn_)	{ .name = (name_), .fn = (fn_) }

static inline void source_init(struct source *src, const char *name, source_fn fn)
{
	*src = (struct source)SOURCE_INIT(name, fn);
}

static inline void timer_init(struct timer *timer, const char *name, timer_fn fn)
{
	*timer = (struct timer)TIMER_INIT(name, fn);
}

/* Return: 0, -errno. */
int loop_new(struct loop **ret);

/* Detach every source and disarm every timer first. Accepts NULL. */
void loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop *, loop_free)

/* Replaces the hook; NULL for none. */
void loop_set_prepare(struct loop *loop, loop_prepare_fn fn, void *data);

/*
 * Run until a callback fails or loop_stop(). May be called again afterwards.
 * Return: the status given to loop_stop(), the negative errno of a callback, or that of the wait itself.
 */
int loop_run(struct loop *loop);

/*
 * End loop_run() when the running callback returns: nothing else runs, the hook neither. The first status counts.
 * Before loop_run() it makes the next run end at once. For the loop's own thread.
 */
void loop_stop(struct loop *loop, int status);

/* Number of times that the wait has returned since loop_new(). */
uint64_t loop_wakeups(const struct loop *loop);

/* How long the loop was busy, since loop_new(). A round that ends loop_run() counts, what runs between two runs does not. */
const struct loop_facts *loop_facts(const struct loop *loop);

/*
 * Watch @fd for EPOLL* @events. @fd stays the caller's: detach, then close. EPOLLHUP and EPOLLERR come unasked
 * and stay: a source that gets one detaches. Return: 0, -EBUSY if attached, -EINVAL for EPOLLET and its like, -errno.
 */
int source_attach(struct source *src, struct loop *loop, int fd, uint32_t events);

/* Stop watching. Legal from any callback, its own included; fn will not run again, even within this batch. */
void source_detach(struct source *src);

/* Change the events of an attached source. Return: 0, -ENOENT if detached, -EINVAL, -errno. */
int source_modify(struct source *src, uint32_t events);

/*
 * Run fn at @deadline_ns, then every @period_ns unless that is 0. An armed timer is moved. Periods that were missed are
 * skipped: the timer stays on its grid. A deadline in the past is due at the next wakeup, which comes at once, never
 * within the round of timers that runs. Legal from any callback.
 */
void timer_arm(struct timer *timer, struct loop *loop, uint64_t deadline_ns, uint64_t period_ns);

/* Legal from any callback, its own included; fn will not run again, even if it is due in this round. */
void timer_disarm(struct timer *timer);

static inline bool timer_is_armed(const struct timer *timer)
{
	return timer->loop != NULL;
}

#endif
