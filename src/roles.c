// SPDX-License-Identifier: GPL-2.0-only
#include "roles.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "roles.skel.h"
#include "worker.h"

/* A driver comes with a handful of modules: one look at them all. */
#define LOOK_DELAY_NS (20 * NSEC_PER_MSEC)

#define MAX_PROGRAMS 5

/* To verify them takes some 100 ms; in an emulator, or beside many that compute, many times that. */
#define LOOK_LIMIT_NS (60 * NSEC_PER_SEC)

/* A load cannot be interrupted. */
#define STOP_NS   (2 * NSEC_PER_SEC)
#define LINGER_NS (2 * NSEC_PER_SEC)

/* The programs of a role, in the order in which they are attached: who closes before who opens. */
static const struct {
	const char *name;
	const char *module;
	const char *programs[MAX_PROGRAMS];
	const char *functions[MAX_PROGRAMS];
} defs[NR_ROLES] = {
	[ROLE_DISPLAY] = {
		"display", "drm",
		{ "display_vblank_exit", "display_vblank_entry", "display_event_exit", "display_event_entry",
		  "display_ioctl" },
		{ "drm_handle_vblank", "drm_handle_vblank", "drm_crtc_send_vblank_event", "drm_crtc_send_vblank_event",
		  "drm_ioctl" },
	},
	[ROLE_AUDIO] = {
		"audio", "snd_pcm",
		{ "audio_period_exit", "audio_period_entry", "audio_locked_exit", "audio_locked_entry" },
		{ "snd_pcm_period_elapsed", "snd_pcm_period_elapsed", "snd_pcm_period_elapsed_under_stream_lock",
		  "snd_pcm_period_elapsed_under_stream_lock" },
	},
	[ROLE_NVIDIA] = { "NVIDIA GPU", "nvidia", { "nvidia_ioctl" }, { "nvidia_unlocked_ioctl" } },
};

/* What the object has in common with the scheduler's. */
#define NR_SHARED_MAPS 6
static const char *const shared_maps[NR_SHARED_MAPS] = {
	"arcade_stats", "task_ctxs", "control_ring", ".data.knobs", ".bss.roots", ".bss.detect",
};

/* A look at one role, in the thread: is its module used, and if so, its programs. Who keeps it keeps them attached. */
struct look {
	struct worker_job job;
	struct roles *roles;		/* for the loop */
	enum role role;
	bool is_builtin;		/* the functions are in the kernel itself */
	bool wants_attach;
	bool with_roots;		/* as of choose_programs() */
	int map_fds[NR_SHARED_MAPS];	/* -1, or owned */

	/* What came of it. */
	bool is_used;
	bool was_tried;
	int err;			/* if it was tried; -ENOENT if the module has none of the functions */
	struct roles_bpf *skel;
	struct bpf_link *links[MAX_PROGRAMS];
};

struct roles {
	const struct bpf *bpf;
	struct loop *loop;
	struct worker *worker;		/* NULL without loop */
	struct timer timer;
	struct {
		struct look *asked;	/* under way: borrowed */
		struct look *attached;	/* kept */
		bool look_again;	/* something has happened since it was asked */
		bool is_builtin;
	} roles[NR_ROLES];
	struct roles_facts facts;
};

/* ---- in the thread ---- */

/* Is the module there, and does another module use it? The name is ours. */
static bool module_is_used(const char *module)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[128], state[16];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	if (read_file_line_at(AT_FDCWD, path, state, sizeof(state)) || !streq(state, "live"))
		return false;
	snprintf(path, sizeof(path), "/sys/module/%s/holders", module);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			return true;
	return false;
}

/* Those that begin chains; the others see what is given to a GPU or a display. */
static bool is_root_program(const char *program)
{
	return !strstr(program, "_ioctl");
}

/* Leaves only the programs of @role whose functions @btf has, and that are of use. Return: how many. */
static int choose_programs(struct roles_bpf *skel, enum role role, const struct btf *btf, bool with_roots)
{
	struct bpf_program *program;
	int nr = 0;

	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program, false);
	for (int i = 0; i < MAX_PROGRAMS && defs[role].programs[i]; i++) {
		if (btf__find_by_name_kind(btf, defs[role].functions[i], BTF_KIND_FUNC) < 0)
			continue;
		if (!with_roots && is_root_program(defs[role].programs[i]))
			continue;
		program = bpf_object__find_program_by_name(skel->obj, defs[role].programs[i]);
		if (program && !bpf_program__set_autoload(program, true))
			nr++;
	}
	return nr;
}

