// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: threads with migration disabled, computing and sleeping, while their CPUs are changed
 *
 * BPF_PROG_TEST_RUN of a sleepable program runs it in the calling thread with
 * migration disabled. It reads a page that is not there; a thread of ours
 * brings it after a while (userfaultfd), and until then it sleeps.
 */
#include "churn.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "churn.skel.h"

#define NR_HELD 4

struct hold_args {
	uint64_t burn_ns;
	uint64_t page;
};

static struct {
	struct churn_bpf *skel;
	int fault_fd;
	char *pages;
	size_t page_size;
	_Atomic int nr_holding;	/* threads that may still ask for a page */
} held;

static void *bring_pages(void *arg)
{
	struct churn_random random = churn_random_new();
	struct pollfd poll_fd = { .fd = held.fault_fd, .events = POLLIN };
	struct uffd_msg message;

	/* Until the last of them has ended: who is late to ask would wait for ever. */
	while (poll(&poll_fd, 1, 100) > 0 || atomic_load(&held.nr_holding)) {
		struct uffdio_zeropage zero = { 0 };

		if (read(held.fault_fd, &message, sizeof(message)) != sizeof(message) ||
		    message.event != UFFD_EVENT_PAGEFAULT)
			continue;
		churn_sleep_us(churn_random_below(&random, 3000));
		zero.range.start = message.arg.pagefault.address & ~(held.page_size - 1);
		zero.range.len = held.page_size;
		if (ioctl(held.fault_fd, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST)
			churn_fail("userfaultfd: page");
		else
			churn->nr_slept_held++;
	}
	return NULL;
}

static void *hold(void *arg)
{
	struct churn_random random = churn_random_new();
	struct churn_task *task = churn_enter(CHURN_HELD);
	char *page = held.pages + (uintptr_t)arg * held.page_size;
	int fd = bpf_program__fd(held.skel->progs.churn_hold);

	task->takes_affinity = task->takes_policy = true;
	while (!churn_stopped()) {
		struct hold_args args = { .burn_ns = (500 + churn_random_below(&random, 2000)) * NSEC_PER_USEC };
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &args, .ctx_size_in = sizeof(args));

		if (churn_random_below(&random, 2)) {
			madvise(page, held.page_size, MADV_DONTNEED);
			args.page = (uintptr_t)page;
		}
		if (bpf_prog_test_run_opts(fd, &opts)) {
			churn_fail("BPF_PROG_TEST_RUN");
			break;
		}
		if (opts.retval) {
			fprintf(stderr, "churn: migration was not disabled (%u)\n", opts.retval);
			churn->nr_failed++;
			break;
		}
		churn_done(CHURN_BPF);
		if (!churn_breathe() && !churn_random_below(&random, 3))
			churn_sleep_us(churn_random_below(&random, 5000));
	}
	churn_leave(task);
	atomic_fetch_sub(&held.nr_holding, 1);
	return NULL;
}

static bool open_faults(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register region = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	held.page_size = sysconf(_SC_PAGESIZE);
	held.pages = mmap(NULL, NR_HELD * held.page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	held.fault_fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (held.pages == MAP_FAILED || held.fault_fd < 0)
		return false;
	region.range.start = (uintptr_t)held.pages;
	region.range.len = NR_HELD * held.page_size;
	return !ioctl(held.fault_fd, UFFDIO_API, &api) && !ioctl(held.fault_fd, UFFDIO_REGISTER, &region);
}

void churn_start_held(void)
{
	if (!churn_has(CHURN_BPF))
		return;
	held.skel = churn_bpf__open_and_load();
	if (!held.skel) {
		churn_fail("loading churn.bpf.o");
		return;
	}
	if (!open_faults()) {
		churn_fail("userfaultfd");
		return;
	}
	atomic_store(&held.nr_holding, NR_HELD);
	churn_thread(bring_pages, NULL);
	for (intptr_t i = 0; i < NR_HELD; i++)
		churn_thread(hold, (void *)i);
}
