// SPDX-License-Identifier: GPL-2.0-only
#include "player.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>

#include "focus.h"
#include "log.h"
#include "programs.h"
#include "watch.h"

/* One user's folders are watched, and those of the next who sits down; not those of a machine room. */
#define USERS_MAX 8

/* Local accounts only: the name service may ask a network, and wait for it. */
#define PASSWD_FILE "/etc/passwd"

/* Where the kernel half cannot tell of new programs: a game is found within 5 s. */
#define LOOK_NS (3 * NSEC_PER_SEC)

/* Where there is no logind when we start: one look at a folder each time. */
#define LOGIND_NS (10 * NSEC_PER_SEC)

/* Where Steam keeps its registry and its lists of libraries, below the home folder. */
static const char *const steam_folders[] = {
	".steam",
	".local/share/Steam/config",
	".local/share/Steam/steamapps",
	".var/app/com.valvesoftware.Steam/.local/share/Steam/steamapps",
};

struct player {
	struct options opts;
	struct watch *watch;	/* NULL: changes of folders are not seen */
	struct games *games;
	struct focus *focus;	/* NULL: off */
	struct timer logind_timer;	/* armed as long as there is no logind */
	pid_t game_pid;		/* as last decided, 0: none */
	bool game_had_focus;	/* what never had it cannot lose it: its window is somebody else's process */
	uid_t users[USERS_MAX];	/* whose folders are watched */
	size_t nr_users;

	/* As long as there is a kernel half. */
	struct bpf *bpf;
	struct devices *devices;
	struct loop *loop;
	struct timer look_timer;	/* armed where new programs are not told */
};

/* ---- decisions ---- */

static bool game_is_in_front(const struct player *player)
{
	return !player->focus || !player->game_had_focus || focus_in_front(player->focus);
}

static void tell_in_front(struct player *player)
{
	if (player->bpf)
		bpf_set_game_in_front(player->bpf, game_is_in_front(player));
}

/* Tells the kernel half of the game, or that there is none. The scheduler is as good without. */
static void set_game(pid_t pid, void *data)
{
	struct player *player = data;
	int nr;

	/* Said again to a new kernel half, it is still the same. */
	if (pid != player->game_pid)
		player->game_had_focus = false;
	player->game_pid = pid;
	if (!player->bpf)
		return;
	tell_in_front(player);
	nr = bpf_set_game(player->bpf, pid);
	if (nr < 0) {
		log_warning_errno(nr, "game: cannot mark the threads of process %d; it is scheduled like any other",
				  (int)pid);
		return;
	}
	if (pid && !nr)
		log_warning("game: process %d has no thread in this process id namespace, or is ending", (int)pid);
	if (pid)
		log_notice("game: process %d and its descendants, %d threads now", (int)pid, nr);
	/* The window may have been there before the process was known as a game. */
	if (player->focus)
		focus_recheck(player->focus);
}

static void mark_background(pid_t pid, void *data)
{
	struct player *player = data;
	int nr = player->bpf ? bpf_mark_background(player->bpf, pid) : 0;

	if (nr < 0)
		log_debug_errno(nr, "background: cannot mark the threads of process %d", (int)pid);
}

static void clear_background(void *data)
{
	struct player *player = data;

	if (player->bpf)
		bpf_clear_background(player->bpf);
}

static void set_in_front(void *data, bool in_front)
{
	struct player *player = data;

	tell_in_front(player);
	if (player->bpf && player->game_had_focus && games_current(player->games))
		log_info("game: process %d is %s", (int)games_current(player->games),
			 in_front ? "in front" : "not in front: scheduled like any other");
}

/* ---- facts ---- */

static void handle_window(void *data, const struct focus_window *window)
{
	struct player *player = data;

	if (!window->known)
		log_debug("focus: not known");
	else if (!window->mapped)
		log_debug("focus: no window");
	else
		log_debug("focus: process %d%s", (int)window->process.pid, window->fullscreen ? ", full screen" : "");
	games_focus(player->games, window->process.pid, window->fullscreen);
}

