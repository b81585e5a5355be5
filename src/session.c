// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <poll.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "log.h"

/* More seats than this have not been seen on one machine; further ones are not looked at. */
#define SEATS_MAX 16
/* A change is several files, and asking may fail for a moment: look again. */
#define AGAIN_NS (500 * NSEC_PER_MSEC)

/*
 * Who is active ends in the seat's file. But a session that begins on a console is given its type when the compositor
 * starts, and that ends in the session's only. Watching everything at once would need the directory of machines as well,
 * which need not exist.
 */
enum category {
	CATEGORY_SEAT,
	CATEGORY_SESSION,
	NR_CATEGORIES,
};

static const char *const categories[NR_CATEGORIES] = { [CATEGORY_SEAT] = "seat", [CATEGORY_SESSION] = "session" };

struct session_watch {
	struct source source;
	sd_login_monitor *login;
	struct session_monitor *monitor;
};

struct session_monitor {
	struct loop *loop;
	struct session_watch watches[NR_CATEGORIES];
	struct timer timer;	/* looks again */
	struct session session;
	session_fn fn;
	void *data;
};

static bool fits(const char *text, size_t size)
{
	return text && text[0] && strlen(text) < size;
}

bool session_is_graphical(const struct session_facts *facts)
{
	if (!fits(facts->id, SESSION_NAME_MAX) || !fits(facts->seat, SESSION_NAME_MAX) || !facts->class || !facts->type)
		return false;
	if (!facts->uid || facts->uid == (uid_t)-1)
		return false;
	return streq(facts->class, "user") && (streq(facts->type, "wayland") || streq(facts->type, "x11"));
}

static bool goes_before(const struct session_facts *a, const struct session_facts *b)
{
	bool a_first = streq(a->seat, "seat0"), b_first = streq(b->seat, "seat0");

	return a_first != b_first ? a_first : strcmp(a->seat, b->seat) < 0;
}

int session_pick(const struct session_facts *facts, size_t nr, struct session *ret)
{
	const struct session_facts *best = NULL;

	for (size_t i = 0; i < nr; i++)
		if (session_is_graphical(&facts[i]) && (!best || goes_before(&facts[i], best)))
			best = &facts[i];
	*ret = (struct session){};
	if (!best)
		return -ENXIO;
	snprintf(ret->id, sizeof(ret->id), "%s", best->id);
	snprintf(ret->seat, sizeof(ret->seat), "%s", best->seat);
	snprintf(ret->type, sizeof(ret->type), "%s", best->type);
	snprintf(ret->desktop, sizeof(ret->desktop), "%s", best->desktop ? best->desktop : "");
	ret->uid = best->uid;
	snprintf(ret->bus, sizeof(ret->bus), "unix:path=/run/user/%u/bus", (unsigned int)best->uid);
	return 0;
}

bool session_equals(const struct session *a, const struct session *b)
{
	return streq(a->id, b->id) && streq(a->seat, b->seat) && streq(a->type, b->type) && streq(a->bus, b->bus) &&
	       a->uid == b->uid;
}

/* ---- logind ---- */

/* The active session of @seat. Each answer may be missing: a session may go while it is looked at. */
static void read_facts(const char *seat, struct session_facts *ret)
{
	char *id = NULL, *class = NULL, *type = NULL, *desktop = NULL;
	uid_t uid = 0;

	*ret = (struct session_facts){};
	if (sd_seat_get_active(seat, &id, &uid) < 0)
		return;
	if (sd_session_get_class(id, &class) < 0)
		class = NULL;
	if (sd_session_get_type(id, &type) < 0)
		type = NULL;
	if (sd_session_get_desktop(id, &desktop) < 0)
		desktop = NULL;
	*ret = (struct session_facts){
		.seat = seat, .id = id, .class = class, .type = type, .desktop = desktop, .uid = uid
	};
}

static void free_facts(struct session_facts *facts)
{
	free((char *)facts->id);
	free((char *)facts->class);
	free((char *)facts->type);
	free((char *)facts->desktop);
}

