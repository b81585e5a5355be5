// SPDX-License-Identifier: GPL-2.0-only
#include "compositor.h"

#include <fcntl.h>

#include "util.h"

/* The first of these that runs. Under X11 the server reads the devices, whoever composes. */
static const char *const names[] = {
	"kwin_wayland", "gnome-shell", "sway", "Hyprland", "gamescope-wl", "gamescope", "cosmic-comp", "niri",
	"river",	"wayfire",     "labwc", "weston",  "Xorg",	   "X",
};

pid_t compositor_find(const char *proc)
{
	_cleanup_closedir_ DIR *dir = opendir(proc);
	size_t best = ARRAY_SIZE(names);
	struct dirent *entry;
	pid_t found = 0;

	while (dir && (entry = readdir(dir))) {
		char path[64], comm[64];
		uint64_t pid;

		if (parse_u64_range(entry->d_name, 2, 4194304, &pid))
			continue;
		snprintf(path, sizeof(path), "%u/comm", (unsigned int)pid);
		if (read_file_line_at(dirfd(dir), path, comm, sizeof(comm)))
			continue;
		for (size_t i = 0; i < best; i++) {
			if (!streq(comm, names[i]))
				continue;
			best = i;
			found = (pid_t)pid;
		}
	}
	return found;
}
