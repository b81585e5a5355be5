// SPDX-License-Identifier: GPL-2.0-only
#include "bpf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <unistd.h>

#include "arcade.skel.h"
#include "kernel.h"
#include "log.h"
#include "placement.h"

/* The kernel switches every task back before it says "disabled"; under load on a slow machine that takes a while. */
#define DETACH_TIMEOUT_NS (10 * NSEC_PER_SEC)

/* As the kernel has it where nothing else is asked (SCX_EXIT_DUMP_DFL_LEN). */
#define EXIT_DUMP_DEFAULT_LEN 32768

/* A game that makes threads all the time is marked as far as it goes; whoever is missed is an ordinary task. */
#define MARK_PASSES_MAX 5

struct bpf {
	struct arcade_bpf *skel;
	struct bpf_link *scheduler_link;
	struct bpf_link *hook_links[NR_BPF_HOOKS];
	struct bpf_facts facts;
	struct arcade_stats *per_cpu;	/* buffer of one read, nr_possible long */
	int nr_possible;
	size_t exit_dump_len;
	uint32_t nr_trees;	/* numbers that were given to trees */
	uint32_t game_tree;	/* 0: no game */
	bool game_is_behind;	/* another window has the focus */
};

static const struct {
	const char *kernel_name;
	enum bpf_attach_type type;
} hook_targets[NR_BPF_HOOKS] = {
	[BPF_HOOK_CHAIN] = { "sched_waking", BPF_TRACE_RAW_TP },
	[BPF_HOOK_INPUT_EXIT] = { "input_event", BPF_TRACE_FEXIT },
	[BPF_HOOK_INPUT_ENTRY] = { "input_event", BPF_TRACE_FENTRY },
	[BPF_HOOK_DEVICE_GONE] = { "input_unregister_device", BPF_TRACE_FEXIT },
	[BPF_HOOK_FUTEX] = { "futex_wait", BPF_TRACE_FENTRY },
	[BPF_HOOK_EXEC] = { "sched_process_exec", BPF_TRACE_RAW_TP },
	[BPF_HOOK_EXIT] = { "sched_process_exit", BPF_TRACE_RAW_TP },
	[BPF_HOOK_MODULE_LOAD] = { "module_load", BPF_TRACE_RAW_TP },
	[BPF_HOOK_MODULE_FREE] = { "module_free", BPF_TRACE_RAW_TP },
	[BPF_HOOK_THREADS] = { "bpf_iter_task", BPF_TRACE_ITER },
};

static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;

	if (!log_enabled(LOG_LEVEL_DEBUG) || vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return 0;
	}
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line)
			log_debug("%s", line);
	return 0;
}

void bpf_init_logging(void)
{
	libbpf_set_print(log_libbpf);
}

static struct bpf_program *hook_program(const struct arcade_bpf *skel, enum bpf_hook hook)
{
	switch (hook) {
	case BPF_HOOK_CHAIN:
		return skel->progs.chain_waking;
	case BPF_HOOK_INPUT_EXIT:
		return skel->progs.input_event_exit;
	case BPF_HOOK_INPUT_ENTRY:
		return skel->progs.input_event_entry;
	case BPF_HOOK_DEVICE_GONE:
		return skel->progs.input_device_gone;
	case BPF_HOOK_FUTEX:
		return skel->progs.chain_futex_wait;
	case BPF_HOOK_EXEC:
		return skel->progs.process_exec;
	case BPF_HOOK_EXIT:
		return skel->progs.process_exit;
	case BPF_HOOK_MODULE_LOAD:
		return skel->progs.module_loaded;
	case BPF_HOOK_MODULE_FREE:
		return skel->progs.module_freed;
	case BPF_HOOK_THREADS:
		return skel->progs.tell_threads;
	default:
		return NULL;
	}
}

/* Does this kernel's sched_ext know the callback? */
static bool ops_has(const struct btf *btf, const char *name)
{
	const struct btf_type *ops = btf__type_by_id(btf, btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT));

	for (uint32_t i = 0; ops && i < btf_vlen(ops); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(ops)[i].name_off), name))
			return true;
	return false;
}

