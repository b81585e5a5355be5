/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abi - what the BPF object and the daemon share: knobs, ring records, statistics
 *
 * Both are built from one tree and travel together, so there is no
 * compatibility to keep, but a daemon that meets another object must notice:
 * every shared block starts with its version. Only fixed-width types, padding
 * is explicit, sizes and offsets are asserted below.
 */
#ifndef ARCADE_ABI_H
#define ARCADE_ABI_H

#ifndef __bpf__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#endif

#define ARCADE_ABI_VERSION 2

/* As many as the daemon's topology room reads; powers of two, so that an index can be masked. */
#define ARCADE_MAX_CPUS 1024
#define ARCADE_MAX_LLCS 256

/* Distributed so that writers of different cores do not meet on one ring's lock. */
#define ARCADE_NR_RINGS 16
/* 16 KiB of records per ring are 0.08 s of an 8 kHz mouse; the daemon reads every 0.02 s. Power of two, whole pages. */
#define ARCADE_RING_BYTES (16 * 1024)

/* Longest chain that is followed: input, compositor, game, render, submit and one to spare. */
#define ARCADE_MAX_HOPS 6
/* Longest time that what a cause brings about goes first. */
#define ARCADE_MAX_CHAIN_MS 100
/* Buckets of a log2 histogram of microseconds: bucket i counts [2^(i-1), 2^i), the first everything below 1 us. */
#define ARCADE_HIST_BUCKETS 24

enum arcade_lane {
	ARCADE_LANE_OTHER,	/* lid switches, power buttons: recorded, but no cause of anything a player feels */
	ARCADE_LANE_KEYBOARD,
	ARCADE_LANE_MOUSE,
	ARCADE_LANE_GAMEPAD,
	ARCADE_LANE_TOUCH,
	NR_ARCADE_LANES,
};

/* Length of arrays by lane: a power of two, so that an index can be masked. */
#define ARCADE_MAX_LANES 8

/* A power of two, so that an index can be masked. */
enum arcade_root {
	ARCADE_ROOT_NONE,
	ARCADE_ROOT_INPUT,
	ARCADE_ROOT_VBLANK,	/* the display has begun a frame, or has flipped */
	ARCADE_ROOT_AUDIO,	/* an audio device has played or recorded a period */
	NR_ARCADE_ROOTS,
};

/* What a chain leads to: the first of these that a member does closes it. */
enum arcade_frame_end {
	ARCADE_FRAME_SUBMIT,	/* work is given to a GPU */
	ARCADE_FRAME_FLIP,	/* a picture is given to the display */
	NR_ARCADE_FRAME_ENDS,
};

/* Offsets of a deadline, not priorities; see policy.h. GAME, FRAME and BACKGROUND exist only while a game is known. */
enum arcade_class {
	ARCADE_CLASS_NONE,	/* nothing of sched_ext is running */
	ARCADE_CLASS_BACKGROUND,/* low weight or batch, of the thread or of its groups, or marked */
	ARCADE_CLASS_NORMAL,
	ARCADE_CLASS_GAME,	/* a thread of the game's processes */
	ARCADE_CLASS_FRAME,	/* one of these that chains have led to */
	ARCADE_CLASS_CHAIN,	/* a live member of a chain, whoever it is */
	NR_ARCADE_CLASSES,
};

/* One packet of input. No key code, no coordinate: nothing here says what the player did, only that. */
struct arcade_input_record {
	u64 time_ns;		/* CLOCK_MONOTONIC, at the entry of the hook */
	u32 device;		/* index of the device since load, ARCADE_DEVICE_UNKNOWN if it has none */
	u8 lane;		/* enum arcade_lane */
	u8 pad;
	u16 nr_events;		/* of the packet, without its end mark */
};

#define ARCADE_DEVICE_UNKNOWN 0xffffffffu

/* A desktop has some twenty input devices, most of them buttons of the board. */
#define ARCADE_MAX_DEVICES 256

/*
 * An input device as the hook knows it, from its first packet until it goes. The kernel numbers devices as they come
 * ("input7") and never uses a number twice: by it both sides mean the same.
 */
