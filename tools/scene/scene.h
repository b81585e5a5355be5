/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scene - what the parts of the scene share
 *
 * A desktop is many processes, so the scene is too: the director forks one
 * process per part, and they meet in one block of shared memory. Each number
 * in it has one writer; the director reads when the parts have ended.
 *
 *	device -> kernel -> compositor -> game: main -> game: render
 *	          (evdev)   hop 1         hop 2         hop 3
 *
 * The latency of hop 2 is the input wake: from the kernel's time stamp until
 * the thread runs that waits for the player.
 *
 * A packet counts or it does not (warm-up), and that is decided once, by the
 * device, and travels inside the packet: so every hop counts the same ones.
 */
#ifndef SCENE_SCENE_H
#define SCENE_SCENE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

#define SCENE_MAX_BACKGROUND	1024

struct scene_options;

enum scene_lane {
	SCENE_LANE_MOUSE,
	SCENE_LANE_KEYBOARD,
	NR_SCENE_LANES,
};

/* Where no game is played, an application stands in its place. */
enum scene_hop {
	SCENE_HOP_COMPOSITOR,
	SCENE_HOP_GAME,
	SCENE_HOP_RENDER,
	NR_SCENE_HOPS,
};

struct lane_stats {
	uint64_t nr_sent;		/* that count */
	uint64_t nr_sent_all;		/* warm-up included */
	uint64_t nr_skipped;
};

struct hop_stats {
	uint64_t nr_packets;
	uint64_t nr_wakeups;		/* times the thread slept and was woken for packets that count */
	struct histogram latency;	/* since the kernel's time stamp */
} __attribute__((aligned(64)));

/* Periods that count, and their times since the period began. */
struct period_stats {
	uint64_t nr_played;
	uint64_t nr_late;		/* of these */
	uint64_t nr_skipped;
	struct histogram time;
} __attribute__((aligned(64)));

struct background_stats {
	uint64_t nr_done;		/* work units, children, or compiled files */
	double cpu_s;
	_Atomic uint64_t nr_units;	/* of compilers: each stage adds its own */
} __attribute__((aligned(64)));

/* One message per packet from compositor to game, and on to render. */
struct scene_packet {
	uint64_t stamp_ns;		/* the kernel's, CLOCK_MONOTONIC */
	uint32_t sequence;
	uint16_t lane;
	uint16_t is_counted;
};

struct scene_shared {
	/* set by the director before @go */
	uint64_t begin_ns;		/* the grid of all periods starts here */
	uint64_t measure_ns;		/* from here on it counts */
	_Atomic uint64_t end_ns;
	_Atomic uint32_t nr_ready;
	_Atomic uint32_t go;		/* futex */
	_Atomic uint32_t close_devices;	/* futex; the end of the chain: everyone after it sees end of file */

	_Atomic uint32_t has_failed;	/* first one writes @error */
	char error[256];

	char sysname[NR_SCENE_LANES][32];	/* "inputN", written before the device is ready */
	_Atomic uint32_t device_is_done;
	uint32_t device_is_fifo;
	_Atomic uint64_t nr_claimed;	/* --packets */
	struct lane_stats lanes[NR_SCENE_LANES];

	uint64_t nr_syn_dropped;
	uint64_t nr_sequence_gaps;
	uint64_t nr_handoff_full;
	_Atomic uint64_t nr_rendered_all;	/* packets at the last hop, warm-up included */
	struct hop_stats hops[NR_SCENE_HOPS];

	struct period_stats frames;	/* time until the frame is done */
	struct period_stats audio;	/* time until the thread runs */
	struct period_stats video;	/* as frames */
	struct period_stats timer;	/* as audio; none is late */
	double audio_cpu_s;		/* of the thread, where it is one of a game */

	_Atomic uint64_t nr_burst_units;
	_Atomic uint64_t burst_cpu_ns;

	struct background_stats hogs[SCENE_MAX_BACKGROUND];
	struct background_stats forkers[SCENE_MAX_BACKGROUND];
	struct background_stats jobs[SCENE_MAX_BACKGROUND];

	uint64_t nr_samples;
	uint64_t max_samples;
	uint64_t samples_ns[];		/* render latencies in order; pages come when touched */
};

struct scene {
	const struct scene_options *opt;
	struct scene_shared *shared;
	double iters_per_us;
	int socket_compositor;		/* SOCK_SEQPACKET pair, -1 without input */
	int socket_game;
};

static inline uint64_t shared_end_ns(struct scene_shared *shared)
{
	return atomic_load_explicit(&shared->end_ns, memory_order_relaxed);
}

static inline bool shared_is_counted(struct scene_shared *shared, uint64_t when_ns)
{
	return when_ns >= shared->measure_ns;
}

/* Tell the director why this part can't go on; only the first reason is kept. Return: -1, a part's exit. */
int __attribute__((format(printf, 2, 3))) scene_fail(struct scene *scene, const char *format, ...);

/* This part stands ready: wait until the scene begins. */
void scene_wait_go(struct scene *scene);

/* The same for one more thread of a part. */
void scene_wait_begin(struct scene *scene);

/* CPU time that getrusage() knows of @who. */
double scene_get_cpu_s(int who);

/* Voluntary context switches of the calling thread: how often it slept. */
uint64_t scene_get_nr_sleeps(void);

/* Timers of periodic threads fire when set, as they do for real-time audio and frame pacing. */
void scene_set_timer_exact(void);

/* The parts, each the body of a process of its own. Return 0, or -1 after scene_fail(). */
int device_run(struct scene *scene, unsigned int index);
int compositor_run(struct scene *scene, unsigned int index);
int game_run(struct scene *scene, unsigned int index);
int audio_run(struct scene *scene, unsigned int index);
int video_run(struct scene *scene, unsigned int index);
int timer_run(struct scene *scene, unsigned int index);
int hog_run(struct scene *scene, unsigned int index);
int forker_run(struct scene *scene, unsigned int index);
int compile_run(struct scene *scene, unsigned int index);

/* Threads of the game, where there is one; the argument is the scene. */
void *audio_thread(void *arg);
void *burst_thread(void *arg);

#endif
