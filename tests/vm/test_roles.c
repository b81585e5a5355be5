// SPDX-License-Identifier: GPL-2.0-only
/*
 * The roles on real modules: a display of QEMU's that flips, an audio device whose periods pass, a GPU that is given
 * work; each event once where it belongs. Modules come after the start and go before the end.
 *
 * Needs a guest with -device bochs-display and -device virtio-gpu-pci, and modprobe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf.h"
#include "drm.h"
#include "log.h"
#include "loop.h"
#include "pcm.h"
#include "rings.h"
#include "roles.h"
#include "uinput.h"

#define NR_EVENTS    200
#define PERIOD	     480	/* frames: 10 ms */
#define WAIT_NS	     (30 * NSEC_PER_SEC)
#define PACKET_NS    (20 * NSEC_PER_MSEC)
#define NR_WORKERS   3	/* one more than CPUs */
#define LATE_BUCKET  12	/* of a histogram: from 2048 us */
#define CHILD_SUBMIT "--submit-and-exec"

enum { LOOP_LATE = 1, LOOP_DONE };

/* What a child has done and seen. */
struct told {
	uint32_t nr_events;
	uint32_t nr_slept;	/* voluntary switches meanwhile */
	uint32_t nr_dry;
	int32_t error;		/* errno of what it could not do, 0 */
};

static struct fixture {
	struct topology *topology;
	struct bpf *bpf;
	struct loop *loop;
	struct rings *rings;
	struct roles *roles;
	struct timer timer;
	struct source child;
	struct told told;
	uint64_t deadline_ns;
	bool (*is_done)(void);
	uint32_t gpu_pids[16];
	uint32_t nr_gpu;
} fixture;

static int handle_exit(void *data)
{
	fail_msg("the scheduler has ended");
	return 0;
}

static void handle_control(const struct arcade_control_record *record, void *data)
{
	roles_handle_control(fixture.roles, record);
	if (record->type == ARCADE_CONTROL_GPU_SUBMIT && fixture.nr_gpu < ARRAY_SIZE(fixture.gpu_pids))
		fixture.gpu_pids[fixture.nr_gpu++] = record->pid;
}

static int handle_tick(struct timer *timer, uint64_t now)
{
	if (fixture.is_done && fixture.is_done())
		loop_stop(fixture.loop, LOOP_DONE);
	else if (now > fixture.deadline_ns)
		loop_stop(fixture.loop, LOOP_LATE);
	return 0;
}

static int run_for(bool (*is_done)(void), uint64_t ns)
{
	int end;

	fixture.is_done = is_done;
	fixture.deadline_ns = now_ns() + ns;
	timer_arm(&fixture.timer, fixture.loop, now_ns() + NSEC_PER_MSEC, 50 * NSEC_PER_MSEC);
	end = loop_run(fixture.loop);
	timer_disarm(&fixture.timer);
	return end;
}

static int setup(void **state)
{
	const struct rings_handler handler = { .handle_exit = handle_exit, .handle_control = handle_control };
	struct options opts;

	options_set_defaults(&opts);
	/* The guest stands still for milliseconds: what is counted is who, and seldom when. */
	opts.chain_ms = 100;
	log_set_level(LOG_LEVEL_WARNING);
	bpf_init_logging();
	timer_init(&fixture.timer, "test", handle_tick);
	if (loop_new(&fixture.loop) || topology_new("/sys", &fixture.topology) ||
	    bpf_new(&opts, fixture.topology, 0, &fixture.bpf))
		return -1;
	bpf_attach_hooks(fixture.bpf);
	if (roles_new(&opts, fixture.bpf, fixture.loop, &fixture.roles) ||
	    rings_new(fixture.bpf, fixture.loop, &handler, &fixture.rings))
		return -1;
	return bpf_attach_scheduler(fixture.bpf);
}

static int teardown(void **state)
{
	roles_free(fixture.roles);
	rings_free(fixture.rings);
	bpf_free(fixture.bpf);
	topology_free(fixture.topology);
	loop_free(fixture.loop);
	return 0;
}