static bool has_enumerator(const struct btf *btf, const char *enum_name, const char *name)
{
	int id = btf__find_by_name_kind(btf, enum_name, BTF_KIND_ENUM64);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;

	/* One with values above 32 bits is an ENUM64. */
	for (uint32_t i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_enum64(type)[i].name_off), name))
			return true;
	return false;
}

/* Can a program of that kind be attached to @name? The lookups of libbpf read the kernel's types anew for each. */
static bool has_target(const struct btf *btf, const char *name, enum bpf_attach_type type)
{
	char typedef_name[64];

	if (type != BPF_TRACE_RAW_TP)
		return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF) > 0;
}

/* Watches input itself: the others follow what it begins, and what the daemon's window begins. */
static bool hook_is_of_input(enum bpf_hook hook)
{
	return hook == BPF_HOOK_INPUT_ENTRY || hook == BPF_HOOK_INPUT_EXIT || hook == BPF_HOOK_DEVICE_GONE;
}

/* By option. */
static bool hook_is_off(const struct options *opts, enum bpf_hook hook)
{
	if (hook == BPF_HOOK_MODULE_LOAD || hook == BPF_HOOK_MODULE_FREE)
		return opts->no_roles;
	if (hook >= BPF_HOOK_EXEC)
		return false;
	return opts->no_input || (opts->no_input_hook && hook_is_of_input(hook));
}

/* What can be known before load. */
static int probe_kernel(const struct options *opts, struct bpf_facts *facts)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return log_error_errno(errno, "kernel: cannot read its type information (/sys/kernel/btf/vmlinux)");
	for (int hook = 0; hook < NR_BPF_HOOKS; hook++) {
		const char *name = hook_targets[hook].kernel_name;

		if (hook_is_off(opts, hook))
			facts->hooks[hook] = BPF_HOOK_OFF;
		else if (has_target(btf, name, hook_targets[hook].type))
			facts->hooks[hook] = BPF_HOOK_LOADED;
		else
			facts->hooks[hook] = BPF_HOOK_ABSENT;
	}
	facts->interrupts_told_apart = btf__find_by_name_kind(btf, "__preempt_count", BTF_KIND_VAR) > 0;
	/* From 6.19 on the callback is deprecated, and the kernel says so in its log; what replaces it came with 7.1. */
	facts->cpu_release = !has_enumerator(btf, "scx_enq_flags", "SCX_ENQ_IMMED");
	facts->slice_deprecated = btf__find_by_name_kind(btf, "scx_bpf_task_set_slice", BTF_KIND_FUNC) > 0;
	facts->group_weight = ops_has(btf, "cgroup_set_weight");
	facts->group_idle = ops_has(btf, "cgroup_set_idle");
	btf__free(btf);
	return 0;
}

static uint32_t full_speed_class(const struct options *opts)
{
	switch (opts->full_speed) {
	case OPTIONS_FULL_SPEED_NONE:
		return NR_ARCADE_CLASSES;
	case OPTIONS_FULL_SPEED_CHAINS:
		return ARCADE_CLASS_CHAIN;
	case OPTIONS_FULL_SPEED_ALL:
		return ARCADE_CLASS_NONE;
	default:
		return ARCADE_CLASS_GAME;
	}
}

/* Each is read on its own, so they may change one by one under a running scheduler. */
static void write_knobs(struct arcade_knobs *knobs, const struct options *opts)
{
	__atomic_store_n(&knobs->slice_ns, opts->slice_us * NSEC_PER_USEC, __ATOMIC_RELAXED);
	__atomic_store_n(&knobs->chain_ttl_ns, opts->chain_ms * NSEC_PER_MSEC, __ATOMIC_RELAXED);
	__atomic_store_n(&knobs->vblank_ttl_ns, opts->frame_ms * NSEC_PER_MSEC, __ATOMIC_RELAXED);
	__atomic_store_n(&knobs->chain_budget_ns, opts->chain_budget_us * NSEC_PER_USEC, __ATOMIC_RELAXED);
	__atomic_store_n(&knobs->preempt, !opts->no_preempt, __ATOMIC_RELAXED);
	__atomic_store_n(&knobs->full_speed_class, full_speed_class(opts), __ATOMIC_RELAXED);
}