/* gamescope is a window around games, and their parent: what has its window in front has the game in front. */
static bool is_game(void *data, const struct focus_window *window)
{
	struct player *player = data;
	char comm[ARCADE_COMM_LEN];

	if (!player->bpf || !games_current(player->games) ||
	    !(bpf_is_of_game(player->bpf, window->process.pid, comm) || !strncmp(comm, "gamescope", 9)))
		return false;
	player->game_had_focus = true;
	return true;
}

static void handle_gamemode(void *data, const struct focus_process *process, bool registered)
{
	struct player *player = data;

	log_debug("focus: process %d %s GameMode", (int)process->pid, registered ? "registered at" : "left");
	games_gamemode(player->games, process->pid, registered);
}

static void watch_folder(struct player *player, enum watch_kind kind, const char *path)
{
	int err = watch_add(player->watch, path, kind);

	if (err)
		log_debug_errno(err, "watch: %s", path);
}

static void watch_home(struct player *player, uid_t uid)
{
	FILE *file = fopen(PASSWD_FILE, "re");
	const struct passwd *entry;
	char path[PATH_MAX];

	while (file && (entry = fgetpwent(file))) {
		if (entry->pw_uid != uid)
			continue;
		for (size_t i = 0; entry->pw_dir[0] == '/' && i < ARRAY_SIZE(steam_folders); i++) {
			snprintf(path, sizeof(path), "%s/%s", entry->pw_dir, steam_folders[i]);
			watch_folder(player, WATCH_STEAM, path);
		}
		break;
	}
	if (file)
		fclose(file);
}

static void handle_session(void *data, const struct session *session)
{
	struct player *player = data;
	char path[PATH_MAX];

	if (!session->id[0] || !player->watch)
		return;
	for (size_t i = 0; i < player->nr_users; i++)
		if (player->users[i] == session->uid)
			return;
	if (player->nr_users == USERS_MAX)
		return;
	player->users[player->nr_users++] = session->uid;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/user.slice/user-%u.slice/user@%u.service/app.slice",
		 (unsigned int)session->uid, (unsigned int)session->uid);
	watch_folder(player, WATCH_APP_SLICE, path);
	watch_home(player, session->uid);
}

static void handle_watch(void *data, const struct watch_event *event)
{
	static const enum games_hint hints[NR_WATCH_KINDS] = {
		[WATCH_CONFIG] = GAMES_HINT_PROGRAMS,
		[WATCH_STEAM] = GAMES_HINT_STEAM,
		[WATCH_SHM] = GAMES_HINT_MANGOHUD,
		[WATCH_APP_SLICE] = GAMES_HINT_SCOPE,
	};
	struct player *player = data;

	if (event->kind != WATCH_DEV_INPUT)
		games_hint(player->games, hints[event->kind], event->path);
	else if (player->devices)
		devices_handle_event(player->devices, event);
}

void player_control(struct player *player, const struct arcade_control_record *record)
{
	struct arcade_control_record current = *record;

	if (!player->bpf || !bpf_tree_is_background(player->bpf, current.tree))
		current.tree &= ~ARCADE_TREE_BACKGROUND;
	games_control(player->games, &current);
}

static int look(struct timer *timer, uint64_t now)
{
	struct player *player = container_of(timer, struct player, look_timer);

	games_rescan(player->games);
	return 0;
}

void player_rescan(struct player *player)
{
	games_rescan(player->games);
}

struct player_facts player_facts(const struct player *player)
{
	return (struct player_facts){
		.games = *games_facts(player->games),
		.game_pid = (uint64_t)games_current(player->games),
		.game_in_front = game_is_in_front(player),
		.watch_events_lost = player->watch ? watch_nr_lost(player->watch) : 0,
	};
}

