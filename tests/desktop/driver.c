// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver - the daemon's focus room without the daemon, for tests on a kernel without sched_ext
 *
 * Usage: driver --session UID BUS SCRIPT [--game PID]      serve this session
 *        driver --logind SCRIPT [--game PID]               follow the active one
 *
 * Says what it is told, a line each, on the standard output:
 *
 *	NS window PID MAPPED FULLSCREEN CLASS
 *	NS unknown
 *	NS front 0|1
 *	NS gamemode PID 0|1
 *	NS helper PID                   another helper, or 0
 *	NS state SOURCE STATE
 *	NS counts NAME=VALUE…           on SIGUSR1
 *
 * A BUS of "hostile:MODE" makes the helper a hostile one: see hostile_main().
 *
 * NS is CLOCK_MONOTONIC. Helper and states are looked at every 2 ms; how late
 * that ever was is among the counts: a loop that is held up shows there.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "focus.h"
#include "focus_record.h"
#include "helper_child.h"
#include "log.h"
#include "signals.h"

#define LOOK_NS (2 * NSEC_PER_MSEC)

struct driver {
	struct loop *loop;
	struct signals signals;
	struct timer timer;
	struct focus *focus;
	pid_t game;
	pid_t helper;
	enum arcade_focus_state states[NR_ARCADE_FOCUS_SOURCES];
	uint64_t looked_ns;
	uint64_t late_ns;	/* the most since it was last told */
};

#define say(fmt, ...) printf("%" PRIu64 " " fmt "\n", now_ns(), ##__VA_ARGS__)

static void say_window(void *data, const struct focus_window *window)
{
	char app[4 * ARCADE_FOCUS_APP_MAX];

	escape_text(app, sizeof(app), window->app);
	if (window->known)
		say("window %d %d %d %s", (int)window->process.pid, window->mapped, window->fullscreen, app);
	else
		say("unknown");
}

static bool is_game(void *data, const struct focus_window *window)
{
	const struct driver *driver = data;

	return window->process.pid == driver->game;
}

static void say_front(void *data, bool in_front)
{
	say("front %d", in_front);
}

static void say_gamemode(void *data, const struct focus_process *process, bool registered)
{
	say("gamemode %d %d", (int)process->pid, registered);
}

static int look(struct timer *timer, uint64_t now)
{
	struct driver *driver = container_of(timer, struct driver, timer);
	const struct helper *helper = focus_helper(driver->focus);
	uint64_t at_ns = now_ns();

	if (driver->looked_ns && at_ns - driver->looked_ns > LOOK_NS + driver->late_ns)
		driver->late_ns = at_ns - driver->looked_ns - LOOK_NS;
	driver->looked_ns = at_ns;
	if (helper_pid(helper) != driver->helper) {
		driver->helper = helper_pid(helper);
		say("helper %d", (int)driver->helper);
	}
	for (int i = 0; i < NR_ARCADE_FOCUS_SOURCES; i++) {
		enum arcade_focus_state state = helper_source_state(helper, i);

		if (state == driver->states[i])
			continue;
		driver->states[i] = state;
		say("state %s %s", focus_source_name(i), focus_state_name(state));
	}
	return 0;
}

static int handle_signal(struct signals *signals, const struct signalfd_siginfo *info)
{
	struct driver *driver = container_of(signals, struct driver, signals);
	const struct helper_counts *counts = helper_counts(focus_helper(driver->focus));

	uint64_t late_us = driver->late_ns / NSEC_PER_USEC;

	if (info->ssi_signo != SIGUSR1) {
		loop_stop(driver->loop, 1);
		return 0;
	}
	say("counts starts=%" PRIu64 " records=%" PRIu64 " malformed=%" PRIu64 " throttled=%" PRIu64 " strangers=%" PRIu64
	    " late_us=%" PRIu64,
	    counts->nr_starts, counts->nr_records, counts->nr_malformed, counts->nr_throttled, counts->nr_strangers,
	    late_us);
	driver->late_ns = 0;
	return 0;
}