static int configure(struct bpf *bpf, const struct options *opts, const struct topology *topology, uint64_t hotplug_seq)
{
	struct arcade_bpf *skel = bpf->skel;
	uint16_t places[ARCADE_MAX_CPUS];
	int err;

	if (skel->data_knobs->knobs.version != ARCADE_ABI_VERSION)
		return log_error_errno(EPROTO, "kernel half has version %u of the shared structures, this program %u",
				       skel->data_knobs->knobs.version, ARCADE_ABI_VERSION);
	write_knobs(&skel->data_knobs->knobs, opts);

	skel->rodata->topo_nr_cpu_ids = topology->nr_cpu_ids;
	skel->rodata->topo_nr_llcs = topology->nr_llcs;
	for (uint32_t cpu = 0; cpu < topology->nr_cpu_ids; cpu++) {
		int32_t core = topology->cpus[cpu].core;

		skel->rodata->topo_cpu_llc[cpu] = topology->cpus[cpu].llc;
		/* Threads of one core share a ring. */
		skel->rodata->input_cpu_ring[cpu] = (core < 0 ? cpu : (uint32_t)core) % ARCADE_NR_RINGS;
	}

	skel->rodata->topo_nr_places = placement_order(topology, places);
	skel->rodata->topo_nr_home_places = placement_nr_home(topology, places, skel->rodata->topo_nr_places);
	skel->rodata->topo_has_speeds = placement_has_speeds(topology);
	skel->rodata->topo_is_uneven = topology->nr_llcs > 1 || skel->rodata->topo_has_speeds;
	for (uint32_t i = 0; i < skel->rodata->topo_nr_places; i++) {
		skel->rodata->topo_place_cpu[i] = places[i];
		skel->rodata->topo_cpu_place[places[i]] = i;
	}
	for (uint32_t i = skel->rodata->topo_nr_places; i-- > 0;) {
		/* More LLCs than that share numbers in the kernel half, too: less well chosen, nothing worse. */
		uint32_t llc = topology->cpus[places[i]].llc % ARCADE_MAX_LLCS;

		skel->rodata->topo_llc_place[llc] = i;
		skel->rodata->topo_llc_nr[llc]++;
	}

	skel->rodata->freq_is_asked = kernel_uses_schedutil();

	skel->struct_ops.arcade_ops->hotplug_seq = hotplug_seq;
	skel->struct_ops.arcade_ops->timeout_ms = opts->timeout_ms;
	skel->struct_ops.arcade_ops->exit_dump_len = opts->exit_dump_len;
	bpf->exit_dump_len = opts->exit_dump_len ? opts->exit_dump_len : EXIT_DUMP_DEFAULT_LEN;
	skel->rodata->exit_dump_len = bpf->exit_dump_len;
	err = bpf_map__set_value_size(skel->maps.exit_dump, bpf->exit_dump_len);
	if (err)
		return log_error_errno(err, "kernel half: cannot size the exit dump");
	if (!bpf->facts.cpu_release) {
		skel->struct_ops.arcade_ops->cpu_release = NULL;
		bpf_program__set_autoload(skel->progs.arcade_cpu_release, false);
	}
	if (!bpf->facts.group_weight) {
		skel->struct_ops.arcade_ops->cgroup_init = NULL;
		skel->struct_ops.arcade_ops->cgroup_move = NULL;
		skel->struct_ops.arcade_ops->cgroup_set_weight = NULL;
		bpf_program__set_autoload(skel->progs.arcade_cgroup_init, false);
		bpf_program__set_autoload(skel->progs.arcade_cgroup_move, false);
		bpf_program__set_autoload(skel->progs.arcade_cgroup_set_weight, false);
	}
	if (!bpf->facts.group_idle) {
		skel->struct_ops.arcade_ops->cgroup_set_idle = NULL;
		bpf_program__set_autoload(skel->progs.arcade_cgroup_set_idle, false);
	}
	for (int hook = 0; hook < NR_BPF_HOOKS; hook++)
		bpf_program__set_autoload(hook_program(skel, hook), bpf->facts.hooks[hook] == BPF_HOOK_LOADED);
	return 0;
}

