// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which threads are told and as what: members of a chain at their hop, the game's as the game's, none that has ended;
 * reading leaves nothing behind and is soon done, however many threads there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf.h"
#include "log.h"
#include "threads.h"
#include "threads_best.h"
#include "uinput.h"

#define NR_PACKETS	300
#define NR_READS	1000
#define NR_CALLS	10
#define NR_GAME_THREADS 3
#define CHAIN_LENGTH	3
#define SHARED_NS	(100 * NSEC_PER_MSEC)
#define CALL_MAX_NS	(5 * NSEC_PER_MSEC)
#define WAIT_NS		(20 * NSEC_PER_SEC)

struct fixture {
	struct topology *topology;
	struct bpf *bpf;
	struct threads *threads;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct options opts;

	options_set_defaults(&opts);
	log_set_level(LOG_LEVEL_WARNING);
	bpf_init_logging();
	if (!fixture || topology_new("/sys", &fixture->topology) || bpf_new(&opts, fixture->topology, 0, &fixture->bpf))
		return -1;
	bpf_attach_hooks(fixture->bpf);
	if (bpf_facts(fixture->bpf)->hooks[BPF_HOOK_THREADS] != BPF_HOOK_ATTACHED || bpf_attach_scheduler(fixture->bpf) ||
	    threads_new(fixture->bpf, &fixture->threads))
		return -1;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	threads_free(fixture->threads);
	bpf_free(fixture->bpf);
	topology_free(fixture->topology);
	free(fixture);
	return 0;
}

static void pause_ns(uint64_t ns)
{
	const struct timespec pause = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	nanosleep(&pause, NULL);
}

/* The answer to a new question: of a pass that began after now, and is complete. */
static size_t read_anew(struct fixture *fixture, const struct thread **array)
{
	size_t nr = 0;

	/* A pass of so few threads as a test has is complete after one call; the second may be another's rest. */
	for (int i = 0; i < 2; i++) {
		pause_ns(SHARED_NS + NSEC_PER_MSEC);
		assert_int_equal(threads_read(fixture->threads, array, &nr), 0);
	}
	assert_true(nr > 0 && nr <= THREADS_MAX);
	return nr;
}

static const struct thread *find(const struct thread *array, size_t nr, pid_t pid)
{
	for (size_t i = 0; i < nr; i++)
		if (array[i].pid == pid)
			return &array[i];
	return NULL;
}

/* ---- a chain: a reader of a device, and threads that wake one another ---- */

struct link {
	pthread_t thread;
	pid_t tid;		/* written by the thread, before it first reads */
	int from, to;		/* -1: the last */
};

