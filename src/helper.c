// SPDX-License-Identifier: GPL-2.0-only
#include "helper.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "focus_record.h"
#include "helper_child.h"
#include "log.h"

/* The pause before a start, after a life that was not one of at least GOOD_LIFE_NS with the bus. */
#define PAUSE_MIN_NS (100 * NSEC_PER_MSEC)
#define PAUSE_MAX_NS (10 * NSEC_PER_SEC)
#define GOOD_LIFE_NS NSEC_PER_SEC
/* More than the helper takes to undo what it did to KWin. */
#define END_WAIT_NS (500 * NSEC_PER_MSEC)
/* Records per wakeup of the loop, so that other sources have their turn. */
#define ROUND_MAX 32
/* How long reading pauses when the rate is exceeded: the wakeups that a flood may cost. */
#define THROTTLE_NS	(15 * NSEC_PER_MSEC)
#define NSEC_PER_RECORD (NSEC_PER_SEC / HELPER_RECORDS_PER_S)
#define GAMES_MAX	32

struct helper {
	struct loop *loop;
	const char *script;
	struct helper_callbacks callbacks;
	void *data;
	int exe_fd;
	struct session session;		/* wanted */

	/* The process that runs, or is ending. */
	pid_t pid;			/* 0: none */
	int pidfd;
	int fd;				/* our end of the socket */
	struct source exit_source;	/* of pidfd */
	struct source socket;		/* of fd */
	bool ending;			/* told to; nothing it says counts */
	bool misbehaved;		/* said something malformed */
	uint64_t start_ns;

	struct timer start_timer;
	struct timer kill_timer;
	struct timer throttle_timer;
	uint64_t pause_ns;
	uint64_t credit_ns;		/* a record costs NSEC_PER_RECORD; grows with time up to the burst */
	uint64_t credit_at_ns;		/* when it was last reckoned */

	/* What it has said. */
	enum arcade_focus_state states[NR_ARCADE_FOCUS_SOURCES];
	bool window_known;
	enum arcade_focus_source window_source;
	struct focus_process games[GAMES_MAX];
	int nr_games;
	struct helper_counts counts;
};

static void schedule_start(struct helper *helper, uint64_t pause_ns);

const char *focus_source_name(enum arcade_focus_source source)
{
	static const char *const names[] = {
		[ARCADE_FOCUS_BUS] = "session bus", [ARCADE_FOCUS_KWIN] = "KWin",    [ARCADE_FOCUS_FERAL] = "GameMode",
		[ARCADE_FOCUS_SWAY] = "sway",	    [ARCADE_FOCUS_X11] = "X11 root",
	};

	return source < ARRAY_SIZE(names) ? names[source] : "?";
}

