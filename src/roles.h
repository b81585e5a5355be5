/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * roles - the programs that sit in modules: display, audio, GPU
 *
 * Each role is a few programs on functions of one module (bpf/roles.bpf.c),
 * loaded when the module is used, whenever that begins, and unloaded when it is
 * not any more. A program holds its module, so nobody could unload that; but
 * these modules serve others, the drivers, and as soon as the last of those is
 * gone the role lets go. Who removes driver and core in one go finds the core
 * busy for some 20 ms more, and for as long as a program that is being loaded
 * meanwhile keeps the thread.
 *
 * That modules come and go is told by the control ring; nothing is polled. To
 * load programs and to let go of them takes the kernel a while: once the loop
 * runs, a worker's thread does that.
 * Every role is optional, and so are all of them.
 */
#ifndef ARCADE_SRC_ROLES_H
#define ARCADE_SRC_ROLES_H

#include "arcade/abi.h"
#include "bpf.h"
#include "loop.h"
#include "options.h"

enum role {
	ROLE_DISPLAY,	/* drm: frames and flips; who gives work to a GPU or a picture to the display */
	ROLE_AUDIO,	/* snd_pcm: periods */
	ROLE_NVIDIA,	/* nvidia: who gives work to its GPU */
	NR_ROLES,
};

struct roles_facts {
	enum bpf_hook_state states[NR_ROLES];	/* BPF_HOOK_LOADED never */
	int errors[NR_ROLES];			/* errno of a refusal */
	uint64_t nr_attached;			/* times that a role was attached … */
	uint64_t nr_released;			/* … and that it let go of a module that went out of use */
};

struct roles;

/*
 * Attach what can be attached now, and from then on what comes. @bpf and @loop must outlive the result; @loop may be
 * NULL, then nothing changes later. What is refused is reported in the facts and logged. Return: 0, -ENOMEM.
 */
int roles_new(const struct options *opts, const struct bpf *bpf, struct loop *loop, struct roles **ret);

/* Detaches. Accepts NULL. */
void roles_free(struct roles *roles);
DEFINE_CLEANUP(struct roles *, roles_free)

/* A module has come or gone; others are ignored. NULL @roles is none. */
void roles_handle_control(struct roles *roles, const struct arcade_control_record *record);

/* It may have, and nobody has told. NULL @roles is none. */
void roles_look_soon(struct roles *roles);

const struct roles_facts *roles_facts(const struct roles *roles);

#endif
