/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reload - reads the settings' files again while the loop runs
 *
 * On demand, or when a change of the files has settled. A worker's thread reads,
 * since a disk may not answer; what it has read is taken in the loop. One
 * reading at a time: what is asked for meanwhile is read afterwards, so what is
 * older never comes last. A reading that does not come back changes nothing,
 * and until it does no other is begun; then the files are read once more, if
 * they are others by now.
 */
#ifndef ARCADE_SRC_RELOAD_H
#define ARCADE_SRC_RELOAD_H

#include "loop.h"
#include "settings.h"

/* A disk that has gone to sleep needs some seconds. */
#define RELOAD_LIMIT_NS (10 * NSEC_PER_SEC)
#define RELOAD_STOP_NS	(500 * NSEC_PER_MSEC)

struct reload;

/* All that was demanded is done, or has failed. Must not free the reload. */
typedef void (*reload_done_fn)(void *data);

/* @loop and @settings must outlive the result. Return: 0, -errno. */
int reload_new(struct loop *loop, struct settings *settings, reload_done_fn fn, void *data, struct reload **ret);

/* Waits for a reading for at most RELOAD_STOP_NS. Accepts NULL. */
void reload_free(struct reload *reload);
DEFINE_CLEANUP(struct reload *, reload_free)

/* Read them, whether they have changed or not. @why: for the log, static. It may be done before this returns. */
void reload_demand(struct reload *reload, const char *why);

/* Something has happened to the files: if they are others, they are read when they have been left alone for a moment. */
void reload_note_change(struct reload *reload);

#endif
