/* SPDX-License-Identifier: GPL-2.0-only */
/* Control groups in made-up trees: what /proc may say, what may be opened, who is in them; and whose they are. */
#include "unit.h"

#include <limits.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/mount.h>

#include "background_group.h"
#include "cgroup.h"
#include "util.h"

#define STAT_REST "%d 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d 1000 10 0"

struct world {
	char *dir;
	int proc, groups;
	int fds;
	struct programs *programs;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char path[512], message[PROGRAMS_MESSAGE_MAX];

	assert_non_null(world);
	world->fds = unit_count_fds();
	world->dir = unit_tempdir_new();
	unit_write_text(world->dir, "proc/self", "");
	unit_write_text(world->dir, "groups/cgroup.procs", "");
	snprintf(path, sizeof(path), "%s/proc", world->dir);
	world->proc = proc_open_root(path);
	snprintf(path, sizeof(path), "%s/groups", world->dir);
	world->groups = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(world->proc >= 0 && world->groups >= 0);
	assert_int_equal(programs_new(NULL, NULL, message, &world->programs), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	close(world->proc);
	close(world->groups);
	programs_unref(world->programs);
	unit_tempdir_free(world->dir);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

/* ---- paths ---- */

static int path_of(struct world *world, const char *text, size_t len, char *path)
{
	_cleanup_close_ int dirfd = -1;

	unit_write_bytes(world->dir, "proc/77/cgroup", text, len);
	dirfd = proc_open(world->proc, 77);
	assert_true(dirfd >= 0);
	return cgroup_read_path(dirfd, path);
}

static void test_paths(void **state)
{
	static const struct {
		const char *text, *path;
		int err;
	} cases[] = {
		{ "0::/\n", "/", 0 },
		{ "0::/system.slice/packagekit.service\n", "/system.slice/packagekit.service", 0 },
		{ "2:cpu:/a\n1:name=systemd:/b\n0::/c\n", "/c", 0 },
		{ "0::/a..b/..c/d..\n", "/a..b/..c/d..", 0 },
		{ "0::/with blank:0::/x\n", "/with blank:0::/x", 0 },
		{ "0::/gone (deleted)\n", "/gone (deleted)", 0 },
		{ "", NULL, -ENOENT },
		{ "1:name=systemd:/b\n", NULL, -ENOENT },
		{ "10::/x\n", NULL, -ENOENT },
		{ "0::/../../user.slice\n", NULL, -ENOENT },
		{ "0::/..\n", NULL, -ENOENT },
		{ "0::/a/../b\n", NULL, -ENOENT },
		{ "0::/a/..\n", NULL, -ENOENT },
		{ "0::\n", NULL, -EINVAL },
		{ "0::relative\n", NULL, -EINVAL },
		{ "0::/no end of line", NULL, -EINVAL },
	};
	char path[CGROUP_PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		strcpy(path, "untouched");
		assert_int_equal(path_of(*state, cases[i].text, strlen(cases[i].text), path), cases[i].err);
		assert_string_equal(path, cases[i].path ? cases[i].path : "untouched");
	}
}

static void test_long_and_odd_paths(void **state)
{
	static char text[4 * CGROUP_PATH_MAX], path[CGROUP_PATH_MAX];
	struct unit_random random = { 77 };

	/* The longest that there is, and one byte more. */
	for (size_t len = CGROUP_PATH_MAX - 1; len <= CGROUP_PATH_MAX; len++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "0::/", 4);
		text[3 + len] = '\n';
		assert_int_equal(path_of(*state, text, 4 + len, path), len < CGROUP_PATH_MAX ? 0 : -EINVAL);
	}
	assert_int_equal(strlen(path), CGROUP_PATH_MAX - 1);
	/* The rest of a long line is no line. */
	memset(text, 'x', sizeof(text));
	memcpy(text + CGROUP_PATH_MAX + sizeof("0::\n") - 1, "0::/forged\n", 11);
	assert_int_equal(path_of(*state, text, sizeof(text), path), -EINVAL);
	assert_int_equal(path_of(*state, "0::/a\0b\n", 8, path), -EINVAL);
	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		unit_random_string(&random, "0:/.\nab ", text, 64);
		if (!path_of(*state, text, strlen(text), path)) {
			assert_int_equal(path[0], '/');
			assert_null(strstr(path, "/../"));
		}
	}
}

