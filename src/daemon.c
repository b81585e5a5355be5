// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bpf.h"
#include "devices.h"
#include "focus.h"
#include "kernel.h"
#include "lock.h"
#include "log.h"
#include "loop.h"
#include "out.h"
#include "player.h"
#include "report.h"
#include "rings.h"
#include "roles.h"
#include "service.h"
#include "signals.h"
#include "stats.h"
#include "topology.h"

/* From the kernel's enum scx_exit_kind and scx_exit_code (include/linux/sched/ext.h); stable since 6.12. */
#define EXIT_KIND_UNREG_KERN 66
#define EXIT_KIND_ERROR	     1024
#define EXIT_CODE_RESTART    (1LL << 48)

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

/* Why a session ended. Positive, so that loop_run() tells it from an errno. */
enum session_end {
	SESSION_STOPPED = 1,	/* by a signal */
	SESSION_SETTLED,	/* CPUs have stopped coming and going */
	SESSION_EXITED,		/* the kernel ended the scheduler */
	SESSION_NO_READER,	/* nobody will ever read stdout */
};

struct daemon {
	struct options opts;
	int lock_fd;
	struct loop *loop;
	struct signals signals;
	struct service service;
	struct timer print_timer;
	struct timer settle_timer;
	uint64_t hotplug_seq;	/* as last seen */
	struct out out;
	struct player *player;

	/* Of a session. */
	struct topology *topology;
	struct bpf *bpf;
	struct rings *rings;
	struct roles *roles;
	struct devices *devices;	/* NULL with --no-input */
	struct stats_snapshot before;
	uint64_t nr_restarts;
};

static int handle_signal(struct signals *signals, const struct signalfd_siginfo *info)
{
	struct daemon *daemon = container_of(signals, struct daemon, signals);

	log_info("stopping: %s", strsignal(info->ssi_signo));
	loop_stop(daemon->loop, SESSION_STOPPED);
	return 0;
}

static void handle_control(const struct arcade_control_record *record, void *data)
{
	struct daemon *daemon = data;

	player_control(daemon->player, record);
	roles_handle_control(daemon->roles, record);
}

static void handle_control_lost(uint64_t nr, void *data)
{
	struct daemon *daemon = data;

	log_info("%" PRIu64 " records of processes and modules were lost: looking for what they said", nr);
	player_rescan(daemon->player);
	roles_look_soon(daemon->roles);
}

static void handle_new_device(void *data)
{
	struct daemon *daemon = data;

	if (daemon->devices)
		devices_check(daemon->devices);
}

static int handle_exit(void *data)
{
	struct daemon *daemon = data;

	loop_stop(daemon->loop, SESSION_EXITED);
	return 0;
}

/* A change of many CPUs is many events: start again when they are over. */
static int check_settled(struct timer *timer, uint64_t now)
{
	struct daemon *daemon = container_of(timer, struct daemon, settle_timer);
	uint64_t seq = daemon->hotplug_seq;

	if (!kernel_hotplug_seq(&daemon->hotplug_seq) && daemon->hotplug_seq != seq)
		return 0;
	loop_stop(daemon->loop, SESSION_SETTLED);
	return 0;
}

static int take_snapshot(struct daemon *daemon, struct stats_snapshot *snapshot)
{
	int err;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->time_ns = now_ns();
	err = bpf_read_stats(daemon->bpf, &snapshot->kernel);
	if (err)
		return err;
	snapshot->rings = *rings_facts(daemon->rings);
	snapshot->roles = *roles_facts(daemon->roles);
	if (daemon->devices)
		snapshot->devices = *devices_facts(daemon->devices);
	snapshot->player = player_facts(daemon->player);
	snapshot->input_missed = bpf_input_missed(daemon->bpf);
	snapshot->loop_wakeups = loop_wakeups(daemon->loop);
	snapshot->log_lines_lost = log_nr_lost();
	snapshot->frames_dropped = daemon->out.nr_dropped;
	snapshot->restarts = daemon->nr_restarts;
	snapshot->active_lanes = bpf_active_lanes(daemon->bpf, snapshot->time_ns);
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
		if (daemon->opts.json) {
			stats_print_json(text, &snapshot);
		} else if (daemon->opts.monitor_ns) {
			if (isatty(daemon->out.fd))
				fputs("\033[H\033[2J", text);
			stats_print_table(text, &snapshot, &daemon->before);
		} else {
			stats_print_line(text, &snapshot, &daemon->before);
		}
		if (fclose(text)) {
			free(frame);
			frame = NULL;
		}
	}
	daemon->before = snapshot;
	err = out_write(&daemon->out, frame, len);
	if (err) {
		log_error_errno(err, "statistics: nobody reads standard output any more");
		loop_stop(daemon->loop, SESSION_NO_READER);
	}
	return 0;
}