static int run(struct driver *driver, int argc, char **argv)
{
	const struct focus_callbacks callbacks = {
		.window = say_window, .is_game = is_game, .front = say_front, .gamemode = say_gamemode
	};
	bool logind = argc > 1 && streq(argv[1], "--logind");
	struct session session = { .id = "test", .seat = "seat0", .type = "wayland" };
	int at = logind ? 3 : 5, err;
	sigset_t mask;

	if (argc < at || (!logind && !streq(argv[1], "--session")))
		return -EINVAL;
	if (argc == at + 2)
		driver->game = atoi(argv[at + 1]);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGUSR1);
	err = loop_new(&driver->loop);
	if (!err)
		err = signals_init(&driver->signals, driver->loop, &mask, handle_signal);
	if (!err)
		err = focus_new(driver->loop, argv[at - 1], &driver->focus);
	if (err)
		return err;
	focus_set_callbacks(driver->focus, &callbacks, driver);
	if (logind) {
		err = focus_follow_logind(driver->focus);
		if (err)
			return err;
	} else {
		session.uid = (uid_t)atoi(argv[2]);
		snprintf(session.bus, sizeof(session.bus), "%s", argv[3]);
		focus_set_session(driver->focus, &session);
	}
	timer_arm(&driver->timer, driver->loop, now_ns() + LOOK_NS, LOOK_NS);
	err = loop_run(driver->loop);
	return err > 0 ? 0 : err;
}

/* ---- what the user could make of a helper ---- */

static void send_packet(const void *packet, size_t len, int flags)
{
	send(HELPER_FD, packet, len, MSG_NOSIGNAL | flags);
}

/* Each packet brings descriptors along that nobody asked for. */
static void send_with_fds(const struct arcade_focus_record *record)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = (void *)record, .iov_len = sizeof(*record) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	int *fds = (int *)CMSG_DATA(&control.head);

	control.head = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(8 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS
	};
	for (int i = 0; i < 8; i++)
		fds[i] = STDIN_FILENO;
	sendmsg(HELPER_FD, &message, MSG_NOSIGNAL);
}

/*
 * flood     records as fast as the socket takes them
 * malformed records of random bytes, a thousand a second
 * large     packets of 64 KiB
 * fds       records with descriptors
 * deaf      says nothing, and ignores SIGTERM and the end of the socket
 * mute      closes the socket and stays
 */
static void __attribute__((noreturn)) hostile_main(const char *mode)
{
	struct arcade_focus_record record = {
		.version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_WINDOW, .source = ARCADE_FOCUS_KWIN,
		.flags = ARCADE_FOCUS_MAPPED, .app = "flood"
	};
	static char large[65536];

	if (streq(mode, "deaf") || streq(mode, "mute"))
		signal(SIGTERM, SIG_IGN);
	if (streq(mode, "mute"))
		close(HELPER_FD);
	for (uint32_t i = 0;; i++) {
		record.pid = (int32_t)(i % 40000);
		if (streq(mode, "flood")) {
			send_packet(&record, sizeof(record), 0);
		} else if (streq(mode, "fds")) {
			send_with_fds(&record);
		} else if (streq(mode, "malformed")) {
			for (size_t k = 0; k < sizeof(record); k++)
				((char *)&record)[k] = (char)rand();
			send_packet(&record, sizeof(record), 0);
			usleep(1000);
		} else if (streq(mode, "large")) {
			send_packet(large, sizeof(large), 0);
			usleep(1000);
		} else {
			usleep(100000);
		}
	}
}

static int run_helper(void)
{
	struct arcade_focus_setup setup;
	ssize_t n = recv(HELPER_FD, &setup, sizeof(setup), MSG_PEEK | MSG_DONTWAIT);

	if (n > 0 && !focus_setup_check(&setup, (size_t)n, &setup) && !strncmp(setup.bus, "hostile:", 8))
		hostile_main(setup.bus + 8);
	return helper_main();
}

int main(int argc, char **argv)
{
	struct driver driver = { .signals = SIGNALS_INIT, .timer = TIMER_INIT("look", look) };
	int err;

	if (argc == 2 && streq(argv[1], HELPER_ARGUMENT))
		return run_helper();
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_DEBUG);
	err = run(&driver, argc, argv);
	if (err)
		log_error_errno(err, "driver");
	timer_disarm(&driver.timer);
	focus_free(driver.focus);
	signals_deinit(&driver.signals);
	loop_free(driver.loop);
	return err ? 1 : 0;
}
