// SPDX-License-Identifier: GPL-2.0-only
#include "proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* Linux has had no other value on any architecture that runs BPF; it is an ABI. */
#define USER_HZ 100

#define PID_NUMBER_MAX 4194304

/* A page is what stat and status fit in several times. */
#define STAT_BYTES_MAX 4096
/* Beyond these nothing is looked at. The largest environments and maps of real games are a tenth of it. */
#define ENV_BYTES_MAX  (512 * 1024)
#define MAPS_BYTES_MAX (8 * 1024 * 1024)
#define CHUNK_BYTES    (16 * 1024)
/* Of a variable this much is looked at, of a line of maps the longest that there is. */
#define ENV_ENTRY_MAX  1024
#define MAPS_LINE_MAX  (4096 + 128)

/* include/linux/sched.h; field 9 of stat */
#define PF_KTHREAD 0x00200000

uint64_t proc_ticks_from_ns(uint64_t boottime_ns)
{
	return boottime_ns / (NSEC_PER_SEC / USER_HZ);
}

uint64_t proc_ns_from_ticks(uint64_t ticks)
{
	return ticks > UINT64_MAX / (NSEC_PER_SEC / USER_HZ) ? UINT64_MAX : ticks * (NSEC_PER_SEC / USER_HZ);
}

int proc_open_root(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int proc_open(int root, pid_t pid)
{
	char name[16];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "%d", (int)pid);
	fd = openat(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

static int open_file(int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		/* A folder that is there, with nothing in it: the process has ended. */
		return errno == ENOENT ? -ESRCH : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return steal_fd(&fd);
}

/* Return: bytes, fewer than @size only at the end of the file; -errno. */
static ssize_t read_some(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* At most @size - 1 bytes, terminated. Return: their number, -errno. */
static ssize_t read_file(int dirfd, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = open_file(dirfd, name);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = read_some(fd, buf, size - 1);
	if (len >= 0)
		buf[len] = '\0';
	return len;
}

static bool take_number(const char **text, uint64_t *ret)
{
	char *end;
	bool negative = **text == '-';

	if (!negative && (**text < '0' || **text > '9'))
		return false;
	errno = 0;
	*ret = strtoull(*text + negative, &end, 10);
	if (end == *text + negative || errno || (*end != ' ' && *end != '\n' && *end))
		return false;
	/* None of the fields that are used can be negative in earnest. */
	if (negative)
		*ret = 0;
	*text = *end ? end + 1 : end;
	return true;
}

/* "PID (name) S field field …": the name may hold anything, parentheses too, the fields do not. */
static int parse_stat(const char *text, struct proc_info *info)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')'), *p = text;
	uint64_t fields[25] = {}, pid;
	size_t len;

	if (!open || !close || close < open || !take_number(&p, &pid) || p != open || !pid || pid > PID_NUMBER_MAX)
		return -EINVAL;
	if (close[1] != ' ' || !close[2] || close[3] != ' ')
		return -EINVAL;
	p = close + 4;
	for (size_t i = 4; i < ARRAY_SIZE(fields); i++)
		if (!take_number(&p, &fields[i]))
			return -EINVAL;
	if (fields[4] > PID_NUMBER_MAX || fields[20] > UINT32_MAX || !fields[22])
		return -EINVAL;

	info->id = (struct proc_id){ .pid = (pid_t)pid, .start_ticks = fields[22] };
	info->state = close[2];
	info->ppid = (pid_t)fields[4];
	info->kernel_thread = fields[9] & PF_KTHREAD;
	info->nr_threads = (uint32_t)fields[20];
	if (__builtin_mul_overflow(fields[24], (uint64_t)sysconf(_SC_PAGESIZE), &info->rss_bytes))
		info->rss_bytes = UINT64_MAX;
	len = (size_t)(close - open - 1);
	if (len >= sizeof(info->comm))
		len = sizeof(info->comm) - 1;
	memcpy(info->comm, open + 1, len);
	info->comm[len] = '\0';
	return 0;
}

static int read_stat(int dirfd, struct proc_info *info)
{
	char text[STAT_BYTES_MAX];
	ssize_t len = read_file(dirfd, "stat", text, sizeof(text));

	if (len < 0)
		return (int)len;
	if (memchr(text, '\0', (size_t)len))
		return -EINVAL;
	return parse_stat(text, info);
}

int proc_read_id(int dirfd, struct proc_id *ret)
{
	struct proc_info info = {};
	int err = read_stat(dirfd, &info);

	if (!err)
		*ret = info.id;
	return err;
}

/* Copy the end of @src. */
static void copy_tail(char *dst, size_t size, const char *src, size_t len)
{
	if (len >= size) {
		src += len - (size - 1);
		len = size - 1;
	}
	memcpy(dst, src, len);
	dst[len] = '\0';
}

bool proc_ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcasecmp(text + len - end_len, end);
}

