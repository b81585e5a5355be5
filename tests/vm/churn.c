// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn - changing affinities, disabled migration, real-time hogs, hotplug, cgroup moves and fork storms, all at once
 *
 * For a system that runs scx_arcade already; as root, and best not one's own.
 * Prints figures as "name value" lines. The status is 0 if the scheduler stayed
 * (but for CPUs that came or went), nobody waited for LIMIT_NS or longer, and
 * every ingredient had an effect; what was wrong is on stderr.
 */
#include "churn.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS NSEC_PER_SEC

static const char *const ingredient_names[NR_CHURN_INGREDIENTS] = {
	"affinity", "nice", "policy", "rt", "bpf", "cgroup", "fork", "hotplug", "timer", "pipe", "kthread", "spin",
};

const char *const churn_kind_names[NR_CHURN_KINDS] = {
	"free", "partial", "pinned", "changed", "held", "sleeper", "child",
};

struct churn *churn;

static pthread_t threads[CHURN_MAX_TASKS];
static pid_t children[16];
static int nr_threads, nr_children;

struct churn_random churn_random_new(void)
{
	uint64_t x = churn->seed + 0x9e3779b97f4a7c15ULL * (churn->nr_streams++ + 1);

	/* Neighbours must not look alike (splitmix64). */
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return (struct churn_random){ x ? x : 1 };
}

uint32_t churn_random_below(struct churn_random *random, uint32_t limit)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return ((x * 0x2545f4914f6cdd1dULL >> 32) * limit) >> 32;
}

void churn_sleep_us(uint32_t us)
{
	const struct timespec time = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&time, NULL);
}

void churn_burn_us(uint32_t us)
{
	uint64_t end_ns = now_ns() + us * NSEC_PER_USEC;

	while (now_ns() < end_ns)
		;
}

void churn_set_fifo(int priority)
{
	struct sched_param param = { .sched_priority = priority };

	/* What we start is an ordinary thread. */
	if (sched_setscheduler(0, (priority ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK, &param))
		churn_fail("SCHED_FIFO");
}

void churn_fail(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	churn->nr_failed++;
}

void churn_thread(void *(*fn)(void *), void *arg)
{
	int err = nr_threads < (int)ARRAY_SIZE(threads) ? pthread_create(&threads[nr_threads], NULL, fn, arg) : ENOSPC;

	errno = err;
	if (err)
		churn_fail("thread");
	else
		nr_threads++;
}

pid_t churn_child(void (*fn)(void))
{
	pid_t pid, parent = getpid();

	fflush(NULL);
	pid = nr_children < (int)ARRAY_SIZE(children) ? fork() : -1;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			fn();
		_exit(0);
	}
	if (pid < 0)
		churn_fail("fork");
	else
		children[nr_children++] = pid;
	return pid;
}

void churn_join(void)
{
	while (nr_children)
		waitpid(children[--nr_children], NULL, 0);
	while (nr_threads)
		pthread_join(threads[--nr_threads], NULL);
}

struct churn_task *churn_enter(enum churn_kind kind)
{
	pid_t none;

	for (int i = 0; i < CHURN_MAX_TASKS; i++) {
		none = 0;
		if (!churn->tasks[i].tid && atomic_compare_exchange_strong(&churn->tasks[i].tid, &none, gettid())) {
			churn->tasks[i].kind = kind;
			return &churn->tasks[i];
		}
	}
	/* There are fewer threads than places. */
	abort();
}

void churn_leave(struct churn_task *task)
{
	task->takes_affinity = task->takes_policy = false;
	task->tid = 0;
}

static void print_wait(const char *how, const char *name, const struct churn_wait *wait)
{
	printf("%s_%s_ms %.1f at_s %.1f over_100ms %" PRIu64 "\n", how, name, wait->longest_ns / 1e6, wait->at_ns / 1e9,
	       wait->nr_over_100ms);
}

static bool judge_wait(const char *how, const char *name, const struct churn_wait *wait)
{
	print_wait(how, name, wait);
	if (wait->longest_ns < LIMIT_NS)
		return true;
	fprintf(stderr, "churn: somebody %s waited %.0f ms (%s)\n", name, wait->longest_ns / 1e6, how);
	return false;
}