static int open_and_load(struct bpf *bpf, const struct options *opts, const struct topology *topology,
			 uint64_t hotplug_seq)
{
	int err;

	bpf->skel = arcade_bpf__open();
	if (!bpf->skel)
		return log_error_errno(errno, "kernel half: cannot open");
	err = configure(bpf, opts, topology, hotplug_seq);
	if (err)
		return err;
	return arcade_bpf__load(bpf->skel);
}

static bool give_up_hook(struct bpf *bpf, enum bpf_hook hook, int err)
{
	if (bpf->facts.hooks[hook] != BPF_HOOK_LOADED)
		return false;
	bpf->facts.hooks[hook] = BPF_HOOK_REFUSED;
	bpf->facts.hook_errors[hook] = -err;
	return true;
}

/*
 * The kernel refuses an object as a whole, so hooks are left out step by step: the one that matters least, then the rest,
 * which makes no sense without each other. Return: was there one to leave out?
 */
static bool give_up_hooks(struct bpf *bpf, int err)
{
	bool any = false;

	if (give_up_hook(bpf, BPF_HOOK_THREADS, err))
		return true;
	if (give_up_hook(bpf, BPF_HOOK_MODULE_LOAD, err) | give_up_hook(bpf, BPF_HOOK_MODULE_FREE, err))
		return true;
	if (give_up_hook(bpf, BPF_HOOK_EXEC, err) | give_up_hook(bpf, BPF_HOOK_EXIT, err))
		return true;
	if (give_up_hook(bpf, BPF_HOOK_FUTEX, err) || give_up_hook(bpf, BPF_HOOK_DEVICE_GONE, err))
		return true;
	for (int hook = 0; hook < NR_BPF_HOOKS; hook++)
		any |= give_up_hook(bpf, hook, err);
	return any;
}

/* Asks the loaded object what its kernel lets it call. */
static int ask_facts(struct bpf *bpf)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err = bpf_prog_test_run_opts(bpf_program__fd(bpf->skel->progs.tell_facts), &run);

	if (err)
		return log_error_errno(err, "kernel half: cannot ask it what it found");
	bpf->facts.kick = bpf->skel->bss->fact_can_kick;
	bpf->facts.immed = bpf->skel->bss->fact_has_immed;
	bpf->facts.slice_deprecated = bpf->facts.slice_deprecated && !bpf->skel->bss->fact_has_set_slice;
	return 0;
}

int bpf_new(const struct options *opts, const struct topology *topology, uint64_t hotplug_seq, struct bpf **ret)
{
	_cleanup_(bpf_freep) struct bpf *bpf = calloc(1, sizeof(*bpf));
	int err;

	if (!bpf)
		return log_error_errno(ENOMEM, "kernel half");
	bpf->nr_possible = libbpf_num_possible_cpus();
	if (bpf->nr_possible < 0)
		return log_error_errno(bpf->nr_possible, "kernel: cannot count its CPUs");
	bpf->per_cpu = calloc(bpf->nr_possible, sizeof(*bpf->per_cpu));
	if (!bpf->per_cpu)
		return log_error_errno(ENOMEM, "kernel half");
	err = probe_kernel(opts, &bpf->facts);
	if (err)
		return err;

	err = open_and_load(bpf, opts, topology, hotplug_seq);
	while (err && err != -ENOMEM && bpf->skel && give_up_hooks(bpf, err)) {
		log_warning_errno(err, "kernel half: does not load with all its hooks, trying with fewer (--verbose tells why)");
		arcade_bpf__destroy(steal_ptr(&bpf->skel));
		err = open_and_load(bpf, opts, topology, hotplug_seq);
	}
	if (err)
		return log_error_errno(err, "kernel half: the kernel does not load the scheduler (--verbose tells why)");
	err = ask_facts(bpf);
	if (err)
		return err;
	*ret = steal_ptr(&bpf);
	return 0;
}

