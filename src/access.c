// SPDX-License-Identifier: GPL-2.0-only
#include "access.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "util.h"

/* Of one process; the kernel's own limit is 65536, and whoever has that many is no member by that alone. */
#define GROUPS_MAX 1024

void access_init(struct access_rules *rules, const char *group_file)
{
	_cleanup_close_ int fd = open(group_file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_fclose_ FILE *file = NULL;
	const struct group *entry;
	struct stat st;

	*rules = (struct access_rules){};
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	file = fdopen(fd, "r");
	if (!file)
		return;
	steal_fd(&fd);
	while (!rules->has_group && (entry = fgetgrent(file))) {
		if (!streq(entry->gr_name, ACCESS_GROUP))
			continue;
		rules->group = entry->gr_gid;
		rules->has_group = true;
	}
}

void access_set_session(struct access_rules *rules, uid_t uid)
{
	rules->session_uid = uid;
	rules->has_session = true;
}

void access_clear_session(struct access_rules *rules)
{
	rules->has_session = false;
}

static bool is_member(const struct access_rules *rules, int fd, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (!rules->has_group)
		return false;
	if (gid == rules->group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(*groups); i++)
		if (groups[i] == rules->group)
			return true;
	return false;
}

int access_judge(const struct access_rules *rules, int fd, struct access_peer *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	if (len != sizeof(cred))
		return -EPROTO;
	*ret = (struct access_peer){
		.pid = cred.pid,
		.uid = cred.uid,
		.may_change = cred.uid == 0,
		.may_read = cred.uid == 0 || (rules->has_session && cred.uid == rules->session_uid) ||
			    is_member(rules, fd, cred.gid),
	};
	return 0;
}
