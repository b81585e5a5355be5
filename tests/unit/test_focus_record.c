/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "focus_record.h"

static struct arcade_focus_record window_of(int32_t pid)
{
	struct arcade_focus_record record = {
		.version = ARCADE_FOCUS_VERSION,
		.type = ARCADE_FOCUS_WINDOW,
		.source = ARCADE_FOCUS_KWIN,
		.flags = ARCADE_FOCUS_MAPPED | ARCADE_FOCUS_FULLSCREEN,
		.pid = pid,
		.app = "steam_app_730",
	};

	return record;
}

static int check(const struct arcade_focus_record *record)
{
	struct arcade_focus_record ret;

	return focus_record_check(record, sizeof(*record), &ret);
}

static void test_sound_records(void **state)
{
	struct arcade_focus_record record = window_of(4711), ret;

	assert_int_equal(focus_record_check(&record, sizeof(record), &ret), 0);
	assert_memory_equal(&record, &ret, sizeof(record));
	record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_WINDOW };
	assert_int_equal(check(&record), 0);
	record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_GAMEMODE,
					       .flags = ARCADE_FOCUS_REGISTERED, .pid = 7 };
	assert_int_equal(check(&record), 0);
	record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_STATE,
					       .state = ARCADE_FOCUS_FAILED, .error = EACCES };
	assert_int_equal(check(&record), 0);
}

#define refuse(change) \
	do { \
		struct arcade_focus_record record = window_of(4711); \
		change; \
		assert_int_equal(check(&record), -EINVAL); \
	} while (0)

static void test_each_field_is_checked(void **state)
{
	refuse(record.version = 0);
	refuse(record.version = ARCADE_FOCUS_VERSION + 1);
	refuse(record.type = 0);
	refuse(record.type = ARCADE_FOCUS_SETUP);
	refuse(record.type = 99);
	refuse(record.source = NR_ARCADE_FOCUS_SOURCES);
	refuse(record.source = UINT32_MAX);
	refuse(record.flags = 1U << 31);
	refuse(record.flags |= ARCADE_FOCUS_REGISTERED);
	refuse(record.flags = 0);	/* no window, but a process */
	refuse(record.pad = 1);
	refuse(record.state = 1);
	refuse(record.error = 1);
	refuse(memset(record.app, 'a', sizeof(record.app)));	/* no end */
	refuse(record.app[ARCADE_FOCUS_APP_MAX - 1] = 'x');	/* something behind the end */
	refuse((record.type = ARCADE_FOCUS_STATE, record.state = NR_ARCADE_FOCUS_STATES));
	refuse((record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_STATE,
						       .error = 4096 }));
	refuse((record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_STATE,
						       .state = NR_ARCADE_FOCUS_STATES }));
	refuse((record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_STATE,
						       .pid = 5 }));
	refuse((record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_GAMEMODE,
						       .app = "x" }));
	refuse((record = (struct arcade_focus_record){ .version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_GAMEMODE,
						       .flags = ARCADE_FOCUS_MAPPED }));
}

static void test_sizes(void **state)
{
	char packet[2 * sizeof(struct arcade_focus_record)] = {};
	struct arcade_focus_record record = window_of(4711), ret = window_of(1), before = ret;

	memcpy(packet, &record, sizeof(record));
	for (size_t len = 0; len <= sizeof(packet); len++)
		assert_int_equal(focus_record_check(packet, len, &ret), len == sizeof(record) ? 0 : -EINVAL);
	/* Nothing is written for a malformed one. */
	ret = before;
	packet[0] ^= 1;
	assert_int_equal(focus_record_check(packet, sizeof(record), &ret), -EINVAL);
	assert_memory_equal(&ret, &before, sizeof(ret));
}

static void test_impossible_pids_are_unknown(void **state)
{
	const int32_t pids[] = { 0, 1, -1, INT32_MIN, INT32_MAX, FOCUS_PID_MAX + 1 };
	struct arcade_focus_record record, ret;

	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		record = window_of(pids[i]);
		assert_int_equal(focus_record_check(&record, sizeof(record), &ret), 0);
		assert_int_equal(ret.pid, 0);
	}
	record = window_of(FOCUS_PID_MAX);
	assert_int_equal(focus_record_check(&record, sizeof(record), &ret), 0);
	assert_int_equal(ret.pid, FOCUS_PID_MAX);
}