static void detach_hooks(struct bpf *bpf)
{
	for (int hook = NR_BPF_HOOKS - 1; hook >= 0; hook--) {
		if (!bpf->hook_links[hook])
			continue;
		bpf_link__destroy(steal_ptr(&bpf->hook_links[hook]));
		bpf->facts.hooks[hook] = BPF_HOOK_LOADED;
	}
}

void bpf_free(struct bpf *bpf)
{
	if (!bpf)
		return;
	bpf_detach(bpf);
	arcade_bpf__destroy(bpf->skel);
	free(bpf->per_cpu);
	free(bpf);
}

static void attach_hook(struct bpf *bpf, enum bpf_hook hook)
{
	struct bpf_link *link;

	if (bpf->facts.hooks[hook] != BPF_HOOK_LOADED)
		return;
	link = bpf_program__attach(hook_program(bpf->skel, hook));
	if (!link) {
		bpf->facts.hooks[hook] = BPF_HOOK_REFUSED;
		bpf->facts.hook_errors[hook] = errno;
		return;
	}
	bpf->hook_links[hook] = link;
	bpf->facts.hooks[hook] = BPF_HOOK_ATTACHED;
}

void bpf_attach_hooks(struct bpf *bpf)
{
	attach_hook(bpf, BPF_HOOK_CHAIN);
	attach_hook(bpf, BPF_HOOK_DEVICE_GONE);
	attach_hook(bpf, BPF_HOOK_FUTEX);
	attach_hook(bpf, BPF_HOOK_EXEC);
	attach_hook(bpf, BPF_HOOK_EXIT);
	attach_hook(bpf, BPF_HOOK_MODULE_LOAD);
	attach_hook(bpf, BPF_HOOK_MODULE_FREE);
	attach_hook(bpf, BPF_HOOK_THREADS);
	/* Without the exit nothing would close what the entry opens. */
	attach_hook(bpf, BPF_HOOK_INPUT_EXIT);
	if (bpf->facts.hooks[BPF_HOOK_INPUT_EXIT] == BPF_HOOK_ATTACHED) {
		attach_hook(bpf, BPF_HOOK_INPUT_ENTRY);
	} else {
		bpf->facts.hooks[BPF_HOOK_INPUT_ENTRY] = bpf->facts.hooks[BPF_HOOK_INPUT_EXIT];
		bpf->facts.hook_errors[BPF_HOOK_INPUT_ENTRY] = bpf->facts.hook_errors[BPF_HOOK_INPUT_EXIT];
	}
}

int bpf_attach_scheduler(struct bpf *bpf)
{
	char name[128];

	bpf->scheduler_link = bpf_map__attach_struct_ops(bpf->skel->maps.arcade_ops);
	if (bpf->scheduler_link)
		return 0;
	if (errno == EBUSY) {
		kernel_sched_name(name, sizeof(name));
		log_error("another scheduler came first: %s", name);
		return -EBUSY;
	}
	return log_error_errno(errno, "the kernel does not take the scheduler");
}

int bpf_detach(struct bpf *bpf)
{
	int err = 0;

	if (bpf->scheduler_link) {
		bpf_link__destroy(steal_ptr(&bpf->scheduler_link));
		err = kernel_wait_gone(KERNEL_OUR_NAME, DETACH_TIMEOUT_NS);
		if (err)
			log_error_errno(err, "the kernel still has not switched the scheduler off");
	}
	detach_hooks(bpf);
	return err;
}

void bpf_set_knobs(struct bpf *bpf, const struct options *opts)
{
	write_knobs(&bpf->skel->data_knobs->knobs, opts);
}

const struct bpf_facts *bpf_facts(const struct bpf *bpf)
{
	return &bpf->facts;
}

