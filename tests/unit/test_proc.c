/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "proc.h"
#include "util.h"

struct world {
	char *dir;
	int fds;
	int root;	/* /proc */
	pid_t pid;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->fds = unit_count_fds();
	world->dir = unit_tempdir_new();
	world->root = proc_open_root("/proc");
	assert_true(world->root >= 0);
	*state = world;
	return 0;
}

static void end_process(struct world *world)
{
	if (!world->pid)
		return;
	kill(world->pid, SIGKILL);
	waitpid(world->pid, NULL, 0);
	world->pid = 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	end_process(world);
	close_fd(world->root);
	unit_tempdir_free(world->dir);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

/* Runs /bin/sleep under this name and environment; it has been exec'ed when this returns. */
static void start_sleep(struct world *world, const char *name, char *const *env)
{
	char *argv[] = { (char *)name, (char *)"1000", NULL };
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	world->pid = fork();
	assert_true(world->pid >= 0);
	if (!world->pid) {
		execve("/bin/sleep", argv, env);
		_exit(127);
	}
	close(ends[1]);
	/* The other end is closed by the exec. */
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static int read_all(int root, pid_t pid, struct proc_info *info)
{
	_cleanup_close_ int dirfd = proc_open(root, pid);
	int err;

	if (dirfd < 0)
		return dirfd;
	err = proc_read_name(dirfd, info);
	if (!err)
		err = proc_read_owner(dirfd, info);
	if (!err)
		err = proc_read_env(dirfd, info);
	if (!err)
		err = proc_read_maps(dirfd, info);
	return err;
}

static void test_self(void **state)
{
	struct world *world = *state;
	struct proc_info info;
	struct timespec now;
	uint64_t now_ticks;

	assert_int_equal(read_all(world->root, getpid(), &info), 0);
	assert_int_equal(info.id.pid, getpid());
	assert_int_equal(info.ppid, getppid());
	assert_int_equal(info.uid, getuid());
	assert_false(info.kernel_thread);
	assert_int_equal(info.denied, 0);
	assert_true(info.nr_threads >= 1);
	assert_true(info.rss_bytes > 100 * 1024);
	assert_true(info.cgroup[0] == '/' || !info.cgroup[0]);
	clock_gettime(CLOCK_BOOTTIME, &now);
	now_ticks = proc_ticks_from_ns((uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec);
	/* Started in this boot, before now, and not long ago. */
	assert_true(info.id.start_ticks <= now_ticks && info.id.start_ticks + 100 * 600 > now_ticks);
}

static void test_environment(void **state)
{
	char *env[] = { (char *)"SteamAppId=730", (char *)"SteamGameId=0", (char *)"PASSWORD=hunter2",
			(char *)"HEROIC_APP_NAME=x", (char *)"LD_PRELOAD=/x/libnone.so:/y/libgamemodeauto.so.0",
			(char *)"WINEPREFIX=/home/p/.var/app/b/data/bottles/bottles/B", (char *)"MANGOHUD=0", NULL };
	struct world *world = *state;
	char exe[PATH_MAX];
	struct proc_info info;

	start_sleep(world, "Z:\\games\\Game.exe", env);
	assert_int_equal(read_all(world->root, world->pid, &info), 0);
	assert_int_equal(info.env, PROC_ENV_STEAM | PROC_ENV_HEROIC | PROC_ENV_GAMEMODE | PROC_ENV_BOTTLES);
	assert_true(info.steam_app_id == 730);
	assert_string_equal(proc_arg(&info, 0), "Z:\\games\\Game.exe");
	assert_string_equal(proc_arg(&info, 1), "1000");
	assert_null(proc_arg(&info, 2));
	assert_string_equal(proc_base_name(proc_arg(&info, 0)), "Game.exe");
	assert_int_equal(info.ppid, getpid());
	assert_non_null(realpath("/bin/sleep", exe));
	assert_string_equal(info.exe, exe);
	/* Nothing of anybody's secrets. */
	assert_null(memmem(&info, sizeof(info), "hunter2", 7));
}

static void test_no_steam(void **state)
{
	char *env[] = { (char *)"SteamAppId=", (char *)"SteamGameId=x", (char *)"XSteamAppId=7", (char *)"SteamAppId",
			(char *)"SteamAppIdX=7", (char *)"STEAM_COMPAT_APP_ID=-1", NULL };
	struct world *world = *state;
	struct proc_info info;

	start_sleep(world, "sleep", env);
	assert_int_equal(read_all(world->root, world->pid, &info), 0);
	assert_int_equal(info.env, 0);
	assert_int_equal(info.steam_app_id, 0);
}

static void test_huge_environment(void **state)
{
	struct world *world = *state;
	size_t size = 100 * 1024;
	char *env[8] = {};
	struct proc_info info;

	for (int i = 0; i < 6; i++) {
		env[i] = malloc(size);
		assert_non_null(env[i]);
		memset(env[i], 'a' + i, size - 1);
		env[i][size - 1] = '\0';
		env[i][10] = '=';
	}
	/* Behind all that is looked at; and one that is longer than what is looked at of a variable. */
	memcpy(env[0], "UMU_ID=", 7);
	env[6] = (char *)"SteamAppId=9";
	start_sleep(world, "sleep", env);
	assert_int_equal(read_all(world->root, world->pid, &info), 0);
	assert_int_equal(info.env, PROC_ENV_PROTON);
	for (int i = 0; i < 6; i++)
		free(env[i]);
}

/* A name is the process's own choice: parentheses and spaces must not shift the fields. */
static void test_hostile_comm(void **state)
{
	static const char *const names[] = { ") R 1 1 1", "a) b (c", "((((", "))))", "\n\t\\", "", "(x) S 9999 9" };
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct proc_info info;
		int ends[2];
		char byte;

		assert_int_equal(pipe(ends), 0);
		world->pid = fork();
		if (!world->pid) {
			prctl(PR_SET_NAME, names[i], 0, 0, 0);
			if (write(ends[1], "", 1) != 1)
				_exit(1);
			alarm(60);
			for (;;)
				pause();
		}
		assert_int_equal(read(ends[0], &byte, 1), 1);
		close(ends[0]);
		close(ends[1]);
		assert_int_equal(read_all(world->root, world->pid, &info), 0);
		assert_int_equal(info.id.pid, world->pid);
		assert_int_equal(info.ppid, getpid());
		assert_string_equal(info.comm, names[i]);
		end_process(world);
	}
}

static void test_ended_process(void **state)
{
	struct world *world = *state;
	_cleanup_close_ int dirfd = -1;
	struct proc_info info;
	struct proc_id id;

	start_sleep(world, "sleep", NULL);
	dirfd = proc_open(world->root, world->pid);
	assert_true(dirfd >= 0);
	assert_int_equal(proc_read_id(dirfd, &id), 0);
	assert_int_equal(id.pid, world->pid);
	/* A zombie is still there, but has nothing to read. */
	kill(world->pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)world->pid, &(siginfo_t){}, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_read_name(dirfd, &info), 0);
	assert_int_equal(info.state, 'Z');
	assert_int_equal(info.args_len, 0);
	end_process(world);
	assert_int_equal(proc_read_name(dirfd, &info), -ESRCH);
	assert_int_equal(proc_read_owner(dirfd, &info), -ESRCH);
	assert_int_equal(proc_read_env(dirfd, &info), -ESRCH);
	assert_int_equal(proc_read_maps(dirfd, &info), -ESRCH);
	assert_int_equal(proc_read_id(dirfd, &id), -ESRCH);
	assert_int_equal(proc_open(world->root, 0), -ESRCH);
	assert_int_equal(proc_open(world->root, -7), -ESRCH);
	assert_int_equal(proc_open(world->root, 4194305), -ESRCH);
}

static void test_maps(void **state)
{
	struct world *world = *state;
	static const char *const names[] = { "libMangoHud.so", "libSDL2-2.0.so.0", "steam_api64.dll", "D3D11.DLL",
					     "libgtk-3.so.0", "libsomething.so" };
	struct proc_info info;

	assert_int_equal(read_all(world->root, getpid(), &info), 0);
	assert_int_equal(info.maps, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[512];
		int fd;

		unit_write_text(world->dir, names[i], "x");
		snprintf(path, sizeof(path), "%s/%s", world->dir, names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_ptr_not_equal(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
		close(fd);
	}
	assert_int_equal(read_all(world->root, getpid(), &info), 0);
	assert_int_equal(info.maps, PROC_MAP_MANGOHUD | PROC_MAP_ENGINE | PROC_MAP_STEAM_API | PROC_MAP_GRAPHICS |
					    PROC_MAP_TOOLKIT);
}

static void test_denied(void **state)
{
	struct world *world = *state;
	struct proc_info info;
	int status;
	pid_t pid;

	if (getuid()) {
		print_message("skipped: only root can give its privileges up\n");
		skip();
	}
	start_sleep(world, "sleep", NULL);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(9);
		if (read_all(world->root, world->pid, &info))
			_exit(8);
		_exit(info.denied == (PROC_DENIED_EXE | PROC_DENIED_ENV | PROC_DENIED_MAPS) && info.args_len ? 0 : 7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_list(void **state)
{
	struct world *world = *state;
	struct proc_id *ids = NULL;
	bool found_self = false;
	size_t nr = 0;

	start_sleep(world, "sleep", NULL);
	kill(world->pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)world->pid, &(siginfo_t){}, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_list(world->root, 65536, &ids, &nr), 0);
	for (size_t i = 0; i < nr; i++) {
		found_self |= ids[i].pid == getpid();
		assert_true(ids[i].start_ticks > 0);
		/* A zombie is nobody. */
		assert_int_not_equal(ids[i].pid, world->pid);
		/* Neither is kthreadd, which is 2 where there are kernel threads to be seen. */
	}
	assert_true(found_self);
	free(ids);
	ids = NULL;
	assert_int_equal(proc_list(world->root, 1, &ids, &nr), 0);
	assert_int_equal(nr, 1);
	free(ids);
}

/* ---- made-up folders ---- */

#define STAT_REST " 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 4711 1000000 256 18446744073709551615 1 1 0\n"

static int made_up_root(struct world *world)
{
	int root = proc_open_root(world->dir);

	assert_true(root >= 0);
	return root;
}

static void test_made_up(void **state)
{
	struct world *world = *state;
	_cleanup_close_ int root = made_up_root(world);
	struct proc_info info;

	unit_write_text(world->dir, "77/stat", "77 (game) S" STAT_REST);
	unit_write_text(world->dir, "77/cmdline", "open end");
	unit_write_text(world->dir, "77/status", "Name:\tgame\nUid:\t1000\t0\t0\t0\n");
	unit_write_text(world->dir, "77/cgroup", "1:name=systemd:/old.scope\n0::/\n");
	unit_write_text(world->dir, "77/environ", "SteamGameId=18446744073709551615");
	unit_write_text(world->dir, "77/maps", "00-01 r--p 0 08:01 5 /x/libvulkan.so.1 (deleted)");
	assert_int_equal(read_all(root, 77, &info), 0);
	assert_int_equal(info.id.start_ticks, 4711);
	assert_int_equal(info.nr_threads, 3);
	assert_int_equal(info.uid, 1000);
	assert_int_equal(info.rss_bytes, 256 * (uint64_t)sysconf(_SC_PAGESIZE));
	assert_string_equal(proc_arg(&info, 0), "open end");
	assert_string_equal(info.cgroup, "/old.scope");
	assert_true(info.steam_app_id == UINT64_MAX);
	assert_int_equal(info.maps, PROC_MAP_GRAPHICS);
}

static void test_bad_stat(void **state)
{
	static const char *const texts[] = {
		"", "77", "77 (x", "77 (x)", "77 (x) S", "77 (x) S 1", "x (x) S" STAT_REST, "0 (x) S" STAT_REST,
		"99999999 (x) S" STAT_REST, "77 (x)S" STAT_REST, "77(x) S" STAT_REST, ") S (77" STAT_REST,
		"77 (x) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 0 1 1 1\n",
		"77 (x) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 99999999999 0 7 1 1 1\n",
		"77 (x) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 99999999999999999999999 1 1 1\n",
		"77 (x) S 99999999 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 7 1 1 1\n",
	};
	struct world *world = *state;
	_cleanup_close_ int root = made_up_root(world);
	struct unit_random random = { .state = 31 };
	struct proc_info info, untouched;

	memset(&info, 0x5a, sizeof(info));
	untouched = info;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		unit_write_text(world->dir, "77/stat", texts[i]);
		if (read_all(root, 77, &info) != -EINVAL)
			fail_msg("'%s' was taken", texts[i]);
		assert_memory_equal(&info, &untouched, sizeof(info));
	}
	for (int i = 0; i < FUZZ_ROUNDS / 4; i++) {
		char text[400] = "77 (x) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 7 1 1 1\n";
		size_t at = unit_random_below(&random, (uint32_t)strlen(text));
		int err;

		unit_random_string(&random, "() 0123456789S-\n", text + at, 100);
		unit_write_text(world->dir, "77/stat", text);
		err = read_all(root, 77, &info);
		assert_true(err == 0 || err == -EINVAL || err == -ESRCH);
	}
}

/* What is no regular file is not read, and a FIFO not waited for. */
static void test_other_kinds_of_files(void **state)
{
	struct world *world = *state;
	_cleanup_close_ int root = made_up_root(world);
	struct proc_info info;
	char path[512];

	snprintf(path, sizeof(path), "%s/77/stat", world->dir);
	unit_make_dirs(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_all(root, 77, &info), -EINVAL);
	unlink(path);
	assert_int_equal(symlink("/proc/self/stat", path), 0);
	assert_int_equal(read_all(root, 77, &info), -ELOOP);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_all(root, 77, &info), -EINVAL);
	rmdir(path);
	assert_int_equal(read_all(root, 77, &info), -ESRCH);
	/* Of the other parts one that cannot be read is one that is missing. */
	unit_write_text(world->dir, "77/stat", "77 (x) S" STAT_REST);
	unit_write_text(world->dir, "77/cmdline", "");
	unit_write_text(world->dir, "77/status", "");
	unit_write_text(world->dir, "77/cgroup", "");
	snprintf(path, sizeof(path), "%s/77/environ", world->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/77/maps", world->dir);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(read_all(root, 77, &info), 0);
	assert_int_equal(info.env, 0);
	/* The folder of a process is no link either. */
	snprintf(path, sizeof(path), "%s/78", world->dir);
	assert_int_equal(symlink("77", path), 0);
	assert_int_equal(proc_open(root, 78), -ENOTDIR);
	unit_write_text(world->dir, "79", "");
	assert_int_equal(proc_open(root, 79), -ENOTDIR);
	assert_int_equal(proc_open_root("/nowhere"), -ENOENT);
}

static void test_huge_files(void **state)
{
	struct world *world = *state;
	_cleanup_close_ int root = made_up_root(world);
	static const char *const names[] = { "cmdline", "status", "cgroup", "environ", "maps" };
	struct proc_info info;
	char path[512];

	unit_write_text(world->dir, "77/stat", "77 (x) S" STAT_REST);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "77/%s", names[i]);
		unit_write_text(world->dir, path, "");
		snprintf(path, sizeof(path), "%s/77/%s", world->dir, names[i]);
		assert_int_equal(truncate(path, 1LL << 40), 0);
	}
	assert_int_equal(read_all(root, 77, &info), 0);
	assert_true(info.truncated);
	assert_true(info.args_len <= sizeof(info.args));
	assert_int_equal(info.env | info.maps, 0);
}

static void test_any_bytes(void **state)
{
	struct world *world = *state;
	_cleanup_close_ int root = made_up_root(world);
	struct unit_random random = { .state = 99 };
	static const char *const names[] = { "cmdline", "status", "cgroup", "environ", "maps" };

	unit_write_text(world->dir, "77/stat", "77 (x) S" STAT_REST);
	for (int i = 0; i < FUZZ_ROUNDS / 8; i++) {
		char bytes[6000], path[64];
		struct proc_info info;

		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			size_t len = unit_random_below(&random, sizeof(bytes));

			for (size_t j = 0; j < len; j++)
				bytes[j] = unit_random_below(&random, 3) ? "/=0:\n.SteamAppId"[unit_random_below(&random, 16)] :
									   (char)unit_random_next(&random);
			snprintf(path, sizeof(path), "77/%s", names[k]);
			unit_write_bytes(world->dir, path, bytes, len);
		}
		assert_int_equal(read_all(root, 77, &info), 0);
		assert_true(info.args_len <= sizeof(info.args));
		for (size_t k = 0; proc_arg(&info, k); k++)
			assert_true(proc_arg(&info, k) < info.args + sizeof(info.args));
		assert_true(!info.args_len || !info.args[info.args_len - 1]);
	}
}

