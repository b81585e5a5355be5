/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan - looks through /proc: when one is due, and what it has found and nobody has taken yet
 *
 * One at a time; its list is taken in as there is room for it.
 *
 * Embedded in its owner, of the loop's thread. It borrows the prober, who does
 * the reading, and owns the list.
 */
#ifndef ARCADE_SRC_SCAN_H
#define ARCADE_SRC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prober.h"

#define SCAN_NEVER UINT64_MAX

/* All of it private but due_ns and nr. */
struct scan {
	struct prober *prober;
	uint64_t due_ns;	/* of the next; SCAN_NEVER: none is */
	uint64_t began_ns;	/* the last; 0: there was none */
	bool listing;		/* the prober has it */
	struct proc_id *ids;	/* NULL: all are taken */
	size_t nr_ids;
	size_t at;
	uint64_t nr;		/* of looks since the start */
};

void scan_init(struct scan *scan);
void scan_set_prober(struct scan *scan, struct prober *prober);
void scan_deinit(struct scan *scan);

/* One is due no sooner than @interval_ns after the last, and no sooner than @now. For several calls once. */
void scan_ask(struct scan *scan, uint64_t interval_ns, uint64_t now);

/* If one is due. One that cannot begin is due again a little later. */
void scan_begin(struct scan *scan, uint64_t now);

/* An answer to PROBER_LIST. Return: 0, its error: logs, and nothing is there to be taken. */
int scan_take_list(struct scan *scan, struct prober_answer *answer);

/* Is there something to be taken? */
bool scan_has_more(const struct scan *scan);

/* Take one of them. Return: false if there is none. */
bool scan_next(struct scan *scan, struct proc_id *ret);

#endif