/* Return: number of threads that are in @tree now, -errno. */
static int mark_tree(struct bpf *bpf, pid_t pid, uint32_t tree)
{
	struct arcade_tree_mark *mark = &bpf->skel->data_mark->tree_mark_args;
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err;

	mark->tgid = (uint32_t)pid;
	mark->tree = tree;
	/* A thread that is made while the rest are marked may have been born before its parent was: look again. */
	for (int pass = 0; pass < MARK_PASSES_MAX; pass++) {
		mark->nr_marked = 0;
		mark->nr_found = 0;
		err = bpf_prog_test_run_opts(bpf_program__fd(bpf->skel->progs.mark_tree), &run);
		if (err)
			return err;
		if (!mark->nr_marked)
			break;
	}
	return (int)mark->nr_found;
}

/* Background is told from the rest by who is in front, so the kernel half needs both. */
static void write_game_tree(struct bpf *bpf)
{
	struct arcade_knobs *knobs = &bpf->skel->data_knobs->knobs;

	__atomic_store_n(&knobs->known_tree, bpf->game_tree, __ATOMIC_RELAXED);
	__atomic_store_n(&knobs->game_tree, bpf->game_is_behind ? 0 : bpf->game_tree, __ATOMIC_RELAXED);
}

int bpf_set_game(struct bpf *bpf, pid_t pid)
{
	uint32_t tree = pid ? ++bpf->nr_trees : 0;
	int nr = pid ? mark_tree(bpf, pid, tree) : 0;

	/* Also without a mark the one before is the game no longer. */
	bpf->game_tree = nr < 0 ? 0 : tree;
	write_game_tree(bpf);
	return nr;
}

void bpf_set_game_in_front(struct bpf *bpf, bool in_front)
{
	bpf->game_is_behind = !in_front;
	write_game_tree(bpf);
}

bool bpf_is_of_game(struct bpf *bpf, pid_t pid, char comm[ARCADE_COMM_LEN])
{
	struct arcade_tree_query *query = &bpf->skel->data_query->tree_query;
	LIBBPF_OPTS(bpf_test_run_opts, run);

	comm[0] = '\0';
	if (!bpf->game_tree)
		return false;
	query->tgid = (uint32_t)pid;
	query->tree = 0;
	query->comm[0] = '\0';
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf->skel->progs.ask_tree), &run))
		return false;
	memcpy(comm, query->comm, ARCADE_COMM_LEN);
	comm[ARCADE_COMM_LEN - 1] = '\0';
	return query->tree == bpf->game_tree;
}

int bpf_mark_background(struct bpf *bpf, pid_t pid)
{
	return mark_tree(bpf, pid, ++bpf->nr_trees | ARCADE_TREE_BACKGROUND);
}

int bpf_mark_background_group(struct bpf *bpf, uint64_t id)
{
	struct arcade_group_mark *mark = &bpf->skel->data_group->group_mark_args;
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err;

	mark->id = id;
	mark->tree = ++bpf->nr_trees | ARCADE_TREE_BACKGROUND;
	err = bpf_prog_test_run_opts(bpf_program__fd(bpf->skel->progs.mark_group), &run);
	if (err)
		return err;
	if (mark->state == ARCADE_GROUP_UNSUPPORTED)
		return -EOPNOTSUPP;
	return mark->state == ARCADE_GROUP_MARKED ? 0 : -ENOENT;
}

void bpf_clear_background(struct bpf *bpf)
{
	__atomic_store_n(&bpf->skel->data_knobs->knobs.background_cleared, bpf->nr_trees | ARCADE_TREE_BACKGROUND,
			 __ATOMIC_RELAXED);
}

bool bpf_tree_is_background(const struct bpf *bpf, uint32_t tree)
{
	return (tree & ARCADE_TREE_BACKGROUND) && tree > bpf->skel->data_knobs->knobs.background_cleared;
}

bool bpf_input_is_attached(const struct bpf *bpf)
{
	return bpf->facts.hooks[BPF_HOOK_INPUT_ENTRY] == BPF_HOOK_ATTACHED;
}