struct arcade_device {
	u32 index;		/* as in a record: in the order of their first packets */
	u32 lane;		/* enum arcade_lane: as the hook sees it, or as the daemon says */
	u32 number;		/* of "input7"; ARCADE_DEVICE_UNKNOWN if it has another name */
	u32 class;		/* enum arcade_lane, as the hook sees it */
};

/*
 * Written by the daemon at any time, through the mapped .data; read by every callback. A value takes effect for what is
 * scheduled next. Each is used alone, so no callback can see a half-made set that matters.
 */
struct arcade_knobs {
	u32 version;		/* ARCADE_ABI_VERSION */
	u32 preempt;		/* bool: who comes before the running task may take its CPU at once */
	u64 slice_ns;
	u64 chain_ttl_ns;	/* life of an input chain, from its root */
	u64 chain_budget_ns;	/* CPU time a thread may use as a member, per activation */
	u32 chain_fanout;	/* memberships that one activation may hand on */
	u32 input_wakeup_hz;	/* upper bound of wakeups of the reader of the rings */
	u64 preempt_interval_ns;/* per CPU and per task: one preemption per interval on average … */
	u64 preempt_burst;	/* … and this many at once */
	u32 game_tree;		/* id of the process tree that is the game, 0: none, or it is not in front */
	u32 background_cleared;	/* trees of background work up to this id are so no more */
	u32 compositor_tgid;	/* the process that draws the desktop, for the window; 0: not known */
	u32 known_tree;		/* of the game, in front or not; 0: none */
	u64 vblank_ttl_ns;	/* life of a chain that begins with a frame of the display */
	u64 audio_ttl_max_ns;	/* … with an audio period: as long as that, and no longer than this */
	u32 full_speed_class;	/* enum arcade_class: from this on a CPU is to run at full speed; above all: never */
	u32 pad;
	u64 input_window_until_ns;	/* CLOCK_MONOTONIC: who of these two wakes up before is a chain's first; 0: never */
};

/*
 * Per CPU; the daemon adds up, and takes differences: nothing is ever reset. Counters of the input hook are added to
 * atomically, because the hook may interrupt itself; all others are written with the runqueue or the wakee's lock held.
 */
struct arcade_stats {
	u64 nr_packets;				/* sum of the next, made by the reader of the statistics */
	u64 nr_lane_packets[ARCADE_MAX_LANES];	/* ends of non-empty packets seen by the hook */
	u64 nr_ring_records[ARCADE_NR_RINGS];	/* written */
	u64 nr_ring_drops[ARCADE_NR_RINGS];	/* not written: the ring was full */
	u64 nr_ring_wakeups;
	u64 nr_device_untracked;		/* packets of devices that found no place in the table */
	/* Wakeups that joined a chain, by hop: [0] is who waited for the root, of input the reader of the device. */
	u64 nr_chain_marks[NR_ARCADE_ROOTS][ARCADE_MAX_HOPS];
	u64 nr_rest_packets;			/* of gamepads that told nothing but the noise of resting sticks: not counted above */
	u64 nr_window_marks;			/* wakeups that began a chain because the daemon saw input */
	u64 nr_chain_hops_over;			/* wakeups by a member of the last hop: not followed */
	u64 nr_chain_fanout_over;		/* wakeups beyond chain_fanout: not followed */
	u64 nr_chain_void;			/* marks that did not hold: the task was just going to sleep */
	u64 nr_chain_expired;			/* wakeups by a member whose time or budget was over: not followed */
	u64 nr_chain_budget_over;		/* members that used up chain_budget_ns */
	u64 nr_lock_handovers;			/* members that waited for a lock and handed on to its holder */
	u64 nr_chain_cpus_given;		/* members that were left to the CPU of their waker: no other was taken at once */
	u64 nr_idle_direct;			/* wakeups put on an idle CPU at once */
	u64 nr_queued_llc;
	u64 nr_queued_cpu;			/* tasks that can run on one CPU only */
	u64 nr_preempts[NR_ARCADE_CLASSES];	/* busy CPUs taken, by class of the taker */
	u64 nr_kthread_preempts;		/* busy CPUs taken for their own kernel threads */
	u64 nr_preempt_no_victim;		/* chain members and game threads that found no CPU to take */
	u64 nr_preempt_no_token;
	u64 nr_kept;				/* slices renewed: nobody with an earlier deadline waited */
	u64 nr_aged;				/* tasks taken out of turn because they had waited too long */
	u64 nr_steals;				/* tasks taken from another LLC's queue */
	u64 nr_kicks;
	u64 nr_control_records;			/* told of processes; atomically */
	u64 nr_task_ctx_failed;			/* tasks that have no state of ours: scheduled plainly */
	u64 wait_max_ns;			/* longest time that a task was queued before it ran */
	u64 chain_run_ns[NR_ARCADE_ROOTS][ARCADE_MAX_HOPS];	/* time from root to running, summed … */
	u64 chain_hist[NR_ARCADE_ROOTS][ARCADE_MAX_HOPS][ARCADE_HIST_BUCKETS];	/* … and as distribution */
	/* Of the roles, all added to atomically: their hooks run in interrupts and in tasks. */
	u64 nr_roots[NR_ARCADE_ROOTS];		/* frames of the display, audio periods; of input see nr_packets */
	u64 nr_frame_ends[NR_ARCADE_FRAME_ENDS];	/* submits and flips, by whomever */
	u64 frame_ns[NR_ARCADE_FRAME_ENDS][NR_ARCADE_ROOTS];	/* time from root to the end of its chain, summed … */
	u64 frame_hist[NR_ARCADE_FRAME_ENDS][NR_ARCADE_ROOTS][ARCADE_HIST_BUCKETS];	/* … and as distribution */
};

