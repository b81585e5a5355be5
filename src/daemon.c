// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bpf.h"
#include "events.h"
#include "kernel.h"
#include "lock.h"
#include "log.h"
#include "loop.h"
#include "option_table.h"
#include "options_json.h"
#include "out.h"
#include "player.h"
#include "reload.h"
#include "scheduling.h"
#include "serve.h"
#include "service.h"
#include "signals.h"
#include "stats.h"
#include "watch.h"

/* More restarts than this in a row, each within the time, are not hotplug but a fault. */
#define RESTART_MAX   20
#define RESTART_IN_NS (10 * NSEC_PER_SEC)

/* CPUs have settled when none came or went for this long. */
#define SETTLE_NS (100 * NSEC_PER_MSEC)

/*
 * Reading the kernel's types and having the programs verified takes a second of CPU time: beside ten hogs it would be ten,
 * and after each hotplug again. What is started under load must not wait for the load.
 */
#define OWN_NICE (-10)

/* How long the remains of a killed instance may take: the kernel closes its descriptors one by one. */
#define START_WAIT_NS (2 * NSEC_PER_SEC)

/* Why the loop ended. Positive, so that loop_run() tells it from an errno. */
enum loop_end {
	LOOP_STOPPED = 1,	/* by a signal */
	LOOP_SETTLED,		/* CPUs have stopped coming and going */
	LOOP_ENDED,		/* the kernel ended the scheduler */
	LOOP_NO_READER,		/* nobody will ever read stdout */
	LOOP_RESCHEDULE,	/* an option is another that is read before load */
};

struct daemon {
	struct settings *settings;	/* borrowed */
	int lock_fd;
	bool has_terminal;		/* was started from one */
	struct loop *loop;
	struct signals signals;
	struct service service;
	struct timer print_timer;
	struct timer settle_timer;
	struct timer game_timer;
	struct reload *reload;
	uint64_t hotplug_seq;	/* as last seen */
	struct out out;
	struct watch *watch;		/* NULL: changes of folders are not seen */
	struct player *player;
	struct scheduling *scheduling;	/* NULL while nothing is scheduled */
	struct events *events;
	struct serve *serve;
	struct stats_snapshot last;	/* taken */
	struct stats_snapshot before;	/* printed */
	uint64_t nr_restarts;
};

/* ---- signals ---- */

static bool has_terminal(void)
{
	_cleanup_close_ int fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0;
}

/*
 * Is our terminal gone? The kernel says so itself, or a process of our own session that dies with it (the shell, sudo).
 * Whoever else sends this signal wants the configuration read.
 */
static bool is_hangup(const struct daemon *daemon, const struct signalfd_siginfo *info)
{
	if (!daemon->has_terminal)
		return false;
	return info->ssi_code == SI_KERNEL || !has_terminal() || getsid((pid_t)info->ssi_pid) == getsid(0);
}

static int handle_signal(struct signals *signals, const struct signalfd_siginfo *info)
{
	struct daemon *daemon = container_of(signals, struct daemon, signals);

	if (info->ssi_signo == SIGHUP && !is_hangup(daemon, info)) {
		service_reloading(&daemon->service);
		reload_demand(daemon->reload, "SIGHUP");
		return 0;
	}
	log_info("stopping: %s", strsignal(info->ssi_signo));
	loop_stop(daemon->loop, LOOP_STOPPED);
	return 0;
}

/* ---- settings ---- */

/* Is the scheduler to be started anew for it? */
static bool needs_reschedule(const struct options *before, const struct options *after)
{
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (def->effect == OPTION_RESCHEDULE && option_get(before, def) != option_get(after, def))
			return true;
	}
	return false;
}