static void test_without_descriptors(void **state)
{
	struct world *world = *state;
	_cleanup_close_ int dirfd = proc_open(world->root, getpid());
	struct rlimit old = unit_forbid_fds();
	struct proc_id *ids = NULL;
	struct proc_info info;
	size_t nr;
	int open_err = proc_open(world->root, getpid()), read_err = proc_read_name(dirfd, &info);
	int list_err = proc_list(world->root, 10, &ids, &nr);

	unit_allow_fds(old);
	assert_int_equal(open_err, -EMFILE);
	assert_int_equal(read_err, -EMFILE);
	assert_int_equal(list_err, -EMFILE);
}

static void test_clock(void **state)
{
	assert_int_equal(proc_ticks_from_ns(0), 0);
	assert_int_equal(proc_ticks_from_ns(9999999), 0);
	assert_int_equal(proc_ticks_from_ns(10000000), 1);
	assert_true(proc_ns_from_ticks(7) == 70000000);
	assert_true(proc_ns_from_ticks(UINT64_MAX) == UINT64_MAX);
	assert_int_equal(sysconf(_SC_CLK_TCK), 100);
}

#define PROC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROC_TEST(test_self),	    PROC_TEST(test_environment), PROC_TEST(test_no_steam),
		PROC_TEST(test_huge_environment), PROC_TEST(test_hostile_comm), PROC_TEST(test_ended_process),
		PROC_TEST(test_maps),	    PROC_TEST(test_denied),	 PROC_TEST(test_list),
		PROC_TEST(test_made_up),    PROC_TEST(test_bad_stat),	 PROC_TEST(test_other_kinds_of_files),
		PROC_TEST(test_huge_files), PROC_TEST(test_any_bytes),	 PROC_TEST(test_without_descriptors),
		PROC_TEST(test_clock),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
