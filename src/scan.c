// SPDX-License-Identifier: GPL-2.0-only
#include "scan.h"

#include "log.h"
#include "util.h"

/* What could not begin is tried again. */
#define RETRY_NS (100 * NSEC_PER_MSEC)

void scan_init(struct scan *scan)
{
	*scan = (struct scan){ .due_ns = SCAN_NEVER };
}

void scan_set_prober(struct scan *scan, struct prober *prober)
{
	scan->prober = prober;
}

void scan_deinit(struct scan *scan)
{
	free(scan->ids);
	scan->ids = NULL;
}

void scan_ask(struct scan *scan, uint64_t interval_ns, uint64_t now)
{
	uint64_t due_ns = scan->began_ns ? scan->began_ns + interval_ns : 0;

	if (due_ns < now)
		due_ns = now;
	if (due_ns < scan->due_ns)
		scan->due_ns = due_ns;
}

void scan_begin(struct scan *scan, uint64_t now)
{
	if (scan->due_ns > now)
		return;
	/* One at a time, its answer taken in whole. */
	if (scan->listing || scan->ids || prober_ask_list(scan->prober)) {
		scan->due_ns = now + RETRY_NS;
		return;
	}
	scan->listing = true;
	scan->due_ns = SCAN_NEVER;
	scan->began_ns = now;
	scan->nr++;
}

/* Those that are taken, or none at all, need no memory. */
static void free_at_end(struct scan *scan)
{
	if (scan->at < scan->nr_ids)
		return;
	free(scan->ids);
	scan->ids = NULL;
	scan->nr_ids = scan->at = 0;
}

int scan_take_list(struct scan *scan, struct prober_answer *answer)
{
	scan->listing = false;
	if (answer->err)
		return log_warning_errno(answer->err, "games: cannot look through /proc");
	free(scan->ids);
	scan->ids = steal_ptr(&answer->ids);
	scan->nr_ids = answer->nr_ids;
	scan->at = 0;
	free_at_end(scan);
	return 0;
}

bool scan_has_more(const struct scan *scan)
{
	return scan->ids;
}

bool scan_next(struct scan *scan, struct proc_id *ret)
{
	if (!scan->ids)
		return false;
	*ret = scan->ids[scan->at++];
	free_at_end(scan);
	return true;
}
