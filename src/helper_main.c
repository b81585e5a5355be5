// SPDX-License-Identifier: GPL-2.0-only
#include "helper_child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "focus_record.h"
#include "helper_drop.h"
#include "signals.h"

/* Records that wait for the daemon, without the window. GameMode's list is the longest thing there is to say. */
#define QUEUE_MAX 128
/* To take the script out of a KWin that answers: a few milliseconds. The daemon waits longer than this. */
#define FINISH_NS (300 * NSEC_PER_MSEC)

static const struct child_source *const sources[] = { &helper_kwin, &helper_gamemode, &helper_sway };

struct child {
	struct arcade_focus_setup setup;
	struct loop *loop;
	struct signals signals;
	struct source socket;
	struct timer finish_timer;
	struct bus *bus;
	void *running[ARRAY_SIZE(sources)];
	bool is_running[ARRAY_SIZE(sources)];
	bool finishing;
	bool writing;		/* the socket is watched for EPOLLOUT */

	/* For the daemon. */
	struct arcade_focus_record window;
	bool window_waits;
	struct arcade_focus_record queue[QUEUE_MAX];
	unsigned int nr_queued;
	bool overrun;
	struct arcade_focus_record states[NR_ARCADE_FOCUS_SOURCES];	/* as reported; version 0: not yet */
};

/* ---- to the daemon ---- */

