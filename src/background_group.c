// SPDX-License-Identifier: GPL-2.0-only
#include "background_group.h"

#include "cgroup.h"
#include "score.h"
#include "util.h"

/* As far up as for launchers: deeper than build tools call one another. */
#define ANCESTORS_MAX 32

/* Is @pid, or a process above it, @listed or on the list? Who has ended meanwhile works for nobody else. */
static bool is_background(int proc_root, pid_t pid, const struct proc_id *listed, const struct programs *programs)
{
	uint64_t start_ticks = UINT64_MAX;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		_cleanup_close_ int dirfd = proc_open(proc_root, pid);
		struct proc_info info;
		int err = dirfd < 0 ? dirfd : proc_read_name(dirfd, &info);

		if (err)
			return !i && err == -ESRCH;
		/* Who is younger than its child is not its parent but a later owner of the number. */
		if (info.id.start_ticks > start_ticks)
			return false;
		if (proc_id_equal(&info.id, listed) || score_section(&info, programs) == PROGRAMS_BACKGROUND)
			return true;
		start_ticks = info.id.start_ticks;
		pid = info.ppid;
	}
	return false;
}

static enum background_group_kind look_at_members(int proc_root, int group, const struct proc_id *listed,
						  const struct programs *programs, pid_t *other)
{
	pid_t pids[BACKGROUND_GROUP_MEMBERS_MAX];
	ssize_t nr = cgroup_read_members(group, pids, ARRAY_SIZE(pids));
	bool is_there = false;

	if (nr < 0)
		return nr == -E2BIG ? BACKGROUND_GROUP_CROWDED : BACKGROUND_GROUP_UNKNOWN;
	for (ssize_t i = 0; i < nr; i++) {
		if (pids[i] == listed->pid) {
			is_there = true;
		} else if (!is_background(proc_root, pids[i], listed, programs)) {
			*other = pids[i];
			return BACKGROUND_GROUP_SHARED;
		}
	}
	/* It has moved on, or the path is another group's. */
	return is_there ? BACKGROUND_GROUP_ALONE : BACKGROUND_GROUP_UNKNOWN;
}

static void copy_end(char *to, size_t size, const char *from)
{
	size_t len = strlen(from), skipped = len < size ? 0 : len - (size - 1);

	memcpy(to, from + skipped, len - skipped + 1);
}

int background_group_read(int proc_root, int cgroup_root, const struct proc_id *id, const struct programs *programs,
			  struct background_group *ret)
{
	_cleanup_close_ int dirfd = proc_open(proc_root, id->pid);
	_cleanup_close_ int group = -1;
	struct background_group found = { .kind = BACKGROUND_GROUP_UNKNOWN };
	char path[CGROUP_PATH_MAX];
	struct proc_id now;
	int err, nr_below;

	if (dirfd < 0)
		return dirfd;
	err = proc_read_id(dirfd, &now);
	if (err)
		return err;
	if (id->start_ticks && !proc_id_equal(id, &now))
		return -ESRCH;
	err = cgroup_read_path(dirfd, path);
	if (err == -ESRCH)
		return err;
	if (!err) {
		copy_end(found.path, sizeof(found.path), path);
		group = cgroup_open(cgroup_root, path);
	}
	if (!err && streq(path, "/")) {
		found.kind = BACKGROUND_GROUP_ROOT;
	} else if (group >= 0) {
		nr_below = cgroup_read_nr_below(group);
		if (nr_below > 0)
			found.kind = BACKGROUND_GROUP_DIVIDED;
		else if (!nr_below)
			found.kind = look_at_members(proc_root, group, &now, programs, &found.other);
	}
	if (found.kind == BACKGROUND_GROUP_ALONE && cgroup_read_id(group, &found.id))
		found.kind = BACKGROUND_GROUP_UNKNOWN;
	/* Its number is still its own, so what was read is about it. */
	err = proc_read_id(dirfd, &now);
	if (err)
		return err;
	*ret = found;
	return 0;
}