static void strip_deleted(char *path)
{
	static const char mark[] = " (deleted)";

	if (proc_ends_in(path, mark))
		path[strlen(path) - strlen(mark)] = '\0';
}

static void read_exe(int dirfd, struct proc_info *info)
{
	char path[4096];
	ssize_t len = readlinkat(dirfd, "exe", path, sizeof(path) - 1);

	if (len < 0) {
		if (errno == EACCES || errno == EPERM)
			info->denied |= PROC_DENIED_EXE;
		return;
	}
	copy_tail(info->exe, sizeof(info->exe), path, (size_t)len);
	strip_deleted(info->exe);
}

static int read_args(int dirfd, struct proc_info *info)
{
	ssize_t len = read_file(dirfd, "cmdline", info->args, sizeof(info->args));

	if (len < 0)
		return len == -ESRCH ? -ESRCH : 0;
	info->truncated = (size_t)len == sizeof(info->args) - 1;
	/* A program that writes over its arguments leaves the end open; a string more would be one too many. */
	info->args_len = len && info->args[len - 1] ? (size_t)len + 1 : (size_t)len;
	return 0;
}

int proc_read_name(int dirfd, struct proc_info *ret)
{
	struct proc_info info = {};
	int err;

	err = read_stat(dirfd, &info);
	if (err)
		return err;
	/* Neither of the two has memory to read from. */
	if (!info.kernel_thread && info.state != 'Z') {
		read_exe(dirfd, &info);
		err = read_args(dirfd, &info);
		if (err)
			return err;
	}
	*ret = info;
	return 0;
}

static void parse_cgroup(char *text, struct proc_info *info)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, "0::/", 4) == 0) {
			copy_tail(info->cgroup, sizeof(info->cgroup), line + 3, strlen(line + 3));
			/* In a mixed hierarchy the unified one is empty. */
			if (line[4])
				return;
		} else {
			char *path = strstr(line, ":name=systemd:/");

			if (path) {
				path += strlen(":name=systemd:");
				copy_tail(info->cgroup, sizeof(info->cgroup), path, strlen(path));
				return;
			}
		}
	}
}

int proc_read_owner(int dirfd, struct proc_info *info)
{
	char text[STAT_BYTES_MAX + PROC_CGROUP_MAX];
	ssize_t len;
	char *uid;

	len = read_file(dirfd, "status", text, sizeof(text));
	if (len == -ESRCH)
		return -ESRCH;
	if (len > 0) {
		uid = strstr(text, "\nUid:\t");
		if (uid)
			info->uid = (uint32_t)strtoul(uid + 6, NULL, 10);
	}
	len = read_file(dirfd, "cgroup", text, sizeof(text));
	if (len == -ESRCH)
		return -ESRCH;
	if (len > 0)
		parse_cgroup(text, info);
	return 0;
}

/* ---- the environment ---- */

enum value_rule {
	VALUE_ANY,	/* not empty, not "0" */
	VALUE_APP_ID,	/* a number, kept */
	VALUE_CONTAINS,
};

static const struct {
	const char *name;	/* ends in '*': the start of one */
	enum value_rule rule;
	uint32_t bit;
	const char *part;
} variables[] = {
	{ "SteamAppId", VALUE_APP_ID, PROC_ENV_STEAM, NULL },
	{ "SteamGameId", VALUE_APP_ID, PROC_ENV_STEAM, NULL },
	{ "STEAM_COMPAT_APP_ID", VALUE_APP_ID, PROC_ENV_PROTON, NULL },
	{ "STEAM_COMPAT_DATA_PATH", VALUE_ANY, PROC_ENV_PROTON, NULL },
	{ "UMU_ID", VALUE_ANY, PROC_ENV_PROTON, NULL },
	{ "PROTONPATH", VALUE_ANY, PROC_ENV_PROTON, NULL },
	{ "LUTRIS_GAME_UUID", VALUE_ANY, PROC_ENV_LUTRIS, NULL },
	{ "HEROIC_APP_*", VALUE_ANY, PROC_ENV_HEROIC, NULL },
	{ "HEROIC_GAME_*", VALUE_ANY, PROC_ENV_HEROIC, NULL },
	{ "WINEPREFIX", VALUE_CONTAINS, PROC_ENV_BOTTLES, "/bottles/" },
	{ "BOTTLES_*", VALUE_ANY, PROC_ENV_BOTTLES, NULL },
	{ "ITCHIO_*", VALUE_ANY, PROC_ENV_ITCH, NULL },
	{ "INST_MC_DIR", VALUE_ANY, PROC_ENV_PRISM, NULL },
	{ "MANGOHUD", VALUE_ANY, PROC_ENV_MANGOHUD, NULL },
	{ "LD_PRELOAD", VALUE_CONTAINS, PROC_ENV_MANGOHUD, "libMangoHud" },
	{ "LD_PRELOAD", VALUE_CONTAINS, PROC_ENV_GAMEMODE, "libgamemode" },
};

