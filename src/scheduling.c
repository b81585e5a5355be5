// SPDX-License-Identifier: GPL-2.0-only
#include "scheduling.h"

#include <inttypes.h>

#include "bpf.h"
#include "devices.h"
#include "focus.h"
#include "kernel.h"
#include "log.h"
#include "report.h"
#include "rings.h"
#include "roles.h"
#include "threads.h"
#include "topology.h"

/* From the kernel's enum scx_exit_kind and scx_exit_code (include/linux/sched/ext.h); stable since 6.12. */
#define EXIT_KIND_UNREG_KERN 66
#define EXIT_KIND_ERROR	     1024
#define EXIT_CODE_RESTART    (1LL << 48)

struct scheduling {
	struct loop *loop;
	struct player *player;
	int (*ended)(void *data);
	void *data;
	uint64_t hotplug_seq;
	struct topology *topology;
	struct bpf *bpf;
	struct rings *rings;
	struct roles *roles;
	struct devices *devices;	/* NULL without input */
	struct threads *threads;
	uint64_t start_ns;
	bool told_missed;
};

static int handle_exit(void *data)
{
	struct scheduling *scheduling = data;

	return scheduling->ended(scheduling->data);
}

static void handle_control(const struct arcade_control_record *record, void *data)
{
	struct scheduling *scheduling = data;

	player_control(scheduling->player, record);
	roles_handle_control(scheduling->roles, record);
}

static void handle_control_lost(const struct bpf_control_lost *more, void *data)
{
	struct scheduling *scheduling = data;

	if (more->nr_full)
		log_info("%" PRIu64 " records of processes and modules found no room: looking for what they said",
			 more->nr_full);
	/* In every burst some, where programs at tracepoints are preempted. */
	if ((more->nr_missed_execs || more->nr_missed_modules) && !scheduling->told_missed) {
		log_info("the kernel leaves out records of processes or modules: looking for what they said");
		scheduling->told_missed = true;
	}
	if (more->nr_full || more->nr_missed_execs)
		player_records_lost(scheduling->player);
	if (more->nr_full || more->nr_missed_modules)
		roles_look_soon(scheduling->roles);
}

static void handle_new_device(void *data)
{
	struct scheduling *scheduling = data;

	if (scheduling->devices)
		devices_check(scheduling->devices);
}

static void log_report_line(void *data, const char *line)
{
	log_info("%s", line);
}

static void report_focus(bool off, report_emit_fn emit, void *data)
{
	char text[200];

	focus_describe(off, text, sizeof(text));
	report_line(emit, data, "focus", text);
}

