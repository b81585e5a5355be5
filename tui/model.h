/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model - from snapshots to what is shown: rates, distributions, history
 *
 * Knows neither terminal nor socket: snapshots and events go in, figures come
 * out. Rates are differences of the last two snapshots by their own clock, NaN
 * where there are no two. Totals and distributions count from the start of the
 * scheduler, or from model_reset(). A scheduler that has been started anew is
 * noticed and never makes a difference with what was before it.
 */
#ifndef ARCADE_TUI_MODEL_H
#define ARCADE_TUI_MODEL_H

#include "series.h"
#include "snapshot.h"

enum series_id {
	SERIES_PACKETS,		/* per second */
	SERIES_SUBMITS,
	SERIES_FLIPS,
	SERIES_CLICK_SUBMIT,	/* 99th percentile of the interval, us */
	SERIES_CLICK_FLIP,
	SERIES_PREEMPTS,	/* per second */
	SERIES_IDLE,		/* share of wakeups that found an idle CPU, 0 to 1 */
	NR_SERIES,
};

enum sort {
	SORT_RANK,	/* as the daemon sorts: what matters first */
	SORT_CPU,
	SORT_WAIT,
	SORT_RUNS,
	SORT_NAME,
	NR_SORTS,
};

/* Where totals begin: nothing is subtracted, or what there was at the reset. */
struct model_base {
	uint64_t counters[NR_COUNTERS];
	struct hist hops[NR_ROOTS][SNAPSHOT_MAX_HOPS];
	struct hist ends[NR_ROOTS][NR_ENDS];
	uint64_t drops[SNAPSHOT_MAX_RINGS];
	uint64_t lane_packets[NR_ARCADE_LANES];
	struct device_facts devices[SNAPSHOT_MAX_DEVICES];
	uint32_t nr_devices;
	uint64_t time_ns;		/* 0: not reset */
};

struct model_chain {
	double hop_rates[SNAPSHOT_MAX_HOPS];
	double end_rates[NR_ENDS];
	struct hist hops[SNAPSHOT_MAX_HOPS];	/* since the base */
	struct hist ends[NR_ENDS];
};

struct model {
	struct snapshot now;
	struct snapshot before;		/* the one before it, for differences */
	bool valid;			/* there has been a snapshot */
	uint64_t nr_restarts;		/* of the daemon or its scheduler, while we looked */
	struct model_base base;

	double rates[NR_COUNTERS];
	uint64_t totals[NR_COUNTERS];	/* since the base */
	double lane_rates[NR_ARCADE_LANES];
	uint64_t lane_packets[NR_ARCADE_LANES];		/* since the base */
	struct model_chain chains[NR_ROOTS];
	double thread_cpu[SNAPSHOT_MAX_THREADS];	/* 1 is a whole CPU */
	double thread_runs[SNAPSHOT_MAX_THREADS];	/* per second */
	double device_rates[SNAPSHOT_MAX_DEVICES];
	uint64_t device_packets[SNAPSHOT_MAX_DEVICES];	/* since the base */
	double ring_rates[SNAPSHOT_MAX_RINGS];
	uint64_t ring_drops[SNAPSHOT_MAX_RINGS];	/* since the base */
	struct series series[NR_SERIES];
};

/* All zero is an empty model. */
void model_update(struct model *model, const struct snapshot *snapshot);

/* No snapshot when one was due: the history has a gap, rates are not known. */
void model_lose(struct model *model);

/* Count from now. */
void model_reset(struct model *model);

/* Time that the totals stand for. */
uint64_t model_span_ns(const struct model *model);

/* Records lost to full rings, since the base. */
uint64_t model_drops(const struct model *model);

/* All preemptions but those for kernel threads, per second. */
double model_preempt_rate(const struct model *model);

/* Share of wakeups that found an idle CPU in the last interval; NaN if there was none. */
double model_idle_share(const struct model *model);

/* Write the indices of the threads, in that order, to @order (SNAPSHOT_MAX_THREADS long). */
void model_sort_threads(const struct model *model, enum sort sort, uint32_t *order);

/* The busiest thread of that hop (1 is the first), NULL if the daemon has named none. */
const struct thread_facts *model_hop_thread(const struct model *model, enum chain_root root, uint32_t hop);

#endif