static void *be_link(void *data)
{
	struct link *link = data;
	char bytes[512];

	prctl(PR_SET_NAME, "link\n\xff");
	__atomic_store_n(&link->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	while (read(link->from, bytes, sizeof(bytes)) > 0)
		if (link->to >= 0 && write(link->to, "x", 1) != 1)
			break;
	return NULL;
}

/* Return: descriptor of the mouse. The first link reads it until it goes. */
static int start_chain(struct link *links)
{
	int mouse = uinput_open(UINPUT_MOUSE), number, pipes[2];
	uint64_t deadline_ns = now_ns() + WAIT_NS;
	char path[64];

	assert_true(mouse >= 0);
	while ((number = uinput_event_number(mouse)) < 0 && now_ns() < deadline_ns)
		pause_ns(NSEC_PER_MSEC);
	snprintf(path, sizeof(path), "/dev/input/event%d", number);
	while ((links[0].from = open(path, O_RDONLY | O_CLOEXEC)) < 0 && now_ns() < deadline_ns)
		pause_ns(NSEC_PER_MSEC);
	assert_true(links[0].from >= 0);
	for (int i = 0; i < CHAIN_LENGTH; i++) {
		links[i].tid = 0;
		links[i].to = -1;
		if (i + 1 < CHAIN_LENGTH) {
			assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
			links[i].to = pipes[1];
			links[i + 1].from = pipes[0];
		}
	}
	for (int i = 0; i < CHAIN_LENGTH; i++) {
		assert_int_equal(pthread_create(&links[i].thread, NULL, be_link, &links[i]), 0);
		while (!__atomic_load_n(&links[i].tid, __ATOMIC_ACQUIRE))
			pause_ns(NSEC_PER_MSEC);
	}
	return mouse;
}

static void end_chain(struct link *links, int mouse)
{
	close(mouse);
	for (int i = 0; i < CHAIN_LENGTH; i++) {
		assert_int_equal(pthread_join(links[i].thread, NULL), 0);
		close(links[i].from);
		close_fd(links[i].to);
	}
}

static void test_chain_is_told(void **state)
{
	struct fixture *fixture = *state;
	const struct thread *array, *thread;
	struct link links[CHAIN_LENGTH];
	int mouse = start_chain(links);
	size_t nr;

	for (int i = 0; i < NR_PACKETS; i++) {
		assert_true(uinput_packet(mouse, EV_REL, REL_X, 1));
		pause_ns(2 * NSEC_PER_MSEC);
	}
	nr = read_anew(fixture, &array);
	for (int i = 0; i < CHAIN_LENGTH; i++) {
		thread = find(array, nr, links[i].tid);
		assert_non_null(thread);
		print_message("# figure: hop %u: share %u permille, %llu runs, %llu waits: p50 %llu us, p99 %llu us\n",
			      thread->hop, thread->share_permille, (unsigned long long)thread->nr_runs,
			      (unsigned long long)thread->nr_waits, (unsigned long long)thread->wait_p50_us,
			      (unsigned long long)thread->wait_p99_us);
		assert_int_equal(thread->tgid, getpid());
		assert_string_equal(thread->name, "link\\n\\xff");
		assert_string_equal(thread->process, "test_threads");
		assert_int_equal(thread->hop, i + 1);
		assert_int_equal(thread->root, ARCADE_ROOT_INPUT);
		assert_int_equal(thread->class, ARCADE_CLASS_CHAIN);
		assert_int_equal(thread->roles, i ? 0 : 1 << ARCADE_THREAD_INPUT);
		assert_true(thread->share_permille > 900 && thread->share_permille <= 1000);
		assert_true(thread->chain_ago_ns > SHARED_NS && thread->chain_ago_ns < NSEC_PER_SEC);
		assert_true(thread->nr_runs >= NR_PACKETS && thread->nr_runs < 2 * NR_PACKETS);
		assert_true(thread->nr_waits >= NR_PACKETS && thread->nr_waits < 2 * NR_PACKETS);
		assert_true(thread->wait_p50_us >= 1 && thread->wait_p50_us <= thread->wait_p99_us);
		/* They wake up beside nobody. */
		assert_true(thread->wait_p99_us < 5000);
	}
	/* Nobody else is in a chain, so these come first. */
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(array[i].class == ARCADE_CLASS_CHAIN, i < CHAIN_LENGTH);
	end_chain(links, mouse);
	/* And none of them is told any more. */
	nr = read_anew(fixture, &array);
	for (int i = 0; i < CHAIN_LENGTH; i++)
		assert_null(find(array, nr, links[i].tid));
}

/* ---- a game ---- */

static void *be_busy(void *data)
{
	uint64_t until_ns;

	for (;;) {
		for (until_ns = now_ns() + NSEC_PER_MSEC; now_ns() < until_ns;)
			;
		pause_ns(NSEC_PER_MSEC);
	}
	return NULL;
}

static pid_t start_game(void)
{
	pid_t pid = fork();
	pthread_t thread;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "the game");
	for (int i = 0; i < NR_GAME_THREADS; i++)
		if (pthread_create(&thread, NULL, be_busy, NULL))
			_exit(1);
	for (;;)
		pause();
}

static size_t count_of_game(const struct thread *array, size_t nr, pid_t pid, enum arcade_class class)
{
	size_t nr_of_class = 0;

	for (size_t i = 0; i < nr; i++)
		nr_of_class += array[i].tgid == pid && array[i].class == class;
	return nr_of_class;
}

