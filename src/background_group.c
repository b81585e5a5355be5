// SPDX-License-Identifier: GPL-2.0-only
#include "background_group.h"

#include "cgroup.h"
#include "score.h"
#include "util.h"

/* As far up as for launchers: deeper than build tools call one another. */
#define ANCESTORS_MAX 32

/* Who was found to be background work, so that a large group's members do not climb the same way each. */
#define REMEMBERED_MAX	  1024
#define REMEMBERED_PROBES 8

/* Those that end while they are judged make another look necessary, but not for ever. */
#define LOOKS_MAX 8

/* A desktop's groups change less often than compilers come. */
#define VERDICT_HOLDS_NS (30 * NSEC_PER_SEC)

/* … but for one where too many came and went to tell. */
#define UNKNOWN_HOLDS_NS (2 * NSEC_PER_SEC)

struct walk {
	int proc_root;
	const struct proc_id *listed;
	const struct programs *programs;
	bool one_was_gone;
	struct proc_id remembered[REMEMBERED_MAX];	/* by number */
};

static bool is_remembered(const struct walk *walk, const struct proc_id *id)
{
	for (size_t i = 0; i < REMEMBERED_PROBES; i++)
		if (proc_id_equal(&walk->remembered[((size_t)id->pid + i) % REMEMBERED_MAX], id))
			return true;
	return false;
}

/* Who finds no place takes another's, which is then looked at again. */
static void remember(struct walk *walk, const struct proc_id *id)
{
	for (size_t i = 0; i < REMEMBERED_PROBES; i++) {
		struct proc_id *place = &walk->remembered[((size_t)id->pid + i) % REMEMBERED_MAX];

		if (!place->pid) {
			*place = *id;
			return;
		}
	}
	walk->remembered[(size_t)id->pid % REMEMBERED_MAX] = *id;
}

/* Is @pid, or a process above it, @listed or on the list? Who has ended meanwhile works for nobody else. */
static bool is_background(struct walk *walk, pid_t pid)
{
	struct proc_id way[ANCESTORS_MAX];
	uint64_t start_ticks = UINT64_MAX;
	bool found = false;
	int nr = 0;

	while (!found && nr < ANCESTORS_MAX && pid > 1) {
		_cleanup_close_ int dirfd = proc_open(walk->proc_root, pid);
		struct proc_id *id = &way[nr];
		struct proc_info info;
		int err = dirfd < 0 ? dirfd : proc_read_id(dirfd, id);

		found = !err && id->start_ticks <= start_ticks && is_remembered(walk, id);
		if (found)
			break;
		if (!err)
			err = proc_read_name(dirfd, &info);
		if (err) {
			walk->one_was_gone |= !nr && err == -ESRCH;
			return !nr && err == -ESRCH;
		}
		/* Who is younger than its child is not its parent but a later owner of the number. */
		if (info.id.start_ticks > start_ticks)
			return false;
		found = proc_id_equal(&info.id, walk->listed) || score_section(&info, walk->programs) == PROGRAMS_BACKGROUND;
		start_ticks = info.id.start_ticks;
		pid = info.ppid;
		nr++;
	}
	for (int i = 0; found && i < nr; i++)
		remember(walk, &way[i]);
	return found;
}

/* Return: the one that is something else, -1 if none is. */
static pid_t find_other(struct walk *walk, const pid_t *pids, ssize_t nr)
{
	walk->one_was_gone = false;
	for (ssize_t i = 0; i < nr; i++)
		if (pids[i] != walk->listed->pid && !is_background(walk, pids[i]))
			return pids[i];
	return -1;
}

static bool has_member(const pid_t *pids, ssize_t nr, pid_t pid)
{
	for (ssize_t i = 0; i < nr; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static enum background_group_kind look_at_members(struct walk *walk, int group, pid_t *other)
{
	pid_t pids[BACKGROUND_GROUP_MEMBERS_MAX], before[BACKGROUND_GROUP_MEMBERS_MAX];
	ssize_t nr, nr_before = -1;

	for (int i = 0; i < LOOKS_MAX; i++) {
		nr = cgroup_read_members(group, pids, ARRAY_SIZE(pids));
		if (nr < 0)
			return nr == -E2BIG ? BACKGROUND_GROUP_CROWDED : BACKGROUND_GROUP_UNKNOWN;
		/* It has moved on, or the path is another group's. */
		if (!has_member(pids, nr, walk->listed->pid))
			return BACKGROUND_GROUP_UNKNOWN;
		if (nr == nr_before && !memcmp(pids, before, (size_t)nr * sizeof(pids[0])))
			return BACKGROUND_GROUP_ALONE;
		*other = find_other(walk, pids, nr);
		if (*other >= 0)
			return BACKGROUND_GROUP_SHARED;
		*other = 0;
		if (!walk->one_was_gone)
			return BACKGROUND_GROUP_ALONE;
		/* It may have left a child behind that is nobody's now. */
		memcpy(before, pids, (size_t)nr * sizeof(pids[0]));
		nr_before = nr;
	}
	return BACKGROUND_GROUP_UNKNOWN;
}

static const struct background_verdict *find_verdict(const struct background_verdicts *verdicts, uint64_t id)
{
	for (size_t i = 0; verdicts && i < BACKGROUND_VERDICTS_MAX; i++)
		if (verdicts->all[i].id == id && verdicts->all[i].until_ns > now_ns())
			return &verdicts->all[i];
	return NULL;
}

static void keep_verdict(struct background_verdicts *verdicts, uint64_t id, const struct background_group *group)
{
	bool is_unknown = group->kind == BACKGROUND_GROUP_UNKNOWN;

	if (!verdicts)
		return;
	verdicts->all[verdicts->next] = (struct background_verdict){
		.id = id,
		.until_ns = now_ns() + (is_unknown ? UNKNOWN_HOLDS_NS : VERDICT_HOLDS_NS),
		.kind = group->kind,
		.other = group->other,
	};
	verdicts->next = (verdicts->next + 1) % BACKGROUND_VERDICTS_MAX;
}

/* Nobody is looked at if that was done lately. */
static void judge(int proc_root, int group, const struct proc_id *listed, const struct programs *programs,
		  struct background_verdicts *verdicts, struct background_group *ret)
{
	struct walk walk = { .proc_root = proc_root, .listed = listed, .programs = programs };
	const struct background_verdict *verdict;
	uint64_t id;

	if (cgroup_read_id(group, &id))
		return;
	verdict = find_verdict(verdicts, id);
	if (verdict) {
		ret->kind = verdict->kind;
		ret->other = verdict->other;
	} else {
		ret->kind = look_at_members(&walk, group, &ret->other);
		keep_verdict(verdicts, id, ret);
	}
	if (ret->kind == BACKGROUND_GROUP_ALONE)
		ret->id = id;
}

static void copy_end(char *to, size_t size, const char *from)
{
	size_t len = strlen(from), skipped = len < size ? 0 : len - (size - 1);

	memcpy(to, from + skipped, len - skipped + 1);
}

int background_group_read(int proc_root, int cgroup_root, const struct proc_id *id, const struct programs *programs,
			  struct background_verdicts *verdicts, struct background_group *ret)
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
			judge(proc_root, group, &now, programs, verdicts, &found);
	}
	/* Its number is still its own, so what was read is about it. */
	err = proc_read_id(dirfd, &now);
	if (err)
		return err;
	*ret = found;
	return 0;
}
