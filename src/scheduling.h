/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scheduling - one life of the kernel half, with everything that reads from it
 *
 * Made when the scheduler starts and gone when it stops; after CPUs came or
 * went, or an option changed that is read before load, the next one is made.
 * What lives as long as the daemon (loop, player) is borrowed.
 */
#ifndef ARCADE_SRC_SCHEDULING_H
#define ARCADE_SRC_SCHEDULING_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "options.h"
#include "player.h"
#include "report.h"
#include "stats.h"
#include "status.h"
#include "util.h"

struct scheduling;
struct threads;

struct scheduling_config {
	struct loop *loop;
	struct player *player;
	const struct options *opts;	/* only read by scheduling_new() */
	bool report;			/* log what this kernel can do */
	int (*ended)(void *data);	/* in the loop: the kernel has ended the scheduler. Returns as a source_fn */
	void *data;
};

/* Load, attach, read: the scheduler runs. Return: 0, -EBUSY if another one came first, -errno; logs. */
int scheduling_new(const struct scheduling_config *config, struct scheduling **ret);

/* Scheduler first, readers next, memory last. Accepts NULL. */
void scheduling_free(struct scheduling *scheduling);
DEFINE_CLEANUP(struct scheduling *, scheduling_free)

/* Fills the kernel half's part of @snapshot and its readers'. Return: 0, -errno. */
int scheduling_read(struct scheduling *scheduling, struct stats_snapshot *snapshot);

/* Logs how the kernel ended the scheduler. Return: may it be started again? */
bool scheduling_explain_end(const struct scheduling *scheduling);

/* Was it no error of the scheduler that ended it, but SysRq-S, or somebody who unregistered it? */
bool scheduling_ended_by_hand(const struct scheduling *scheduling);

/* Of the kernel, as it was before the start. */
uint64_t scheduling_hotplug_seq(const struct scheduling *scheduling);

/* What @opts say of it counts from now on, as far as that is not read before load (OPTION_RESCHEDULE). */
void scheduling_apply(struct scheduling *scheduling, const struct options *opts);

/* What this kernel can do, in lines. Reads some files of the kernel. */
void scheduling_report(const struct scheduling *scheduling, const struct options *opts, report_emit_fn emit, void *data);

/* Borrowed, for who shows them. The devices may be NULL. */
struct threads *scheduling_threads(struct scheduling *scheduling);
const struct devices *scheduling_devices(const struct scheduling *scheduling);

/* Borrowed, for who marks processes in it and asks it. */
struct bpf *scheduling_bpf(struct scheduling *scheduling);

/* --check: print whether and how it would run here; loads, schedules nothing. Return: STATUS_OK if it can run. */
enum status scheduling_check(const struct options *opts);

#endif