/* Whatever comes through has a form that the daemon may rely on. */
static void test_random_bytes(void **state)
{
	struct unit_random random = { 0x5eed };
	unsigned int nr_sound = 0;

	for (int i = 0; i < 100 * FUZZ_ROUNDS; i++) {
		struct arcade_focus_record record = window_of(4711), ret;

		/* A sound one with a few bytes changed gets further than noise. */
		for (uint32_t k = unit_random_below(&random, 4); k; k--)
			((uint8_t *)&record)[unit_random_below(&random, sizeof(record))] = (uint8_t)unit_random_next(&random);
		if (focus_record_check(&record, sizeof(record), &ret))
			continue;
		nr_sound++;
		assert_int_equal(ret.version, ARCADE_FOCUS_VERSION);
		assert_true(ret.source < NR_ARCADE_FOCUS_SOURCES && ret.state < NR_ARCADE_FOCUS_STATES);
		assert_true(ret.pid == 0 || (ret.pid > 1 && ret.pid <= FOCUS_PID_MAX));
		assert_non_null(memchr(ret.app, '\0', sizeof(ret.app)));
	}
	assert_true(nr_sound > FUZZ_ROUNDS);
}

static void test_setup(void **state)
{
	struct arcade_focus_setup setup = {
		.version = ARCADE_FOCUS_VERSION, .type = ARCADE_FOCUS_SETUP, .uid = 1000, .gid = 1000, .parent = 5,
		.bus = "unix:path=/run/user/1000/bus", .script = "/usr/share/x.js"
	}, bad, ret;

	assert_int_equal(focus_setup_check(&setup, sizeof(setup), &ret), 0);
	assert_int_equal(focus_setup_check(&setup, sizeof(setup) - 1, &ret), -EINVAL);
	assert_int_equal(focus_setup_check(&setup, 0, &ret), -EINVAL);
#define refuse_setup(change) (bad = setup, change, assert_int_equal(focus_setup_check(&bad, sizeof(bad), &ret), -EINVAL))
	refuse_setup(bad.uid = 0);
	refuse_setup(bad.gid = 0);
	refuse_setup(bad.uid = UINT32_MAX);
	refuse_setup(bad.gid = UINT32_MAX);
	refuse_setup(bad.version++);
	refuse_setup(bad.type = ARCADE_FOCUS_WINDOW);
	refuse_setup(bad.parent = 0);
	refuse_setup(memset(bad.bus, 0, sizeof(bad.bus)));
	refuse_setup(memset(bad.bus, 'a', sizeof(bad.bus)));
	refuse_setup(bad.script[0] = 'x');
	refuse_setup(memset(bad.script, '/', sizeof(bad.script)));
	memset(setup.script, 0, sizeof(setup.script));
	assert_int_equal(focus_setup_check(&setup, sizeof(setup), &ret), 0);
}

static void test_own_process(void **state)
{
	uint64_t start = 0, again = 0;

	assert_int_equal(focus_process_check(getpid(), getuid(), &start), 0);
	assert_true(start > 0);
	assert_int_equal(focus_process_check(getpid(), getuid(), &again), 0);
	assert_int_equal(start, again);
	again = 42;
	assert_int_equal(focus_process_check(getpid(), getuid() + 1, &again), -EPERM);
	assert_int_equal(again, 42);
}

static void test_no_process(void **state)
{
	uint64_t start;
	pid_t pid;

	assert_int_equal(focus_process_check(0, getuid(), &start), -ESRCH);
	assert_int_equal(focus_process_check(1, getuid(), &start), -ESRCH);
	assert_int_equal(focus_process_check(-7, getuid(), &start), -ESRCH);
	assert_int_equal(focus_process_check(FOCUS_PID_MAX + 1, getuid(), &start), -ESRCH);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(0);
	/* Ended, not waited for; then gone. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){}, WEXITED | WNOWAIT), 0);
	assert_int_equal(focus_process_check(pid, getuid(), &start), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(focus_process_check(pid, getuid(), &start), -ESRCH);
}

/* comm is chosen by the process: blanks, brackets and line ends must not lead the parsers astray. */
static void test_odd_names(void **state)
{
	static const char *const names[] = { ") R 1 1 1 1 (", "a b c) 5 (", "\nUid:\t0\t0", "\nTgid:\t1\n", "))))", "\xff\x01 )" };
	uint64_t start, want;

	assert_int_equal(focus_process_check(getpid(), getuid(), &want), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unit_write_text("/proc/self", "comm", names[i]);
		assert_int_equal(focus_process_check(getpid(), getuid(), &start), 0);
		assert_int_equal(start, want);
	}
	unit_write_text("/proc/self", "comm", "test");
}

static void test_no_descriptors_left(void **state)
{
	int before = unit_count_fds();
	struct rlimit old;
	uint64_t start;
	int err;

	for (int i = 0; i < 100; i++) {
		focus_process_check(getpid(), getuid(), &start);
		focus_process_check(getpid(), getuid() + 1, &start);
		focus_process_check(FOCUS_PID_MAX, getuid(), &start);
	}
	assert_int_equal(unit_count_fds(), before);
	old = unit_forbid_fds();
	err = focus_process_check(getpid(), getuid(), &start);
	unit_allow_fds(old);
	assert_int_equal(err, -EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_records),
		cmocka_unit_test(test_each_field_is_checked),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_impossible_pids_are_unknown),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_no_descriptors_left),
	};

	return cmocka_run_group_tests_name("focus_record", tests, NULL, NULL);
}
