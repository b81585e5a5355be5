/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker - a thread for what may wait, so that the event loop never does
 *
 * A job is memory of its own: run() works on it in the thread, but for one that
 * is cancelled before; done() hears of it in the loop and free() gives it back,
 * each once. One thread does one job after the other, in the order in which they
 * were handed in; it is started with the first, and ends when nothing came for a
 * while. Answers come back through an eventfd.
 *
 * A job that does not come back within its time is given up: done() gets
 * -ETIMEDOUT, another thread takes over what is queued, and the one that is
 * stuck is left behind with its job until it comes free, at most
 * WORKER_STUCK_MAX of them. If so many are stuck already, the next one has to
 * be waited for.
 *
 * Everything here is for the thread of the loop, but for run(), free() and worker_job_is_cancelled().
 */
#ifndef ARCADE_SRC_WORKER_H
#define ARCADE_SRC_WORKER_H

#include <stdatomic.h>

#include "loop.h"

#define WORKER_QUEUE_MAX 256
#define WORKER_STUCK_MAX 4

/* However many are to be freed at the end. */
#define WORKER_STOP_MAX_NS (3 * NSEC_PER_SEC)

struct worker;
struct worker_job;

struct worker_ops {
	uint64_t limit_ns;	/* who runs longer is stuck */
	/* In the thread. Nobody looks at what it writes until it returns; what was set before is for all to read. */
	void (*run)(struct worker_job *job);
	/*
	 * In the loop. @err: 0 when run() has returned; else -ETIMEDOUT or -ECANCELED, and then run() may be about it
	 * still, or never have begun: only what was set before it was handed in may be read. May submit, cancel and
	 * keep jobs, must not free the worker.
	 */
	void (*done)(struct worker_job *job, int err);
	/* When nobody needs it any more, in whatever thread that is. */
	void (*free)(struct worker_job *job);
	bool free_waits;	/* free() may wait as well: it is the thread's, too */
};

/* Embedded in what the job works on. All private to worker.c. */
struct worker_job {
	const struct worker_ops *ops;
	atomic_uint nr_users;
	atomic_bool is_cancelled;
	bool is_pending;	/* the loop's: done() is yet to be called */
	struct worker_job *next;
	struct worker_job *before;	/* the loop's: of those that are pending */
	struct worker_job *after;
};

struct worker_config {
	struct loop *loop;
	const char *thread;	/* its name, at most 15 bytes; static */
	const char *what;	/* "games: a read in /proc": for the log; static */
	uint64_t linger_ns;	/* so long the thread stays without work; 0: for ever */
	uint64_t stop_ns;	/* so long worker_free() waits for what is running, and for each that is to be freed */
};

/* Return: 0, -errno. */
int worker_new(const struct worker_config *config, struct worker **ret);

/*
 * done() gets -ECANCELED for each job that is pending. Waits for the one that is running, and for those that the thread
 * is to free, for at most stop_ns each and WORKER_STOP_MAX_NS (or stop_ns) in all; then leaves them behind and says so.
 * Accepts NULL.
 */
void worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker *, worker_free)

/* The caller becomes its user. */
void worker_job_init(struct worker_job *job, const struct worker_ops *ops);

/* One user more; in done(), to keep the job. */
struct worker_job *worker_job_ref(struct worker_job *job);

/* One less; the last one frees it, in the thread if that may wait. @worker NULL: freed here. Accepts a NULL @job. */
void worker_job_unref(struct worker *worker, struct worker_job *job);

/* For run(): nobody waits for it any more, as it was cancelled or given up. */
bool worker_job_is_cancelled(const struct worker_job *job);

/*
 * Takes the caller's use over if it succeeds. Return: 0, -EAGAIN if the queue is full, -ENOMEM if there is no memory for a
 * thread or one more is not allowed, which is logged once; -ECANCELED in worker_free(); -errno.
 */
int worker_submit(struct worker *worker, struct worker_job *job);

/* Calls done() with -ECANCELED here and now. Nothing if that was called already. */
void worker_cancel(struct worker *worker, struct worker_job *job);

/* Jobs for which done() was not called yet. */
size_t worker_nr_pending(const struct worker *worker);

/* A job that is stuck and for which @fn is true; NULL if there is none. */
const struct worker_job *worker_find_stuck(const struct worker *worker,
					   bool (*fn)(const struct worker_job *job, const void *data), const void *data);

/* Gives up what is stuck, as a timer of its own does, and gives back those that have come free. */
void worker_check(struct worker *worker, uint64_t now);

#endif
