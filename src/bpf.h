/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf - the kernel half as an object: load, attach, read, detach
 *
 * Only the scheduler itself is mandatory. A hook that this kernel lacks, or
 * refuses, is left out and reported. Attach the hooks first and the scheduler
 * last; detach in the other order. Dropping the object detaches everything,
 * and so does the death of the process.
 */
#ifndef ARCADE_SRC_BPF_H
#define ARCADE_SRC_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arcade/abi.h"
#include "options.h"
#include "topology.h"
#include "util.h"

struct bpf;
struct bpf_map;

enum bpf_hook {
	BPF_HOOK_CHAIN,		/* follow wakeups */
	BPF_HOOK_INPUT_EXIT,
	BPF_HOOK_INPUT_ENTRY,
	BPF_HOOK_DEVICE_GONE,
	BPF_HOOK_FUTEX,		/* follow chains through locks */
	BPF_HOOK_EXEC,		/* processes that get a program … */
	BPF_HOOK_EXIT,		/* … and that end */
	BPF_HOOK_MODULE_LOAD,	/* modules that come, for the roles … */
	BPF_HOOK_MODULE_FREE,	/* … and that go */
	BPF_HOOK_THREADS,	/* tell of threads: a task iterator */
	NR_BPF_HOOKS,
};

enum bpf_hook_state {
	BPF_HOOK_OFF,		/* by option */
	BPF_HOOK_ABSENT,	/* the kernel has nothing to attach to */
	BPF_HOOK_REFUSED,	/* the kernel would not load or attach it: see error */
	BPF_HOOK_LOADED,
	BPF_HOOK_ATTACHED,
	NR_BPF_HOOK_STATES,
};

/* What differs between kernels and was found out at load. */
struct bpf_facts {
	enum bpf_hook_state hooks[NR_BPF_HOOKS];
	int hook_errors[NR_BPF_HOOKS];	/* errno of a refusal */
	bool interrupts_told_apart;	/* chain knows a task's wakeup from an interrupt's */
	bool kick;			/* idle CPUs can be kicked */
	bool slice_deprecated;		/* slices are set in a way that the kernel's log calls so */
	bool group_weight;		/* cpu.weight of control groups is told */
	bool group_idle;		/* … and cpu.idle */
	bool cpu_release;		/* real-time takeover hands the local queue back, by callback … */
	bool immed;			/* … or because inserts ask for it */
};

/*
 * Load, attach nothing. Options and topology are only read here. @hotplug_seq: of the kernel, read before @topology was,
 * so that a CPU that came since is noticed.
 * Return: 0, -errno; logs what failed.
 */
int bpf_new(const struct options *opts, const struct topology *topology, uint64_t hotplug_seq, struct bpf **ret);

/* Detaches what is attached. Accepts NULL. */
void bpf_free(struct bpf *bpf);
DEFINE_CLEANUP(struct bpf *, bpf_free)

/* A hook that cannot be attached is reported in the facts, not here. */
void bpf_attach_hooks(struct bpf *bpf);

/* Return: 0 when the scheduler runs, -EBUSY if another one came first, -errno; logs. */
int bpf_attach_scheduler(struct bpf *bpf);

/* Scheduler first, wait until the kernel says that it is off, then the hooks. Return: 0, -ETIMEDOUT; logs. */
int bpf_detach(struct bpf *bpf);

/*
 * From now on process @pid and its descendants are the game; those that live already are marked. 0: there is none.
 * Return: number of their threads, -errno.
 */
int bpf_set_game(struct bpf *bpf, pid_t pid);

/* Whether the game is in front: as long as it is not, it is scheduled like anybody, and nobody is behind. It starts so. */
void bpf_set_game_in_front(struct bpf *bpf, bool in_front);

/* Is process @pid of the game's tree? @comm: of it, "" if there is none, or no game. Does not wait. */
bool bpf_is_of_game(struct bpf *bpf, pid_t pid, char comm[ARCADE_COMM_LEN]);

/*
 * From now on process @pid and its descendants do background work: behind everybody else while there is a game. Of a game
 * within, or around, the mark that is nearer to a process counts. Return: number of their threads, -errno.
 */
int bpf_mark_background(struct bpf *bpf, pid_t pid);

