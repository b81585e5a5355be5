/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options - what to play: a named scene and the changes to it
 */
#ifndef SCENE_OPTIONS_H
#define SCENE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum scene_format {
	SCENE_FORMAT_TABLE,
	SCENE_FORMAT_JSON,
	NR_SCENE_FORMATS,
};

struct scene_options {
	const char *scene;
	const char *label;
	double warmup_s;
	double duration_s;
	uint64_t nr_packets;		/* end after so many counted packets, 0: after the duration */

	unsigned int mouse_hz;		/* 0: no such device */
	unsigned int key_hz;
	unsigned int input_us;		/* the game's work on a packet, before it hands over */
	unsigned int submit_us;		/* the render thread's work on a packet */
	unsigned int fps;		/* 0: no frames */
	unsigned int frame_us;		/* CPU work of all threads on one frame */
	bool audio;
	bool video;
	bool timer;			/* an ordinary thread whose wakeups are timed */
	bool has_game;			/* the application that takes the input is a game, and has the audio thread */
	bool burst;
	unsigned int nr_hogs;
	unsigned int nr_forkers;
	unsigned int nr_jobs;		/* of the parallel build */
	int game_nice;			/* of all threads of the game, as GameMode would */

	double iters_per_us;		/* 0: calibrate */
	bool calibrate_only;
	enum scene_format format;
	const char *kv_path;
	const char *samples_path;
	const char *buckets_path;
	const char *pid_path;
	const char *go_path;
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_ERROR,
};

/* Fill @opt. Errors are told on stderr in one line, help on stdout. */
enum options_result options_parse(struct scene_options *opt, int argc, char **argv);

#endif
