/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session - who sits in front of the screen
 *
 * logind knows; libsystemd's sd-login tells, from small files and an inotify
 * descriptor, without a bus. Of every seat the active session is looked at:
 * one of a user (not a greeter, not root) and with a display (wayland or x11)
 * counts. More than one seat is tolerated: seat0 goes first, then the first by
 * name, so that one session at a time is the answer.
 */
#ifndef ARCADE_SRC_SESSION_H
#define ARCADE_SRC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "arcade/focus.h"
#include "loop.h"

/* logind's names are short; a longer one is no session for us. */
#define SESSION_NAME_MAX 64

/* All zero: there is none. */
struct session {
	char id[SESSION_NAME_MAX];	/* "": none */
	char seat[SESSION_NAME_MAX];
	char type[16];			/* wayland, x11 */
	char desktop[SESSION_NAME_MAX];	/* as the display manager names it, may be "" */
	uid_t uid;
	char bus[ARCADE_FOCUS_BUS_MAX];	/* address of the user's bus; it may not answer yet */
};

/* What logind says of the active session of a seat. */
struct session_facts {
	const char *seat;
	const char *id;
	const char *class;
	const char *type;
	const char *desktop;	/* may be NULL */
	uid_t uid;
};

/* Would this be a session to watch? */
bool session_is_graphical(const struct session_facts *facts);

/*
 * The one of @nr that counts, by the rule above. Members of @facts may be NULL where logind did not say.
 * Return: 0, or -ENXIO with @ret all zero.
 */
int session_pick(const struct session_facts *facts, size_t nr, struct session *ret);

/*
 * Ask logind now. Return: 0; -ENXIO if nobody sits there, @ret is all zero then; -ENOSYS if there is no logind;
 * -errno.
 */
int session_find(struct session *ret);

bool session_equals(const struct session *a, const struct session *b);

/* The session is another one, or gone (all zero). Also called once for a session that is there from the start. */
typedef void (*session_fn)(void *data, const struct session *session);

struct session_monitor;

/* @fn is called from the loop, never from here. Return: 0, -ENOSYS if there is no logind, -errno. */
int session_monitor_new(struct loop *loop, session_fn fn, void *data, struct session_monitor **ret);

/* Accepts NULL. Not from within @fn. */
void session_monitor_free(struct session_monitor *monitor);
DEFINE_CLEANUP(struct session_monitor *, session_monitor_free)

#endif