static void test_game_is_told(void **state)
{
	struct fixture *fixture = *state;
	const struct thread *array;
	pid_t game = start_game();
	size_t nr;

	pause_ns(NSEC_PER_SEC);
	assert_int_equal(bpf_set_game(fixture->bpf, game), NR_GAME_THREADS + 1);
	bpf_set_game_in_front(fixture->bpf, true);
	nr = read_anew(fixture, &array);
	assert_int_equal(count_of_game(array, nr, game, ARCADE_CLASS_GAME), NR_GAME_THREADS + 1);
	/* No chain: the game's come first. */
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(array[i].tgid == game, i <= NR_GAME_THREADS);
		if (array[i].tgid == game)
			assert_string_equal(array[i].process, "the game");
	}
	/* Behind another window it is like anybody, but still the game. */
	bpf_set_game_in_front(fixture->bpf, false);
	nr = read_anew(fixture, &array);
	assert_int_equal(count_of_game(array, nr, game, ARCADE_CLASS_NORMAL), NR_GAME_THREADS + 1);
	assert_int_equal(array[0].tgid, game);
	kill(game, SIGKILL);
	/* Dead and not yet waited for: told no more. */
	pause_ns(NSEC_PER_SEC / 2);
	nr = read_anew(fixture, &array);
	for (size_t i = 0; i < nr; i++)
		assert_int_not_equal(array[i].tgid, game);
	waitpid(game, NULL, 0);
}

/* ---- what it costs ---- */

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

static uint64_t resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long size, resident;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu %llu", &size, &resident), 2);
	fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void test_reading_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct threads *threads;
	const struct thread *array;
	uint64_t resident = 0;
	int fds = 0;
	size_t nr;

	/* Each with its own pass: the time between two of one is not waited for. */
	for (int i = 0; i < NR_READS; i++) {
		if (i == 10) {
			fds = count_fds();
			resident = resident_kib();
		}
		assert_int_equal(threads_new(fixture->bpf, &threads), 0);
		assert_int_equal(threads_read(threads, &array, &nr), 0);
		assert_true(nr > 0);
		threads_free(threads);
	}
	assert_int_equal(count_fds(), fds);
	assert_in_range(resident_kib(), 0, resident + 256);
	/* And asked in a row, the answer is the same one. */
	assert_int_equal(threads_read(fixture->threads, &array, &nr), 0);
	for (int i = 0; i < NR_READS; i++) {
		const struct thread *again;
		size_t nr_again;

		assert_int_equal(threads_read(fixture->threads, &again, &nr_again), 0);
		assert_ptr_equal(again, array);
	}
	assert_int_equal(count_fds(), fds);
}

static void *be_idle(void *data)
{
	pause_ns(3600 * NSEC_PER_SEC);
	return NULL;
}

static pid_t start_crowd(int nr)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (int i = 1; i < nr; i++)
		if (pthread_create(&thread, &attr, be_idle, NULL))
			_exit(1);
	if (write(ready[1], "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* In an emulator whose time counts instructions a nanosecond is one. */
static void measure(struct fixture *fixture, int nr_threads)
{
	static struct arcade_thread chunk[256];
	pid_t crowd = start_crowd(nr_threads);
	uint64_t start_ns, call_ns, longest_ns = 0;
	struct threads *threads;
	const struct thread *array;
	size_t nr = 0;
	int fd;

	pause_ns(NSEC_PER_SEC);
	/* The kernel's part alone. */
	fd = bpf_open_threads(fixture->bpf);
	assert_true(fd >= 0);
	start_ns = now_ns();
	while (read(fd, chunk, sizeof(chunk)) > 0)
		;
	call_ns = now_ns() - start_ns;
	close(fd);
	print_message("# figure: %d threads: the kernel tells all in %.2f ms\n", nr_threads, call_ns / 1e6);
	assert_int_equal(threads_new(fixture->bpf, &threads), 0);
	for (int i = 0; i < NR_CALLS; i++) {
		start_ns = now_ns();
		assert_int_equal(threads_read(threads, &array, &nr), 0);
		call_ns = now_ns() - start_ns;
		longest_ns = call_ns > longest_ns ? call_ns : longest_ns;
		assert_int_equal(nr, THREADS_MAX);
		pause_ns(SHARED_NS);
	}
	print_message("# figure: %d threads: the longest call took %.2f ms\n", nr_threads, longest_ns / 1e6);
	assert_true(longest_ns < CALL_MAX_NS);
	threads_free(threads);
	kill(crowd, SIGKILL);
	waitpid(crowd, NULL, 0);
}

static void test_crowds(void **state)
{
	measure(*state, 500);
	measure(*state, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chain_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_game_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reading_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