/*
 * The same for whoever is in control group @id (inode of its folder in the unified hierarchy), now or later, but for the
 * game. Return: 0, -ENOENT if there is none, or it is the root, -EOPNOTSUPP if the kernel cannot tell, -errno.
 */
int bpf_mark_background_group(struct bpf *bpf, uint64_t id);

/* Nobody does any more: all of these marks are taken back. */
void bpf_clear_background(struct bpf *bpf);

/* Does @tree, of a record, do background work? Not with a mark that was taken back: tasks keep their numbers. */
bool bpf_tree_is_background(const struct bpf *bpf, uint32_t tree);

/* What @opts say of slice, chains, preemption and speed counts from now on. */
void bpf_set_knobs(struct bpf *bpf, const struct options *opts);

const struct bpf_facts *bpf_facts(const struct bpf *bpf);

/* Are records of input to be had? */
bool bpf_input_is_attached(const struct bpf *bpf);

/* Totals over all CPUs since load. Return: 0, -errno. */
int bpf_read_stats(struct bpf *bpf, struct arcade_stats *total);

/* Runs of the input hook that the kernel left out because it interrupted itself. Each is a packet's part at most. */
uint64_t bpf_input_missed(struct bpf *bpf);

/* The end of the scheduler as the kernel told it; kind is 0 while it runs. Valid as long as @bpf. */
const struct arcade_exit *bpf_exit_record(const struct bpf *bpf);

/* The kernel's dump of a failure. Return: a string of the caller, NULL if there is none. */
char *bpf_read_exit_dump(struct bpf *bpf);

/* As they are now; valid as long as @bpf. */
const struct arcade_knobs *bpf_knobs(const struct bpf *bpf);

/* Lanes on which the player acts now, as bits of enum arcade_lane. */
uint32_t bpf_active_lanes(const struct bpf *bpf, uint64_t now);

/*
 * What device number @number is, whatever the hook makes of it: holds for its next packet, and for one that is still to
 * come. Return: 0, -errno.
 */
int bpf_set_device_lane(struct bpf *bpf, uint32_t number, enum arcade_lane lane);

/* The device is gone. */
void bpf_forget_device(struct bpf *bpf, uint32_t number);

/* The devices that the hook has seen and that are still there. Return: their number, at most ARCADE_MAX_DEVICES. */
uint32_t bpf_list_devices(const struct bpf *bpf, struct arcade_device *devices);

/*
 * Without the input hook: the player acts on @lane at @now. For as long as a chain lives, wakeups of the game and of the
 * compositor begin one.
 */
void bpf_open_window(struct bpf *bpf, enum arcade_lane lane, uint64_t now);

/* The process that draws the desktop, for that window; 0: not known. */
void bpf_set_compositor(struct bpf *bpf, pid_t pid);

/* Descriptors of the rings, borrowed. */
int bpf_input_ring_fd(const struct bpf *bpf, uint32_t ring);
int bpf_control_ring_fd(const struct bpf *bpf);
int bpf_end_ring_fd(const struct bpf *bpf);

/* Of a map that another object may share, by its name in the object: a descriptor, borrowed; -ENOENT. */
int bpf_shared_map_fd(const struct bpf *bpf, const char *name);

/*
 * A new pass over all threads: a descriptor of the caller, which read(2) gives whole struct arcade_thread until its end.
 * Return: that, -EOPNOTSUPP if the kernel has no task iterator, -errno.
 */
int bpf_open_threads(const struct bpf *bpf);

/*
 * Control records since load that were never written: their ring was full, or the kernel left a run of the program out,
 * as a task that had been preempted in it was on that CPU. The latter are records at most: of the threads of a process
 * only the end of the last is told. May be less than before if the kernel cannot be asked.
 */
struct bpf_control_lost {
	uint64_t nr_full;
	uint64_t nr_missed_execs;
	uint64_t nr_missed_exits;
	uint64_t nr_missed_modules;
};

struct bpf_control_lost bpf_control_lost(const struct bpf *bpf);

/* Tell the hook whether to write records, and whether their reader is awake anyway. */
void bpf_set_reader(struct bpf *bpf, bool attached, bool polling);

/* libbpf's words become debug lines of ours. */
void bpf_init_logging(void);

#endif
