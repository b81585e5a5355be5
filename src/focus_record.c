// SPDX-License-Identifier: GPL-2.0-only
#include "focus_record.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "util.h"

/* A stat or status of the kernel's is shorter; what is cut off is not needed. */
#define PROC_TEXT_MAX 4096

/* Terminated, and zero behind it: so a string has one form and carries nothing unseen. */
static bool string_is_clean(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	if (!end)
		return false;
	for (; end < text + size; end++)
		if (*end)
			return false;
	return true;
}

static bool window_is_sound(const struct arcade_focus_record *record)
{
	const uint32_t flags = ARCADE_FOCUS_FULLSCREEN | ARCADE_FOCUS_MAPPED;

	if ((record->flags & ~flags) || record->state || record->error)
		return false;
	return (record->flags & ARCADE_FOCUS_MAPPED) || (!record->flags && !record->pid && !record->app[0]);
}

static bool gamemode_is_sound(const struct arcade_focus_record *record)
{
	return !(record->flags & ~ARCADE_FOCUS_REGISTERED) && !record->state && !record->error && !record->app[0];
}

static bool state_is_sound(const struct arcade_focus_record *record)
{
	/* 4095: the largest errno that the kernel knows of. */
	return !record->flags && !record->pid && !record->app[0] && record->state < NR_ARCADE_FOCUS_STATES &&
	       record->error <= 4095;
}

int focus_record_check(const void *packet, size_t len, struct arcade_focus_record *ret)
{
	struct arcade_focus_record record;
	bool sound;

	if (len != sizeof(record))
		return -EINVAL;
	memcpy(&record, packet, sizeof(record));
	if (record.version != ARCADE_FOCUS_VERSION || record.source >= NR_ARCADE_FOCUS_SOURCES || record.pad ||
	    !string_is_clean(record.app, sizeof(record.app)))
		return -EINVAL;
	switch (record.type) {
	case ARCADE_FOCUS_WINDOW:
		sound = window_is_sound(&record);
		break;
	case ARCADE_FOCUS_GAMEMODE:
		sound = gamemode_is_sound(&record);
		break;
	case ARCADE_FOCUS_STATE:
		sound = state_is_sound(&record);
		break;
	default:
		sound = false;
	}
	if (!sound)
		return -EINVAL;
	if (record.pid <= 1 || record.pid > FOCUS_PID_MAX)
		record.pid = 0;
	*ret = record;
	return 0;
}

int focus_setup_check(const void *packet, size_t len, struct arcade_focus_setup *ret)
{
	struct arcade_focus_setup setup;

	if (len != sizeof(setup))
		return -EINVAL;
	memcpy(&setup, packet, sizeof(setup));
	if (setup.version != ARCADE_FOCUS_VERSION || setup.type != ARCADE_FOCUS_SETUP || setup.pad ||
	    setup.parent <= 0 || !string_is_clean(setup.bus, sizeof(setup.bus)) ||
	    !string_is_clean(setup.script, sizeof(setup.script)) || !setup.bus[0] ||
	    (setup.script[0] && setup.script[0] != '/'))
		return -EINVAL;
	/* Dropping to root would be none. */
	if (!setup.uid || setup.uid == (uid_t)-1 || !setup.gid || setup.gid == (gid_t)-1)
		return -EINVAL;
	*ret = setup;
	return 0;
}

static int read_text_at(int dirfd, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buf, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

/* The number behind @line, as "Uid:\t1000\t…" has it. The kernel escapes names in status: no line is forged. */
static bool find_number(const char *text, const char *line, uint64_t *ret)
{
	const char *at = strstr(text, line);
	char *end;

	if (!at)
		return false;
	at += strlen(line);
	errno = 0;
	*ret = strtoull(at, &end, 10);
	return !errno && end != at;
}

/* Field 22. The name in field 2 may hold anything, blanks and ")" too, but it ends at the last ")". */
static bool find_start(const char *stat, uint64_t *ret)
{
	const char *at = strrchr(stat, ')');
	char *end;

	if (!at || at[1] != ' ')
		return false;
	/* From blank to blank: the one behind the name stands before the third field. */
	at++;
	for (int field = 3; field < 22; field++) {
		at = strchr(at + 1, ' ');
		if (!at)
			return false;
	}
	if (!isdigit((unsigned char)at[1]))
		return false;
	errno = 0;
	*ret = strtoull(at + 1, &end, 10);
	return !errno;
}

int focus_process_check(pid_t pid, uid_t uid, uint64_t *start)
{
	char path[32], text[PROC_TEXT_MAX];
	_cleanup_close_ int dirfd = -1;
	uint64_t number, start_time;
	int err;

	if (pid <= 1 || pid > FOCUS_PID_MAX)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	/* Holds on to this very process: when it has ended nothing is read through it, whoever has its number. */
	dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	err = read_text_at(dirfd, "status", text, sizeof(text));
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	/* /proc/TID opens as well, though it is not listed. */
	if (!find_number(text, "\nTgid:\t", &number) || number != (uint64_t)pid)
		return -ESRCH;
	/* Not the directory's owner: that is root for a program with file capabilities. */
	if (!find_number(text, "\nUid:\t", &number))
		return -EIO;
	if (number != uid)
		return -EPERM;
	/* A process that waits to be reaped has no windows. */
	if (strstr(text, "\nState:\tZ") || strstr(text, "\nState:\tX"))
		return -ESRCH;
	err = read_text_at(dirfd, "stat", text, sizeof(text));
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	if (!find_start(text, &start_time))
		return -EIO;
	*start = start_time;
	return 0;
}