static bool judge(void)
{
	bool ok = !churn->nr_failed && !churn->nr_unexplained;
	uint64_t off_ns = 0;

	for (int i = 0; i < NR_CHURN_INGREDIENTS; i++) {
		if (!churn_has(i))
			continue;
		printf("done_%s %" PRIu64 "\n", ingredient_names[i], churn->nr_done[i]);
		if (!churn->nr_done[i]) {
			fprintf(stderr, "churn: %s: nothing was done\n", ingredient_names[i]);
			ok = false;
		}
	}
	if (churn_has(CHURN_BPF)) {
		printf("slept_held %" PRIu64 "\n", churn->nr_slept_held);
		ok = ok && churn->nr_slept_held;
	}
	for (uint32_t i = 0; i < churn->nr_windows; i++)
		off_ns += churn->windows[i].end_ns - churn->windows[i].start_ns;
	printf("restart_windows %u\nrestart_ms %.0f\n", churn->nr_windows, off_ns / 1e6);
	for (int i = 0; i < NR_CHURN_KINDS; i++) {
		if (i <= CHURN_CHANGED) {
			ok = judge_wait("gap", churn_kind_names[i], &churn->gaps[i]) && ok;
			print_wait("stretch", churn_kind_names[i], &churn->stretches[i]);
		}
		ok = judge_wait("queued", churn_kind_names[i], &churn->queued[i]) && ok;
	}
	print_wait("gap", "pinned_without_rt", &churn->gaps_without_rt);
	print_wait("floor", "fifo99", &churn->floor);
	printf("unexplained %" PRIu64 "\nfailed %" PRIu64 "\n", churn->nr_unexplained, churn->nr_failed);
	return ok;
}

static void usage(FILE *out)
{
	fputs("Usage: churn [OPTION]...\n"
	      "  --seconds N        how long (default 60)\n"
	      "  --seed N           of the random numbers (default: the time)\n"
	      "  --without A,B,...  leave these out\n"
	      "  --only A,B,...     only these\n"
	      "  --hotplug-every N  seconds between CPUs that come or go, on average (default 20)\n"
	      "  --any-scheduler    do not expect a sched_ext scheduler: to compare with the kernel's own\n"
	      "ingredients:",
	      out);
	for (int i = 0; i < NR_CHURN_INGREDIENTS; i++)
		fprintf(out, " %s", ingredient_names[i]);
	fputc('\n', out);
}

static void die(const char *what, const char *value)
{
	fprintf(stderr, "churn: %s '%s' (see --help)\n", what, value);
	exit(2);
}

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (parse_u64_range(text, min, max, &value))
		die("not a number in range:", text);
	return value;
}

static uint32_t ingredients(char *list)
{
	uint32_t bits = 0;
	char *name;

	while ((name = strsep(&list, ","))) {
		int i = 0;

		while (i < NR_CHURN_INGREDIENTS && strcmp(name, ingredient_names[i]))
			i++;
		if (i == NR_CHURN_INGREDIENTS)
			die("no such ingredient:", name);
		bits |= 1u << i;
	}
	return bits;
}

static uint64_t parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },  { "seed", required_argument, NULL, 'r' },
		{ "without", required_argument, NULL, 'w' },  { "only", required_argument, NULL, 'o' },
		{ "hotplug-every", required_argument, NULL, 'p' }, { "any-scheduler", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },	      { 0 },
	};
	uint64_t seconds = 60;
	int option;

	churn->with = (1u << NR_CHURN_INGREDIENTS) - 1;
	churn->seed = time(NULL);
	churn->hotplug_every_ms = 20000;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': seconds = number(optarg, 1, 86400); break;
		case 'r': churn->seed = number(optarg, 0, UINT64_MAX); break;
		case 'w': churn->with &= ~ingredients(optarg); break;
		case 'o': churn->with = ingredients(optarg); break;
		case 'p': churn->hotplug_every_ms = number(optarg, 1, 3600) * 1000; break;
		case 'a': churn->any_scheduler = true; break;
		case 'h': usage(stdout); exit(0);
		default: exit(2);
		}
	}
	if (optind < argc)
		die("not an option:", argv[optind]);
	return seconds;
}

static void check_machine(void)
{
	struct utsname kernel;

	churn->nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (churn->nr_cpus < 2 || churn->nr_cpus > CHURN_MAX_CPUS ||
	    churn->nr_cpus != sysconf(_SC_NPROCESSORS_CONF)) {
		fprintf(stderr, "churn: from 2 to %d CPUs are needed, all online\n", CHURN_MAX_CPUS);
		exit(1);
	}
	if (geteuid()) {
		fprintf(stderr, "churn: must be root\n");
		exit(1);
	}
	churn->has_ext_server = !uname(&kernel) && atoi(kernel.release) >= 7;
}

int main(int argc, char **argv)
{
	uint64_t seconds;

	setvbuf(stderr, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	churn = mmap(NULL, sizeof(*churn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (churn == MAP_FAILED) {
		perror("churn: mmap");
		return 1;
	}
	seconds = parse(argc, argv);
	check_machine();
	printf("seed %" PRIu64 "\n", churn->seed);
	if (!churn_open_cgroups())
		churn_fail("cgroups");
	churn->start_ns = now_ns();

	/* Children before threads: a fork copies only the caller, but the locks of all. */
	churn_start_forks();
	churn_start_changers();
	churn_start_held();
	churn_start_workers();
	churn_start_cgroups();
	churn_start_rt();
	churn_start_sampler();
	churn_start_hotplug();

	churn_set_fifo(20);
	while (!churn_stopped() && !churn->nr_failed && now_ns() < churn->start_ns + seconds * NSEC_PER_SEC)
		churn_sleep_us(100000);
	churn->stop = true;
	churn_stop_hotplug();
	churn_join();
	churn_close_cgroups();
	return judge() ? 0 : 1;
}