static bool name_is(const char *entry, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	if (name[name_len - 1] == '*')
		return len >= name_len - 1 && !memcmp(entry, name, name_len - 1);
	return len == name_len && !memcmp(entry, name, len);
}

static void take_variable(const char *entry, struct proc_info *info)
{
	const char *value = strchr(entry, '=');
	uint64_t number;

	if (!value || !value[1])
		return;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (!name_is(entry, (size_t)(value - entry), variables[i].name))
			continue;
		switch (variables[i].rule) {
		case VALUE_ANY:
			if (!streq(value + 1, "0"))
				info->env |= variables[i].bit;
			break;
		case VALUE_APP_ID:
			if (parse_u64_range(value + 1, 1, UINT64_MAX, &number))
				break;
			info->env |= variables[i].bit;
			if (!info->steam_app_id)
				info->steam_app_id = number;
			break;
		case VALUE_CONTAINS:
			if (strstr(value + 1, variables[i].part))
				info->env |= variables[i].bit;
			break;
		}
	}
}

/* ---- the mapped files ---- */

/* Base names; a '*' at the end stands for anything. Case does not count: half of them are Windows names. */
static const struct {
	const char *name;
	uint32_t bit;
} mapped_names[] = {
	{ "libMangoHud*", PROC_MAP_MANGOHUD },
	{ "libgamemode*", PROC_MAP_GAMEMODE },
	{ "libsteam_api*", PROC_MAP_STEAM_API },
	{ "steam_api.dll", PROC_MAP_STEAM_API },
	{ "steam_api64.dll", PROC_MAP_STEAM_API },
	{ "libvulkan.so*", PROC_MAP_GRAPHICS },
	{ "libGL.so*", PROC_MAP_GRAPHICS },
	{ "libGLX*", PROC_MAP_GRAPHICS },
	{ "libEGL.so*", PROC_MAP_GRAPHICS },
	{ "winevulkan*", PROC_MAP_GRAPHICS },
	{ "opengl32*", PROC_MAP_GRAPHICS },
	{ "vulkan-1.dll", PROC_MAP_GRAPHICS },
	{ "d3d8.dll", PROC_MAP_GRAPHICS },
	{ "d3d9.dll", PROC_MAP_GRAPHICS },
	{ "d3d11.dll", PROC_MAP_GRAPHICS },
	{ "d3d12.dll", PROC_MAP_GRAPHICS },
	{ "d3d12core.dll", PROC_MAP_GRAPHICS },
	{ "renderD*", PROC_MAP_GPU },
	{ "nvidia0", PROC_MAP_GPU },
	{ "nvidia1", PROC_MAP_GPU },
	{ "nvidiactl", PROC_MAP_GPU },
	{ "libSDL-1.2*", PROC_MAP_ENGINE },
	{ "libSDL2-2*", PROC_MAP_ENGINE },
	{ "libSDL3*", PROC_MAP_ENGINE },
	{ "SDL2.dll", PROC_MAP_ENGINE },
	{ "libopenal*", PROC_MAP_ENGINE },
	{ "libfmod*", PROC_MAP_ENGINE },
	{ "fmod*.dll", PROC_MAP_ENGINE },
	{ "UnityPlayer*", PROC_MAP_ENGINE },
	{ "GameAssembly*", PROC_MAP_ENGINE },
	{ "libphysfs*", PROC_MAP_ENGINE },
	{ "libsfml-*", PROC_MAP_ENGINE },
	{ "liballegro*", PROC_MAP_ENGINE },
	{ "xinput1_*", PROC_MAP_ENGINE },
	{ "dinput8.dll", PROC_MAP_ENGINE },
	{ "v8_context_snapshot*", PROC_MAP_WEB },
	{ "snapshot_blob.bin", PROC_MAP_WEB },
	{ "chrome_100_percent.pak", PROC_MAP_WEB },
	{ "libcef.so", PROC_MAP_WEB },
	{ "libxul.so", PROC_MAP_WEB },
	{ "libwebkit*", PROC_MAP_WEB },
	{ "libQt5WebEngineCore*", PROC_MAP_WEB },
	{ "libQt6WebEngineCore*", PROC_MAP_WEB },
	{ "libgtk-3*", PROC_MAP_TOOLKIT },
	{ "libgtk-4*", PROC_MAP_TOOLKIT },
	{ "libQt5Widgets*", PROC_MAP_TOOLKIT },
	{ "libQt6Widgets*", PROC_MAP_TOOLKIT },
	{ "libQt5Quick.so*", PROC_MAP_TOOLKIT },
	{ "libQt6Quick.so*", PROC_MAP_TOOLKIT },
	{ "libwx_gtk*", PROC_MAP_TOOLKIT },
};