int bpf_read_stats(struct bpf *bpf, struct arcade_stats *total)
{
	const size_t nr_words = sizeof(*total) / sizeof(uint64_t), wait_max = offsetof(struct arcade_stats, wait_max_ns) / 8;
	uint64_t *sum = (uint64_t *)total;
	uint32_t zero = 0;
	int err;

	err = bpf_map__lookup_elem(bpf->skel->maps.arcade_stats, &zero, sizeof(zero), bpf->per_cpu,
				   bpf->nr_possible * sizeof(*bpf->per_cpu), 0);
	if (err)
		return err;
	memset(total, 0, sizeof(*total));
	for (int cpu = 0; cpu < bpf->nr_possible; cpu++) {
		const uint64_t *one = (const uint64_t *)&bpf->per_cpu[cpu];

		for (size_t i = 0; i < nr_words; i++) {
			if (i != wait_max)
				sum[i] += one[i];
			else if (one[i] > sum[i])
				sum[i] = one[i];
		}
	}
	for (int lane = 0; lane < ARCADE_MAX_LANES; lane++)
		total->nr_packets += total->nr_lane_packets[lane];
	return 0;
}

static uint64_t recursion_misses(struct bpf_program *prog)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_program__fd(prog) < 0 || bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return 0;
	return info.recursion_misses;
}

uint64_t bpf_input_missed(struct bpf *bpf)
{
	return recursion_misses(bpf->skel->progs.input_event_entry);
}

const struct arcade_exit *bpf_exit_record(const struct bpf *bpf)
{
	return &bpf->skel->data_exit->exit_record;
}

char *bpf_read_exit_dump(struct bpf *bpf)
{
	_cleanup_free_ char *dump = calloc(1, bpf->exit_dump_len + 8);
	uint32_t zero = 0;

	if (!dump || bpf_map__lookup_elem(bpf->skel->maps.exit_dump, &zero, sizeof(zero), dump, bpf->exit_dump_len, 0) ||
	    !*dump)
		return NULL;
	return steal_ptr(&dump);
}

const struct arcade_knobs *bpf_knobs(const struct bpf *bpf)
{
	return &bpf->skel->data_knobs->knobs;
}

uint32_t bpf_active_lanes(const struct bpf *bpf, uint64_t now)
{
	uint32_t lanes = 0;

	for (int lane = 0; lane < NR_ARCADE_LANES; lane++)
		if (bpf->skel->bss->chain_lane_root_ns[lane] + bpf->skel->data_knobs->knobs.chain_ttl_ns > now)
			lanes |= 1u << lane;
	return lanes;
}

uint32_t bpf_list_devices(const struct bpf *bpf, struct arcade_device *devices)
{
	const struct bpf_map *map = bpf->skel->maps.input_devices;
	uint64_t key, *before = NULL, next;
	uint32_t nr = 0;

	/* A device that goes meanwhile may make the walk begin anew: its length is bounded, and nothing is counted by it. */
	while (nr < ARCADE_MAX_DEVICES && !bpf_map__get_next_key(map, before, &next, sizeof(next))) {
		if (!bpf_map__lookup_elem(map, &next, sizeof(next), &devices[nr], sizeof(devices[nr]), 0))
			nr++;
		key = next;
		before = &key;
	}
	return nr;
}

static void change_lane(struct bpf *bpf, uint32_t number, uint32_t lane)
{
	const struct bpf_map *map = bpf->skel->maps.input_devices;
	uint64_t key, *before = NULL, next;
	struct arcade_device device;

	for (int i = 0; i < ARCADE_MAX_DEVICES && !bpf_map__get_next_key(map, before, &next, sizeof(next)); i++) {
		if (!bpf_map__lookup_elem(map, &next, sizeof(next), &device, sizeof(device), 0) &&
		    device.number == number && device.lane != lane) {
			device.lane = lane;
			bpf_map__update_elem(map, &next, sizeof(next), &device, sizeof(device), BPF_EXIST);
			__atomic_fetch_add(&bpf->skel->bss->input_generation, 1, __ATOMIC_SEQ_CST);
		}
		key = next;
		before = &key;
	}
}