#define ARCADE_COMM_LEN 16

/* What a thread has been seen to do. */
enum arcade_thread_role {
	ARCADE_THREAD_INPUT,	/* is woken by an input device */
	ARCADE_THREAD_DISPLAY,	/* … by the display: a frame begins, or a flip is done */
	ARCADE_THREAD_AUDIO,	/* … by an audio device */
	ARCADE_THREAD_SUBMIT,	/* gives work to a GPU */
	ARCADE_THREAD_COMPOSITOR,	/* gives pictures to the display */
	NR_ARCADE_THREAD_ROLES,
};

/* One thread, as the task iterator tells it: a thing of that moment, each field read alone. */
struct arcade_thread {
	u32 pid;		/* in the first pid namespace, as tgid */
	u32 tgid;
	u64 run_ns;		/* CPU time since it began */
	u64 nr_runs;		/* times it has left a CPU, since it began */
	u64 chain_ns;		/* CLOCK_MONOTONIC, root of its last chain; 0: none yet */
	u16 chain_share;	/* of 1024: how often it runs as a member */
	u8 class;		/* enum arcade_class */
	u8 roles;		/* bits 1 << enum arcade_thread_role */
	u8 root;		/* enum arcade_root of its last chain */
	u8 hop;			/* … and which member it was; 0: no chain yet */
	u8 is_game;		/* of the processes of the game that is known, in front or not */
	u8 pad;
	u16 waits[ARCADE_HIST_BUCKETS];	/* while in a chain or of the game: from ready to running, as distribution in units of 1024 ns; older ones fade */
	char comm[ARCADE_COMM_LEN];
	char process[ARCADE_COMM_LEN];	/* name of the first thread of its process */
};

/* Trees with this bit do background work: behind everybody else while a game is in front. The rest of the id is a number. */
#define ARCADE_TREE_BACKGROUND 0x80000000u
/* The same by what a group is, not by a mark: no taking back. */
#define ARCADE_TREE_BACKGROUND_ALWAYS 0xffffffffu

/* Argument and answer of the program that marks the tasks of a tree that live already. */
struct arcade_tree_mark {
	u32 tgid;		/* the process whose descendants are meant, itself included */
	u32 tree;
	u32 nr_marked;		/* tasks that were not in the tree before */
	u32 nr_found;		/* tasks that are in it now */
};

