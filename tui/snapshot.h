/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot - what the daemon said at one moment, without its JSON
 *
 * Plain memory: no pointers, copied by assignment. Every list has a bound;
 * what a daemon says beyond it is left out and counted where somebody would
 * miss it. Names are as they came: they pass through the canvas before a
 * terminal sees them.
 */
#ifndef ARCADE_TUI_SNAPSHOT_H
#define ARCADE_TUI_SNAPSHOT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "hist.h"

/* Counters of the target "top"; their names are in snapshot.c. All but the last group only grow. */
enum counter {
	COUNTER_PACKETS,
	COUNTER_PACKETS_MISSED,
	COUNTER_DEVICES_UNTRACKED,
	COUNTER_REST_PACKETS,
	COUNTER_WINDOW_MARKS,
	COUNTER_RECORDS_READ,
	COUNTER_RECORDS_BAD,
	COUNTER_CHAIN_BUDGET_OVER,
	COUNTER_CHAIN_EXPIRED,
	COUNTER_VBLANKS,
	COUNTER_AUDIO_PERIODS,
	COUNTER_GPU_SUBMITS,
	COUNTER_FLIPS,
	COUNTER_LOCK_HANDOVERS,
	COUNTER_IDLE_DIRECT,
	COUNTER_QUEUED_LLC,
	COUNTER_QUEUED_CPU,
	COUNTER_PREEMPTS_CHAIN,
	COUNTER_PREEMPTS_FRAME,
	COUNTER_PREEMPTS_GAME,
	COUNTER_PREEMPTS_NORMAL,
	COUNTER_KTHREAD_PREEMPTS,
	COUNTER_PREEMPT_NO_VICTIM,
	COUNTER_PREEMPT_NO_TOKEN,
	COUNTER_SLICES_RENEWED,
	COUNTER_AGED,
	COUNTER_STEALS,
	COUNTER_KICKS,
	COUNTER_CONTROL_LOST,
	COUNTER_TASKS_UNKNOWN,
	COUNTER_LOG_LINES_LOST,
	COUNTER_RESTARTS,
	NR_COUNTERS,
};

#define SNAPSHOT_MAX_HOPS    ARCADE_MAX_HOPS
#define SNAPSHOT_MAX_THREADS 128
#define SNAPSHOT_MAX_ROLES   4
#define SNAPSHOT_MAX_DEVICES ARCADE_MAX_DEVICES
#define SNAPSHOT_MAX_RINGS   ARCADE_NR_RINGS
#define SNAPSHOT_MAX_EVENTS  200
#define SNAPSHOT_MAX_OPTIONS 128
#define SNAPSHOT_MAX_REPORT  32

/* The same order as enum arcade_root from ARCADE_ROOT_INPUT on. */
enum chain_root { ROOT_INPUT, ROOT_VBLANK, ROOT_AUDIO, NR_ROOTS };
enum chain_end { END_SUBMIT, END_FLIP, NR_ENDS };

struct top_facts {
	char version[32];
	char kernel[64];
	char mode[24];
	char state[24];
	char game_name[64];
	uint64_t game_pid;		/* 0: none */
	bool game_in_front;
	uint64_t nr_cpus;		/* 0: not said */
	uint64_t uptime_ns;
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	uint64_t wait_max_ns;
	uint64_t record_delay_max_ns;
	uint64_t lane_packets[NR_ARCADE_LANES];
	uint64_t counters[NR_COUNTERS];
};

struct chain_facts {
	struct hist hops[SNAPSHOT_MAX_HOPS];
	struct hist ends[NR_ENDS];
	uint64_t hop_counts[SNAPSHOT_MAX_HOPS];
	uint64_t end_counts[NR_ENDS];
};

struct thread_facts {
	uint64_t pid, tgid;
	char comm[64];
	char process[64];
	char class[16];
	char roles[SNAPSHOT_MAX_ROLES][16];
	char root[12];
	uint64_t share_permille;
	uint64_t runs;
	uint64_t run_ns;
	uint64_t wait_p50_us, wait_p99_us;
	uint64_t hop;			/* 0: none */
};

struct device_facts {
	char node[24];
	char name[96];
	char kind[16];
	uint64_t packets;
	bool open;
};

struct ring_facts {
	uint64_t ring, records, drops;
};

struct event_facts {
	uint64_t seq;
	uint64_t time_ms;
	char level[12];
	char text[240];
};

struct option_facts {
	char name[32];
	char section[16];
	char unit[16];
	char value[64];
	char default_value[64];
	char source[64];
	char help[200];
	bool live;
	bool restarts;	/* the scheduler is started anew for it */
};

struct snapshot {
	struct top_facts top;
	struct chain_facts chains[NR_ROOTS];
	struct thread_facts threads[SNAPSHOT_MAX_THREADS];
	uint32_t nr_threads;
	struct device_facts devices[SNAPSHOT_MAX_DEVICES];
	uint32_t nr_devices;
	struct ring_facts rings[SNAPSHOT_MAX_RINGS];
	uint32_t nr_rings;
	char hook[160];
	struct event_facts events[SNAPSHOT_MAX_EVENTS];
	uint32_t nr_events;
	struct option_facts options[SNAPSHOT_MAX_OPTIONS];
	uint32_t nr_options;
	char modes[96];			/* "auto gaming …" */
	char report[SNAPSHOT_MAX_REPORT][200];
	uint32_t nr_report;
};

/* The requests that make a snapshot. */
enum target {
	TARGET_TOP,
	TARGET_CHAINS,
	TARGET_THREADS,
	TARGET_INPUT,
	TARGET_EVENTS,
	TARGET_OPTIONS,
	TARGET_STATUS,
	NR_TARGETS,
};

const char *snapshot_target_name(enum target target);

/*
 * Take over what an answer says. Members that are absent, of another type or out of range count as nothing said. The
 * part of the snapshot that this target fills is written whole.
 * Return: 0, -EPROTO if it is not an object, or of the target "top" not one of ours.
 */
int snapshot_decode(struct snapshot *snapshot, enum target target, json_object *answer);

#endif
