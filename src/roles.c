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

/* A driver comes with a handful of modules: one look at them all. */
#define LOOK_DELAY_NS (20 * NSEC_PER_MSEC)

#define MAX_PROGRAMS 5

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
static const char *const shared_maps[] = {
	"arcade_stats", "task_ctxs", "control_ring", ".data.knobs", ".bss.roots", ".bss.detect",
};

struct roles {
	const struct bpf *bpf;
	struct loop *loop;
	struct timer timer;
	struct {
		struct roles_bpf *skel;
		struct bpf_link *links[MAX_PROGRAMS];
		bool is_builtin;
	} roles[NR_ROLES];
	struct roles_facts facts;
};

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

static bool chains_are_followed(const struct bpf *bpf)
{
	return bpf_facts(bpf)->hooks[BPF_HOOK_CHAIN] >= BPF_HOOK_LOADED;
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

static int share_maps(const struct roles *roles, struct roles_bpf *skel)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared_maps); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, shared_maps[i]);
		int fd = bpf_shared_map_fd(roles->bpf, shared_maps[i]), err;

		if (!map || fd < 0)
			return -ENOENT;
		err = bpf_map__reuse_fd(map, fd);
		if (err)
			return err;
	}
	return 0;
}

/* Return: 0, -ENOENT if the module has none of the functions, -errno. */
static int attach(struct roles *roles, enum role role, const struct btf *btf)
{
	struct roles_bpf *skel = roles_bpf__open();
	int err, nr = 0;

	if (!skel)
		return -errno;
	roles->roles[role].skel = skel;
	if (!choose_programs(skel, role, btf, chains_are_followed(roles->bpf)))
		return -ENOENT;
	err = share_maps(roles, skel);
	if (err)
		return err;
	err = roles_bpf__load(skel);
	if (err)
		return err;
	for (int i = 0; i < MAX_PROGRAMS && defs[role].programs[i]; i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(skel->obj, defs[role].programs[i]);

		if (!program || !bpf_program__autoload(program))
			continue;
		roles->roles[role].links[i] = bpf_program__attach(program);
		if (!roles->roles[role].links[i])
			return -errno;
		nr++;
	}
	return nr ? 0 : -ENOENT;
}

/* What opens goes before what closes. */
static void detach(struct roles *roles, enum role role)
{
	for (int i = MAX_PROGRAMS - 1; i >= 0; i--)
		bpf_link__destroy(steal_ptr(&roles->roles[role].links[i]));
	roles_bpf__destroy(steal_ptr(&roles->roles[role].skel));
}

static void try_attach(struct roles *roles, enum role role, const struct btf *btf)
{
	int err = attach(roles, role, btf);

	if (!err) {
		roles->facts.states[role] = BPF_HOOK_ATTACHED;
		roles->facts.nr_attached++;
		return;
	}
	detach(roles, role);
	roles->facts.states[role] = err == -ENOENT ? BPF_HOOK_ABSENT : BPF_HOOK_REFUSED;
	roles->facts.errors[role] = -err;
	if (err != -ENOENT)
		log_warning_errno(err, "%s: the kernel refuses its programs (--verbose tells why); it goes on without",
				  defs[role].name);
}

/* @btf_base: of the kernel itself, read when the first module needs it. */
static void look_at(struct roles *roles, enum role role, struct btf **btf_base)
{
	enum bpf_hook_state *state = &roles->facts.states[role];
	struct btf *btf;

	if (*state == BPF_HOOK_OFF || roles->roles[role].is_builtin)
		return;
	if (!module_is_used(defs[role].module)) {
		if (*state == BPF_HOOK_ATTACHED) {
			detach(roles, role);
			roles->facts.nr_released++;
			log_info("%s: module %s is not in use any more: detached", defs[role].name, defs[role].module);
		}
		*state = BPF_HOOK_ABSENT;
		return;
	}
	/* What was refused once is so until the module has been out of use. */
	if (*state != BPF_HOOK_ABSENT)
		return;
	if (!*btf_base)
		*btf_base = btf__load_vmlinux_btf();
	btf = *btf_base ? btf__load_module_btf(defs[role].module, *btf_base) : NULL;
	if (!btf)
		return;
	try_attach(roles, role, btf);
	btf__free(btf);
	if (*state == BPF_HOOK_ATTACHED && roles->loop)
		log_info("%s: module %s: attached", defs[role].name, defs[role].module);
}

static void look(struct roles *roles)
{
	struct btf *btf_base = NULL;

	for (int role = 0; role < NR_ROLES; role++)
		look_at(roles, role, &btf_base);
	btf__free(btf_base);
}

static int look_again(struct timer *timer, uint64_t now)
{
	look(container_of(timer, struct roles, timer));
	return 0;
}

/* Some kernels have the functions in themselves: attached at the start, and for good. */
static void look_at_kernel(struct roles *roles)
{
	struct btf *btf = btf__load_vmlinux_btf();

	for (int role = 0; btf && role < NR_ROLES; role++) {
		if (roles->facts.states[role] == BPF_HOOK_OFF ||
		    btf__find_by_name_kind(btf, defs[role].functions[0], BTF_KIND_FUNC) < 0)
			continue;
		roles->roles[role].is_builtin = true;
		try_attach(roles, role, btf);
	}
	btf__free(btf);
}

int roles_new(const struct options *opts, const struct bpf *bpf, struct loop *loop, struct roles **ret)
{
	struct roles *roles = calloc(1, sizeof(*roles));

	if (!roles)
		return log_error_errno(ENOMEM, "roles");
	roles->bpf = bpf;
	roles->loop = loop;
	timer_init(&roles->timer, "roles", look_again);
	for (int role = 0; role < NR_ROLES; role++)
		roles->facts.states[role] = opts->no_roles ? BPF_HOOK_OFF : BPF_HOOK_ABSENT;
	if (!chains_are_followed(bpf))
		roles->facts.states[ROLE_AUDIO] = BPF_HOOK_OFF;
	if (!opts->no_roles) {
		look_at_kernel(roles);
		look(roles);
	}
	*ret = roles;
	return 0;
}

void roles_free(struct roles *roles)
{
	if (!roles)
		return;
	timer_disarm(&roles->timer);
	for (int role = 0; role < NR_ROLES; role++)
		detach(roles, role);
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