const char *focus_state_name(enum arcade_focus_state state)
{
	static const char *const names[] = {
		[ARCADE_FOCUS_ABSENT] = "absent",
		[ARCADE_FOCUS_STARTING] = "starting",
		[ARCADE_FOCUS_READY] = "ready",
		[ARCADE_FOCUS_FAILED] = "failed",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static const char *exit_name(int status)
{
	switch (status) {
	case HELPER_EXIT_ASKED:
		return "as asked";
	case HELPER_EXIT_USAGE:
		return "its setup did not arrive";
	case HELPER_EXIT_PRIVILEGE:
		return "it could not drop its privileges";
	case HELPER_EXIT_BUS:
		return "the session bus refused it or went away";
	case HELPER_EXIT_OVERRUN:
		return "it had more to say than is read";
	default:
		return "of an error";
	}
}

/* ---- what it says ---- */

static void forget_window(struct helper *helper)
{
	const struct focus_window none = {};

	if (!helper->window_known)
		return;
	helper->window_known = false;
	helper->callbacks.window(helper->data, &none);
}

static void forget_games(struct helper *helper)
{
	while (helper->nr_games) {
		struct focus_process game = helper->games[--helper->nr_games];

		helper->callbacks.gamemode(helper->data, &game, false);
	}
}

static void forget_all(struct helper *helper)
{
	memset(helper->states, 0, sizeof(helper->states));
	forget_window(helper);
	forget_games(helper);
}

static void handle_window(struct helper *helper, const struct arcade_focus_record *record)
{
	struct focus_window window = {
		.known = true,
		.mapped = record->flags & ARCADE_FOCUS_MAPPED,
		.fullscreen = record->flags & ARCADE_FOCUS_FULLSCREEN,
		.source = record->source,
		.process.uid = helper->session.uid,
	};

	memcpy(window.app, record->app, sizeof(window.app));
	if (record->pid && !focus_process_check(record->pid, helper->session.uid, &window.process.start))
		window.process.pid = record->pid;
	else if (record->pid)
		helper->counts.nr_strangers++;
	helper->window_known = true;
	helper->window_source = record->source;
	helper->callbacks.window(helper->data, &window);
}

static void handle_gamemode(struct helper *helper, const struct arcade_focus_record *record)
{
	struct focus_process game = { .pid = record->pid, .uid = helper->session.uid };
	int i;

	for (i = 0; i < helper->nr_games; i++)
		if (helper->games[i].pid == record->pid)
			break;
	if (!(record->flags & ARCADE_FOCUS_REGISTERED)) {
		if (i == helper->nr_games)
			return;
		game = helper->games[i];
		helper->games[i] = helper->games[--helper->nr_games];
		helper->callbacks.gamemode(helper->data, &game, false);
		return;
	}
	if (i < helper->nr_games || helper->nr_games == GAMES_MAX)
		return;
	if (focus_process_check(record->pid, helper->session.uid, &game.start)) {
		helper->counts.nr_strangers++;
		return;
	}
	helper->games[helper->nr_games++] = game;
	helper->callbacks.gamemode(helper->data, &game, true);
}

static void handle_state(struct helper *helper, const struct arcade_focus_record *record)
{
	enum arcade_focus_source source = record->source;

	helper->states[source] = record->state;
	/* At most as many lines as records, whose rate is limited; debugging is asked for. */
	log_debug_errno((int)record->error, "focus: %s %s", focus_source_name(source), focus_state_name(record->state));
	if (record->state != ARCADE_FOCUS_READY && helper->window_known && helper->window_source == source)
		forget_window(helper);
}

/* ---- reading it ---- */

static bool spend_credit(struct helper *helper)
{
	uint64_t now = now_ns(), most = HELPER_BURST * NSEC_PER_RECORD;

	helper->credit_ns += now - helper->credit_at_ns;
	helper->credit_at_ns = now;
	if (helper->credit_ns > most)
		helper->credit_ns = most;
	if (helper->credit_ns < NSEC_PER_RECORD)
		return false;
	helper->credit_ns -= NSEC_PER_RECORD;
	return true;
}

static int end_throttle(struct timer *timer, uint64_t now)
{
	struct helper *helper = container_of(timer, struct helper, throttle_timer);

	return source_modify(&helper->socket, EPOLLIN);
}

static void kill_helper(struct helper *helper)
{
	/* Not kill(): the number may be another's by now. */
	if (helper->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, helper->pidfd, SIGKILL, NULL, 0);
}

static void stop_reading(struct helper *helper)
{
	timer_disarm(&helper->throttle_timer);
	source_detach(&helper->socket);
	helper->fd = close_fd(helper->fd);
}

/* The end of the socket. The process may take a moment to follow, but must: what it has said holds until then. */
static void end_reading(struct helper *helper)
{
	stop_reading(helper);
	timer_arm(&helper->kill_timer, helper->loop, now_ns() + END_WAIT_NS, 0);
}

static void handle_packet(struct helper *helper, const void *packet, size_t len)
{
	struct arcade_focus_record record;

	helper->counts.nr_records++;
	if (focus_record_check(packet, len, &record)) {
		helper->counts.nr_malformed++;
		helper->misbehaved = true;
		log_warning("focus: the session helper says something malformed (%zu bytes): ended", len);
		stop_reading(helper);
		forget_all(helper);
		kill_helper(helper);
		return;
	}
	switch (record.type) {
	case ARCADE_FOCUS_WINDOW:
		handle_window(helper, &record);
		break;
	case ARCADE_FOCUS_GAMEMODE:
		handle_gamemode(helper, &record);
		break;
	case ARCADE_FOCUS_STATE:
		handle_state(helper, &record);
		break;
	}
}

static int handle_socket(struct source *source, uint32_t events)
{
	struct helper *helper = container_of(source, struct helper, socket);
	/* One byte more: a longer packet is seen as such. Descriptors that come along are dropped by the kernel. */
	char packet[sizeof(struct arcade_focus_record) + 1];
	ssize_t n;

	for (int i = 0; i < ROUND_MAX && helper->fd >= 0; i++) {
		if (!spend_credit(helper)) {
			helper->counts.nr_throttled++;
			timer_arm(&helper->throttle_timer, helper->loop, now_ns() + THROTTLE_NS, 0);
			/* EPOLLHUP cannot be masked: it would wake us all the time. */
			if (events & (EPOLLHUP | EPOLLERR))
				end_reading(helper);
			else
				source_modify(&helper->socket, 0);
			return 0;
		}
		n = recv(helper->fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		/* The end, or an empty packet, which looks like it. */
		if (n <= 0) {
			end_reading(helper);
			return 0;
		}
		handle_packet(helper, packet, (size_t)n);
	}
	return 0;
}

/* ---- its life ---- */

static void log_end(const struct helper *helper, const siginfo_t *info)
{
	if (info->si_code != CLD_EXITED)
		log_debug("focus: the session helper was ended by signal %d", info->si_status);
	else if (info->si_status == HELPER_EXIT_PRIVILEGE || info->si_status == HELPER_EXIT_USAGE)
		log_warning("focus: the session helper has ended: %s", exit_name(info->si_status));
	else
		log_debug("focus: the session helper has ended: %s", exit_name(info->si_status));
}

static void reap(struct helper *helper)
{
	siginfo_t info = {};

	waitid(P_PIDFD, (id_t)helper->pidfd, &info, WEXITED | WNOHANG);
	log_end(helper, &info);
	stop_reading(helper);
	timer_disarm(&helper->kill_timer);
	source_detach(&helper->exit_source);
	helper->pidfd = close_fd(helper->pidfd);
	helper->pid = 0;
	helper->ending = false;
	helper->misbehaved = false;
}

static int handle_exit(struct source *source, uint32_t events)
{
	struct helper *helper = container_of(source, struct helper, exit_source);
	bool was_asked = helper->ending;
	bool lived_well = now_ns() - helper->start_ns >= GOOD_LIFE_NS && !helper->misbehaved &&
			  helper->states[ARCADE_FOCUS_BUS] == ARCADE_FOCUS_READY;

	reap(helper);
	forget_all(helper);
	if (was_asked || lived_well)
		helper->pause_ns = PAUSE_MIN_NS;
	if (!helper->session.id[0])
		return 0;
	schedule_start(helper, was_asked ? 0 : helper->pause_ns);
	if (!was_asked && !lived_well)
		helper->pause_ns = helper->pause_ns * 2 < PAUSE_MAX_NS ? helper->pause_ns * 2 : PAUSE_MAX_NS;
	return 0;
}

static int handle_kill_timer(struct timer *timer, uint64_t now)
{
	kill_helper(container_of(timer, struct helper, kill_timer));
	return 0;
}

/* Tell it to end. Its end is seen later. */
static void begin_end(struct helper *helper)
{
	if (!helper->pid || helper->ending)
		return;
	helper->ending = true;
	/* The end of the socket tells a helper that runs, the signal one that still connects. */
	stop_reading(helper);
	syscall(SYS_pidfd_send_signal, helper->pidfd, SIGTERM, NULL, 0);
	timer_arm(&helper->kill_timer, helper->loop, now_ns() + END_WAIT_NS, 0);
}

/* Between fork and exec, where other threads may hold any lock: system calls only. */
static void __attribute__((noreturn)) become_helper(int exe_fd, int fd)
{
	static char *const argv[] = { (char *)"scx_arcade", (char *)HELPER_ARGUMENT, NULL };
	/* Of libdbus: say what is wrong, do not abort. */
	static char *const envp[] = { (char *)"DBUS_FATAL_WARNINGS=0", NULL };
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null;

	for (int signo = 1; signo < NSIG; signo++)
		if (signo != SIGPIPE)
			sigaction(signo, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Out of the way of the numbers that are to be filled. */
	exe_fd = fcntl(exe_fd, F_DUPFD, HELPER_FD + 1);
	fd = fcntl(fd, F_DUPFD, HELPER_FD + 1);
	null = open("/dev/null", O_RDWR);
	/* Not even the log: a line of the user's must not look like one of ours. */
	if (exe_fd < 0 || fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || dup2(fd, HELPER_FD) < 0)
		_exit(HELPER_EXIT_FAILED);
	if (close_range(HELPER_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC))
		_exit(HELPER_EXIT_FAILED);
	syscall(SYS_execveat, exe_fd, "", argv, envp, AT_EMPTY_PATH);
	_exit(HELPER_EXIT_FAILED);
}

/* The group is that of the user's runtime directory, which logind makes: the user database might wait for a network. */
static int find_gid(uid_t uid, gid_t *ret)
{
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/run/user/%u", (unsigned int)uid);
	if (lstat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != uid)
		return -EPERM;
	*ret = st.st_gid;
	return 0;
}

static int send_setup(const struct helper *helper, int fd)
{
	struct arcade_focus_setup setup = {
		.version = ARCADE_FOCUS_VERSION,
		.type = ARCADE_FOCUS_SETUP,
		.uid = helper->session.uid,
		.parent = getpid(),
	};
	int err;

	err = find_gid(helper->session.uid, &setup.gid);
	if (err)
		return err;
	if (strlen(helper->script) >= sizeof(setup.script))
		return -ENAMETOOLONG;
	strcpy(setup.script, helper->script);
	memcpy(setup.bus, helper->session.bus, sizeof(setup.bus));
	/* It waits in the socket until the child reads. */
	return send(fd, &setup, sizeof(setup), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(setup) ? 0 : -errno;
}

static int start(struct helper *helper)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	err = send_setup(helper, ours);
	if (err)
		return err;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		become_helper(helper->exe_fd, theirs);

	helper->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	err = helper->pidfd < 0 ? -errno : source_attach(&helper->exit_source, helper->loop, helper->pidfd, EPOLLIN);
	if (!err)
		err = source_attach(&helper->socket, helper->loop, ours, EPOLLIN);
	if (err) {
		/* Ours until it is waited for, so the number is right; SIGKILL does not take long. */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		source_detach(&helper->exit_source);
		helper->pidfd = close_fd(helper->pidfd);
		return err;
	}
	helper->pid = pid;
	helper->fd = steal_fd(&ours);
	helper->start_ns = now_ns();
	helper->credit_ns = HELPER_BURST * NSEC_PER_RECORD;
	helper->credit_at_ns = helper->start_ns;
	helper->counts.nr_starts++;
	log_debug("focus: session helper %d for session %s", (int)pid, helper->session.id);
	return 0;
}

static int handle_start_timer(struct timer *timer, uint64_t now)
{
	struct helper *helper = container_of(timer, struct helper, start_timer);
	int err;

	if (helper->pid || !helper->session.id[0])
		return 0;
	err = start(helper);
	if (!err)
		return 0;
	log_debug_errno(err, "focus: cannot start the session helper");
	schedule_start(helper, helper->pause_ns);
	helper->pause_ns = helper->pause_ns * 2 < PAUSE_MAX_NS ? helper->pause_ns * 2 : PAUSE_MAX_NS;
	return 0;
}

static void schedule_start(struct helper *helper, uint64_t pause_ns)
{
	timer_arm(&helper->start_timer, helper->loop, now_ns() + pause_ns, 0);
}

int helper_new(struct loop *loop, const char *script, const struct helper_callbacks *callbacks, void *data,
	       struct helper **ret)
{
	_cleanup_(helper_freep) struct helper *helper = calloc(1, sizeof(*helper));

	if (!helper)
		return -ENOMEM;
	helper->loop = loop;
	helper->script = script;
	helper->callbacks = *callbacks;
	helper->data = data;
	helper->pidfd = -1;
	helper->fd = -1;
	helper->pause_ns = PAUSE_MIN_NS;
	source_init(&helper->exit_source, "session helper", handle_exit);
	source_init(&helper->socket, "session helper", handle_socket);
	timer_init(&helper->start_timer, "session helper", handle_start_timer);
	timer_init(&helper->kill_timer, "session helper", handle_kill_timer);
	timer_init(&helper->throttle_timer, "session helper", end_throttle);
	helper->exe_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (helper->exe_fd < 0)
		return -errno;
	*ret = steal_ptr(&helper);
	return 0;
}

void helper_free(struct helper *helper)
{
	struct pollfd wait;
	uint64_t deadline, now;
	int n;

	if (!helper)
		return;
	timer_disarm(&helper->start_timer);
	if (helper->pid) {
		begin_end(helper);
		wait = (struct pollfd){ .fd = helper->pidfd, .events = POLLIN };
		deadline = now_ns() + END_WAIT_NS;
		do {
			now = now_ns();
			n = poll(&wait, 1, now < deadline ? (int)((deadline - now) / NSEC_PER_MSEC) : 0);
		} while (n < 0 && errno == EINTR);
		/* SIGKILL ends a stopped process as well, unless it hangs in the kernel: then nobody waits for it. */
		if (n == 0) {
			kill_helper(helper);
			poll(&wait, 1, (int)(END_WAIT_NS / NSEC_PER_MSEC));
		}
		reap(helper);
	}
	close_fd(helper->exe_fd);
	free(helper);
}

void helper_set_session(struct helper *helper, const struct session *session)
{
	const struct session none = {};

	if (!session)
		session = &none;
	if (session_equals(session, &helper->session))
		return;
	forget_all(helper);
	helper->session = *session;
	helper->pause_ns = PAUSE_MIN_NS;
	if (helper->pid) {
		/* The next one starts when it has ended. */
		begin_end(helper);
		return;
	}
	timer_disarm(&helper->start_timer);
	if (session->id[0])
		schedule_start(helper, 0);
}

pid_t helper_pid(const struct helper *helper)
{
	return helper->pid;
}

const struct helper_counts *helper_counts(const struct helper *helper)
{
	return &helper->counts;
}

enum arcade_focus_state helper_source_state(const struct helper *helper, enum arcade_focus_source source)
{
	return helper->states[source];
}