static int run_tool(const char *tool, const char *module)
{
	char *argv[] = { (char *)tool, (char *)module, NULL };
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, tool, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static bool has(enum role role)
{
	return roles_facts(fixture.roles)->states[role] == BPF_HOOK_ATTACHED;
}

static bool has_audio(void)
{
	return has(ROLE_AUDIO);
}

static bool has_display(void)
{
	return has(ROLE_DISPLAY);
}

static bool has_no_audio(void)
{
	return !has(ROLE_AUDIO);
}


static struct arcade_stats stats(void)
{
	struct arcade_stats total;

	assert_int_equal(bpf_read_stats(fixture.bpf, &total), 0);
	return total;
}

static uint64_t sum(const uint64_t *values, size_t nr)
{
	uint64_t total = 0;

	while (nr--)
		total += values[nr];
	return total;
}

static int handle_child(struct source *source, uint32_t events)
{
	if (read(source->fd, &fixture.told, sizeof(fixture.told)) != sizeof(fixture.told))
		fixture.told.error = ECHILD;
	loop_stop(fixture.loop, LOOP_DONE);
	return 0;
}

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static uint32_t nr_slept(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* Runs @work in a child, and the loop until it is done. */
static struct told run_child(void (*work)(struct told *told, const void *arg), const void *arg)
{
	struct told told = { 0 };
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work(&told, arg);
		_exit(write(fds[1], &told, sizeof(told)) != sizeof(told));
	}
	close(fds[1]);
	source_init(&fixture.child, "child", handle_child);
	assert_int_equal(source_attach(&fixture.child, fixture.loop, fds[0], EPOLLIN), 0);
	assert_int_equal(run_for(NULL, 2 * WAIT_NS), LOOP_DONE);
	source_detach(&fixture.child);
	close(fds[0]);
	waitpid(pid, NULL, 0);
	/* What it has left in the ring. */
	run_for(NULL, NSEC_PER_SEC / 5);
	return fixture.told;
}

static void test_nothing_without_modules(void **state)
{
	for (int role = 0; role < NR_ROLES; role++)
		assert_int_equal(roles_facts(fixture.roles)->states[role], BPF_HOOK_ABSENT);
	assert_int_equal(bpf_facts(fixture.bpf)->hooks[BPF_HOOK_MODULE_LOAD], BPF_HOOK_ATTACHED);
	assert_int_equal(bpf_facts(fixture.bpf)->hooks[BPF_HOOK_MODULE_FREE], BPF_HOOK_ATTACHED);
}

/* The programs are loaded beside the loop, which has next to nothing to do meanwhile. */
static void wait_attached(const char *name, bool (*is_attached)(void))
{
	uint64_t start_ns = now_ns(), busy_ns = loop_facts(fixture.loop)->busy_ns, took_ns;

	assert_int_equal(run_for(is_attached, WAIT_NS), LOOP_DONE);
	took_ns = now_ns() - start_ns;
	busy_ns = loop_facts(fixture.loop)->busy_ns - busy_ns;
	print_message("# figure: %s attached within %llu ms, of which the loop was busy %llu ms, longest round %llu ms\n", name,
		      took_ns / NSEC_PER_MSEC, (unsigned long long)(busy_ns / NSEC_PER_MSEC),
		      (unsigned long long)(loop_facts(fixture.loop)->round_max_ns / NSEC_PER_MSEC));
	assert_true(busy_ns < took_ns / 4);
}

static void test_module_comes(void **state)
{
	assert_int_equal(run_tool("modprobe", "snd-dummy"), 0);
	wait_attached("audio", has_audio);
	assert_false(has(ROLE_DISPLAY));
	assert_int_equal(run_tool("modprobe", "bochs"), 0);
	assert_int_equal(run_tool("modprobe", "virtio-gpu"), 0);
	wait_attached("display", has_display);
	assert_int_equal(roles_facts(fixture.roles)->nr_attached, 2);
}

static void play(struct told *told, const void *arg)
{
	int fd = pcm_open("/dev/snd/pcmC0D0p", PERIOD);
	uint32_t slept;

	if (fd < 0) {
		told->error = errno;
		return;
	}
	/* The buffer is filled without waiting. */
	for (int i = 0; i < 4; i++)
		pcm_write_period(fd, PERIOD);
	slept = nr_slept();
	for (told->nr_events = 0; told->nr_events < NR_EVENTS; told->nr_events++)
		told->nr_dry += !pcm_write_period(fd, PERIOD);
	told->nr_slept = nr_slept() - slept;
	close(fd);
}

static void test_audio_periods(void **state)
{
	struct arcade_stats before = stats(), after;
	struct told told = run_child(play, NULL);
	uint64_t periods, marks;

	assert_int_equal(told.error, 0);
	after = stats();
	periods = after.nr_roots[ARCADE_ROOT_AUDIO] - before.nr_roots[ARCADE_ROOT_AUDIO];
	marks = after.nr_chain_marks[ARCADE_ROOT_AUDIO][0] - before.nr_chain_marks[ARCADE_ROOT_AUDIO][0];
	print_message("# figure: %u periods written, %u times asleep, %u times dry: %llu periods seen, %llu wakeups marked, %llu at "
		      "hop 2\n", told.nr_events, told.nr_slept, told.nr_dry, (unsigned long long)periods, (unsigned long long)marks,
		      (unsigned long long)(after.nr_chain_marks[ARCADE_ROOT_AUDIO][1] -
					   before.nr_chain_marks[ARCADE_ROOT_AUDIO][1]));
	assert_true(told.nr_dry <= NR_EVENTS / 50);
	assert_in_range(periods, NR_EVENTS - 5, NR_EVENTS + 10);
	assert_in_range(told.nr_slept, NR_EVENTS - 10, NR_EVENTS + 10);
	assert_in_range(marks, told.nr_slept - 5, told.nr_slept + 5);
}

static void flip(struct told *told, const void *arg)
{
	struct drm_display display;
	uint32_t slept;

	if (!drm_display_open(&display, arg)) {
		told->error = errno ? errno : ENODEV;
		return;
	}
	slept = nr_slept();
	while (told->nr_events < NR_EVENTS && drm_flip(&display) && drm_wait_flipped(&display))
		told->nr_events++;
	told->error = told->nr_events < NR_EVENTS ? errno : 0;
	told->nr_slept = nr_slept() - slept;
	close(display.fd);
}

static void check_flips(const char *driver)
{
	struct arcade_stats before = stats(), after;
	struct told told = run_child(flip, driver);
	uint64_t roots, marks, flips, closed;

	after = stats();
	roots = after.nr_roots[ARCADE_ROOT_VBLANK] - before.nr_roots[ARCADE_ROOT_VBLANK];
	marks = after.nr_chain_marks[ARCADE_ROOT_VBLANK][0] - before.nr_chain_marks[ARCADE_ROOT_VBLANK][0];
	flips = after.nr_frame_ends[ARCADE_FRAME_FLIP] - before.nr_frame_ends[ARCADE_FRAME_FLIP];
	closed = sum(after.frame_hist[ARCADE_FRAME_FLIP][ARCADE_ROOT_VBLANK], ARCADE_HIST_BUCKETS) -
		 sum(before.frame_hist[ARCADE_FRAME_FLIP][ARCADE_ROOT_VBLANK], ARCADE_HIST_BUCKETS);
	print_message("# figure: %s: %u flips, %u times asleep: %llu flips seen, %llu frames begun or flips done, %llu wakeups marked, "
		      "%llu flips closed the chain of the last\n", driver, told.nr_events, told.nr_slept, (unsigned long long)flips,
		      (unsigned long long)roots, (unsigned long long)marks, (unsigned long long)closed);
	assert_int_equal(told.error, 0);
	assert_int_equal(told.nr_events, NR_EVENTS);
	assert_int_equal(flips, NR_EVENTS);
	assert_true(roots >= NR_EVENTS);
	assert_true(marks >= NR_EVENTS - 10);
	assert_in_range(closed, NR_EVENTS - 10, NR_EVENTS);
}

static void test_flips_of_bochs(void **state)
{
	check_flips("bochs-drm");
}

static void test_flips_of_virtio(void **state)
{
	check_flips("virtio_gpu");
}

static int open_event_device(int uinput)
{
	char sysname[32], path[96];
	int fd = -1;

	if (ioctl(uinput, UI_GET_SYSNAME(sizeof(sysname)), sysname) < 0)
		return -1;
	for (int i = 0; i < 64 && fd < 0; i++) {
		snprintf(path, sizeof(path), "/sys/devices/virtual/input/%s/event%d", sysname, i);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

/* Reads a mouse that sends a packet every 5 ms, and works for 4 ms on each: a member of chains for most of the time. */
static void work_on_packets(void)
{
	int uinput = uinput_open(UINPUT_MOUSE), event = open_event_device(uinput);
	const struct timespec pause = { .tv_nsec = 5 * NSEC_PER_MSEC };
	struct input_event events[8];
	uint64_t until_ns;
	pid_t hand;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hand = event < 0 ? -1 : fork();
	if (hand < 0)
		return;
	if (!hand) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			nanosleep(&pause, NULL);
			uinput_packet(uinput, EV_REL, REL_X, 1);
		}
	}
	while (read(event, events, sizeof(events)) > 0)
		for (until_ns = cpu_now_ns() + 4 * NSEC_PER_MSEC; cpu_now_ns() < until_ns;)
			;
}

/* Plays while every CPU has one. */
static void play_beside_members(struct told *told, const void *arg)
{
	pid_t pids[NR_WORKERS];
	int status = 0;

	for (int i = 0; i < NR_WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			work_on_packets();
			_exit(1);
		}
	}
	play(told, arg);
	for (int i = 0; i < NR_WORKERS; i++) {
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
		/* Not there, or gone before: it could not do its part. */
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || !WIFSIGNALED(status))
			told->error = ECHILD;
	}
}