/* Argument of the program that marks a control group: whatever is in it, or below it, does background work. */
struct arcade_group_mark {
	u64 id;			/* of the group, as the kernel numbers it: the inode of its folder */
	u32 tree;		/* with ARCADE_TREE_BACKGROUND; numbers are shared with trees of processes */
	u32 state;		/* enum arcade_group_mark_state: the answer */
};

enum arcade_group_mark_state {
	ARCADE_GROUP_UNSUPPORTED,	/* the kernel does not find groups for us */
	ARCADE_GROUP_ABSENT,		/* there is no such group, or it is the root, or too deep */
	ARCADE_GROUP_MARKED,
};

/* Control ring: rare events that the daemon must not miss, or must know that it has. Each record is one of these. */
enum arcade_control {
	ARCADE_CONTROL_EXIT,	/* ops.exit has filled struct arcade_exit; comes in a ring of its own */
	ARCADE_CONTROL_TASK_EXEC,/* a process has a new program */
	ARCADE_CONTROL_TASK_EXIT,	/* the last thread of a process is ending */
	ARCADE_CONTROL_GPU_SUBMIT,	/* a process gives work to a GPU for the first time since its last exec */
	ARCADE_CONTROL_MODULE_LOAD,	/* a module of the kernel comes: its name, cut to the length of comm, is there */
	ARCADE_CONTROL_MODULE_FREE,	/* … is gone */
	NR_ARCADE_CONTROLS,
};

/* Of the program that tells which tree a process belongs to. */
struct arcade_tree_query {
	u32 tgid;
	u32 tree;		/* 0: none, or there is no such process */
	char comm[ARCADE_COMM_LEN];
};

/* Of the first kind, only the type is filled, of modules that and comm. */
struct arcade_control_record {
	u32 type;		/* enum arcade_control */
	u32 pid;		/* of the process (thread group), in the first pid namespace */
	u64 start_ns;		/* CLOCK_BOOTTIME: with the pid it names a process for ever; see /proc/PID/stat, field 22 */
	u32 ppid;		/* the parent's process */
	u32 tree;		/* 0: none, see struct arcade_tree_mark */
	char comm[ARCADE_COMM_LEN];
};

#define ARCADE_EXIT_REASON_LEN 128
#define ARCADE_EXIT_MSG_LEN    1024

/* Written once by ops.exit, before the link of the scheduler reports its end. */
struct arcade_exit {
	s32 kind;		/* enum scx_exit_kind, 0 while running */
	u32 pad;
	s64 code;		/* enum scx_exit_code bits */
	char reason[ARCADE_EXIT_REASON_LEN];
	char msg[ARCADE_EXIT_MSG_LEN];
};

_Static_assert(NR_ARCADE_LANES <= ARCADE_MAX_LANES, "lanes");
_Static_assert(sizeof(struct arcade_input_record) == 16, "ring record");
_Static_assert(offsetof(struct arcade_input_record, device) == 8, "ring record");
_Static_assert(offsetof(struct arcade_input_record, lane) == 12, "ring record");
_Static_assert(offsetof(struct arcade_input_record, nr_events) == 14, "ring record");
_Static_assert(sizeof(struct arcade_device) == 16, "device");
_Static_assert(sizeof(struct arcade_control_record) == 40, "control record");
_Static_assert(sizeof(struct arcade_group_mark) == 16, "group mark");
_Static_assert((NR_ARCADE_ROOTS & (NR_ARCADE_ROOTS - 1)) == 0, "roots");
_Static_assert(sizeof(struct arcade_knobs) == 104, "knobs");
_Static_assert(offsetof(struct arcade_knobs, slice_ns) == 8, "knobs");
_Static_assert(sizeof(struct arcade_stats) % 8 == 0, "statistics");
_Static_assert(sizeof(struct arcade_thread) == 120, "thread");
_Static_assert(NR_ARCADE_THREAD_ROLES <= 8, "bits of a byte");
_Static_assert(sizeof(struct arcade_exit) == 16 + ARCADE_EXIT_REASON_LEN + ARCADE_EXIT_MSG_LEN, "exit record");

#endif
