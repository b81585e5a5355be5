/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * helper_drop - become an ordinary user for good
 *
 * For a process of one thread that has just been executed. Afterwards it can
 * not become root again, gains nothing by executing a program, is not readable
 * by the user's other processes, has no terminal, leaves no core, and dies with
 * its parent.
 */
#ifndef ARCADE_SRC_HELPER_DROP_H
#define ARCADE_SRC_HELPER_DROP_H

#include <sys/types.h>

/*
 * No supplementary groups are kept. SIGTERM is sent to the process when the thread that forked it ends.
 * Return: 0; -errno, and then the process is in between: it must end. -ESRCH if @parent has ended already.
 */
int helper_drop(uid_t uid, gid_t gid, pid_t parent);

#endif