static void report_games(const struct options *opts, report_emit_fn emit, void *data)
{
	if (opts->no_detect)
		report_line(emit, data, "games", "not looked for, by option");
	else if (kernel_may_read_processes())
		report_line(emit, data, "games", "found by environment, files and ancestors of each process");
	else
		report_line(emit, data, "games", "users' processes cannot be looked into here: found by name and group only");
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
static void find_devices(struct scheduling *scheduling, const struct options *opts)
{
	int err;

	if (opts->no_input)
		return;
	err = devices_new(scheduling->bpf, scheduling->loop, DEVICES_DIR, !bpf_input_is_attached(scheduling->bpf),
			  &scheduling->devices);
	if (err)
		log_warning_errno(err, "devices");
	else
		rings_set_device_fn(scheduling->rings, handle_new_device, scheduling);
}

void scheduling_report(const struct scheduling *scheduling, const struct options *opts, report_emit_fn emit, void *data)
{
	report_print(scheduling->topology, scheduling->bpf, scheduling->roles, emit, data);
	report_games(opts, emit, data);
	report_focus(opts->no_focus, emit, data);
	if (scheduling->devices)
		report_devices(scheduling->devices, emit, data);
}

int scheduling_new(const struct scheduling_config *config, struct scheduling **ret)
{
	_cleanup_(scheduling_freep) struct scheduling *scheduling = calloc(1, sizeof(*scheduling));
	const struct options *opts = config->opts;
	const struct rings_handler handler = {
		.handle_exit = handle_exit,
		.handle_control = handle_control,
		.handle_control_lost = handle_control_lost,
		.data = scheduling,
	};
	int err;

	if (!scheduling)
		return log_error_errno(ENOMEM, "start");
	scheduling->loop = config->loop;
	scheduling->player = config->player;
	scheduling->ended = config->ended;
	scheduling->data = config->data;
	err = kernel_hotplug_seq(&scheduling->hotplug_seq);
	if (err)
		return log_error_errno(err, "kernel: cannot read hotplug_seq");
	err = topology_new("/sys", &scheduling->topology);
	if (err)
		return log_topology_error(err);
	err = bpf_new(opts, scheduling->topology, scheduling->hotplug_seq, &scheduling->bpf);
	if (err)
		return err;
	bpf_attach_hooks(scheduling->bpf);
	err = rings_new(scheduling->bpf, scheduling->loop, &handler, &scheduling->rings);
	if (err)
		return err;
	err = roles_new(opts, scheduling->bpf, scheduling->loop, &scheduling->roles);
	if (err)
		return err;
	err = threads_new(scheduling->bpf, &scheduling->threads);
	if (err)
		return log_error_errno(err, "threads");
	find_devices(scheduling, opts);
	if (config->report)
		scheduling_report(scheduling, opts, log_report_line, NULL);
	err = bpf_attach_scheduler(scheduling->bpf);
	if (err)
		return err;
	scheduling->start_ns = now_ns();
	player_attach(scheduling->player, scheduling->bpf, scheduling->devices);
	log_info("%-16s slice %" PRIu64 " us, chains %" PRIu64 " ms, preemption %s", "options", opts->slice_us,
		 opts->chain_ms, opts->no_preempt ? "off" : "on");
	log_notice("scheduling");
	*ret = steal_ptr(&scheduling);
	return 0;
}

void scheduling_free(struct scheduling *scheduling)
{
	if (!scheduling)
		return;
	if (scheduling->player)
		player_detach(scheduling->player);
	if (scheduling->bpf)
		bpf_detach(scheduling->bpf);
	threads_free(scheduling->threads);
	roles_free(scheduling->roles);
	devices_free(scheduling->devices);
	rings_free(scheduling->rings);
	bpf_free(scheduling->bpf);
	topology_free(scheduling->topology);
	free(scheduling);
}

int scheduling_read(struct scheduling *scheduling, struct stats_snapshot *snapshot)
{
	int err = bpf_read_stats(scheduling->bpf, &snapshot->kernel);

	if (err)
		return err;
	snapshot->uptime_ns = snapshot->time_ns - scheduling->start_ns;
	snapshot->nr_cpus = scheduling->topology->nr_online;
	snapshot->rings = *rings_facts(scheduling->rings);
	snapshot->roles = *roles_facts(scheduling->roles);
	if (scheduling->devices)
		snapshot->devices = *devices_facts(scheduling->devices);
	snapshot->input_missed = bpf_input_missed(scheduling->bpf);
	snapshot->active_lanes = bpf_active_lanes(scheduling->bpf, snapshot->time_ns);
	return 0;
}

bool scheduling_explain_end(const struct scheduling *scheduling)
{
	const struct arcade_exit *record = bpf_exit_record(scheduling->bpf);
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
	dump = bpf_read_exit_dump(scheduling->bpf);
	for (rest = dump; dump && (line = strsep(&rest, "\n"));)
		if (*line)
			log_info("dump: %s", line);
	return false;
}

bool scheduling_ended_by_hand(const struct scheduling *scheduling)
{
	return bpf_exit_record(scheduling->bpf)->kind < EXIT_KIND_ERROR;
}

uint64_t scheduling_hotplug_seq(const struct scheduling *scheduling)
{
	return scheduling->hotplug_seq;
}

struct threads *scheduling_threads(struct scheduling *scheduling)
{
	return scheduling->threads;
}

const struct devices *scheduling_devices(const struct scheduling *scheduling)
{
	return scheduling->devices;
}

struct bpf *scheduling_bpf(struct scheduling *scheduling)
{
	return scheduling->bpf;
}

void scheduling_apply(struct scheduling *scheduling, const struct options *opts)
{
	bpf_set_knobs(scheduling->bpf, opts);
}

static void print_report_line(void *data, const char *line)
{
	fprintf(data, "%s\n", line);
}

enum status scheduling_check(const struct options *opts)
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
	report_games(opts, print_report_line, stdout);
	report_focus(opts->no_focus, print_report_line, stdout);
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
