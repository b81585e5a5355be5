/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * detect - tells the daemon which processes get a program, which end, and which modules come and go
 *
 * What a game is, user space decides; here are the facts it decides by. Forks
 * are not told: a tree's number is handed down without (tree.bpf.h).
 *
 * The reader of the ring polls while records come and sleeps otherwise. The
 * ring's own rule wakes it: whoever writes the first record behind what has been
 * read, so a burst of processes is one wakeup per look. A record that finds no
 * room is counted, and the reader, who then has a full ring to read, sees the
 * count: what was lost can be had from /proc. The end of the scheduler has a
 * ring to itself.
 *
 * On 7.2 and 7.3, and not yet on 6.18, a program at a tracepoint can be
 * preempted, and to submit a record wakes the reader, who may do just that. The
 * kernel leaves out a second run of the program on this CPU meanwhile, and
 * counts it: the reader asks for that count, too (bpf_control_lost()).
 */
#ifndef ARCADE_DETECT_BPF_H
#define ARCADE_DETECT_BPF_H

/* Records of 48 bytes with their heads: 5461 of them, a second of the fork bombs that a machine of 16 CPUs can make. */
#define DETECT_RING_BYTES (256 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DETECT_RING_BYTES);
} control_ring SEC(".maps");

/* Records that found no room, since load. Read by the daemon. */
u64 detect_nr_lost SEC(".bss.detect");

/* Return: a record to be filled and submitted, NULL if the ring is full: then that is counted. */
static __always_inline struct arcade_control_record *detect_reserve(u32 type)
{
	struct arcade_control_record *record = bpf_ringbuf_reserve(&control_ring, sizeof(*record), 0);

	if (!record) {
		__sync_fetch_and_add(&detect_nr_lost, 1);
		return NULL;
	}
	record->type = type;
	return record;
}

/*
 * @task is of the process that the record is about. Its start is its first thread's, whoever has taken its place since.
 * Return: was there room?
 */
static __always_inline bool detect_tell_process(u32 type, struct task_struct *task)
{
	struct arcade_control_record *record = detect_reserve(type);
	struct task_struct *leader = task->group_leader;
	struct task_ctx *tctx;

	if (!record)
		return false;
	tctx = task_ctx_of(task);
	record->pid = task->tgid;
	record->ppid = task->real_parent->tgid;
	record->start_ns = leader->start_boottime;
	record->tree = tctx ? tctx->tree : 0;
	__builtin_memcpy(record->comm, leader->comm, sizeof(record->comm));
	bpf_ringbuf_submit(record, 0);
	stats_inc_atomic(nr_control_records);
	return true;
}

static __always_inline void detect_tell_module(u32 type, struct module *module)
{
	struct arcade_control_record *record = detect_reserve(type);

	if (!record)
		return;
	record->pid = 0;
	record->start_ns = 0;
	record->ppid = 0;
	record->tree = 0;
	bpf_probe_read_kernel_str(record->comm, sizeof(record->comm), module->name);
	bpf_ringbuf_submit(record, 0);
	stats_inc_atomic(nr_control_records);
}

#endif