/* Who fills a buffer of sound does not wait for members of chains of input. The guest counts instructions, so its times hold. */
static void test_sound_comes_first(void **state)
{
	struct arcade_stats before = stats(), after;
	struct told told = run_child(play_beside_members, NULL);
	uint64_t hist[ARCADE_HIST_BUCKETS], nr, nr_late, packets, marks;

	assert_int_equal(told.error, 0);
	after = stats();
	for (int i = 0; i < ARCADE_HIST_BUCKETS; i++)
		hist[i] = after.chain_hist[ARCADE_ROOT_AUDIO][0][i] - before.chain_hist[ARCADE_ROOT_AUDIO][0][i];
	nr = sum(hist, ARCADE_HIST_BUCKETS);
	nr_late = sum(hist + LATE_BUCKET, ARCADE_HIST_BUCKETS - LATE_BUCKET);
	packets = after.nr_packets - before.nr_packets;
	marks = after.nr_chain_marks[ARCADE_ROOT_INPUT][0] - before.nr_chain_marks[ARCADE_ROOT_INPUT][0];
	print_message("# figure: beside members on all CPUs, woken %llu times by %llu packets: of %llu periods %llu more than 2 ms "
		      "late, mean %.2f ms; %u times dry\n", (unsigned long long)marks, (unsigned long long)packets,
		      (unsigned long long)nr, (unsigned long long)nr_late,
		      (after.chain_run_ns[ARCADE_ROOT_AUDIO][0] - before.chain_run_ns[ARCADE_ROOT_AUDIO][0]) / 1e6 / (nr ? nr : 1),
		      told.nr_dry);
	assert_true(packets >= NR_EVENTS && marks >= NR_EVENTS);
	assert_in_range(nr, NR_EVENTS - 20, NR_EVENTS + 10);
	assert_true(nr_late <= nr / 10);
}

