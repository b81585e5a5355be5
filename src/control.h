/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control - what `scx_arcade ctl` asks for
 *
 * Whoever may read may ask for status, options and an explanation; the rest is
 * for root, and is logged. Nothing waits: what takes time (reading a process) is
 * answered when it is done.
 *
 * Free the player first: it may owe explanations.
 */
#ifndef ARCADE_SRC_CONTROL_H
#define ARCADE_SRC_CONTROL_H

#include "access.h"
#include "request.h"
#include "server.h"

struct serve;

/* Answers @ticket, now or later. */
void control_handle(struct serve *serve, struct server *server, struct server_ticket ticket, const struct access_peer *peer,
		    const struct request *request);

#endif
