/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * focus_record - is what the session helper says well-formed, and whose process is it?
 *
 * The helper runs as the user, and so may whatever has taken its place: every
 * byte of a record is an untrusted claim. The form is checked without looking
 * at the system; whether a process exists and is the user's is asked of /proc
 * and never of the record.
 */
#ifndef ARCADE_SRC_FOCUS_RECORD_H
#define ARCADE_SRC_FOCUS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arcade/focus.h"

/* Well above PID_MAX_LIMIT of 64-bit kernels there is no process. */
#define FOCUS_PID_MAX 4194304

/*
 * Check a packet of @len bytes: size, version, type, source, flags that belong to the type, numbers in range, strings
 * terminated and nothing behind the terminator, fields of other types zero. A pid that cannot be one (0, 1, negative,
 * too large) is not an error of form: windows of X11 claim any. It comes out as 0.
 * Return: 0 with *@ret filled, -EINVAL.
 */
int focus_record_check(const void *packet, size_t len, struct arcade_focus_record *ret);

/* The same for the other direction. The bus must be named; the script is an absolute path or none. */
int focus_setup_check(const void *packet, size_t len, struct arcade_focus_setup *ret);

/*
 * Is @pid a living process of @uid, by its real user? A thread that leads no process is none.
 * @start: field 22 of its stat, in clock ticks since boot; with the pid it names the process for good.
 * Never waits. Return: 0, -ESRCH if there is none, -EPERM if it is another user's, -errno.
 */
int focus_process_check(pid_t pid, uid_t uid, uint64_t *start);

#endif