/* A game of one thread: waits for the mouse, gives the GPU work and the display a picture. */
static void play_game(struct told *told, const void *arg)
{
	int uinput = uinput_open(UINPUT_MOUSE), event = open_event_device(uinput), gpu = drm_open("renderD", 128, "virtio_gpu");
	struct input_event events[8];
	struct drm_display display;
	pid_t hand;

	if (event < 0 || gpu < 0 || !drm_display_open(&display, "virtio_gpu")) {
		told->error = errno ? errno : ENODEV;
		return;
	}
	hand = fork();
	if (!hand) {
		const struct timespec pause = { .tv_nsec = PACKET_NS };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < NR_EVENTS; i++) {
			nanosleep(&pause, NULL);
			uinput_packet(uinput, EV_REL, REL_X, 1);
		}
		_exit(0);
	}
	while (told->nr_events < NR_EVENTS && read(event, events, sizeof(events)) > 0) {
		drm_virtio_submit(gpu);
		drm_virtio_submit(gpu);
		if (!drm_flip(&display) || !drm_wait_flipped(&display))
			break;
		told->nr_events++;
	}
	told->error = told->nr_events < NR_EVENTS ? errno : 0;
	waitpid(hand, NULL, 0);
}

static uint64_t nr_closed(const struct arcade_stats *is, const struct arcade_stats *was, enum arcade_frame_end end,
			  enum arcade_root root)
{
	return sum(is->frame_hist[end][root], ARCADE_HIST_BUCKETS) - sum(was->frame_hist[end][root], ARCADE_HIST_BUCKETS);
}

