// SPDX-License-Identifier: GPL-2.0-only
#include "own_file.h"

#include <limits.h>
#include <unistd.h>

#include "util.h"

#define INSTALLED "../share/scx_arcade/"
#define IN_TREE	  "../tools/dist/"

/* Return: 0 with the resolved path, -errno. */
static int try_place(const char *program, const char *folder, const char *name, char *ret, size_t size)
{
	char joined[PATH_MAX], resolved[PATH_MAX];

	if (snprintf(joined, sizeof(joined), "%s%s%s", program, folder, name) >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	if (!realpath(joined, resolved))
		return -errno;
	if (strlen(resolved) >= size)
		return -ENAMETOOLONG;
	if (access(resolved, R_OK))
		return -errno;
	strcpy(ret, resolved);
	return 0;
}

int own_file_find(const char *name, const char *source, char *path, size_t size)
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash;
	int err;

	path[0] = '\0';
	if (len < 0)
		return -errno;
	program[len] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	err = try_place(program, INSTALLED, name, path, size);
	return err ? try_place(program, IN_TREE, source, path, size) : 0;
}
