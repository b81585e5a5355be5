/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prober - the thread that reads /proc and the configuration for the event loop
 *
 * A read of another process's memory waits for as long as somebody holds its
 * memory map, and a file may lie on a disk that does not answer. So a worker
 * does all of it; the loop never waits for it. A read that does not come back
 * within PROBER_STUCK_NS is given up: its answer is -ETIMEDOUT.
 *
 * Everything here but prober_read() is for the thread of the loop.
 */
#ifndef ARCADE_SRC_PROBER_H
#define ARCADE_SRC_PROBER_H

#include "background_group.h"
#include "loop.h"
#include "proc.h"
#include "programs.h"
#include "score.h"
#include "worker.h"

#define PROBER_QUEUE_MAX   WORKER_QUEUE_MAX
#define PROBER_STUCK_NS	   (3 * NSEC_PER_SEC)
#define PROBER_STOP_NS	   (500 * NSEC_PER_MSEC)
#define PROBER_LIST_MAX	   65536

enum prober_kind {
	PROBER_PROBE,	/* one process */
	PROBER_LIST,	/* which processes there are */
	PROBER_LOAD,	/* the lists of programs */
	PROBER_GROUP,	/* the control group of a background program */
};

struct prober_probe {
	struct proc_info info;
	struct score_ancestry ancestry;
	int pidfd;		/* of this very process, or -1 */
};

/* Freed when the callback returns, but for what it took out and replaced by NULL or -1. */
struct prober_answer {
	enum prober_kind kind;
	struct proc_id id;	/* as asked for */
	int err;		/* 0, -ESRCH, -ETIMEDOUT, -EBUSY: another group's read is stuck; -errno */
	struct prober_probe probe;
	struct proc_id *ids;
	size_t nr_ids;
	struct programs *programs;
	struct background_group group;
	char message[PROGRAMS_MESSAGE_MAX];	/* of a failed PROBER_LOAD */
};

/* Must not free the prober. */
typedef void (*prober_answer_fn)(struct prober_answer *answer, void *data);

struct prober;

/*
 * @proc_path: "/proc"; @programs_file and @programs_dir as for programs_new(). The strings are copied.
 * Return: 0, -errno.
 */
int prober_new(struct loop *loop, const char *proc_path, const char *programs_file, const char *programs_dir,
	       prober_answer_fn answer_fn, void *data, struct prober **ret);

/* Waits for a running read for at most PROBER_STOP_NS, then leaves it behind and says so. Accepts NULL. */
void prober_free(struct prober *prober);
DEFINE_CLEANUP(struct prober *, prober_free)

/*
 * Ask for a process; a start time of 0 takes whoever has the number. @programs: whose lists say what is not worth
 * reading, or are background work. A group is refused while any group's read is stuck: they may all hang in the same
 * process. Return: 0, -EAGAIN if the queue is full, -EBUSY while an earlier read of it is stuck, -ENOMEM
 * for what it takes, or for a thread.
 */
int prober_ask_process(struct prober *prober, const struct proc_id *id, struct programs *programs);
int prober_ask_group(struct prober *prober, const struct proc_id *id, struct programs *programs);
int prober_ask_list(struct prober *prober);
int prober_ask_load(struct prober *prober);

/* Gives up what is stuck, and gives back what has come free; what is asked for is looked after without it, too. */
void prober_check(struct prober *prober, uint64_t now);

/* Requests without an answer. */
size_t prober_nr_pending(const struct prober *prober);

/*
 * Read one process here and now; may wait. @full: also what is on no use for the verdict. The pidfd is the caller's.
 * Return: 0, -ESRCH, -errno.
 */
int prober_read(int root, const struct proc_id *id, const struct programs *programs, bool full, struct prober_probe *ret);

#endif