static void set_log_level(const struct options *opts)
{
	log_set_level(opts->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
}

static void apply_settings(const struct options *before, const struct options *after, void *data)
{
	struct daemon *daemon = data;

	set_log_level(after);
	player_apply(daemon->player, after);
	if (!daemon->scheduling)
		return;
	scheduling_apply(daemon->scheduling, after);
	if (needs_reschedule(before, after))
		loop_stop(daemon->loop, LOOP_RESCHEDULE);
}

static void note_reloaded(void *data)
{
	struct daemon *daemon = data;

	service_ready(&daemon->service, NULL);
}

/* Not at once: who tells is in the middle of a decision. */
static void note_front(void *data)
{
	struct daemon *daemon = data;

	if (!timer_is_armed(&daemon->game_timer))
		timer_arm(&daemon->game_timer, daemon->loop, now_ns(), 0);
}

/*
 * Is it the time of a game's section? Where a game is in front whatever has the focus, by the options of all games, its own
 * follow-focus must not take its section back: without it the game would be in front again, and so on for ever.
 */
static bool find_front(const struct daemon *daemon, struct settings_game *game)
{
	struct options opts;

	if (player_front(daemon->player, game))
		return true;
	settings_without_game(daemon->settings, &opts);
	return opts.no_follow_focus && player_game(daemon->player, game);
}

static int tell_game(struct timer *timer, uint64_t now)
{
	struct daemon *daemon = container_of(timer, struct daemon, game_timer);
	struct settings_game game;

	settings_set_game(daemon->settings, find_front(daemon, &game) ? &game : NULL);
	return 0;
}

static void handle_watch(void *data, const struct watch_event *event)
{
	struct daemon *daemon = data;

	if (event->kind == WATCH_SETTINGS)
		reload_note_change(daemon->reload);
	else if (daemon->player)
		player_handle_watch(daemon->player, event);
}

static void start_watch(struct daemon *daemon)
{
	int err = watch_new(daemon->loop, handle_watch, daemon, &daemon->watch);

	if (err) {
		log_warning_errno(err, "watch: changes of folders are not noticed");
		return;
	}
	err = watch_add_file(daemon->watch, settings_file(daemon->settings), WATCH_SETTINGS);
	if (!err)
		err = watch_add(daemon->watch, settings_dir(daemon->settings), WATCH_SETTINGS);
	if (err)
		log_warning_errno(err, "settings: changes of the files are not noticed");
}

/* ---- scheduling ---- */

static int handle_end(void *data)
{
	struct daemon *daemon = data;

	loop_stop(daemon->loop, LOOP_ENDED);
	return 0;
}

/* A change of many CPUs is many events: start again when they are over. */
static int check_settled(struct timer *timer, uint64_t now)
{
	struct daemon *daemon = container_of(timer, struct daemon, settle_timer);
	uint64_t seq = daemon->hotplug_seq;

	if (!kernel_hotplug_seq(&daemon->hotplug_seq) && daemon->hotplug_seq != seq)
		return 0;
	loop_stop(daemon->loop, LOOP_SETTLED);
	return 0;
}

/* What is known without the kernel half; the rest stays as it was. */
static void take_facts(struct daemon *daemon, struct stats_snapshot *snapshot)
{
	const struct games_identity *identity = games_identity(player_games(daemon->player));
	struct utsname uts;

	snapshot->time_ns = now_ns();
	snapshot->player = player_facts(daemon->player);
	snapshot->loop = *loop_facts(daemon->loop);
	if (daemon->serve)
		serve_read(daemon->serve, snapshot->servers);
	snapshot->log_lines_lost = log_nr_lost();
	snapshot->frames_dropped = daemon->out.nr_dropped;
	snapshot->restarts = daemon->nr_restarts;
	snprintf(snapshot->version, sizeof(snapshot->version), "%s", ARCADE_VERSION);
	snprintf(snapshot->kernel_release, sizeof(snapshot->kernel_release), "%s", uname(&uts) ? "unknown" : uts.release);
	snprintf(snapshot->state, sizeof(snapshot->state), "%s", daemon->scheduling ? "scheduling" : "restarting");
	snprintf(snapshot->mode, sizeof(snapshot->mode), "%s", settings_mode(daemon->settings));
	if (identity)
		escape_text(snapshot->game_name, sizeof(snapshot->game_name), *identity->name ? identity->name : identity->comm);
	else
		snapshot->game_name[0] = '\0';
}

/* Return: 0, -errno with the last one kept. */
static int take_snapshot(struct daemon *daemon, struct stats_snapshot *snapshot)
{
	int err = 0;

	memset(snapshot, 0, sizeof(*snapshot));
	take_facts(daemon, snapshot);
	if (daemon->scheduling)
		err = scheduling_read(daemon->scheduling, snapshot);
	if (err)
		return err;
	stats_describe_lanes(snapshot->active_lanes, snapshot->acting, sizeof(snapshot->acting));
	if (daemon->scheduling)
		daemon->last = *snapshot;
	return 0;
}

static int print_stats(struct timer *timer, uint64_t now)
{
	struct daemon *daemon = container_of(timer, struct daemon, print_timer);
	struct stats_snapshot snapshot;
	char *frame = NULL;
	size_t len = 0;
	FILE *text;
	int err;

	err = take_snapshot(daemon, &snapshot);
	if (err) {
		log_warning_errno(err, "statistics: cannot read");
		return 0;
	}
	text = open_memstream(&frame, &len);
	if (text) {
		if (settings_options(daemon->settings)->json)
			stats_print_json(text, &snapshot);
		else
			stats_print_line(text, &snapshot, &daemon->before);
		if (fclose(text)) {
			free(frame);
			frame = NULL;
		}
	}
	daemon->before = snapshot;
	err = out_write(&daemon->out, frame, len);
	if (err) {
		log_error_errno(err, "statistics: nobody reads standard output any more");
		loop_stop(daemon->loop, LOOP_NO_READER);
	}
	return 0;
}

/* ---- what is asked on the sockets ---- */

static void serve_snapshot(void *data, struct stats_snapshot *snapshot)
{
	struct daemon *daemon = data;

	if (daemon->scheduling && !take_snapshot(daemon, snapshot))
		return;
	*snapshot = daemon->last;
	take_facts(daemon, snapshot);
}

static struct scheduling *serve_scheduling(void *data)
{
	struct daemon *daemon = data;

	return daemon->scheduling;
}

static const struct options *serve_settings(void *data)
{
	struct daemon *daemon = data;

	return settings_options(daemon->settings);
}

static void serve_stop(void *data)
{
	struct daemon *daemon = data;

	log_info("stopping: asked for by control");
	loop_stop(daemon->loop, LOOP_STOPPED);
}

static json_object *serve_options(void *data)
{
	struct daemon *daemon = data;

	return options_json(daemon->settings);
}

static int serve_mode(void *data, const char *name, char *msg, size_t size)
{
	struct daemon *daemon = data;

	return settings_set_mode(daemon->settings, name, msg, size);
}

static int serve_set(void *data, const char *key, const char *value, char *msg, size_t size)
{
	struct daemon *daemon = data;

	return settings_set(daemon->settings, key, value, msg, size);
}

/* The scheduler is as good without sockets; without memory it would not get far. */
static int start_serving(struct daemon *daemon)
{
	static const struct serve_ops ops = {
		.take_snapshot = serve_snapshot,
		.scheduling = serve_scheduling,
		.options = serve_settings,
		.stop = serve_stop,
		.describe_options = serve_options,
		.set_mode = serve_mode,
		.set = serve_set,
	};
	const struct serve_config config = {
		.loop = daemon->loop,
		.player = daemon->player,
		.events = daemon->events,
		.ops = &ops,
		.data = daemon,
	};

	return serve_new(&config, &daemon->serve);
}

/* What keeps us from running here, before anything is touched. */
static enum status check_machine(void)
{
	char name[128];

	switch (kernel_sched_state()) {
	case KERNEL_SCHED_ABSENT:
		log_error("this kernel has no sched_ext: Linux 6.16 or newer with CONFIG_SCHED_CLASS_EXT is needed");
		return STATUS_NO_SCHED_EXT;
	case KERNEL_SCHED_DISABLED:
		return STATUS_OK;
	default:
		kernel_sched_name(name, sizeof(name));
		log_error("another scheduler is active: %s (stop it first)", name);
		return STATUS_FOREIGN_SCHEDULER;
	}
}

static enum status check_privilege(void)
{
	if (kernel_may_load_bpf())
		return STATUS_OK;
	log_error("missing privileges: run as root (CAP_BPF and CAP_PERFMON are needed)");
	return STATUS_NO_PRIVILEGE;
}

/* lock_acquire(), but an instance that was killed a moment ago may still be on its way out. */
static int lock_wait(void)
{
	const struct timespec pause = { .tv_nsec = 20 * NSEC_PER_MSEC };
	uint64_t deadline_ns = now_ns() + START_WAIT_NS;
	int fd;

	while ((fd = lock_acquire()) == -EWOULDBLOCK && now_ns() < deadline_ns)
		nanosleep(&pause, NULL);
	return fd;
}

enum status daemon_new(struct settings *settings, struct daemon **ret)
{
	_cleanup_(daemon_freep) struct daemon *daemon = calloc(1, sizeof(*daemon));
	enum status status;
	sigset_t mask;
	int err;

	if (!daemon) {
		log_error_errno(ENOMEM, "start");
		return STATUS_FAILED;
	}
	daemon->settings = settings;
	daemon->has_terminal = has_terminal();
	daemon->lock_fd = -1;
	daemon->signals = (struct signals)SIGNALS_INIT;
	daemon->service = (struct service)SERVICE_INIT;
	timer_init(&daemon->print_timer, "statistics", print_stats);
	timer_init(&daemon->settle_timer, "hotplug", check_settled);
	timer_init(&daemon->game_timer, "settings of the game", tell_game);
	out_init(&daemon->out, STDOUT_FILENO);
	if (events_new(&daemon->events)) {
		log_error_errno(ENOMEM, "start");
		return STATUS_FAILED;
	}
	log_set_sink(events_log, daemon->events);
	bpf_init_logging();

	if (kernel_sched_state() == KERNEL_SCHED_ABSENT)
		return check_machine();
	status = check_privilege();
	if (status)
		return status;
	/* Before the look at the active scheduler: if that is our other instance, this says it better. */
	daemon->lock_fd = lock_wait();
	if (daemon->lock_fd == -EACCES) {
		log_error("missing privileges: cannot lock %s; run as root", LOCK_FILE);
		return STATUS_NO_PRIVILEGE;
	}
	if (daemon->lock_fd == -EWOULDBLOCK) {
		log_error("another scx_arcade is running (it holds %s)", LOCK_FILE);
		return STATUS_SECOND_INSTANCE;
	}
	if (daemon->lock_fd < 0) {
		log_error_errno(daemon->lock_fd, "cannot lock %s", LOCK_FILE);
		return STATUS_FAILED;
	}
	/* The scheduler of an instance that was killed a moment ago: nobody but us may run one of this name. */
	kernel_wait_gone(KERNEL_OUR_NAME, START_WAIT_NS);
	status = check_machine();
	if (status)
		return status;

	if (setpriority(PRIO_PROCESS, 0, OWN_NICE))
		log_debug("priority: stays as it is: %s", strerror(errno));
	err = loop_new(&daemon->loop);
	if (err) {
		log_error_errno(err, "event loop");
		return STATUS_FAILED;
	}
	service_init(&daemon->service, daemon->loop);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	err = signals_init(&daemon->signals, daemon->loop, &mask, handle_signal);
	if (err) {
		log_error_errno(err, "signals");
		return STATUS_FAILED;
	}
	err = reload_new(daemon->loop, settings, note_reloaded, daemon, &daemon->reload);
	if (err) {
		log_error_errno(err, "settings");
		return STATUS_FAILED;
	}
	/* After the signals: its threads inherit their mask. */
	start_watch(daemon);
	if (player_new(daemon->loop, settings_options(settings), daemon->watch, &daemon->player))
		return STATUS_FAILED;
	player_set_front_fn(daemon->player, note_front, daemon);
	settings_set_changed(settings, apply_settings, daemon);
	err = start_serving(daemon);
	if (err) {
		log_error_errno(err, "sockets");
		return STATUS_FAILED;
	}
	*ret = steal_ptr(&daemon);
	return STATUS_OK;
}

static void stop_scheduling(struct daemon *daemon)
{
	timer_disarm(&daemon->print_timer);
	timer_disarm(&daemon->settle_timer);
	scheduling_free(steal_ptr(&daemon->scheduling));
}

static int start_scheduling(struct daemon *daemon, bool report)
{
	const struct scheduling_config config = {
		.loop = daemon->loop,
		.player = daemon->player,
		.opts = settings_options(daemon->settings),
		.report = report,
		.ended = handle_end,
		.data = daemon,
	};
	uint64_t period_ns = config.opts->stats_ns;
	int err = scheduling_new(&config, &daemon->scheduling);

	if (err)
		return err;
	daemon->hotplug_seq = scheduling_hotplug_seq(daemon->scheduling);
	if (!period_ns)
		return 0;
	err = take_snapshot(daemon, &daemon->before);
	if (err)
		return log_error_errno(err, "statistics: cannot read");
	timer_arm(&daemon->print_timer, daemon->loop, now_ns() + period_ns, period_ns);
	return 0;
}

void daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return;
	stop_scheduling(daemon);
	settings_set_changed(daemon->settings, NULL, NULL);
	player_free(daemon->player);
	timer_disarm(&daemon->game_timer);
	serve_free(daemon->serve);
	watch_free(daemon->watch);
	reload_free(daemon->reload);
	out_deinit(&daemon->out);
	signals_deinit(&daemon->signals);
	service_deinit(&daemon->service);
	loop_free(daemon->loop);
	lock_release(daemon->lock_fd);
	log_set_sink(NULL, NULL);
	events_free(daemon->events);
	free(daemon);
}