static void free_names(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

int session_find(struct session *ret)
{
	struct session_facts facts[SEATS_MAX] = {};
	char **seats = NULL;
	size_t nr = 0;
	int r;

	/* Its directory of sessions: there from boot on where logind runs. */
	if (access("/run/systemd/seats", F_OK))
		return errno == ENOENT ? -ENOSYS : -errno;
	r = sd_get_seats(&seats);
	if (r < 0)
		return r == -ENOENT ? -ENOSYS : r;
	for (char **seat = seats; seat && *seat && nr < SEATS_MAX; seat++)
		read_facts(*seat, &facts[nr++]);
	r = session_pick(facts, nr, ret);
	for (size_t i = 0; i < nr; i++)
		free_facts(&facts[i]);
	free_names(seats);
	return r;
}

/* ---- watching ---- */

static void look(struct session_monitor *monitor)
{
	struct session session = {};
	int err = session_find(&session);

	/* For want of descriptors, say: nobody has left for that. */
	if (err && err != -ENXIO && err != -ENOSYS) {
		log_debug_errno(err, "session: cannot ask logind");
		timer_arm(&monitor->timer, monitor->loop, now_ns() + AGAIN_NS, 0);
		return;
	}
	if (session_equals(&session, &monitor->session))
		return;
	monitor->session = session;
	monitor->fn(monitor->data, &monitor->session);
}

static int handle_change(struct source *source, uint32_t events)
{
	struct session_watch *watch = container_of(source, struct session_watch, source);
	struct session_monitor *monitor = watch->monitor;

	sd_login_monitor_flush(watch->login);
	if (watch != &monitor->watches[CATEGORY_SEAT]) {
		/* Anybody may have his session written again and again (SetLockedHint): one look for all of it. */
		if (!timer_is_armed(&monitor->timer))
			timer_arm(&monitor->timer, monitor->loop, now_ns() + AGAIN_NS, 0);
		return 0;
	}
	/* The files are several: once more when the last of them has settled. */
	timer_arm(&monitor->timer, monitor->loop, now_ns() + AGAIN_NS, 0);
	look(monitor);
	return 0;
}

static int handle_timer(struct timer *timer, uint64_t now)
{
	look(container_of(timer, struct session_monitor, timer));
	return 0;
}

static int start_watch(struct session_monitor *monitor, struct session_watch *watch, const char *category)
{
	int events, r = sd_login_monitor_new(category, &watch->login);

	if (r < 0)
		return r == -ENOENT ? -ENOSYS : r;
	events = sd_login_monitor_get_events(watch->login);
	/* inotify: what poll(2) calls POLLIN epoll calls the same. */
	return source_attach(&watch->source, monitor->loop, sd_login_monitor_get_fd(watch->login),
			     events > 0 && (events & POLLIN) ? EPOLLIN : 0);
}

int session_monitor_new(struct loop *loop, session_fn fn, void *data, struct session_monitor **ret)
{
	_cleanup_(session_monitor_freep) struct session_monitor *monitor = calloc(1, sizeof(*monitor));
	int err;

	if (!monitor)
		return -ENOMEM;
	for (size_t i = 0; i < NR_CATEGORIES; i++) {
		source_init(&monitor->watches[i].source, "session", handle_change);
		monitor->watches[i].monitor = monitor;
	}
	timer_init(&monitor->timer, "session", handle_timer);
	monitor->loop = loop;
	monitor->fn = fn;
	monitor->data = data;
	if (access("/run/systemd/seats", F_OK))
		return errno == ENOENT ? -ENOSYS : -errno;
	for (size_t i = 0; i < NR_CATEGORIES; i++) {
		err = start_watch(monitor, &monitor->watches[i], categories[i]);
		if (err)
			return err;
	}
	/* The first look is the loop's, as all others. */
	timer_arm(&monitor->timer, loop, now_ns(), 0);
	*ret = steal_ptr(&monitor);
	return 0;
}

void session_monitor_free(struct session_monitor *monitor)
{
	if (!monitor)
		return;
	timer_disarm(&monitor->timer);
	for (size_t i = 0; i < NR_CATEGORIES; i++) {
		source_detach(&monitor->watches[i].source);
		sd_login_monitor_unref(monitor->watches[i].login);
	}
	free(monitor);
}
