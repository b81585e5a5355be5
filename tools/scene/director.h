/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * director - starts the parts, keeps time, and leaves nothing behind
 */
#ifndef SCENE_DIRECTOR_H
#define SCENE_DIRECTOR_H

#include "scene.h"

enum scene_part {
	SCENE_PART_DEVICE,
	SCENE_PART_COMPOSITOR,
	SCENE_PART_GAME,
	SCENE_PART_APP,
	SCENE_PART_AUDIO,
	SCENE_PART_VIDEO,
	SCENE_PART_TIMER,
	SCENE_PART_HOG,
	SCENE_PART_FORKER,
	SCENE_PART_MAKE,
	NR_SCENE_PARTS,
};

struct scene_result {
	double wall_s;				/* the counted span */
	double cpu_s[NR_SCENE_PARTS];		/* all processes of a part, start to end; a game's without its audio and bursts */
};

const char *scene_part_name(enum scene_part part);

/*
 * Play the scene. Errors are told on stderr. Return: 0, an exit status, or
 * 128 + signal when interrupted; all processes and devices are gone by then.
 */
int director_play(struct scene *scene, struct scene_result *result);

#endif