static enum status loop_end_status(struct daemon *daemon, int end, bool *restart)
{
	switch (end) {
	case LOOP_STOPPED:
		return STATUS_OK;
	case LOOP_NO_READER:
		return STATUS_FAILED;
	case LOOP_RESCHEDULE:
		*restart = true;
		return STATUS_OK;
	case LOOP_ENDED:
		*restart = scheduling_explain_end(daemon->scheduling);
		return scheduling_ended_by_hand(daemon->scheduling) ? STATUS_ENDED_BY_HAND : STATUS_ENDED_BY_KERNEL;
	default:
		log_error_errno(end, "event loop");
		return STATUS_FAILED;
	}
}

enum status daemon_run(struct daemon *daemon)
{
	uint64_t first_ns = now_ns(), nr_in_row = 0;
	enum status status;
	bool restart, report = true;
	int err, end;

	do {
		restart = false;
		service_working(&daemon->service, "loading the scheduler");
		err = start_scheduling(daemon, report);
		if (err) {
			service_stopping(&daemon->service, "could not start the scheduler");
			stop_scheduling(daemon);
			return err == -EBUSY ? STATUS_FOREIGN_SCHEDULER : STATUS_FAILED;
		}
		service_ready(&daemon->service, "scheduling");
		end = loop_run(daemon->loop);
		status = loop_end_status(daemon, end, &restart);
		if (restart)
			service_working(&daemon->service, "restarting the scheduler");
		else
			service_stopping(&daemon->service, status == STATUS_OK ? "stopping" : "the kernel's own scheduler runs");
		stop_scheduling(daemon);
		report = end == LOOP_RESCHEDULE;
		if (report)
			log_notice("starting the scheduler anew: other options");
		if (!restart || report)
			continue;
		daemon->nr_restarts++;
		if (now_ns() - first_ns > RESTART_IN_NS) {
			first_ns = now_ns();
			nr_in_row = 0;
		}
		if (++nr_in_row > RESTART_MAX) {
			log_error("%" PRIu64 " restarts within %llu s: giving up; the kernel's own scheduler runs now",
				  nr_in_row, RESTART_IN_NS / NSEC_PER_SEC);
			restart = false;
		}
		if (restart) {
			timer_arm(&daemon->settle_timer, daemon->loop, now_ns() + SETTLE_NS, SETTLE_NS);
			err = loop_run(daemon->loop);
			timer_disarm(&daemon->settle_timer);
			if (err != LOOP_SETTLED)
				return loop_end_status(daemon, err, &restart);
		}
	} while (restart);
	if (status == STATUS_OK)
		log_notice("stopped; the kernel's own scheduler runs now");
	return status;
}