/* ---- life ---- */

static void start_watch(struct player *player, struct loop *loop)
{
	int err = watch_new(loop, handle_watch, player, &player->watch);

	if (err) {
		log_warning_errno(err, "watch: changes of folders are not noticed");
		return;
	}
	if (!player->opts.no_input)
		watch_folder(player, WATCH_DEV_INPUT, DEVICES_DIR);
	if (player->opts.no_detect)
		return;
	watch_folder(player, WATCH_CONFIG, PROGRAMS_DIR);
	watch_folder(player, WATCH_SHM, "/dev/shm");
}

/* It may start later than we do. */
static int look_for_logind(struct timer *timer, uint64_t now)
{
	struct player *player = container_of(timer, struct player, logind_timer);
	int err = focus_follow_logind(player->focus);

	if (err == -ENOSYS)
		return 0;
	timer_disarm(timer);
	if (err)
		log_warning_errno(err, "focus: not followed");
	else
		log_info("focus: logind has started: its sessions are followed");
	return 0;
}

/* Without it we do not know which window is in front; everything else works. */
static void start_focus(struct player *player, struct loop *loop)
{
	static const struct focus_callbacks callbacks = {
		.window = handle_window,
		.is_game = is_game,
		.front = set_in_front,
		.gamemode = handle_gamemode,
		.session = handle_session,
	};
	int err;

	if (player->opts.no_focus)
		return;
	err = focus_new(loop, NULL, &player->focus);
	if (!err) {
		focus_set_callbacks(player->focus, &callbacks, player);
		err = focus_follow_logind(player->focus);
	}
	if (!err)
		return;
	/* The report says that there is no logind. */
	if (err == -ENOSYS) {
		timer_arm(&player->logind_timer, loop, now_ns() + LOGIND_NS, LOGIND_NS);
		return;
	}
	log_warning_errno(err, "focus: not followed");
	focus_free(steal_ptr(&player->focus));
}

int player_new(struct loop *loop, const struct options *opts, struct player **ret)
{
	static const struct games_ops ops = {
		.set_game = set_game,
		.mark_background = mark_background,
		.clear_background = clear_background,
	};
	const struct games_config config = {
		.programs_file = programs_default_file(),
		.programs_dir = PROGRAMS_DIR,
		.no_detect = opts->no_detect,
		.pid = (pid_t)opts->game_pid,
		.name = opts->game_name,
	};
	_cleanup_(player_freep) struct player *player = calloc(1, sizeof(*player));
	int err;

	if (!player)
		return log_error_errno(ENOMEM, "player");
	player->opts = *opts;
	player->loop = loop;
	timer_init(&player->look_timer, "look for games", look);
	timer_init(&player->logind_timer, "look for logind", look_for_logind);
	err = games_new(loop, &config, &ops, player, &player->games);
	if (err)
		return err;
	start_watch(player, loop);
	start_focus(player, loop);
	*ret = steal_ptr(&player);
	return 0;
}

/* Who tells first, who is told last. */
void player_free(struct player *player)
{
	if (!player)
		return;
	timer_disarm(&player->look_timer);
	timer_disarm(&player->logind_timer);
	focus_free(player->focus);
	watch_free(player->watch);
	games_free(player->games);
	free(player);
}

void player_attach(struct player *player, struct bpf *bpf, struct devices *devices)
{
	player->bpf = bpf;
	player->devices = devices;
	tell_in_front(player);
	games_announce(player->games);
	if (bpf_facts(bpf)->hooks[BPF_HOOK_EXEC] != BPF_HOOK_ATTACHED && !player->opts.no_detect)
		timer_arm(&player->look_timer, player->loop, now_ns() + LOOK_NS, LOOK_NS);
}

void player_detach(struct player *player)
{
	timer_disarm(&player->look_timer);
	player->bpf = NULL;
	player->devices = NULL;
}