static void test_other_kinds_of_files(void **state)
{
	struct world *world = *state;
	char path[512], said[CGROUP_PATH_MAX];
	_cleanup_close_ int dirfd = -1;

	unit_write_text(world->dir, "proc/77/stat", "");
	dirfd = proc_open(world->proc, 77);
	assert_int_equal(cgroup_read_path(dirfd, said), -ESRCH);
	snprintf(path, sizeof(path), "%s/proc/77/cgroup", world->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(cgroup_read_path(dirfd, said), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(cgroup_read_path(dirfd, said), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(cgroup_read_path(dirfd, said) < 0);
}

static bool opens(struct world *world, const char *path)
{
	int fd = cgroup_open(world->groups, path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void test_nothing_outside_is_opened(void **state)
{
	struct world *world = *state;
	char path[512], target[512];

	unit_write_text(world->dir, "groups/a.slice/b.scope/cgroup.procs", "");
	unit_write_text(world->dir, "outside/cgroup.procs", "");
	assert_true(opens(world, "/"));
	assert_true(opens(world, "/a.slice/b.scope"));
	assert_true(opens(world, "//a.slice"));
	assert_false(opens(world, ""));
	assert_false(opens(world, "a.slice"));
	assert_false(opens(world, "/.."));
	assert_false(opens(world, "/../outside"));
	assert_false(opens(world, "/a.slice/../../outside"));
	assert_false(opens(world, "/a.slice/b.scope/cgroup.procs"));
	assert_false(opens(world, "/nothing"));
	snprintf(path, sizeof(path), "%s/groups/link", world->dir);
	snprintf(target, sizeof(target), "%s/outside", world->dir);
	assert_int_equal(symlink(target, path), 0);
	assert_false(opens(world, "/link"));
	assert_int_equal(unlink(path), 0);
	/* Nor by one that leads to a place within. */
	assert_int_equal(symlink("a.slice", path), 0);
	assert_false(opens(world, "/link/b.scope"));
	assert_int_equal(cgroup_open(-1, "/a.slice"), -EBADF);
	memset(target, 'x', sizeof(target));
	target[0] = '/';
	target[NAME_MAX + 2] = '\0';
	assert_int_equal(cgroup_open(world->groups, target), -ENAMETOOLONG);
}

/* Where this may be tried: another file system below is not the hierarchy. */
static void test_no_mount_is_entered(void **state)
{
	struct world *world = *state;
	char path[512];

	unit_write_text(world->dir, "groups/m/cgroup.procs", "");
	unit_write_text(world->dir, "groups/m/below/cgroup.procs", "");
	assert_true(opens(world, "/m/below"));
	snprintf(path, sizeof(path), "%s/groups/m/below", world->dir);
	if (mount("none", path, "tmpfs", 0, NULL)) {
		/* Not root: then another file system that is there anyway. */
		int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(cgroup_open(fd, "/proc"), -EXDEV);
		close(fd);
		return;
	}
	assert_false(opens(world, "/m/below"));
	assert_true(opens(world, "/m"));
	assert_int_equal(umount2(path, MNT_DETACH), 0);
}

/* ---- members ---- */

static void test_members(void **state)
{
	static const struct {
		const char *text;
		ssize_t nr;
	} cases[] = {
		{ "", 0 },	   { "1\n", 1 },	{ "1\n2\n3\n", 3 },	 { "0\n5\n", 2 },
		{ "1\n2\n3\n4\n", -E2BIG }, { "1", -EINVAL },	{ "x\n", -EINVAL },	 { "-1\n", -EINVAL },
		{ "1 2\n", -EINVAL }, { "99999999\n", -EINVAL }, { "\n", -EINVAL },
		{ "11111111111111111111111111111111111111111111111\n", -EINVAL },
	};
	struct world *world = *state;
	pid_t pids[3];
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unit_write_text(world->dir, "groups/g/cgroup.procs", cases[i].text);
		fd = cgroup_open(world->groups, "/g");
		assert_int_equal(cgroup_read_members(fd, pids, 3), cases[i].nr);
		close(fd);
	}
	fd = cgroup_open(world->groups, "/");
	assert_int_equal(cgroup_read_nr_below(fd), -ENOENT);
	unit_write_text(world->dir, "groups/cgroup.stat", "other 5\nnr_descendants 12\nnr_dying_descendants 3\n");
	assert_int_equal(cgroup_read_nr_below(fd), 12);
	unit_write_text(world->dir, "groups/cgroup.stat", "nr_descendants -1\n");
	assert_int_equal(cgroup_read_nr_below(fd), -EINVAL);
	unit_write_text(world->dir, "groups/cgroup.stat", "nr_dying_descendants 3\n");
	assert_int_equal(cgroup_read_nr_below(fd), -EINVAL);
	close(fd);
}

/* ---- whose a group is ---- */

static void add_process(struct world *world, pid_t pid, pid_t parent, int start, const char *comm, const char *group)
{
	char name[64], text[CGROUP_PATH_MAX + 16];

	snprintf(name, sizeof(name), "proc/%d/stat", (int)pid);
	snprintf(text, sizeof(text), "%d (%s) S " STAT_REST, (int)pid, comm, (int)parent, start);
	unit_write_text(world->dir, name, text);
	snprintf(name, sizeof(name), "proc/%d/cmdline", (int)pid);
	unit_write_bytes(world->dir, name, comm, strlen(comm) + 1);
	snprintf(name, sizeof(name), "proc/%d/cgroup", (int)pid);
	snprintf(text, sizeof(text), "0::%s\n", group);
	unit_write_text(world->dir, name, text);
}

static void set_group(struct world *world, const char *group, const char *members, int nr_below)
{
	char name[512], text[64];

	snprintf(name, sizeof(name), "groups%s/cgroup.procs", group);
	unit_write_text(world->dir, name, members);
	snprintf(name, sizeof(name), "groups%s/cgroup.stat", group);
	snprintf(text, sizeof(text), "nr_descendants %d\n", nr_below);
	unit_write_text(world->dir, name, text);
}

static struct background_group group_of(struct world *world, pid_t pid)
{
	const struct proc_id id = { .pid = pid };
	struct background_group group;

	memset(&group, 0xff, sizeof(group));
	assert_int_equal(background_group_read(world->proc, world->groups, &id, world->programs, NULL, &group), 0);
	assert_int_equal(!group.id, group.kind != BACKGROUND_GROUP_ALONE);
	return group;
}

static void test_alone(void **state)
{
	struct world *world = *state;
	struct background_group group;
	struct stat st;

	/* A build in a scope of its own: its compilers have names, its shells have parents. */
	add_process(world, 10, 1, 100, "make", "/b.scope");
	add_process(world, 11, 10, 110, "sh", "/b.scope");
	add_process(world, 12, 11, 120, "helper", "/b.scope");
	add_process(world, 13, 1, 90, "cc1plus", "/b.scope");
	add_process(world, 14, 13, 130, "sh", "/b.scope");
	set_group(world, "/b.scope", "10\n11\n12\n13\n14\n4000\n", 0);
	group = group_of(world, 10);
	assert_int_equal(group.kind, BACKGROUND_GROUP_ALONE);
	assert_string_equal(group.path, "/b.scope");
	assert_int_equal(fstatat(world->groups, "b.scope", &st, 0), 0);
	assert_int_equal(group.id, st.st_ino);
	assert_int_equal(group_of(world, 13).kind, BACKGROUND_GROUP_ALONE);
}

static void test_shared(void **state)
{
	struct world *world = *state;
	struct background_group group;

	/* A terminal: its shell is nobody's descendant of the kind, and has started what is. */
	add_process(world, 20, 1, 100, "konsole", "/t.scope");
	add_process(world, 21, 20, 110, "bash", "/t.scope");
	add_process(world, 22, 21, 120, "make", "/t.scope");
	set_group(world, "/t.scope", "22\n21\n20\n", 0);
	group = group_of(world, 22);
	assert_int_equal(group.kind, BACKGROUND_GROUP_SHARED);
	assert_int_equal(group.other, 21);
	/* Somebody of another namespace; init; a parent that was there later than its child. */
	set_group(world, "/t.scope", "22\n0\n", 0);
	assert_int_equal(group_of(world, 22).kind, BACKGROUND_GROUP_SHARED);
	add_process(world, 1, 0, 1, "make", "/t.scope");
	set_group(world, "/t.scope", "22\n1\n", 0);
	assert_int_equal(group_of(world, 22).kind, BACKGROUND_GROUP_SHARED);
	add_process(world, 23, 22, 115, "stranger", "/t.scope");
	set_group(world, "/t.scope", "22\n23\n", 0);
	assert_int_equal(group_of(world, 22).kind, BACKGROUND_GROUP_SHARED);
	/* Its own parents for ever. */
	add_process(world, 24, 25, 130, "a", "/t.scope");
	add_process(world, 25, 24, 130, "b", "/t.scope");
	set_group(world, "/t.scope", "22\n24\n", 0);
	assert_int_equal(group_of(world, 22).kind, BACKGROUND_GROUP_SHARED);
}

/* Each looks up no further than to the next that was looked at: the list is longer than the way that one goes. */
static void test_large_group(void **state)
{
	static char many[8 * BACKGROUND_GROUP_MEMBERS_MAX];
	struct world *world = *state;
	size_t len = 0;

	add_process(world, 1000, 1, 100, "make", "/l.scope");
	for (int i = 0; i < BACKGROUND_GROUP_MEMBERS_MAX; i++) {
		if (i)
			add_process(world, 1000 + i, 999 + i, 100 + i, "sh", "/l.scope");
		len += (size_t)snprintf(many + len, sizeof(many) - len, "%d\n", 1000 + i);
	}
	set_group(world, "/l.scope", many, 0);
	assert_int_equal(group_of(world, 1000).kind, BACKGROUND_GROUP_ALONE);
	/* The next owner of a number is another. */
	add_process(world, 1300, 1, 10000, "sh", "/l.scope");
	assert_int_equal(group_of(world, 1000).kind, BACKGROUND_GROUP_SHARED);
	assert_int_equal(group_of(world, 1000).other, 1300);
}

static struct background_group group_as_seen(struct world *world, pid_t pid, struct background_verdicts *verdicts)
{
	const struct proc_id id = { .pid = pid };
	struct background_group group;

	assert_int_equal(background_group_read(world->proc, world->groups, &id, world->programs, verdicts, &group), 0);
	return group;
}

static void test_judged_once(void **state)
{
	struct background_verdicts verdicts = {};
	struct world *world = *state;
	struct background_group first, other;

	for (int i = 0; i < 8; i++)
		add_process(world, 50 + i, 1, 100, i == 7 ? "bash" : "make", i < 4 ? "/a.scope" : "/b.scope");
	set_group(world, "/a.scope", "50\n51\n52\n53\n", 0);
	set_group(world, "/b.scope", "54\n55\n56\n57\n", 0);
	first = group_as_seen(world, 50, &verdicts);
	other = group_as_seen(world, 54, &verdicts);
	assert_int_equal(first.kind, BACKGROUND_GROUP_ALONE);
	assert_int_equal(other.kind, BACKGROUND_GROUP_SHARED);
	/* Now it is the other way round, which nobody looks at yet, whoever it is asked for. */
	set_group(world, "/a.scope", "50\n51\n52\n53\n57\n", 0);
	set_group(world, "/b.scope", "54\n55\n56\n", 0);
	assert_int_equal(group_as_seen(world, 51, &verdicts).kind, BACKGROUND_GROUP_ALONE);
	assert_int_equal(group_as_seen(world, 51, &verdicts).id, first.id);
	assert_string_equal(group_as_seen(world, 51, &verdicts).path, "/a.scope");
	assert_int_equal(group_as_seen(world, 55, &verdicts).kind, BACKGROUND_GROUP_SHARED);
	assert_int_equal(group_as_seen(world, 55, &verdicts).other, 57);
	/* What it takes no look at the members to see is seen. */
	set_group(world, "/a.scope", "50\n51\n52\n53\n57\n", 1);
	assert_int_equal(group_as_seen(world, 51, &verdicts).kind, BACKGROUND_GROUP_DIVIDED);
	set_group(world, "/a.scope", "50\n51\n52\n53\n57\n", 0);
	/* It does not hold for ever. */
	for (size_t i = 0; i < BACKGROUND_VERDICTS_MAX; i++) {
		assert_true(verdicts.all[i].until_ns <= now_ns() + 60 * NSEC_PER_SEC);
		verdicts.all[i].until_ns = now_ns();
	}
	assert_int_equal(group_as_seen(world, 51, &verdicts).kind, BACKGROUND_GROUP_SHARED);
	assert_int_equal(group_as_seen(world, 55, &verdicts).kind, BACKGROUND_GROUP_ALONE);
}

struct orphan {
	struct world *world;
	int inotify_fd;
};

/* As soon as members are looked at, one of them has ended, and its child is nobody's. */
static void *leave_orphan(void *data)
{
	struct orphan *orphan = data;
	char event[sizeof(struct inotify_event) + NAME_MAX + 1];

	if (read(orphan->inotify_fd, event, sizeof(event)) > 0)
		set_group(orphan->world, "/o.scope", "2000\n2001\n3001\n", 0);
	return NULL;
}

static void test_orphan(void **state)
{
	static char many[8 * 400];
	struct world *world = *state;
	struct orphan orphan = { .world = world };
	struct background_group group;
	char path[512];
	size_t len = 0;

	add_process(world, 3001, 1, 100, "orphan", "/o.scope");
	for (int i = 0; i < 300; i++)
		add_process(world, 2000 + i, 1, 100, "make", "/o.scope");
	/* The one that has ended comes first. */
	len = (size_t)snprintf(many, sizeof(many), "3000\n");
	for (int i = 0; i < 300; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, "%d\n", 2000 + i);
	snprintf(path, sizeof(path), "%s/proc/2001/stat", world->dir);
	/* On a busy machine the one may be slower than the other. */
	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		set_group(world, "/o.scope", many, 0);
		orphan.inotify_fd = inotify_init1(IN_CLOEXEC);
		assert_true(inotify_add_watch(orphan.inotify_fd, path, IN_OPEN) >= 0);
		assert_int_equal(pthread_create(&thread, NULL, leave_orphan, &orphan), 0);
		group = group_of(world, 2000);
		pthread_join(thread, NULL);
		close(orphan.inotify_fd);
		if (group.kind == BACKGROUND_GROUP_SHARED)
			break;
	}
	assert_int_equal(group.kind, BACKGROUND_GROUP_SHARED);
	assert_int_equal(group.other, 3001);
}

static void test_neither(void **state)
{
	static char many[16 * BACKGROUND_GROUP_MEMBERS_MAX + 64];
	struct proc_id id = { .pid = 30, .start_ticks = 99 };
	struct world *world = *state;
	struct background_group group;
	size_t len = 0;

	add_process(world, 30, 1, 100, "make", "/");
	set_group(world, "", "30\n", 0);
	assert_int_equal(group_of(world, 30).kind, BACKGROUND_GROUP_ROOT);
	add_process(world, 30, 1, 100, "make", "/d.slice");
	set_group(world, "/d.slice", "30\n", 2);
	assert_int_equal(group_of(world, 30).kind, BACKGROUND_GROUP_DIVIDED);
	for (int i = 0; i <= BACKGROUND_GROUP_MEMBERS_MAX; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, "%d\n", 30 + i);
	set_group(world, "/d.slice", many, 0);
	assert_int_equal(group_of(world, 30).kind, BACKGROUND_GROUP_CROWDED);
	/* It is in another by now, or the name was another group's. */
	set_group(world, "/d.slice", "31\n", 0);
	add_process(world, 31, 30, 110, "cc1", "/d.slice");
	assert_int_equal(group_of(world, 30).kind, BACKGROUND_GROUP_UNKNOWN);
	add_process(world, 30, 1, 100, "make", "/gone (deleted)");
	assert_int_equal(group_of(world, 30).kind, BACKGROUND_GROUP_UNKNOWN);
	add_process(world, 30, 1, 100, "make", "/../elsewhere");
	assert_int_equal(group_of(world, 30).kind, BACKGROUND_GROUP_UNKNOWN);
	/* Another process with its number, and none. */
	assert_int_equal(background_group_read(world->proc, world->groups, &id, world->programs, NULL, &group), -ESRCH);
	id = (struct proc_id){ .pid = 3999 };
	assert_int_equal(background_group_read(world->proc, world->groups, &id, world->programs, NULL, &group), -ESRCH);
}

/* The end of a path says more than its start. */
static void test_long_path_of_a_group(void **state)
{
	struct world *world = *state;
	char path[800], part[240];
	struct background_group group;

	memset(part, 'p', sizeof(part) - 1);
	part[sizeof(part) - 1] = '\0';
	snprintf(path, sizeof(path), "/%s/%s/%s.scope", part, part, part);
	add_process(world, 40, 1, 100, "make", path);
	group = group_of(world, 40);
	assert_int_equal(group.kind, BACKGROUND_GROUP_UNKNOWN);
	assert_int_equal(strlen(group.path), PROC_CGROUP_MAX - 1);
	assert_string_equal(group.path + PROC_CGROUP_MAX - 8, "p.scope");
}

#define CGROUP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CGROUP_TEST(test_paths),   CGROUP_TEST(test_long_and_odd_paths), CGROUP_TEST(test_other_kinds_of_files),
		CGROUP_TEST(test_members), CGROUP_TEST(test_nothing_outside_is_opened),
		CGROUP_TEST(test_no_mount_is_entered),
		CGROUP_TEST(test_alone),   CGROUP_TEST(test_shared),		 CGROUP_TEST(test_neither),
		CGROUP_TEST(test_long_path_of_a_group), CGROUP_TEST(test_large_group), CGROUP_TEST(test_judged_once),
		CGROUP_TEST(test_orphan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
