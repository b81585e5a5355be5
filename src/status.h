/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status - exit statuses of scx_arcade, documented in scx_arcade(8)
 */
#ifndef ARCADE_SRC_STATUS_H
#define ARCADE_SRC_STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,		/* an error of this machine, or the daemon refused: the line before says which */
	STATUS_USAGE = 2,
	STATUS_NO_PRIVILEGE = 3,	/* to run, or to ask the daemon */
	STATUS_NO_SCHED_EXT = 4,	/* the kernel cannot run any scheduler of this kind */
	STATUS_FOREIGN_SCHEDULER = 5,	/* another one is active */
	STATUS_SECOND_INSTANCE = 6,
	STATUS_ENDED_BY_KERNEL = 7,	/* ran, and was ended by the kernel for an error */
	STATUS_NO_DAEMON = 8,		/* of clients (ctl, --stats-openmetrics): none runs */
	STATUS_ENDED_BY_HAND = 9,	/* ran, and was ended by sysrq or another program: not to be started again */
};

#endif
