// SPDX-License-Identifier: GPL-2.0-only
#include "service.h"

#include <unistd.h>

#include "log.h"

/* A message that cannot be sent is sent again so much later, … */
#define AGAIN_NS (100 * NSEC_PER_MSEC)
/* … or later and later, where nobody listens: a manager that starts anew, or a variable inherited from long ago. */
#define AGAIN_MAX_NS (10 * NSEC_PER_SEC)

/* Who sets the watchdog to less than three of these cannot be served. */
#define FEED_MIN_NS (10 * NSEC_PER_MSEC)

/* A day: a longer one is none. */
#define WATCHDOG_MAX_US (24 * 3600 * 1000000ULL)

#define MESSAGE_MAX (SERVICE_STATUS_MAX + 128)

/* Return: 0, -errno; -EAGAIN if the manager's queue is full. */
static int send_text(struct service *service, const char *text)
{
	ssize_t n;

	do {
		n = sendto(service->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&service->address,
			   service->address_len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/*
 * All of the state in every message. A manager takes READY=1 from who is ready already for nothing new, so a message that
 * was lost is made good by the next.
 */
static void send_state(struct service *service)
{
	char text[MESSAGE_MAX];
	int err;

	snprintf(text, sizeof(text), "%s%s%s",
		 service->stopping ? "STOPPING=1\n" :
		 service->ready	   ? "READY=1\n" :
				     "",
		 service->status[0] ? "STATUS=" : "", service->status);
	err = text[0] ? send_text(service, text) : 0;
	service->owed = err != 0;
	if (!err || err == -EAGAIN || err == -ENOBUFS || !service->again_ns)
		service->again_ns = AGAIN_NS;
	else if (service->again_ns < AGAIN_MAX_NS)
		service->again_ns *= 2;
	if (err)
		timer_arm(&service->again, service->loop, now_ns() + service->again_ns, 0);
	else
		timer_disarm(&service->again);
}

static int send_again(struct timer *timer, uint64_t now)
{
	send_state(container_of(timer, struct service, again));
	return 0;
}

/* One that gets lost is followed by two more before it is too late. */
static int feed(struct timer *timer, uint64_t now)
{
	send_text(container_of(timer, struct service, watchdog), "WATCHDOG=1");
	return 0;
}

static void set_watchdog(struct service *service, uint64_t ns)
{
	char text[64];

	snprintf(text, sizeof(text), "WATCHDOG=1\nWATCHDOG_USEC=%llu", ns / NSEC_PER_USEC);
	send_text(service, text);
}

static void unstretch(struct service *service)
{
	if (!service->stretched)
		return;
	service->stretched = false;
	set_watchdog(service, service->watchdog_ns);
}

static void set_status(struct service *service, const char *status)
{
	if (status)
		escape_text(service->status, sizeof(service->status), status);
}

/* Return: 0, -EINVAL for an address of a kind that we do not know. */
static int parse_address(struct service *service, const char *path)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(service->address.sun_path))
		return -EINVAL;
	service->address.sun_family = AF_UNIX;
	memcpy(service->address.sun_path, path, len);
	service->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	/* An abstract name is as long as it says, a path ends with a NUL. */
	if (path[0] == '@')
		service->address.sun_path[0] = '\0';
	else
		service->address_len++;
	return 0;
}

static void start_watchdog(struct service *service)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t value, period_ns;

	if (!usec)
		return;
	/* Meant for a process above us that did not clean its environment. */
	if (pid && (parse_u64_range(pid, 1, INT32_MAX, &value) || value != (uint64_t)getpid()))
		return;
	if (parse_u64_range(usec, 1, WATCHDOG_MAX_US, &value)) {
		log_warning("service: WATCHDOG_USEC is not understood: the watchdog is not fed");
		return;
	}
	service->watchdog_ns = value * NSEC_PER_USEC;
	period_ns = service->watchdog_ns / 3;
	if (period_ns < FEED_MIN_NS)
		period_ns = FEED_MIN_NS;
	timer_arm(&service->watchdog, service->loop, now_ns(), period_ns);
}

void service_init(struct service *service, struct loop *loop)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*service = (struct service)SERVICE_INIT;
	service->loop = loop;
	timer_init(&service->watchdog, "watchdog", feed);
	timer_init(&service->again, "service", send_again);
	if (!path || !path[0])
		return;
	if (parse_address(service, path)) {
		log_warning("service: NOTIFY_SOCKET is not understood: the manager is told nothing");
		return;
	}
	service->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (service->fd < 0) {
		log_warning_errno(errno, "service: the manager is told nothing");
		return;
	}
	start_watchdog(service);
}

void service_deinit(struct service *service)
{
	timer_disarm(&service->watchdog);
	timer_disarm(&service->again);
	service->fd = close_fd(service->fd);
}

void service_ready(struct service *service, const char *status)
{
	if (service->fd < 0)
		return;
	unstretch(service);
	service->ready = true;
	set_status(service, status);
	send_state(service);
}

void service_reloading(struct service *service)
{
	char text[64];

	if (service->fd < 0)
		return;
	/* Type=notify-reload wants the time, to tell this reload from an earlier one. */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", now_ns() / NSEC_PER_USEC);
	/* Not sent again if lost: READY=1 follows at once. */
	send_text(service, text);
}

void service_working(struct service *service, const char *status)
{
	if (service->fd < 0)
		return;
	set_status(service, status);
	send_state(service);
	if (service->watchdog_ns && service->watchdog_ns < SERVICE_WORK_NS && !service->stretched) {
		service->stretched = true;
		set_watchdog(service, SERVICE_WORK_NS);
	}
}

void service_stopping(struct service *service, const char *status)
{
	if (service->fd < 0)
		return;
	unstretch(service);
	service->stopping = true;
	set_status(service, status);
	send_state(service);
}

void service_status(struct service *service, const char *status)
{
	if (service->fd < 0)
		return;
	set_status(service, status);
	send_state(service);
}
