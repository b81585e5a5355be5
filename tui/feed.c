// SPDX-License-Identifier: GPL-2.0-only
#include "feed.h"

#include "client.h"
#include "text.h"
#include "util.h"

/* What changes seldom is asked for seldom: options and what the kernel can do. */
#define SELDOM_NS (5 * NSEC_PER_SEC)

struct feed {
	uint64_t interval_ns;
	struct client *client;		/* NULL between two tries */
	bool asking;			/* a request is on its way */
	enum target target;		/* … for this */
	uint64_t round_ns;		/* when the round began */
	uint64_t due_ns;		/* next try, next round or end of patience */
	uint64_t seldom_due_ns;
	bool round_is_full;		/* asks for everything */
	struct feed_facts facts;
	struct snapshot snapshot;
	json_object *answers[NR_TARGETS];
};

int feed_new(const char *path, uint64_t interval_ns, struct feed **ret)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return -ENOMEM;
	feed->interval_ns = interval_ns;
	text_copy(feed->facts.path, sizeof(feed->facts.path), path);
	*ret = feed;
	return 0;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	client_free(feed->client);
	for (int i = 0; i < NR_TARGETS; i++)
		json_object_put(feed->answers[i]);
	free(feed);
}

int feed_fd(const struct feed *feed)
{
	return feed->client && feed->asking ? client_fd(feed->client) : -1;
}

uint64_t feed_due_ns(const struct feed *feed)
{
	return feed->due_ns;
}

const struct snapshot *feed_snapshot(const struct feed *feed)
{
	return &feed->snapshot;
}

const struct feed_facts *feed_facts(const struct feed *feed)
{
	return &feed->facts;
}

json_object *feed_answer(const struct feed *feed, enum target target)
{
	return feed->answers[target];
}

static void set_state(struct feed *feed, enum feed_state state, const char *said, uint64_t now)
{
	if (state != feed->facts.state)
		feed->facts.since_ns = now;
	feed->facts.state = state;
	text_copy(feed->facts.said, sizeof(feed->facts.said), said);
}

/* Away with the connection; the next try comes by itself. */
static enum feed_result give_up(struct feed *feed, enum feed_state state, const char *said, uint64_t now)
{
	set_state(feed, state, said, now);
	client_free(steal_ptr(&feed->client));
	feed->asking = false;
	feed->due_ns = now + FEED_RETRY_NS;
	return FEED_CHANGED;
}

static enum feed_result fail(struct feed *feed, int err, uint64_t now)
{
	const char *said = feed->client ? client_message(feed->client) : "";

	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		return give_up(feed, FEED_ABSENT, "", now);
	case EACCES:
	case EPERM:
		return give_up(feed, FEED_FORBIDDEN, said, now);
	case ETIMEDOUT:
		return give_up(feed, FEED_SILENT, "", now);
	case EPROTO:
	case EMSGSIZE:
		return give_up(feed, FEED_RUBBISH, said, now);
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return give_up(feed, FEED_CLOSED, "", now);
	default:
		return give_up(feed, FEED_BROKEN, *said ? said : strerror(-err), now);
	}
}

static enum feed_result ask(struct feed *feed, enum target target, uint64_t now)
{
	json_object *request = client_make_request("stats", "target", snapshot_target_name(target));
	int err;

	if (!request)
		return fail(feed, -ENOMEM, now);
	err = client_send(feed->client, request, 0);
	json_object_put(request);
	if (err)
		return fail(feed, err, now);
	feed->asking = true;
	feed->target = target;
	feed->due_ns = now + FEED_TIMEOUT_NS;
	return FEED_NOTHING;
}

static enum feed_result begin_round(struct feed *feed, uint64_t now)
{
	feed->round_ns = now;
	feed->round_is_full = now >= feed->seldom_due_ns;
	return ask(feed, TARGET_TOP, now);
}

static enum feed_result end_round(struct feed *feed, uint64_t now)
{
	feed->asking = false;
	if (feed->round_is_full)
		feed->seldom_due_ns = now + SELDOM_NS;
	/* In step with the clock, unless the daemon takes longer than the interval. */
	feed->due_ns = feed->round_ns + feed->interval_ns;
	if (feed->due_ns < now)
		feed->due_ns = now + feed->interval_ns / 2;
	feed->facts.nr_snapshots++;
	set_state(feed, FEED_LIVE, "", now);
	return FEED_SNAPSHOT;
}

static enum feed_result next_target(struct feed *feed, uint64_t now)
{
	enum target last = feed->round_is_full ? TARGET_STATUS : TARGET_EVENTS;

	return feed->target < last ? ask(feed, feed->target + 1, now) : end_round(feed, now);
}

static enum feed_result take_answer(struct feed *feed, json_object *answer, uint64_t now)
{
	json_object_put(feed->answers[feed->target]);
	feed->answers[feed->target] = answer;
	/* A list that an answer should have been and is not is an empty list. */
	if (snapshot_decode(&feed->snapshot, feed->target, answer) && feed->target == TARGET_TOP)
		return give_up(feed, FEED_FOREIGN, "", now);
	return next_target(feed, now);
}

/* The daemon answered, but not what was asked for. */
static enum feed_result take_refusal(struct feed *feed, int err, uint64_t now)
{
	if (err == -EACCES || err == -EPERM)
		return give_up(feed, FEED_FORBIDDEN, client_message(feed->client), now);
	if (feed->target == TARGET_TOP)
		return give_up(feed, FEED_REFUSED, client_message(feed->client), now);
	/* An older daemon does not know every target. */
	json_object_put(steal_ptr(&feed->answers[feed->target]));
	return next_target(feed, now);
}

static enum feed_result receive(struct feed *feed, uint64_t now)
{
	json_object *answer = NULL;
	int err;

	err = client_receive(feed->client, &answer);
	if (!err)
		return take_answer(feed, answer, now);
	/* An error number of the daemon's own; only its words tell this one from an answer that is still to come. */
	if (client_fd(feed->client) >= 0 && (err != -EAGAIN || *client_message(feed->client)))
		return take_refusal(feed, err, now);
	if (err != -EAGAIN)
		return fail(feed, err, now);
	return now >= feed->due_ns ? fail(feed, -ETIMEDOUT, now) : FEED_NOTHING;
}

enum feed_result feed_step(struct feed *feed, uint64_t now)
{
	enum feed_result result = FEED_NOTHING;
	int err;

	if (!feed->client) {
		if (now < feed->due_ns)
			return FEED_NOTHING;
		err = client_connect(feed->facts.path, 0, &feed->client);
		if (err)
			return fail(feed, err, now);
		feed->seldom_due_ns = 0;
		return begin_round(feed, now);
	}
	if (!feed->asking)
		return now < feed->due_ns ? FEED_NOTHING : begin_round(feed, now);
	/* A round is a handful of answers: none that are there already need another turn of the caller's loop. */
	for (int i = 0; i < NR_TARGETS && feed->client && feed->asking && result == FEED_NOTHING; i++)
		result = receive(feed, now);
	return result;
}