static int share_maps(const struct look *look)
{
	for (size_t i = 0; i < NR_SHARED_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(look->skel->obj, shared_maps[i]);
		int err;

		if (!map || look->map_fds[i] < 0)
			return -ENOENT;
		err = bpf_map__reuse_fd(map, look->map_fds[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Return: 0, -ENOENT if the module has none of the functions, -ECANCELED, -errno. */
static int attach(struct look *look, const struct btf *btf)
{
	const char *const *programs = defs[look->role].programs;
	int err, nr = 0;

	look->skel = roles_bpf__open();
	if (!look->skel)
		return -errno;
	if (!choose_programs(look->skel, look->role, btf, look->with_roots))
		return -ENOENT;
	err = share_maps(look);
	if (err)
		return err;
	err = roles_bpf__load(look->skel);
	if (err)
		return err;
	for (int i = 0; i < MAX_PROGRAMS && programs[i]; i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(look->skel->obj, programs[i]);

		if (!program || !bpf_program__autoload(program))
			continue;
		if (worker_job_is_cancelled(&look->job))
			return -ECANCELED;
		look->links[i] = bpf_program__attach(program);
		if (!look->links[i])
			return -errno;
		nr++;
	}
	return nr ? 0 : -ENOENT;
}

/* What opens goes before what closes. */
static void detach(struct look *look)
{
	for (int i = MAX_PROGRAMS - 1; i >= 0; i--)
		bpf_link__destroy(steal_ptr(&look->links[i]));
	roles_bpf__destroy(steal_ptr(&look->skel));
}

static void look_run(struct worker_job *job)
{
	struct look *look = container_of(job, struct look, job);
	struct btf *btf_base, *btf = NULL;

	look->is_used = look->is_builtin || module_is_used(defs[look->role].module);
	if (!look->is_used || !look->wants_attach)
		return;
	btf_base = btf__load_vmlinux_btf();
	if (btf_base && !look->is_builtin)
		btf = btf__load_module_btf(defs[look->role].module, btf_base);
	if (btf || (btf_base && look->is_builtin)) {
		look->was_tried = true;
		look->err = attach(look, btf ? btf : btf_base);
		if (look->err)
			detach(look);
		/* Gone while they were loaded: that is no refusal. */
		if (look->err && !look->is_builtin && !module_is_used(defs[look->role].module))
			look->is_used = false;
	}
	btf__free(btf);
	btf__free(btf_base);
}

static void look_free(struct worker_job *job)
{
	struct look *look = container_of(job, struct look, job);

	detach(look);
	for (size_t i = 0; i < NR_SHARED_MAPS; i++)
		close_fd(look->map_fds[i]);
	free(look);
}

/* ---- in the loop ---- */

static bool chains_are_followed(const struct bpf *bpf)
{
	return bpf_facts(bpf)->hooks[BPF_HOOK_CHAIN] >= BPF_HOOK_LOADED;
}

static void note_failure(struct roles *roles, enum role role, int err)
{
	roles->facts.states[role] = err == -ENOENT ? BPF_HOOK_ABSENT : BPF_HOOK_REFUSED;
	roles->facts.errors[role] = -err;
	if (err == -ETIMEDOUT)
		log_warning("%s: the kernel has not loaded its programs within %d s; it goes on without",
			    defs[role].name, (int)(LOOK_LIMIT_NS / NSEC_PER_SEC));
	else if (err != -ENOENT)
		log_warning_errno(err, "%s: the kernel refuses its programs (--verbose tells why); it goes on without",
				  defs[role].name);
}

static void let_go(struct roles *roles, enum role role)
{
	if (roles->roles[role].attached)
		worker_job_unref(roles->worker, &steal_ptr(&roles->roles[role].attached)->job);
}

/*
 * @is_start: the report says it. @has_news: modules have come or gone meanwhile, this one perhaps, and there will be
 * another look: what failed need not fail then.
 */
static void take_look(struct roles *roles, struct look *look, bool is_start, bool has_news)
{
	enum role role = look->role;
	enum bpf_hook_state *state = &roles->facts.states[role];

	if (!look->is_used) {
		if (*state == BPF_HOOK_ATTACHED) {
			let_go(roles, role);
			roles->facts.nr_released++;
			log_info("%s: module %s is not in use any more: detached", defs[role].name, defs[role].module);
		}
		*state = BPF_HOOK_ABSENT;
		return;
	}
	if (!look->was_tried)
		return;
	if (look->err && has_news)
		return;
	if (look->err) {
		note_failure(roles, role, look->err);
		return;
	}
	worker_job_ref(&look->job);
	roles->roles[role].attached = look;
	*state = BPF_HOOK_ATTACHED;
	roles->facts.nr_attached++;
	if (!is_start)
		log_info("%s: module %s: attached", defs[role].name, defs[role].module);
}

static void look_done(struct worker_job *job, int err)
{
	struct look *look = container_of(job, struct look, job);
	struct roles *roles = look->roles;
	enum role role = look->role;

	roles->roles[role].asked = NULL;
	if (err == -ECANCELED)
		return;
	if (roles->roles[role].look_again)
		roles_look_soon(roles);
	roles->roles[role].look_again = false;
	if (!err)
		take_look(roles, look, false, timer_is_armed(&roles->timer));
	else if (look->wants_attach)
		note_failure(roles, role, err);
}

static const struct worker_ops look_ops = {
	.limit_ns = LOOK_LIMIT_NS,
	.run = look_run,
	.done = look_done,
	.free = look_free,
	.free_waits = true,
};

/* What was refused once is so until the module has been out of use. Return: NULL without memory. */
static struct look *look_new(struct roles *roles, enum role role)
{
	struct look *look = calloc(1, sizeof(*look));

	if (!look)
		return NULL;
	worker_job_init(&look->job, &look_ops);
	look->roles = roles;
	look->role = role;
	look->wants_attach = roles->facts.states[role] == BPF_HOOK_ABSENT;
	look->with_roots = chains_are_followed(roles->bpf);
	for (size_t i = 0; i < NR_SHARED_MAPS; i++)
		look->map_fds[i] = -1;
	for (size_t i = 0; look->wants_attach && i < NR_SHARED_MAPS; i++)
		look->map_fds[i] = fcntl(bpf_shared_map_fd(roles->bpf, shared_maps[i]), F_DUPFD_CLOEXEC, 0);
	return look;
}

/* At the start: here, and so that it is known when it returns. */
static int look_now(struct roles *roles, enum role role, bool is_builtin)
{
	struct look *look = look_new(roles, role);

	if (!look)
		return -ENOMEM;
	look->is_builtin = is_builtin;
	look_run(&look->job);
	take_look(roles, look, true, false);
	worker_job_unref(NULL, &look->job);
	return 0;
}

static void look_at(struct roles *roles, enum role role)
{
	struct look *look;

	if (roles->facts.states[role] == BPF_HOOK_OFF || roles->roles[role].is_builtin)
		return;
	if (roles->roles[role].asked) {
		roles->roles[role].look_again = true;
		return;
	}
	look = look_new(roles, role);
	if (!look || worker_submit(roles->worker, &look->job)) {
		log_warning("%s: not looked for: no memory or no thread", defs[role].name);
		worker_job_unref(NULL, look ? &look->job : NULL);
		return;
	}
	roles->roles[role].asked = look;
}

static int look_again(struct timer *timer, uint64_t now)
{
	struct roles *roles = container_of(timer, struct roles, timer);

	for (int role = 0; role < NR_ROLES; role++)
		look_at(roles, role);
	return 0;
}

/* Some kernels have the functions in themselves: attached at the start, and for good. */
static int look_at_kernel(struct roles *roles)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int err = 0;

	for (int role = 0; btf && !err && role < NR_ROLES; role++) {
		if (roles->facts.states[role] == BPF_HOOK_OFF ||
		    btf__find_by_name_kind(btf, defs[role].functions[0], BTF_KIND_FUNC) < 0)
			continue;
		roles->roles[role].is_builtin = true;
		err = look_now(roles, role, true);
	}
	btf__free(btf);
	return err;
}

static int look_at_all(struct roles *roles)
{
	int err = look_at_kernel(roles);

	for (int role = 0; !err && role < NR_ROLES; role++)
		if (roles->facts.states[role] != BPF_HOOK_OFF && !roles->roles[role].is_builtin)
			err = look_now(roles, role, false);
	return err;
}

int roles_new(const struct options *opts, const struct bpf *bpf, struct loop *loop, struct roles **ret)
{
	const struct worker_config config = {
		.loop = loop,
		.thread = "arcade-roles",
		.what = "roles: the loading of a program",
		.linger_ns = LINGER_NS,
		.stop_ns = STOP_NS,
	};
	_cleanup_(roles_freep) struct roles *roles = calloc(1, sizeof(*roles));
	int err;

	if (!roles)
		return log_error_errno(ENOMEM, "roles");
	roles->bpf = bpf;
	roles->loop = loop;
	timer_init(&roles->timer, "roles", look_again);
	err = loop ? worker_new(&config, &roles->worker) : 0;
	if (err) {
		log_warning_errno(err, "roles: modules that come later are not noticed");
		roles->loop = NULL;
	}
	for (int role = 0; role < NR_ROLES; role++)
		roles->facts.states[role] = opts->no_roles ? BPF_HOOK_OFF : BPF_HOOK_ABSENT;
	if (!chains_are_followed(bpf))
		roles->facts.states[ROLE_AUDIO] = BPF_HOOK_OFF;
	err = opts->no_roles ? 0 : look_at_all(roles);
	if (err)
		return log_error_errno(err, "roles");
	*ret = steal_ptr(&roles);
	return 0;
}

void roles_free(struct roles *roles)
{
	if (!roles)
		return;
	for (int role = 0; role < NR_ROLES; role++)
		let_go(roles, role);
	worker_free(roles->worker);
	timer_disarm(&roles->timer);
	free(roles);
}

void roles_look_soon(struct roles *roles)
{
	if (roles && roles->loop && !timer_is_armed(&roles->timer))
		timer_arm(&roles->timer, roles->loop, now_ns() + LOOK_DELAY_NS, 0);
}

void roles_handle_control(struct roles *roles, const struct arcade_control_record *record)
{
	if (record->type == ARCADE_CONTROL_MODULE_LOAD || record->type == ARCADE_CONTROL_MODULE_FREE)
		roles_look_soon(roles);
}

const struct roles_facts *roles_facts(const struct roles *roles)
{
	return &roles->facts;
}