static uint64_t print_period_ns(const struct options *opts)
{
	return opts->monitor_ns ? opts->monitor_ns : opts->stats_ns;
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

enum status daemon_new(const struct options *opts, struct daemon **ret)
{
	_cleanup_(daemon_freep) struct daemon *daemon = calloc(1, sizeof(*daemon));
	enum status status;
	sigset_t mask;
	int err;

	if (!daemon) {
		log_error_errno(ENOMEM, "start");
		return STATUS_FAILED;
	}
	daemon->opts = *opts;
	daemon->lock_fd = -1;
	daemon->signals = (struct signals)SIGNALS_INIT;
	daemon->service = (struct service)SERVICE_INIT;
	timer_init(&daemon->print_timer, "statistics", print_stats);
	timer_init(&daemon->settle_timer, "hotplug", check_settled);
	out_init(&daemon->out, STDOUT_FILENO);
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
	sigaddset(&mask, SIGHUP);	/* the terminal is gone */
	err = signals_init(&daemon->signals, daemon->loop, &mask, handle_signal);
	if (err) {
		log_error_errno(err, "signals");
		return STATUS_FAILED;
	}
	/* After the signals: its threads inherit their mask. */
	if (player_new(daemon->loop, opts, &daemon->player))
		return STATUS_FAILED;
	*ret = steal_ptr(&daemon);
	return STATUS_OK;
}

/* Scheduler first, readers next, memory last. */
static void session_stop(struct daemon *daemon)
{
	timer_disarm(&daemon->print_timer);
	timer_disarm(&daemon->settle_timer);
	if (daemon->player)
		player_detach(daemon->player);
	if (daemon->bpf)
		bpf_detach(daemon->bpf);
	roles_free(steal_ptr(&daemon->roles));
	devices_free(steal_ptr(&daemon->devices));
	rings_free(steal_ptr(&daemon->rings));
	bpf_free(steal_ptr(&daemon->bpf));
	topology_free(steal_ptr(&daemon->topology));
}

void daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return;
	session_stop(daemon);
	player_free(daemon->player);
	out_deinit(&daemon->out);
	signals_deinit(&daemon->signals);
	service_deinit(&daemon->service);
	loop_free(daemon->loop);
	lock_release(daemon->lock_fd);
	free(daemon);
}

static void log_report_line(void *data, const char *line)
{
	log_info("%s", line);
}

static void report_focus(const struct options *opts, report_emit_fn emit, void *data)
{
	char text[200];

	focus_describe(opts->no_focus, text, sizeof(text));
	report_line(emit, data, "focus", text);
}

static void report_devices(const struct devices *devices, report_emit_fn emit, void *data)
{
	char text[200];

	devices_describe(devices, text, sizeof(text));
	report_line(emit, data, "peripherals", text);
}

static int log_topology_error(int err)
{
	if (err != -ERANGE)
		return log_error_errno(err, "topology");
	log_error("topology: more than %d CPUs are not supported", TOPOLOGY_MAX_CPUS);
	return err;
}

/* The scheduler is as good without: then nothing is known of the devices but what the hook sees. */
static void find_devices(struct daemon *daemon)
{
	int err;

	if (daemon->opts.no_input)
		return;
	err = devices_new(daemon->bpf, daemon->loop, DEVICES_DIR, !bpf_input_is_attached(daemon->bpf), &daemon->devices);
	if (err)
		log_warning_errno(err, "devices");
	else
		rings_set_device_fn(daemon->rings, handle_new_device, daemon);
}

static void log_report(struct daemon *daemon)
{
	report_print(daemon->topology, daemon->bpf, daemon->roles, log_report_line, NULL);
	report_focus(&daemon->opts, log_report_line, NULL);
	if (daemon->devices)
		report_devices(daemon->devices, log_report_line, NULL);
}

static int session_start(struct daemon *daemon)
{
	const struct rings_handler handler = {
		.handle_exit = handle_exit,
		.handle_control = handle_control,
		.handle_control_lost = handle_control_lost,
		.data = daemon,
	};
	uint64_t period_ns = print_period_ns(&daemon->opts);
	int err;

	err = kernel_hotplug_seq(&daemon->hotplug_seq);
	if (err)
		return log_error_errno(err, "kernel: cannot read hotplug_seq");
	err = topology_new("/sys", &daemon->topology);
	if (err)
		return log_topology_error(err);
	err = bpf_new(&daemon->opts, daemon->topology, daemon->hotplug_seq, &daemon->bpf);
	if (err)
		return err;
	bpf_attach_hooks(daemon->bpf);
	err = rings_new(daemon->bpf, daemon->loop, &handler, &daemon->rings);
	if (err)
		return err;
	err = roles_new(&daemon->opts, daemon->bpf, daemon->loop, &daemon->roles);
	if (err)
		return err;
	find_devices(daemon);
	if (!daemon->nr_restarts)
		log_report(daemon);
	err = bpf_attach_scheduler(daemon->bpf);
	if (err)
		return err;
	player_attach(daemon->player, daemon->bpf, daemon->devices);
	log_info("%-16s slice %" PRIu64 " us, chains %" PRIu64 " ms, preemption %s", "options", daemon->opts.slice_us,
		 daemon->opts.chain_ms, daemon->opts.no_preempt ? "off" : "on");
	log_notice("scheduling");
	if (period_ns) {
		err = take_snapshot(daemon, &daemon->before);
		if (err)
			return log_error_errno(err, "statistics: cannot read");
		timer_arm(&daemon->print_timer, daemon->loop, now_ns() + period_ns, period_ns);
	}
	return 0;
}

