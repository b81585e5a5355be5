/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * access - who may ask the daemon, and who may change it
 *
 * The kernel says who is at the other end of a socket, as it was when that
 * connected; nothing that the peer says itself counts. Read: root, members of
 * the group, and the user whose graphical session is active. Change: root.
 */
#ifndef ARCADE_SRC_ACCESS_H
#define ARCADE_SRC_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define ACCESS_GROUP	  "scx_arcade"
#define ACCESS_GROUP_FILE "/etc/group"

struct access_rules {
	bool has_group;
	bool has_session;
	gid_t group;
	uid_t session_uid;
};

struct access_peer {
	pid_t pid;
	uid_t uid;
	bool may_read;
	bool may_change;
};

/*
 * Looks the group up in @group_file itself: the name service may ask a network, and wait for it. Without the file or the
 * group it has no members.
 */
void access_init(struct access_rules *rules, const char *group_file);

/* Whose session is active now. */
void access_set_session(struct access_rules *rules, uid_t uid);
void access_clear_session(struct access_rules *rules);

/* Who is at the other end of @fd, a connected AF_UNIX socket. Return: 0, -errno. */
int access_judge(const struct access_rules *rules, int fd, struct access_peer *ret);

#endif
