/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * own_file - files that come with the program
 *
 * They are looked for beside the program, not where it was built for: so it may
 * be installed under any prefix, and runs in the source tree as well.
 */
#ifndef ARCADE_SRC_OWN_FILE_H
#define ARCADE_SRC_OWN_FILE_H

#include <stddef.h>

/*
 * Absolute path of the installed PREFIX/share/scx_arcade/@name, or else of tools/dist/@source in the tree that this
 * program was built in. Return: 0, -ENOENT if there is neither, -ENAMETOOLONG, -errno. @path is "" on failure.
 */
int own_file_find(const char *name, const char *source, char *path, size_t size);

#endif