static void test_input_to_picture(void **state)
{
	struct arcade_stats before = stats(), after;
	uint64_t submits, flips;
	struct told told;

	fixture.nr_gpu = 0;
	told = run_child(play_game, NULL);
	after = stats();
	submits = nr_closed(&after, &before, ARCADE_FRAME_SUBMIT, ARCADE_ROOT_INPUT);
	flips = nr_closed(&after, &before, ARCADE_FRAME_FLIP, ARCADE_ROOT_INPUT);
	print_message("# figure: %u pictures by %llu packets: %llu submits seen, %llu chains ended in one, %llu in a flip; mean %.2f and "
		      "%.2f ms\n", told.nr_events, (unsigned long long)(after.nr_packets - before.nr_packets),
		      (unsigned long long)(after.nr_frame_ends[ARCADE_FRAME_SUBMIT] - before.nr_frame_ends[ARCADE_FRAME_SUBMIT]),
		      (unsigned long long)submits, (unsigned long long)flips,
		      (after.frame_ns[ARCADE_FRAME_SUBMIT][ARCADE_ROOT_INPUT] -
		       before.frame_ns[ARCADE_FRAME_SUBMIT][ARCADE_ROOT_INPUT]) / 1e6 / (submits ? submits : 1),
		      (after.frame_ns[ARCADE_FRAME_FLIP][ARCADE_ROOT_INPUT] -
		       before.frame_ns[ARCADE_FRAME_FLIP][ARCADE_ROOT_INPUT]) / 1e6 / (flips ? flips : 1));
	assert_int_equal(told.error, 0);
	assert_int_equal(told.nr_events, NR_EVENTS);
	/* Of several submits the first counts. */
	assert_int_equal(after.nr_frame_ends[ARCADE_FRAME_SUBMIT] - before.nr_frame_ends[ARCADE_FRAME_SUBMIT], 2 * NR_EVENTS);
	assert_in_range(submits, NR_EVENTS - 10, NR_EVENTS);
	assert_in_range(flips, NR_EVENTS - 10, NR_EVENTS);
	assert_int_equal(fixture.nr_gpu, 1);
}

static void *submit_in_thread(void *arg)
{
	drm_virtio_submit(*(int *)arg);
	return NULL;
}

static int submit_and_exec(bool again)
{
	int gpu = drm_open("renderD", 128, "virtio_gpu");
	pthread_t thread;

	if (gpu < 0)
		return 1;
	for (int i = 0; i < 3; i++) {
		drm_virtio_submit(gpu);
		if (pthread_create(&thread, NULL, submit_in_thread, &gpu))
			return 1;
		pthread_join(thread, NULL);
	}
	if (again)
		execl("/proc/self/exe", "test_roles", CHILD_SUBMIT, NULL);
	return 0;
}

static void exec_submitter(struct told *told, const void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(submit_and_exec(true));
	told->error = waitpid(pid, &status, 0) != pid || status ? EIO : 0;
	told->nr_events = pid;
}

static void test_gpu_is_told_once(void **state)
{
	struct arcade_stats before = stats(), after;
	struct told told;
	uint32_t nr = 0;

	fixture.nr_gpu = 0;
	told = run_child(exec_submitter, NULL);
	after = stats();
	assert_int_equal(told.error, 0);
	assert_int_equal(after.nr_frame_ends[ARCADE_FRAME_SUBMIT] - before.nr_frame_ends[ARCADE_FRAME_SUBMIT], 12);
	/* Once before the exec and once after, by six threads each. */
	for (uint32_t i = 0; i < fixture.nr_gpu; i++)
		nr += fixture.gpu_pids[i] == told.nr_events;
	assert_int_equal(nr, 2);
	assert_int_equal(fixture.nr_gpu, 2);
}

