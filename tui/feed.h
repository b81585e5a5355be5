/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed - asks the daemon for a snapshot at every interval, and knows how it is
 *
 * Never waits: feed_step() does what can be done now. A round asks for one
 * target after the other; whatever fails, the feed says why, and tries again a
 * second later, for ever.
 */
#ifndef ARCADE_TUI_FEED_H
#define ARCADE_TUI_FEED_H

#include <stdint.h>

#include "snapshot.h"

/* A daemon that has not answered a request for so long is stuck, or stopped. */
#define FEED_TIMEOUT_NS (3 * 1000000000ULL)
#define FEED_RETRY_NS	(1 * 1000000000ULL)

enum feed_state {
	FEED_STARTING,	/* nothing is known yet */
	FEED_LIVE,
	FEED_ABSENT,	/* nobody listens */
	FEED_FORBIDDEN,
	FEED_SILENT,
	FEED_RUBBISH,	/* what comes is no answer, or too much */
	FEED_FOREIGN,	/* another scheduler's socket */
	FEED_REFUSED,	/* the daemon said no for another reason */
	FEED_CLOSED,
	FEED_BROKEN,	/* an error of this machine */
	NR_FEED_STATES,
};

struct feed_facts {
	enum feed_state state;
	uint64_t since_ns;	/* CLOCK_MONOTONIC, of the state */
	uint64_t nr_snapshots;
	char path[128];
	char said[256];		/* the daemon's or the system's words for it, may be empty */
};

/* What a step has brought. */
enum feed_result {
	FEED_NOTHING,
	FEED_SNAPSHOT,	/* feed_snapshot() is new */
	FEED_CHANGED,	/* the state is another, or failed once more */
};

struct feed;

/* Return: 0, -ENOMEM. @path is copied. */
int feed_new(const char *path, uint64_t interval_ns, struct feed **ret);
void feed_free(struct feed *feed);
static inline __attribute__((unused)) void feed_freep(struct feed **feed)
{
	feed_free(*feed);
}

/* To be polled for input; -1 if there is nothing to wait for but the time. */
int feed_fd(const struct feed *feed);

/* When to call feed_step() at the latest, CLOCK_MONOTONIC. */
uint64_t feed_due_ns(const struct feed *feed);

enum feed_result feed_step(struct feed *feed, uint64_t now_ns);

/* The newest; both are the feed's, and valid until the next step. */
const struct snapshot *feed_snapshot(const struct feed *feed);
const struct feed_facts *feed_facts(const struct feed *feed);

/* The newest answer as it came, borrowed; NULL if the daemon gave none. */
json_object *feed_answer(const struct feed *feed, enum target target);

#endif