const char *proc_base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/' || *path == '\\')
			base = path + 1;
	return base;
}

/* With one '*' at most. */
static bool mapped_name_is(const char *base, const char *name)
{
	const char *star = strchr(name, '*');

	if (!star)
		return !strcasecmp(base, name);
	return !strncasecmp(base, name, (size_t)(star - name)) && proc_ends_in(base, star + 1);
}

/* "START-END PERMS OFFSET DEVICE INODE   PATH": no other column has a slash. */
static void take_mapping(const char *line, struct proc_info *info)
{
	const char *path = strchr(line, '/'), *base;

	if (!path)
		return;
	base = proc_base_name(path);
	for (size_t i = 0; i < ARRAY_SIZE(mapped_names); i++)
		if (mapped_name_is(base, mapped_names[i].name))
			info->maps |= mapped_names[i].bit;
}

/* ---- files that are read piece by piece ---- */

typedef void (*record_fn)(const char *record, struct proc_info *info);

/* Hand each record, which ends in @end, to @fn; of one that is longer than @record_max only its start. */
static int read_records(int dirfd, const char *name, char end, size_t bytes_max, size_t record_max, record_fn fn,
			struct proc_info *info)
{
	_cleanup_close_ int fd = open_file(dirfd, name);
	char chunk[CHUNK_BYTES], record[MAPS_LINE_MAX];
	size_t len = 0, total = 0;
	int err = 0;

	if (fd < 0)
		return fd;
	while (total < bytes_max) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		total += (size_t)n;
		for (ssize_t i = 0; i < n; i++) {
			if (chunk[i] != end) {
				if (len < record_max - 1)
					record[len++] = chunk[i];
				continue;
			}
			record[len] = '\0';
			fn(record, info);
			len = 0;
		}
	}
	if (!err && len) {
		record[len] = '\0';
		fn(record, info);
	}
	/* It is somebody's environment, with all the secrets that people keep there. */
	explicit_bzero(chunk, sizeof(chunk));
	explicit_bzero(record, sizeof(record));
	return err;
}

static int finish_part(int err, uint32_t bit, struct proc_info *info)
{
	if (err == -ESRCH)
		return err;
	if (err == -EACCES || err == -EPERM)
		info->denied |= bit;
	return 0;
}

int proc_read_env(int dirfd, struct proc_info *info)
{
	int err = read_records(dirfd, "environ", '\0', ENV_BYTES_MAX, ENV_ENTRY_MAX, take_variable, info);

	return finish_part(err, PROC_DENIED_ENV, info);
}

int proc_read_maps(int dirfd, struct proc_info *info)
{
	int err = read_records(dirfd, "maps", '\n', MAPS_BYTES_MAX, MAPS_LINE_MAX, take_mapping, info);

	return finish_part(err, PROC_DENIED_MAPS, info);
}

/* ---- all of them ---- */

static int add_process(int root, uint64_t pid, struct proc_id *ids, size_t *nr)
{
	_cleanup_close_ int dirfd = proc_open(root, (pid_t)pid);
	struct proc_info info = {};
	int err;

	if (dirfd < 0)
		return dirfd;
	err = read_stat(dirfd, &info);
	if (err)
		return err;
	if (!info.kernel_thread && info.state != 'Z' && info.state != 'X')
		ids[(*nr)++] = info.id;
	return 0;
}

int proc_list(int root, size_t max, struct proc_id **ret, size_t *ret_nr)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_free_ struct proc_id *ids = NULL;
	size_t nr = 0, size = 0;
	struct dirent *entry;
	uint64_t pid;
	int fd;

	/* A description of our own: the caller's has an offset that others may move. */
	fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		int err = -errno;

		close_fd(fd);
		return err;
	}
	while (nr < max && (entry = readdir(dir))) {
		if (parse_u64_range(entry->d_name, 1, PID_NUMBER_MAX, &pid))
			continue;
		if (nr == size) {
			struct proc_id *more = realloc(ids, (size + 256) * sizeof(*ids));

			if (!more)
				return -ENOMEM;
			ids = more;
			size += 256;
		}
		/* Who ends meanwhile is not there. */
		add_process(root, pid, ids, &nr);
	}
	*ret = steal_ptr(&ids);
	*ret_nr = nr;
	return 0;
}

const char *proc_arg(const struct proc_info *info, size_t index)
{
	size_t at = 0;

	while (at < info->args_len) {
		if (!index--)
			return info->args + at;
		at += strlen(info->args + at) + 1;
	}
	return NULL;
}
