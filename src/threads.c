// SPDX-License-Identifier: GPL-2.0-only
#include "threads.h"

#include <unistd.h>

#include "threads_best.h"

/* Asked more often, the answer is the same. */
#define SHARED_NS (100 * NSEC_PER_MSEC)

/* A call reads no longer than this, but for the chunk that it is at: a chunk takes some 0.1 ms. */
#define READ_BUDGET_NS (3 * NSEC_PER_MSEC)

/* What the kernel fills at most in one read. */
#define CHUNK_BYTES (32 * 1024)

/* An answer this old is not given again: then rather what of the new one is there. */
#define STALE_NS (2 * NSEC_PER_SEC)

struct threads {
	struct bpf *bpf;
	int fd;			/* of the pass that is under way, -1: none */
	uint64_t asked_ns;	/* last time that the kernel was asked, 0: never */
	uint64_t answered_ns;	/* when the answer was made */
	size_t nr;
	struct threads_best best;	/* of the pass so far */
	struct thread answer[THREADS_MAX];
	struct arcade_thread chunk[CHUNK_BYTES / sizeof(struct arcade_thread)];
};

static const char *const class_names[NR_ARCADE_CLASSES] = {
	[ARCADE_CLASS_NONE] = "none",	  [ARCADE_CLASS_BACKGROUND] = "background", [ARCADE_CLASS_NORMAL] = "normal",
	[ARCADE_CLASS_GAME] = "game",	  [ARCADE_CLASS_FRAME] = "frame",	    [ARCADE_CLASS_CHAIN] = "chain",
};

static const char *const role_names[NR_ARCADE_THREAD_ROLES] = {
	[ARCADE_THREAD_INPUT] = "input",   [ARCADE_THREAD_DISPLAY] = "display",	      [ARCADE_THREAD_AUDIO] = "audio",
	[ARCADE_THREAD_SUBMIT] = "submit", [ARCADE_THREAD_COMPOSITOR] = "compositor",
};

static const char *const root_names[NR_ARCADE_ROOTS] = {
	[ARCADE_ROOT_NONE] = "none",
	[ARCADE_ROOT_INPUT] = "input",
	[ARCADE_ROOT_VBLANK] = "vblank",
	[ARCADE_ROOT_AUDIO] = "audio",
};

const char *threads_class_name(enum arcade_class class)
{
	return (unsigned int)class < NR_ARCADE_CLASSES ? class_names[class] : "";
}

const char *threads_role_name(uint32_t role)
{
	return role < NR_ARCADE_THREAD_ROLES ? role_names[role] : "";
}

const char *threads_root_name(enum arcade_root root)
{
	return (unsigned int)root < NR_ARCADE_ROOTS ? root_names[root] : "";
}

int threads_new(struct bpf *bpf, struct threads **ret)
{
	struct threads *threads = calloc(1, sizeof(*threads));

	if (!threads)
		return -ENOMEM;
	threads->bpf = bpf;
	threads->fd = -1;
	*ret = threads;
	return 0;
}

void threads_free(struct threads *threads)
{
	if (!threads)
		return;
	close_fd(threads->fd);
	free(threads);
}

static void copy_name(char name[THREADS_NAME_LEN], const char comm[ARCADE_COMM_LEN])
{
	char text[ARCADE_COMM_LEN];

	memcpy(text, comm, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	escape_text(name, THREADS_NAME_LEN, text);
}

static void tell(struct thread *thread, const struct arcade_thread *seen, uint64_t now)
{
	memset(thread, 0, sizeof(*thread));
	thread->pid = (pid_t)seen->pid;
	thread->tgid = (pid_t)seen->tgid;
	copy_name(thread->name, seen->comm);
	copy_name(thread->process, seen->process);
	thread->class = seen->class;
	thread->roles = seen->roles;
	thread->share_permille = seen->chain_share * 1000u / 1024;
	thread->nr_runs = seen->nr_runs;
	thread->run_ns = seen->run_ns;
	for (int i = 0; i < ARCADE_HIST_BUCKETS; i++)
		thread->nr_waits += seen->waits[i];
	thread->wait_p50_us = threads_wait_us(seen->waits, thread->nr_waits, 500);
	thread->wait_p99_us = threads_wait_us(seen->waits, thread->nr_waits, 990);
	thread->hop = seen->hop;
	thread->root = seen->root;
	thread->chain_ago_ns = seen->chain_ns && seen->chain_ns < now ? now - seen->chain_ns : 0;
}

static void answer(struct threads *threads, struct threads_best *best, uint64_t now)
{
	struct arcade_thread least;

	threads->answered_ns = now;
	threads->nr = best->nr;
	for (size_t i = best->nr; i-- > 0;) {
		threads_best_take_least(best, &least);
		tell(&threads->answer[i], &least, now);
	}
}

/* Reads on until the time is over. Return: 1 if the pass is complete, 0 if not, -errno. */
static int read_on(struct threads *threads, uint64_t now)
{
	ssize_t len;

	do {
		len = read(threads->fd, threads->chunk, sizeof(threads->chunk));
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (len <= 0)
			return len ? -errno : 1;
		/* The kernel gives whole records: what does not fit comes with the next read. */
		if ((size_t)len % sizeof(*threads->chunk))
			return -EIO;
		for (size_t i = 0; i < (size_t)len / sizeof(*threads->chunk); i++)
			threads_best_add(&threads->best, &threads->chunk[i]);
	} while (now_ns() - now < READ_BUDGET_NS);
	return 0;
}

static int begin_pass(struct threads *threads, uint64_t now)
{
	int fd = bpf_open_threads(threads->bpf);

	threads_best_init(&threads->best, now);
	if (fd == -EOPNOTSUPP)
		return 0;
	if (fd < 0)
		return fd;
	threads->fd = fd;
	return 0;
}

int threads_read(struct threads *threads, const struct thread **array, size_t *nr)
{
	uint64_t now = now_ns();
	struct threads_best best;
	int err = 0;

	if (!threads->asked_ns || now - threads->asked_ns >= SHARED_NS) {
		/* Nobody has gone on with the last pass for so long that what it has told is not true any more. */
		if (threads->fd >= 0 && now - threads->asked_ns > STALE_NS)
			threads->fd = close_fd(threads->fd);
		threads->asked_ns = now;
		if (threads->fd < 0)
			err = begin_pass(threads, now);
		if (err)
			return err;
		err = threads->fd < 0 ? 1 : read_on(threads, now);
		if (err)
			threads->fd = close_fd(threads->fd);
		if (err < 0)
			return err;
		if (err) {
			answer(threads, &threads->best, now);
		} else if (now - threads->answered_ns > STALE_NS) {
			best = threads->best;
			answer(threads, &best, now);
		}
	}
	*array = threads->answer;
	*nr = threads->nr;
	return 0;
}