/* Log how the kernel ended the scheduler. Return: may it be started again? */
static bool explain_exit(struct daemon *daemon)
{
	const struct arcade_exit *record = bpf_exit_record(daemon->bpf);
	_cleanup_free_ char *dump = NULL;
	char *line, *rest;

	if (record->kind == EXIT_KIND_UNREG_KERN && (record->code & EXIT_CODE_RESTART)) {
		log_notice("CPUs came or went (%.128s): restarting", record->reason);
		return true;
	}
	if (record->kind < EXIT_KIND_ERROR) {
		log_error("the scheduler was ended: %.128s; the kernel's own runs now", record->reason);
		return false;
	}
	log_error("the kernel ended the scheduler: %.128s: %.1024s; the kernel's own runs now", record->reason,
		  record->msg);
	dump = bpf_read_exit_dump(daemon->bpf);
	for (rest = dump; dump && (line = strsep(&rest, "\n"));)
		if (*line)
			log_info("dump: %s", line);
	return false;
}

static enum status session_end_status(struct daemon *daemon, int end, bool *restart)
{
	switch (end) {
	case SESSION_STOPPED:
		return STATUS_OK;
	case SESSION_NO_READER:
		return STATUS_FAILED;
	case SESSION_EXITED:
		*restart = explain_exit(daemon);
		return STATUS_ENDED_BY_KERNEL;
	default:
		log_error_errno(end, "event loop");
		return STATUS_FAILED;
	}
}

enum status daemon_run(struct daemon *daemon)
{
	uint64_t first_ns = now_ns(), nr_in_row = 0;
	enum status status;
	bool restart;
	int err;

	do {
		restart = false;
		service_working(&daemon->service, "loading the scheduler");
		err = session_start(daemon);
		if (err) {
			service_stopping(&daemon->service, "could not start the scheduler");
			session_stop(daemon);
			return err == -EBUSY ? STATUS_FOREIGN_SCHEDULER : STATUS_FAILED;
		}
		service_ready(&daemon->service, "scheduling");
		status = session_end_status(daemon, loop_run(daemon->loop), &restart);
		if (restart)
			service_working(&daemon->service, "CPUs came or went: restarting");
		else
			service_stopping(&daemon->service, status == STATUS_OK ? "stopping" : "the kernel's own scheduler runs");
		session_stop(daemon);
		if (!restart)
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
			if (err != SESSION_SETTLED)
				return session_end_status(daemon, err, &restart);
		}
	} while (restart);
	if (status == STATUS_OK)
		log_notice("stopped; the kernel's own scheduler runs now");
	return status;
}

static void print_report_line(void *data, const char *line)
{
	fprintf(data, "%s\n", line);
}

enum status daemon_check(const struct options *opts)
{
	_cleanup_(topology_freep) struct topology *topology = NULL;
	_cleanup_(devices_freep) struct devices *devices = NULL;
	_cleanup_(bpf_freep) struct bpf *bpf = NULL;
	_cleanup_(roles_freep) struct roles *roles = NULL;
	int err;

	bpf_init_logging();
	err = topology_new("/sys", &topology);
	if (err) {
		log_topology_error(err);
		return STATUS_FAILED;
	}
	if (kernel_sched_state() != KERNEL_SCHED_ABSENT && kernel_may_load_bpf() && !bpf_new(opts, topology, 0, &bpf))
		bpf_attach_hooks(bpf);
	if (bpf && roles_new(opts, bpf, NULL, &roles))
		return STATUS_FAILED;
	report_print(topology, bpf, roles, print_report_line, stdout);
	if (!opts->no_input && !devices_new(NULL, NULL, DEVICES_DIR, false, &devices))
		report_devices(devices, print_report_line, stdout);
	report_focus(opts, print_report_line, stdout);
	if (bpf)
		printf("%-16s yes\n", "can run here");
	else if (kernel_sched_state() == KERNEL_SCHED_ABSENT)
		printf("%-16s no: the kernel has no sched_ext\n", "can run here");
	else if (!kernel_may_load_bpf())
		printf("%-16s unknown: only root can ask the kernel\n", "can run here");
	else
		printf("%-16s no: the kernel does not load the scheduler\n", "can run here");
	if (fflush(stdout)) {
		log_error_errno(errno, "standard output");
		return STATUS_FAILED;
	}
	return bpf ? STATUS_OK : STATUS_FAILED;
}
