// SPDX-License-Identifier: GPL-2.0-only
#include "reload.h"

#include "log.h"
#include "worker.h"

/* Editors write, rename and remove: the files are read when they have been left alone for this long … */
#define SETTLE_NS (200 * NSEC_PER_MSEC)
/* … or at last after this. */
#define SETTLE_MAX_NS (2 * NSEC_PER_SEC)

#define LINGER_NS (2 * NSEC_PER_SEC)

/* What could not be read is tried again, until it can be begun. */
#define RETRY_NS (2 * NSEC_PER_SEC)

struct reading {
	struct worker_job job;
	struct reload *reload;		/* for the loop */
	const char *why;
	struct settings_reading *files;
};

struct reload {
	struct loop *loop;
	struct settings *settings;
	struct worker *worker;
	struct timer timer;		/* until the files have settled */
	uint64_t changed_ns;		/* first change that was not read */
	struct timer retry_timer;	/* armed while the last reading did not come back, or could not be begun */
	struct reading *reading;	/* under way; borrowed */
	const char *again;		/* why to read once more after it, or NULL */
	bool again_only_if_other;
	bool is_demanded;		/* and not done */
	reload_done_fn fn;
	void *data;
};

static void request(struct reload *reload, const char *why, bool only_if_other);

/* ---- in the thread ---- */

static void reading_run(struct worker_job *job)
{
	settings_reading_run(container_of(job, struct reading, job)->files);
}

static void reading_free(struct worker_job *job)
{
	struct reading *reading = container_of(job, struct reading, job);

	settings_reading_free(reading->files);
	free(reading);
}

/* ---- in the loop ---- */

static void tell_unread(int err, const char *why)
{
	if (err == -ETIMEDOUT || err == -EBUSY)
		log_error("settings: the files do not let themselves be read: all old values stay (%s)", why);
	else
		log_error_errno(err, "settings: the files cannot be read: all old values stay (%s)", why);
}

static void tell_done(struct reload *reload)
{
	if (!reload->is_demanded)
		return;
	reload->is_demanded = false;
	reload->fn(reload->data);
}

/* Whatever had changed is still to be read. */
static void retry_later(struct reload *reload)
{
	timer_arm(&reload->retry_timer, reload->loop, now_ns() + RETRY_NS, 0);
}

static void reading_done(struct worker_job *job, int err)
{
	struct reading *reading = container_of(job, struct reading, job);
	struct reload *reload = reading->reload;

	reload->reading = NULL;
	if (err == -ECANCELED)
		return;
	if (err) {
		tell_unread(err, reading->why);
		retry_later(reload);
	} else {
		settings_take(reload->settings, reading->files, reading->why, NULL, 0);
	}
	if (reload->again)
		request(reload, steal_ptr(&reload->again), reload->again_only_if_other);
	else
		tell_done(reload);
}

static const struct worker_ops reading_ops = {
	.limit_ns = RELOAD_LIMIT_NS,
	.run = reading_run,
	.done = reading_done,
	.free = reading_free,
};

static bool is_any(const struct worker_job *job, const void *data)
{
	return true;
}

static int start_reading(struct reload *reload, const char *why, bool only_if_other)
{
	struct reading *reading;
	int err;

	/* Another thread would only join the one that waits for the disk. */
	if (worker_find_stuck(reload->worker, is_any, NULL))
		return -EBUSY;
	reading = calloc(1, sizeof(*reading));
	if (!reading)
		return -ENOMEM;
	worker_job_init(&reading->job, &reading_ops);
	reading->reload = reload;
	reading->why = why;
	err = settings_reading_new(reload->settings, only_if_other, &reading->files);
	if (!err)
		err = worker_submit(reload->worker, &reading->job);
	if (err) {
		worker_job_unref(NULL, &reading->job);
		return err;
	}
	timer_disarm(&reload->retry_timer);
	reload->reading = reading;
	return 0;
}

static void request(struct reload *reload, const char *why, bool only_if_other)
{
	int err;

	if (reload->reading) {
		/* A demand has them read in any case. */
		if (!reload->again || !only_if_other) {
			reload->again = why;
			reload->again_only_if_other = only_if_other;
		}
		return;
	}
	err = start_reading(reload, why, only_if_other);
	if (!err)
		return;
	tell_unread(err, why);
	retry_later(reload);
	tell_done(reload);
}

void reload_demand(struct reload *reload, const char *why)
{
	reload->is_demanded = true;
	request(reload, why, false);
}

static int handle_settled(struct timer *timer, uint64_t now)
{
	request(container_of(timer, struct reload, timer), "files changed", true);
	return 0;
}

/* It was said that they cannot be read: once. */
static int handle_retry(struct timer *timer, uint64_t now)
{
	struct reload *reload = container_of(timer, struct reload, retry_timer);

	if (start_reading(reload, "they could not be read before", true))
		retry_later(reload);
	return 0;
}

void reload_note_change(struct reload *reload)
{
	uint64_t now = now_ns(), deadline = now + SETTLE_NS;

	if (!timer_is_armed(&reload->timer))
		reload->changed_ns = now;
	if (deadline > reload->changed_ns + SETTLE_MAX_NS)
		deadline = reload->changed_ns + SETTLE_MAX_NS;
	timer_arm(&reload->timer, reload->loop, deadline, 0);
}

int reload_new(struct loop *loop, struct settings *settings, reload_done_fn fn, void *data, struct reload **ret)
{
	const struct worker_config config = {
		.loop = loop,
		.thread = "arcade-settings",
		.what = "settings: a read of the files",
		.linger_ns = LINGER_NS,
		.stop_ns = RELOAD_STOP_NS,
	};
	_cleanup_(reload_freep) struct reload *reload = calloc(1, sizeof(*reload));
	int err;

	if (!reload)
		return -ENOMEM;
	reload->loop = loop;
	reload->settings = settings;
	reload->fn = fn;
	reload->data = data;
	timer_init(&reload->timer, "settings", handle_settled);
	timer_init(&reload->retry_timer, "settings: retry", handle_retry);
	err = worker_new(&config, &reload->worker);
	if (err)
		return err;
	*ret = steal_ptr(&reload);
	return 0;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	timer_disarm(&reload->timer);
	timer_disarm(&reload->retry_timer);
	worker_free(reload->worker);
	free(reload);
}