/* Return: 0, -EAGAIN if the socket is full, -errno if the daemon is gone. */
static int send_record(const struct arcade_focus_record *record)
{
	ssize_t n;

	do
		n = send(HELPER_FD, record, sizeof(*record), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int send_waiting(struct child *child)
{
	unsigned int nr_sent = 0;
	int err = 0;

	while (nr_sent < child->nr_queued && !(err = send_record(&child->queue[nr_sent])))
		nr_sent++;
	child->nr_queued -= nr_sent;
	memmove(child->queue, child->queue + nr_sent, child->nr_queued * sizeof(child->queue[0]));
	if (!err && child->window_waits) {
		err = send_record(&child->window);
		if (!err)
			child->window_waits = false;
	}
	return err == -EAGAIN ? 0 : err;
}

static void enqueue(struct child *child, const struct arcade_focus_record *record)
{
	if (child->nr_queued == QUEUE_MAX)
		child->overrun = true;
	else
		child->queue[child->nr_queued++] = *record;
}

static struct arcade_focus_record new_record(enum arcade_focus_type type, enum arcade_focus_source source)
{
	return (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = type, .source = source };
}

static void report_window(struct child *child, const struct arcade_focus_record *record)
{
	child->window = *record;
	child->window_waits = true;
}

void child_report_window(struct child *child, enum arcade_focus_source source, int32_t pid, const char *app,
			 bool fullscreen)
{
	struct arcade_focus_record record = new_record(ARCADE_FOCUS_WINDOW, source);

	record.flags = ARCADE_FOCUS_MAPPED | (fullscreen ? ARCADE_FOCUS_FULLSCREEN : 0);
	record.pid = pid;
	/* What is behind the cut stays zero. */
	strncpy(record.app, app, sizeof(record.app) - 1);
	report_window(child, &record);
}

void child_report_no_window(struct child *child, enum arcade_focus_source source)
{
	struct arcade_focus_record record = new_record(ARCADE_FOCUS_WINDOW, source);

	report_window(child, &record);
}

void child_forget_window(struct child *child, enum arcade_focus_source source)
{
	if (child->window.source == source)
		child->window_waits = false;
}

void child_report_gamemode(struct child *child, int32_t pid, bool registered)
{
	struct arcade_focus_record record = new_record(ARCADE_FOCUS_GAMEMODE, ARCADE_FOCUS_FERAL);

	record.flags = registered ? ARCADE_FOCUS_REGISTERED : 0;
	record.pid = pid;
	enqueue(child, &record);
}

void child_report_state(struct child *child, enum arcade_focus_source source, enum arcade_focus_state state, int error)
{
	struct arcade_focus_record record = new_record(ARCADE_FOCUS_STATE, source);

	record.state = state;
	record.error = (uint32_t)abs(error);
	if (!memcmp(&child->states[source], &record, sizeof(record)))
		return;
	child->states[source] = record;
	enqueue(child, &record);
}

/* ---- what the sources may ask ---- */

struct loop *child_loop(struct child *child)
{
	return child->loop;
}

struct bus *child_bus(struct child *child)
{
	return child->bus;
}

const struct arcade_focus_setup *child_setup(const struct child *child)
{
	return &child->setup;
}

bool child_is_finishing(const struct child *child)
{
	return child->finishing;
}

/* ---- life ---- */

static void begin_finish(struct child *child)
{
	if (child->finishing)
		return;
	child->finishing = true;
	timer_arm(&child->finish_timer, child->loop, now_ns() + FINISH_NS, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (child->is_running[i] && sources[i]->finish)
			sources[i]->finish(child->running[i]);
}

static bool all_finished(const struct child *child)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (child->is_running[i] && sources[i]->is_finished && !sources[i]->is_finished(child->running[i]))
			return false;
	return true;
}

static int handle_finish_timer(struct timer *timer, uint64_t now)
{
	struct child *child = container_of(timer, struct child, finish_timer);

	loop_stop(child->loop, HELPER_EXIT_ASKED + 1);
	return 0;
}

static int handle_signal(struct signals *signals, const struct signalfd_siginfo *info)
{
	begin_finish(container_of(signals, struct child, signals));
	return 0;
}

/* The daemon says nothing any more: what can be read is its end. */
static int handle_socket(struct source *source, uint32_t events)
{
	struct child *child = container_of(source, struct child, socket);

	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	source_detach(source);
	begin_finish(child);
	return 0;
}

static bool hand_out(void *data, DBusMessage *message)
{
	struct child *child = data;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (child->is_running[i] && sources[i]->message && sources[i]->message(child->running[i], message))
			return true;
	return false;
}

/* Last in every round: whatever has happened, its results leave from here. */
static int settle(struct loop *loop, void *data)
{
	struct child *child = data;
	bool waiting;
	int err;

	err = bus_run(child->bus);
	if (err)
		return err;
	if (child->finishing) {
		if (all_finished(child))
			loop_stop(loop, HELPER_EXIT_ASKED + 1);
		return 0;
	}
	if (child->overrun)
		return -EOVERFLOW;
	err = send_waiting(child);
	if (err) {
		begin_finish(child);
		return 0;
	}
	waiting = child->nr_queued || child->window_waits;
	if (waiting != child->writing && !source_modify(&child->socket, EPOLLIN | (waiting ? EPOLLOUT : 0)))
		child->writing = waiting;
	return 0;
}

static enum helper_exit run(struct child *child)
{
	sigset_t mask;
	int err;

	err = bus_new(child->loop, child->setup.bus, hand_out, child, &child->bus);
	if (err) {
		child_report_state(child, ARCADE_FOCUS_BUS, ARCADE_FOCUS_FAILED, err);
		send_waiting(child);
		return HELPER_EXIT_BUS;
	}
	/* Up to here SIGTERM has killed: connecting may wait for long. */
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	err = signals_init(&child->signals, child->loop, &mask, handle_signal);
	if (!err)
		err = source_attach(&child->socket, child->loop, HELPER_FD, EPOLLIN);
	if (err)
		return HELPER_EXIT_FAILED;
	child_report_state(child, ARCADE_FOCUS_BUS, ARCADE_FOCUS_READY, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		err = sources[i]->start(child, &child->running[i]);
		child->is_running[i] = !err;
		if (err && err != -ENOTSUP)
			child_report_state(child, sources[i]->id, ARCADE_FOCUS_FAILED, err);
	}
	loop_set_prepare(child->loop, settle, child);
	err = loop_run(child->loop);
	if (err > 0)
		return HELPER_EXIT_ASKED;
	return err == -ECONNRESET ? HELPER_EXIT_BUS : err == -EOVERFLOW ? HELPER_EXIT_OVERRUN : HELPER_EXIT_FAILED;
}

static void child_deinit(struct child *child)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (child->is_running[i])
			sources[i]->stop(child->running[i]);
	bus_free(child->bus);
	timer_disarm(&child->finish_timer);
	source_detach(&child->socket);
	signals_deinit(&child->signals);
	loop_free(child->loop);
}

static int read_setup(struct arcade_focus_setup *ret)
{
	/* One byte more, so that a longer packet is seen as such. */
	char packet[sizeof(*ret) + 1];
	socklen_t len = sizeof(int);
	ssize_t n;
	int type;

	if (getsockopt(HELPER_FD, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET)
		return -ENOTSOCK;
	n = recv(HELPER_FD, packet, sizeof(packet), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return focus_setup_check(packet, (size_t)n, ret);
}

int helper_main(void)
{
	struct child child = {
		.signals = SIGNALS_INIT,
		.socket = SOURCE_INIT("daemon", handle_socket),
		.finish_timer = TIMER_INIT("finish", handle_finish_timer),
	};
	enum helper_exit status;

	/* comm would be the number of the descriptor that was executed. */
	prctl(PR_SET_NAME, "arcade-helper", 0, 0, 0);
	if (read_setup(&child.setup) || fcntl(HELPER_FD, F_SETFD, FD_CLOEXEC))
		return HELPER_EXIT_USAGE;
	if (close_range(HELPER_FD + 1, ~0U, 0))
		return HELPER_EXIT_FAILED;
	if (helper_drop(child.setup.uid, child.setup.gid, child.setup.parent))
		return HELPER_EXIT_PRIVILEGE;
	if (loop_new(&child.loop))
		return HELPER_EXIT_FAILED;
	status = run(&child);
	child_deinit(&child);
	return status;
}