static int rmmod(const char *module)
{
	return run_tool("rmmod", module);
}

static void test_modules_go(void **state)
{
	uint64_t start_ns;
	int status;

	/* While a driver uses it nobody could unload the core anyway. */
	assert_int_equal(rmmod("snd_dummy"), 0);
	start_ns = now_ns();
	assert_int_equal(run_for(has_no_audio, WAIT_NS), LOOP_DONE);
	while ((status = rmmod("snd_pcm")) && now_ns() - start_ns < WAIT_NS)
		run_for(NULL, NSEC_PER_SEC / 20);
	assert_int_equal(status, 0);
	print_message("# figure: snd_pcm unloaded %llu ms after its driver\n", (now_ns() - start_ns) / NSEC_PER_MSEC);
	assert_true(has(ROLE_DISPLAY));

	/* And they come again. */
	assert_int_equal(run_tool("modprobe", "snd-dummy"), 0);
	assert_int_equal(run_for(has_audio, WAIT_NS), LOOP_DONE);
	test_audio_periods(state);
	assert_int_equal(roles_facts(fixture.roles)->nr_released, 1);
}

static void unload_audio(void)
{
	uint64_t start_ns = now_ns();
	int status;

	assert_int_equal(rmmod("snd_dummy"), 0);
	while ((status = rmmod("snd_pcm")) && now_ns() - start_ns < WAIT_NS)
		run_for(NULL, NSEC_PER_SEC / 20);
	assert_int_equal(status, 0);
	run_for(NULL, NSEC_PER_SEC / 5);
}

/* Before, while and after its programs are loaded: whatever came of it is let go of, and nothing holds the module. */
static void test_module_goes_while_it_is_looked_at(void **state)
{
	const struct roles_facts *facts = roles_facts(fixture.roles);

	unload_audio();
	for (uint64_t i = 0; i < 5; i++) {
		assert_int_equal(run_tool("modprobe", "snd-dummy"), 0);
		run_for(NULL, (1 + 80 * i) * NSEC_PER_MSEC);
		unload_audio();
		assert_int_equal(facts->states[ROLE_AUDIO], BPF_HOOK_ABSENT);
		/* The display is attached all the time. */
		assert_int_equal(facts->nr_attached, facts->nr_released + 1);
	}
	assert_int_equal(run_tool("modprobe", "snd-dummy"), 0);
	wait_attached("audio", has_audio);
	test_audio_periods(state);
}

static void test_freed_while_it_looks(void **state)
{
	struct options opts;
	uint64_t start_ns;

	options_set_defaults(&opts);
	unload_audio();
	assert_int_equal(run_tool("modprobe", "snd-dummy"), 0);
	run_for(NULL, 60 * NSEC_PER_MSEC);
	start_ns = now_ns();
	roles_free(steal_ptr(&fixture.roles));
	print_message("# figure: freed within %llu ms while it loads\n", (now_ns() - start_ns) / NSEC_PER_MSEC);
	assert_true(now_ns() - start_ns < 5 * NSEC_PER_SEC);
	assert_int_equal(roles_new(&opts, fixture.bpf, fixture.loop, &fixture.roles), 0);
	assert_true(has(ROLE_AUDIO) && has(ROLE_DISPLAY));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_without_modules),
		cmocka_unit_test(test_module_comes),
		cmocka_unit_test(test_audio_periods),
		cmocka_unit_test(test_sound_comes_first),
		cmocka_unit_test(test_flips_of_bochs),
		cmocka_unit_test(test_flips_of_virtio),
		cmocka_unit_test(test_input_to_picture),
		cmocka_unit_test(test_gpu_is_told_once),
		cmocka_unit_test(test_modules_go),
		cmocka_unit_test(test_module_goes_while_it_is_looked_at),
		cmocka_unit_test(test_freed_while_it_looks),
	};

	if (argc > 1 && streq(argv[1], CHILD_SUBMIT))
		return submit_and_exec(false);
	return cmocka_run_group_tests(tests, setup, teardown);
}
