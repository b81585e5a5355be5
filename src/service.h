/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service - tells the service manager how we are
 *
 * The datagrams of sd_notify(3), sent without waiting: a manager that does not
 * read must not stop the loop, so what could not be sent is sent again a moment
 * later. The watchdog is fed by a timer of the loop, three times in its time:
 * as long as it is fed, the loop turns. Without a manager (no NOTIFY_SOCKET)
 * every function here does nothing.
 */
#ifndef ARCADE_SRC_SERVICE_H
#define ARCADE_SRC_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "loop.h"
#include "util.h"

/* A line of `systemctl status`; longer ones are cut. */
#define SERVICE_STATUS_MAX 256

/*
 * What the watchdog's time is at least while the kernel half is loaded: then the loop does not turn, and on a slow and busy
 * machine the kernel takes its time to verify.
 */
#define SERVICE_WORK_NS (180 * NSEC_PER_SEC)

/* Embedded; all private to service.c. Set up by service_init(), or SERVICE_INIT for service_deinit() without it. */
struct service {
	struct loop *loop;
	struct timer watchdog;
	struct timer again;		/* sends what could not be sent */
	uint64_t again_ns;	/* until then, when it was armed last */
	int fd;				/* -1: no manager */
	struct sockaddr_un address;
	socklen_t address_len;
	uint64_t watchdog_ns;		/* 0: none asked for */
	bool ready;
	bool stopping;
	bool stretched;			/* the watchdog's time */
	bool owed;			/* state and status are yet to be sent */
	char status[SERVICE_STATUS_MAX];
};

#define SERVICE_INIT { .fd = -1 }

/*
 * From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. A manager that cannot be talked to is logged and then left alone: the
 * scheduler matters more. The watchdog is fed from now on, as long as @loop runs.
 */
void service_init(struct service *service, struct loop *loop);
void service_deinit(struct service *service);

/* The scheduler runs; also after service_reloading() and service_working(). @status: shown by `systemctl status`. */
void service_ready(struct service *service, const char *status);

/* The configuration is read again; service_ready() follows. */
void service_reloading(struct service *service);

/* The loop will not turn for a while: the kernel half is loaded anew. service_ready() or service_stopping() follows. */
void service_working(struct service *service, const char *status);

/* The end has begun. Nothing is sent afterwards but another status. */
void service_stopping(struct service *service, const char *status);

/* Only the line of `systemctl status`. */
void service_status(struct service *service, const char *status);

#endif
