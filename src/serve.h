/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve - the daemon's two sockets, and what is asked on them
 *
 * Statistics in the protocol of the field, for whoever may read; control, where
 * root may also change things. An answer of the statistics is made when it is
 * asked for, and shared by all who ask within SERVE_SHARED_NS: many clients cost
 * no more than one, and nobody sees when keys are pressed more finely than that.
 *
 * Without a socket the scheduler runs all the same.
 */
#ifndef ARCADE_SRC_SERVE_H
#define ARCADE_SRC_SERVE_H

#include <stddef.h>

#include <json-c/json.h>

#include "events.h"
#include "loop.h"
#include "player.h"
#include "scheduling.h"
#include "server.h"
#include "stats.h"
#include "targets.h"

#define SERVE_STATS_PATH   "/run/scx/root/stats"
#define SERVE_CONTROL_PATH "/run/scx_arcade/control"
#define SERVE_SHARED_NS	   (100 * NSEC_PER_MSEC)

struct serve;

/* What the daemon does when asked. Those with @msg leave one line there in each case. */
struct serve_ops {
	/* As it is now, or, while nothing is scheduled, as it was last. */
	void (*take_snapshot)(void *data, struct stats_snapshot *snapshot);
	struct scheduling *(*scheduling)(void *data);	/* NULL while nothing is scheduled */
	const struct options *(*options)(void *data);	/* as they are now; NULL: none to tell */
	void (*stop)(void *data);
	/* Each of these may be NULL: not possible. Return: 0, -errno. */
	json_object *(*describe_options)(void *data);
	int (*set_mode)(void *data, const char *name, char *msg, size_t size);
	int (*set)(void *data, const char *key, const char *value, char *msg, size_t size);
};

struct serve_config {
	struct loop *loop;
	struct player *player;
	struct events *events;
	const char *stats_path;		/* NULL: SERVE_STATS_PATH; "": none, as for the next */
	const char *control_path;
	const char *group_file;		/* NULL: /etc/group */
	const struct serve_ops *ops;
	void *data;
};

/* What is in @config is borrowed but the strings. A socket that cannot be had is logged. Return: 0, -ENOMEM. */
int serve_new(const struct serve_config *config, struct serve **ret);

/* Accepts NULL. */
void serve_free(struct serve *serve);
DEFINE_CLEANUP(struct serve *, serve_free)

/* For the snapshot: of the statistics' socket and of control's. */
void serve_read(const struct serve *serve, struct server_facts facts[2]);

/* The sockets' servers, NULL where there is none. For tests. */
struct server *serve_stats_server(struct serve *serve);
struct server *serve_control_server(struct serve *serve);

/* For control.c: the answer of a target, and what the answers are made from. */
struct answer *serve_target(struct serve *serve, const char *name);
const struct view *serve_view(struct serve *serve);
/* Something was changed: who asks next is told of it, not what was true a moment ago. */
void serve_forget(struct serve *serve);
const struct serve_config *serve_config(const struct serve *serve);

#endif