int bpf_set_device_lane(struct bpf *bpf, uint32_t number, enum arcade_lane lane)
{
	uint32_t value = lane;
	int err = bpf_map__update_elem(bpf->skel->maps.input_lanes, &number, sizeof(number), &value, sizeof(value), BPF_ANY);

	if (err)
		return err;
	/* After that: a device whose first packet comes between the two is told in either way. */
	change_lane(bpf, number, value);
	return 0;
}

void bpf_forget_device(struct bpf *bpf, uint32_t number)
{
	bpf_map__delete_elem(bpf->skel->maps.input_lanes, &number, sizeof(number), 0);
}

void bpf_open_window(struct bpf *bpf, enum arcade_lane lane, uint64_t now)
{
	/* Nobody else writes it: there is no hook. */
	__atomic_store_n(&bpf->skel->bss->chain_lane_root_ns[lane], now, __ATOMIC_RELAXED);
	__atomic_store_n(&bpf->skel->data_knobs->knobs.input_window_until_ns,
			 now + bpf->skel->data_knobs->knobs.chain_ttl_ns, __ATOMIC_RELAXED);
}

void bpf_set_compositor(struct bpf *bpf, pid_t pid)
{
	__atomic_store_n(&bpf->skel->data_knobs->knobs.compositor_tgid, (uint32_t)pid, __ATOMIC_RELAXED);
}

int bpf_input_ring_fd(const struct bpf *bpf, uint32_t ring)
{
	const struct bpf_map *maps[ARCADE_NR_RINGS] = {
		bpf->skel->maps.input_ring_0,  bpf->skel->maps.input_ring_1,  bpf->skel->maps.input_ring_2,
		bpf->skel->maps.input_ring_3,  bpf->skel->maps.input_ring_4,  bpf->skel->maps.input_ring_5,
		bpf->skel->maps.input_ring_6,  bpf->skel->maps.input_ring_7,  bpf->skel->maps.input_ring_8,
		bpf->skel->maps.input_ring_9,  bpf->skel->maps.input_ring_10, bpf->skel->maps.input_ring_11,
		bpf->skel->maps.input_ring_12, bpf->skel->maps.input_ring_13, bpf->skel->maps.input_ring_14,
		bpf->skel->maps.input_ring_15,
	};

	return bpf_map__fd(maps[ring % ARCADE_NR_RINGS]);
}

int bpf_control_ring_fd(const struct bpf *bpf)
{
	return bpf_map__fd(bpf->skel->maps.control_ring);
}

int bpf_end_ring_fd(const struct bpf *bpf)
{
	return bpf_map__fd(bpf->skel->maps.end_ring);
}

int bpf_shared_map_fd(const struct bpf *bpf, const char *name)
{
	return bpf_object__find_map_fd_by_name(bpf->skel->obj, name);
}

int bpf_open_threads(const struct bpf *bpf)
{
	int fd;

	if (bpf->facts.hooks[BPF_HOOK_THREADS] != BPF_HOOK_ATTACHED)
		return -EOPNOTSUPP;
	fd = bpf_iter_create(bpf_link__fd(bpf->hook_links[BPF_HOOK_THREADS]));
	return fd < 0 ? -errno : fd;
}

struct bpf_control_lost bpf_control_lost(const struct bpf *bpf)
{
	return (struct bpf_control_lost){
		.nr_full = __atomic_load_n(&bpf->skel->bss_detect->detect_nr_lost, __ATOMIC_ACQUIRE),
		.nr_missed_execs = recursion_misses(bpf->skel->progs.process_exec),
		.nr_missed_exits = recursion_misses(bpf->skel->progs.process_exit),
		.nr_missed_modules = recursion_misses(bpf->skel->progs.module_loaded) +
				     recursion_misses(bpf->skel->progs.module_freed),
	};
}

void bpf_set_reader(struct bpf *bpf, bool attached, bool polling)
{
	__atomic_store_n(&bpf->skel->bss->input_reader_polling, polling, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bpf->skel->bss->input_reader_attached, attached, __ATOMIC_SEQ_CST);
}
